"""Pool: connections that many threads share, each speaking for one user at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lungdb.database.connection import SQLITE_PREFIX, Connection, connect
from lungdb.database.run import run
from lungdb.errors import LungdbError, SqlError

# From this severity on SQL Server ends the connection; what ODBC says of lost connections is given it too.
_FATAL = 20
LOCKED = (1205, 1222)
"""The error numbers of a deadlock and of a lock that was waited for too long."""
# Less than a reader waits for a page; SQL Server's default is to wait without end.
_LOCK_SECONDS = 15.0


class DatabaseUnavailable(LungdbError):  # noqa: N818 - it says what is, as HTTP's 503 does
    """The database cannot be reached at the moment; a later call may succeed."""


class DatabaseBusy(DatabaseUnavailable):
    """The database is there, but others keep it, or all connections to it, for longer than is waited."""


@dataclass(frozen=True)
class _Kept:
    connection: Connection
    place: tuple[int, int] | None


class Pool:
    """Connections to one database, opened when they are first needed.

    Parameters
    ----------
    target : str
        As `lungdb.database.connect` takes it. A file that is missing is an error; it is never made.
    size : int
        How many connections there are at most.
    wait : float
        Seconds that a thread waits for one of them.
    lock_seconds : float
        How long a statement waits for a lock.
    """

    def __init__(self, target: str, size: int, wait: float = 20.0, lock_seconds: float = _LOCK_SECONDS) -> None:
        self._target = target
        self._wait = wait
        self._lock_milliseconds = round(1000 * lock_seconds)
        self._free = threading.BoundedSemaphore(size)
        self._lock = threading.Lock()
        self._idle: list[_Kept] = []
        self._lent = 0

    @property
    def lent(self) -> int:
        """How many connections are in use."""
        return self._lent

    @contextmanager
    def connection(self, user: str | None) -> Iterator[Connection]:
        """Lend a connection whose SESSION_CONTEXT 'user' is the given name, NULL for None.

        Raises
        ------
        DatabaseUnavailable
            There is no database, or it went away meanwhile.
        DatabaseBusy
            All connections stay in use, or others keep the database locked.
        SqlError
            Any other error of the block; the connection goes back without an open transaction.
        """
        if not self._free.acquire(timeout=self._wait):
            raise DatabaseBusy(f"All connections were in use for {self._wait:g} seconds. Try again later.")
        with self._lock:
            self._lent += 1
        try:
            kept = self._take(user)
            try:
                yield kept.connection
            except SqlError as error:
                if self._is_lost(kept, error):
                    raise _unavailable(error) from error
                self._clean(kept)
                if error.number in LOCKED:
                    raise DatabaseBusy("Something else kept what was asked for locked for too long.") from error
                raise
            except BaseException:
                # What an interrupted batch left behind is unknown.
                _close(kept)
                raise
            self._give_back(kept)
        finally:
            with self._lock:
                self._lent -= 1
            self._free.release()

    def close(self) -> None:
        """Close the connections that are not in use."""
        with self._lock:
            idle, self._idle = self._idle, []
        for kept in idle:
            _close(kept)

    def _take(self, user: str | None) -> _Kept:
        place = _place(self._target)
        while (kept := self._idle_one()) is not None:
            if kept.place == place:
                # Whatever an idle connection says against this, another may do it; the last is a new one.
                with suppress(LungdbError):
                    _speak_for(kept, user)
                    return kept
            _close(kept)
        try:
            kept = _Kept(connect(self._target, create=False), place)
        except LungdbError as error:
            raise _unavailable(error) from error
        try:
            # Without parameters, because ODBC runs a batch with some as a procedure, at whose end a setting is undone.
            run(kept.connection, f"SET LOCK_TIMEOUT {self._lock_milliseconds};")
            _speak_for(kept, user)
        except LungdbError as error:
            _close(kept)
            raise _unavailable(error) from error
        return kept

    def _idle_one(self) -> _Kept | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _give_back(self, kept: _Kept) -> None:
        with self._lock:
            self._idle.append(kept)

    def _clean(self, kept: _Kept) -> None:
        try:
            run(kept.connection, "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;")
        except LungdbError as error:
            _close(kept)
            raise _unavailable(error) from error
        self._give_back(kept)

    def _is_lost(self, kept: _Kept, error: SqlError) -> bool:
        """Close the connection and say so, if the error or the file tells that its database is gone."""
        if error.severity < _FATAL and kept.place == _place(self._target):
            return False
        _close(kept)
        return True


def _place(target: str) -> tuple[int, int] | None:
    """Identify the embedded engine's file: SQLite goes on with an open file that was moved away."""
    if not target.startswith(SQLITE_PREFIX):
        return None
    try:
        found = Path(target[len(SQLITE_PREFIX) :]).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _speak_for(kept: _Kept, user: str | None) -> None:
    # Through a variable, because ODBC has no parameter of the type of @value, sql_variant.
    sql = "DECLARE @User NVARCHAR(128) = ?; EXECUTE sp_set_session_context @key = N'user', @value = @User;"
    run(kept.connection, sql, (user,))


def _close(kept: _Kept) -> None:
    with suppress(Exception):  # what is lost need not close well
        kept.connection.close()


def _unavailable(error: LungdbError) -> DatabaseUnavailable:
    is_busy = isinstance(error, SqlError) and error.number in LOCKED
    return DatabaseBusy(str(error)) if is_busy else DatabaseUnavailable(str(error))
