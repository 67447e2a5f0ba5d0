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
        running, done, failed, or ended without a word: its session was killed or its script failed.
    done, total, failed : int
        How much of it is done, of how much, and how much of that failed; total is None where it is not known.
    heard_at : datetime
        When it last said something.
    message : str or None
        That, or the error that ended it.
    now : datetime
        The database's own time when it was asked.
    login, arguments : str or None
        Who connected, and what it was called with, as JSON; None for calls of before schema version 10.
    scans, slices, seconds, slices_per_second, provider, cpu_seconds, peak_megabytes
        What it read, how long it took, and with what; None where that is not known.
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
    login: str | None
    arguments: str | None
    scans: int | None
    slices: int | None
    seconds: float | None
    slices_per_second: float | None
    provider: str | None
    cpu_seconds: float | None
    peak_megabytes: float | None

    @property
    def is_silent(self) -> bool:
        """Whether it is said to run and has not been heard of for long: it waits, or works on a large chunk."""
        return self.status == "running" and self.now - self.heard_at > SILENCE


def list_runs(call: Call) -> list[Run]:
    """List the newest 50 runs, the newest first."""
    (found,) = call("EXECUTE dbo.ListRuns;")
    return [Run(**record) for record in found.records()]
