"""Doing again what a deadlock, a full server or a failover has ended."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from lungdb.database.connection import Connection
from lungdb.database.run import run
from lungdb.database.transaction import transaction
from lungdb.errors import SqlError

T = TypeVar("T")

TRANSIENT = frozenset(
    {64, 233, 1204, 1205, 1222, 4060, 4221, 10053, 10054, 10060, 10928, 10929, 40143, 40197, 40501, 40540, 40613}
    | {42108, 42109, 49918, 49919, 49920}
)
"""What passes by itself: the transient errors of Microsoft's SqlClient, deadlocks, lock time-outs, and what sockets say
of a connection that the other side ended. See
https://learn.microsoft.com/dotnet/api/microsoft.data.sqlclient.sqlconfigurableretryfactory"""
ATTEMPTS = 6
_FATAL = 20
_FIRST_SECONDS = 0.5
_counted: ContextVar[Counter[int] | None] = ContextVar("_counted", default=None)


def is_transient(error: SqlError) -> bool:
    """Tell whether the same call may succeed later; severity 20 and up is that of a connection that was lost."""
    return error.number in TRANSIENT or error.severity >= _FATAL


@contextmanager
def counted_retries() -> Iterator[Counter[int]]:
    """Count by error number what `retried` makes again in this thread while the block runs; blocks may be nested."""
    counter: Counter[int] = Counter()
    outer = _counted.get()
    token = _counted.set(counter)
    try:
        yield counter
    finally:
        _counted.reset(token)
        if outer is not None:
            outer.update(counter)


def retried(
    call: Callable[[], T],
    connection: Connection | None = None,
    say: Callable[[str], None] | None = None,
    first_seconds: float | None = None,
    progress: Callable[[], object] | None = None,
) -> T:
    """Make a call, and make it again after a pause that doubles when it ends in an error that passes; six times in all.

    Parameters
    ----------
    call : callable
        Something that, begun anew, does no harm: a transaction, or a session that goes on where the last one stopped.
    connection : Connection, optional
        What it works on, which is opened again where it was lost.
    say : callable, optional
        Called with a sentence before each pause; by default it goes to standard error.
    first_seconds : float, optional
        The first pause; by default half a second.
    progress : callable, optional
        Gives how far the call has come. Where that differs from what it was at the last error, counting begins anew.

    Raises
    ------
    SqlError
        One that does not pass, or the last of those that do.
    """
    again = 0
    before = progress() if progress is not None else None
    while True:
        try:
            if again and connection is not None:
                _renew(connection)
            return call()
        except SqlError as error:
            now = progress() if progress is not None else None
            again = again + 1 if now == before else 1
            before = now
            if not is_transient(error) or again == ATTEMPTS:
                raise
            if (counter := _counted.get()) is not None:
                counter[error.number] += 1
            pause = (_FIRST_SECONDS if first_seconds is None else first_seconds) * 2 ** (again - 1)
            text = f"Error {error.number} may pass; again in {pause:g} seconds ({again} of {ATTEMPTS - 1} times)."
            if say is None:
                print(text, file=sys.stderr, flush=True)
            else:
                say(text)
            time.sleep(pause)


def committed(connection: Connection, work: Callable[[], T]) -> list[T]:
    """Do work in a transaction, and all of it again in another one when it ends in an error that passes.

    Parameters
    ----------
    work : callable
        Finds by what is stored what there is to do, because a commit whose answer was lost has stored everything.

    Returns
    -------
    list
        What `work` returned each time that its commit was asked for: the last found the database as it is now, and the
        first, where nobody else wrote, as it was before.
    """
    found: list[T] = []

    def attempt() -> None:
        with transaction(connection):
            found.append(work())

    retried(attempt, connection)
    return found


def _renew(connection: Connection) -> None:
    """Open a connection again unless it still works; the embedded engine's, a file, is never lost."""
    try:
        run(connection, "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;")
    except SqlError as error:
        renew = getattr(connection, "renew", None)
        if renew is None or not is_transient(error):
            raise
        renew()
        run(connection, "SET NOCOUNT ON; SET XACT_ABORT ON;")
