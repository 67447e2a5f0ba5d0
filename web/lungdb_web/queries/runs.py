"""The long calls of procedures, as dbo.ListRuns tells of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from lungdb_web.queries.calling import Call

# Between two of its messages lies a chunk of scans, which is minutes on a slow machine.
SILENCE = timedelta(minutes=15)


@dataclass(frozen=True)
class Run:
    """A call of a procedure; times in UTC.

    Attributes
    ----------
    status : str
        running, done or failed, as the procedure left it.
    done, total, failed : int
        How much of it is done, of how much, and how much of that failed; total is None where it is not known.
    heard_at : datetime
        When it last said something.
    message : str or None
        That, or the error that ended it.
    now : datetime
        The database's own time when it was asked.
    """

    run_id: int
    procedure_name: str
    status: str
    started_at: datetime
    ended_at: datetime | None
    run_by: str
    done: int
    total: int | None
    failed: int
    heard_at: datetime
    message: str | None
    now: datetime

    @property
    def is_silent(self) -> bool:
        """Whether it is said to run and has not been heard of for long: its session was killed, or is stuck."""
        return self.status == "running" and self.now - self.heard_at > SILENCE


def list_runs(call: Call) -> list[Run]:
    """List the newest 50 runs, the newest first."""
    (found,) = call("EXECUTE dbo.ListRuns;")
    return [Run(**record) for record in found.records()]
