"""The jobs that keep a site going, for cron and systemd timers: what each calls, and one process at a time.

On SQL Server with Agent the same procedures are called by the jobs of sql/agent/jobs.sql.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from lungdb.database import Connection, run
from lungdb.database.following import following
from lungdb.database.site import open_database
from lungdb.errors import LungdbError
from lungdb.operating.checking import check

_LOCK = """
DECLARE @Result INT;
EXECUTE @Result = sp_getapplock @Resource = ?, @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 0;
SELECT @Result;
"""
_UNLOCK = "EXECUTE sp_releaseapplock @Resource = ?, @LockOwner = 'Session';"
_THERE = "SELECT OBJECT_ID(?, N'P');"


class BusyError(LungdbError):
    """Another process does the job on this database now."""


@dataclass(frozen=True)
class Job:
    """What a site has done for it now and then.

    Attributes
    ----------
    says : str
        What it does, for --list.
    procedures : tuple of str
        The procedures of dbo that do it: the first that is there is called. None for what Python does.
    options : mapping of str to (str, object)
        Option of the command -> parameter of the procedure, and the value where the option is not given.
    missing : str
        What to do where none of the procedures is there.
    """

    says: str
    procedures: tuple[str, ...] = ()
    options: Mapping[str, tuple[str, object]] = field(default_factory=dict)
    missing: str = "Install again: lungdb install -d TARGET."


JOBS: dict[str, Job] = {
    "features": Job(
        "make the features that the served models read, of scans that lack them",
        ("GenerateNewFeatures",),
        {"model": ("@ModelName", None), "chunk_megabytes": ("@ChunkMegabytes", 64)},
        "Features are made by external scripts, which are not installed there: a worker makes them. "
        "Run lungdb work -d TARGET --network NAME on a machine with Python.",
    ),
    "score": Job(
        "score the scans that the served versions have not scored by the features that are there",
        ("ScoreNewScans", "ScoreNewScansSql"),
        {"model": ("@ModelName", None)},
    ),
    "drift": Job(
        "compare later patients with those whom the served models were tested on; an alarm is a failure",
        ("CheckServedDrift",),
        {"model": ("@ModelName", None), "days": ("@Days", 90), "alpha": ("@Alpha", 0.01)},
        "Drift is measured by external scripts, which are not installed there. Check where the model was trained.",
    ),
    "purge": Job(
        "delete what the log of runs and the audit have of longer ago than is kept",
        ("PurgeLog",),
        {"keep_days": ("@KeepDays", 365), "keep_audit_days": ("@KeepAuditDays", 3650)},
    ),
    "check": Job("look for damage, as lungdb check does: every hash, and what must hold of the rows"),
}
"""By name, in the order in which a night does them."""


def do_job(
    target: str,
    name: str,
    given: Mapping[str, object],
    say: Callable[[str], None],
    on_progress: Callable[[str, int, int], None],
) -> str:
    """Do a job once, unless another process does it.

    Parameters
    ----------
    target : str
        As `lungdb.database.connect` takes it.
    name : str
        One of `JOBS`.
    given : mapping of str to object
        Options of the job that are not to have their defaults.
    say : callable
        Called with each message on the way.
    on_progress : callable
        Called by `check` with what is being checked, and how much of how much work is done.

    Returns
    -------
    str
        One sentence of what was done.

    Raises
    ------
    BusyError
        Another process does this job on this database.
    LungdbError
        The job failed, or cannot be done there.
    """
    job = JOBS[name]
    with open_database(target, "tensors") as connection, _only_one(connection, name):
        if not job.procedures:
            return _look_for_damage(connection, say, on_progress)
        procedure = next((each for each in job.procedures if _is_there(connection, each)), None)
        if procedure is None:
            raise LungdbError(f"The database has no procedure dbo.{job.procedures[0]}. {job.missing}")
        _call(target, connection, job, procedure, given, say)
        return f"dbo.{procedure} has done all of it."


@contextmanager
def _only_one(connection: Connection, name: str) -> Iterator[None]:
    """Hold the job's lock, which the server takes from a process however it ends."""
    resource = f"lungdb job {name}"
    result = run(connection, _LOCK, (resource,))[-1].scalar()
    if result == -1:
        raise BusyError(f"Another process does the job {name} on this database. This one did nothing.")
    if result < 0:
        raise LungdbError(f"The lock of the job {name} could not be had (sp_getapplock gave {result}). Run it again.")
    try:
        yield
    finally:
        with suppress(LungdbError):  # where the connection is gone, so is the lock
            run(connection, _UNLOCK, (resource,))


def _is_there(connection: Connection, procedure: str) -> bool:
    return run(connection, _THERE, (f"dbo.{procedure}",))[-1].scalar() is not None


def _call(
    target: str,
    connection: Connection,
    job: Job,
    procedure: str,
    given: Mapping[str, object],
    say: Callable[[str], None],
) -> None:
    """Call the procedure; its rows are for people who look at them, and no log gets them."""
    arguments = {parameter: given.get(option, default) for option, (parameter, default) in job.options.items()}
    named = ", ".join(f"{parameter} = ?" for parameter in arguments)
    with following(target, connection, say) as has_said:
        run(
            connection,
            f"EXECUTE dbo.{procedure} {named};",
            tuple(arguments.values()),
            on_message=lambda message: None if has_said(message) else say(message.text),
        )


def _look_for_damage(
    connection: Connection, say: Callable[[str], None], on_progress: Callable[[str, int, int], None]
) -> str:
    outcome = check(connection, say, on_progress)
    for skipped in outcome.skipped:
        say(f"Not checked: {skipped}.")
    if outcome.faults:
        raise LungdbError(f"{outcome.faults} of {outcome.checks} checks found something; each is said above.")
    return f"{outcome.checks} checks, {len(outcome.skipped)} of them not made. No fault was found."
