"""The log of what ran, from a client: a loader's run in dbo.runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from lungdb.database.connection import Connection
from lungdb.database.retrying import counted_retries
from lungdb.database.run import run
from lungdb.errors import LungdbError, SqlError

_START = (
    "DECLARE @RunId INT; EXECUTE dbo.StartLoad @Loader = ?, @Arguments = ?, @RunId = @RunId OUTPUT; "
    "SELECT @RunId AS run_id;"
)
_END = "EXECUTE dbo.EndLoad @RunId = ?, @Scans = ?, @Slices = ?, @Failed = ?, @Result = ?, @Error = ?;"


@dataclass
class Load:
    """What a loader tells of its run.

    Attributes
    ----------
    scans, slices : int or None
        Stored; None where they are not what is loaded.
    failed : int
        What was not taken.
    result : str or None
        What came of it, without names, ids and indices of patients.
    """

    scans: int | None = None
    slices: int | None = None
    failed: int = 0
    result: str | None = None


@contextmanager
def logged_load(connection: Connection, loader: str, arguments: Mapping[str, object]) -> Iterator[Load]:
    """Note a loader's run in dbo.runs while the block runs; a log that cannot be written changes nothing.

    Of an error only its kind is noted, because messages may name files and people.

    Parameters
    ----------
    connection : Connection
        The loader's own, outside of a transaction: its session holds the run's lock, so that a killed one shows.
    loader : str
        The command, such as ``load-scans``.
    arguments : mapping
        What it was called with; no path, and no name or id of a patient.
    """
    load = Load()
    run_id = _begin(connection, loader, arguments)
    with counted_retries() as retries:
        try:
            yield load
        except BaseException as error:
            kind = f"SQL error {error.number}" if isinstance(error, SqlError) else type(error).__name__
            again = f" It was {_again(retries)}." if retries else ""
            _end(connection, run_id, load, f"Ended by {kind}; what was committed stays.{again}")
            raise
    if retries:
        load.result = "; ".join(filter(None, (load.result, _again(retries))))
    _end(connection, run_id, load, None)


def _again(retries: Mapping[int, int]) -> str:
    return f"done again after {', '.join(f'error {number} {times} times' for number, times in sorted(retries.items()))}"


def _begin(connection: Connection, loader: str, arguments: Mapping[str, object]) -> int | None:
    # No such procedure in an older schema, no right to it: a log is not worth an error.
    with suppress(LungdbError):
        found = run(connection, _START, (loader, json.dumps(dict(arguments))))[-1].scalar()
        return None if found is None else int(found)
    return None


def _end(connection: Connection, run_id: int | None, load: Load, error: str | None) -> None:
    if run_id is None:
        return
    with suppress(LungdbError):
        run(connection, _END, (run_id, load.scans, load.slices, load.failed, load.result, error))
