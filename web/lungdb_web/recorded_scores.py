"""Scores and explanations asked for over the web: the audit is told before one is computed, and after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from werkzeug.exceptions import NotFound

from lungdb.errors import LungdbError, SqlError
from lungdb_web.access import current_account
from lungdb_web.audit import record
from lungdb_web.queries.reasons import Reasons, explain, read_reasons
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
    with _recorded("ask_score", "score", index):
        name = model or services().settings.web_model
        return score_patient(call, installed(), current_account().name, index, name, version)


def explain_and_record(index: int, prediction_id: int) -> None:
    """Explain a score of a patient, and record that and whether it came about; what is explained already is left.

    Raises
    ------
    AuditUnavailable
        The audit cannot be written. When that is so from the start, nothing is explained.
    NotFound
        The score is of another patient.
    NotInstalled, TooBusy, DatabaseUnavailable, SqlError
        As `lungdb_web.queries.reasons.explain`.
    """
    found = find_reasons(index, prediction_id, 0, 0)
    if found.explained_at is None:
        with _recorded("ask_explanation", "explain", index):
            explain(call, installed(), prediction_id, found.library)


def find_reasons(index: int, prediction_id: int, features: int = 10, slices: int = 10) -> Reasons:
    """Read why a score of a patient is what it is; whoever shows it records that.

    Raises
    ------
    NotFound
        The score is of another patient.
    NotInstalled, DatabaseUnavailable, SqlError
        As `lungdb_web.queries.reasons.read_reasons`.
    """
    found = read_reasons(call, installed(), prediction_id, features, slices)
    if found.patient_index != index:
        raise NotFound(
            f"The prediction {prediction_id} is of another patient. Ask for it under that patient's address."
        )
    return found


@contextmanager
def _recorded(asked: str, done: str, index: int) -> Iterator[None]:
    """Tell the audit what is asked for, and then whether it was done."""
    record(asked, index)
    try:
        yield
    except LungdbError as error:
        reason = f"error {error.number}" if isinstance(error, SqlError) else type(error).__name__
        record(done, index, "failed", reason)
        raise
    record(done, index)
