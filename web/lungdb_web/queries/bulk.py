"""Scoring many patients in one call, and the run log's row about all of it."""

from __future__ import annotations

import json
from contextlib import suppress

from lungdb.errors import LungdbError
from lungdb_web.queries.calling import Call
from lungdb_web.queries.installed import NO_BULK, Installed, NotInstalled, granted_or
from lungdb_web.queries.patients import list_patients

LOADER = "score-unscored"
"""What the run log calls it."""
_AT_ONCE = 1000
_GIVEN = "@ModelName = ?, @Patients = ?, @SkipMissing = 1, @Only = N'new', @Quiet = 1"
_IN_PYTHON = f"EXECUTE dbo.PredictPatients {_GIVEN};"
_IN_SQL = f"EXECUTE dbo.PredictPatientsSql {_GIVEN};"
_START = (
    "DECLARE @RunId INT; EXECUTE dbo.StartLoad @Loader = ?, @Arguments = ?, @RunId = @RunId OUTPUT; "
    "SELECT @RunId AS run_id;"
)
_END = "EXECUTE dbo.EndLoad @RunId = ?, @Scans = ?, @Failed = ?, @Result = ?, @Error = ?;"


def unscored(call: Call, last: int | None = None) -> list[int]:
    """Return the indices of patients who have features and no score, rising: of all, or of all up to one at least."""
    found: list[int] = []
    total = 1
    while len(found) < total:
        rows, total = list_patients(call, state="not scored", offset=len(found), limit=_AT_ONCE)
        if not rows:
            break
        found += [row.patient_index for row in rows]
        if last is not None and found[-1] >= last:
            break
    return found


def score(call: Call, installed: Installed, model: str, indices: list[int]) -> None:
    """Score those of some patients whose features the model has not scored, in Python where the database can.

    Raises
    ------
    NotInstalled
        Nothing that scores many is there.
    SqlError
        50120: some could not be scored; the others are. 50108: no such model. 50150, 50151: T-SQL cannot score it.
    """
    if not installed.scores_many:
        raise NotInstalled(NO_BULK)
    with granted_or(NO_BULK):
        call(_IN_PYTHON if installed.scores_many_in_python else _IN_SQL, model, ",".join(map(str, indices)))


def start_run(call: Call, model: str) -> int | None:
    """Begin a row of the run log; None where the log cannot be written, which is no reason not to score."""
    with suppress(LungdbError):
        found = call(_START, LOADER, json.dumps({"model": model}))[-1].scalar()
        return None if found is None else int(found)
    return None


def report_run(call: Call, run_id: int | None, done: int, total: int) -> None:
    """Say in the run log how far it is."""
    with suppress(LungdbError):
        sql = "EXECUTE dbo.ReportLoad @RunId = ?, @Message = ?, @Done = ?, @Total = ?;"
        call(sql, run_id, f"{done} of {total} patients without a score were tried.", done, total)


def end_run(call: Call, run_id: int | None, scored: int, failed: int, error: str | None) -> None:
    """End the row of the run log."""
    with suppress(LungdbError):
        call(_END, run_id, scored, failed, f"{scored} patients are scored, {failed} could not be.", error)
