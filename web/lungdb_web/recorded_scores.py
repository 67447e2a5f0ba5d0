"""Scores asked for over the web: the audit is told of each before it is computed, and then what came of it."""

from __future__ import annotations

from lungdb.errors import LungdbError, SqlError
from lungdb_web.access import current_account
from lungdb_web.audit import record
from lungdb_web.queries.scores import Score, score_patient
from lungdb_web.services import call, installed, services


def score_and_record(index: int, model: str | None = None, version: int | None = None) -> Score:
    """Record that a score is asked for, score the patient, and record whether it came about.

    Parameters
    ----------
    model : str, optional
        The site's own by default.
    version : int, optional
        The one that the name serves by default.

    Raises
    ------
    AuditUnavailable
        The audit cannot be written. When that is so from the start, nothing is scored.
    NotInstalled, TooBusy, DatabaseUnavailable, SqlError
        As `lungdb_web.queries.scores.score_patient`.
    """
    record("ask_score", index)
    try:
        name = model or services().settings.web_model
        score = score_patient(call, installed(), current_account().name, index, name, version)
    except LungdbError as error:
        reason = f"error {error.number}" if isinstance(error, SqlError) else type(error).__name__
        record("score", index, "failed", reason)
        raise
    record("score", index)
    return score
