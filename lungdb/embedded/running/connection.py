"""DB-API 2.0 over a session: the way into the embedded engine."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any
from weakref import WeakSet

from lungdb.embedded.running.events import Event, Failure, Result, RowCount
from lungdb.embedded.running.interpreter import Interpreter
from lungdb.embedded.satellite.processes import PLAIN, Preload
from lungdb.embedded.satellite.trusted import NOBODY, Trusted
from lungdb.embedded.store.storage import Storage
from lungdb.embedded.values.stored import ClientValue, to_client
from lungdb.embedded.values.types import Family
from lungdb.embedded.writer.scope import OutColumn
from lungdb.errors import Message, SqlError

Row = tuple[ClientValue, ...]

apilevel = "2.0"
threadsafety = 1
paramstyle = "qmark"
Error = SqlError


def connect(
    path: str | Path, *, create: bool = True, preload: Preload = PLAIN, trusted: Trusted = NOBODY
) -> Connection:
    """Open a database file, made if it is not there unless `create` is False; the database's name is the file's stem.

    Parameters
    ----------
    path : str or Path
        The file.
    create : bool
        Whether the file is made if it is not there.
    preload : Preload
        What the processes of external scripts import before they are given a call.
    trusted : Trusted
        Which external scripts run in processes that stay.

    Raises
    ------
    LungdbError
        The file cannot be opened.
    """
    return Connection(Path(path), create=create, preload=preload, trusted=trusted)


class Connection:
    """A connection to a database file.

    Autocommit is on: transactions are T-SQL's BEGIN, COMMIT and ROLLBACK. A connection serves one thread at a time.

    Parameters
    ----------
    path, create, preload, trusted
        As `connect` takes them.
    """

    autocommit = True

    says_at_once = True

    def __init__(self, path: Path, *, create: bool = True, preload: Preload = PLAIN, trusted: Trusted = NOBODY) -> None:
        self._session: Interpreter | None = Interpreter(Storage(path, create=create), path.stem, preload, trusted)
        self._open_result: Result | None = None
        self._cursors: WeakSet[Cursor] = WeakSet()

    def cursor(self) -> Cursor:
        """Return a new cursor."""
        cursor = Cursor(self)
        self._cursors.add(cursor)
        return cursor

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> Cursor:
        """Execute a batch on a new cursor."""
        return self.cursor().execute(sql, parameters)

    def commit(self) -> None:
        """Commit the transaction that T-SQL has begun, if there is one."""
        while self.session.transactions.count:
            self.session.transactions.commit()

    def rollback(self) -> None:
        """Roll back the transaction that T-SQL has begun, if there is one."""
        if self.session.transactions.count:
            self.session.roll_back()

    def close(self) -> None:
        """Close the connection; an open transaction is rolled back."""
        if self._session is not None:
            for cursor in tuple(self._cursors):
                cursor.close()
            self._session.close()
            self._session = None

    @property
    def session(self) -> Interpreter:
        """The session.

        Raises
        ------
        SqlError
            The connection is closed.
        """
        if self._session is None:
            raise SqlError(0, "The connection is closed. Open a new one.", severity=20)
        return self._session

    def now_open(self, result: Result | None) -> None:
        """Note which result set reads from SQLite; one that another cursor left open is read into memory."""
        if self._open_result is not None and self._open_result is not result:
            self._open_result.buffer()
        self._open_result = result

    def __enter__(self) -> Connection:
        """Return the connection."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


class Cursor:
    """A cursor: runs a batch step by step.

    A step ends at a message, a result set or a count of changed rows; `nextset` goes to the next. `execute` gives the
    first step. An error is raised by the step that meets it; `nextset` goes on with the batch where the batch goes on.

    Attributes
    ----------
    description : tuple or None
        (name, Python type, None, None, precision, scale, None) of each column of a result set.
    rowcount : int
        Rows changed in this step, -1 where none were counted.
    messages : list of Message
        What arrived with this step.
    arraysize : int
        How many rows `fetchmany` takes.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.description: tuple[tuple[Any, ...], ...] | None = None
        self.rowcount = -1
        self.messages: list[Message] = []
        self.arraysize = 1
        self._events: Generator[Event, None, None] | None = None
        self._rows: Iterator[Row] | None = None
        self._result: Result | None = None
        self._ahead: Event | None = None

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> Cursor:
        """Run a batch up to its first step.

        Parameters
        ----------
        sql : str
            One batch, without GO.
        parameters : sequence
            A value for each ``?``.

        Raises
        ------
        SqlError
            The error that the step met.
        """
        self._abandon()
        self.connection.now_open(None)
        self._events = self.connection.session.run_batch(sql, tuple(parameters))
        self._advance()
        return self

    def executemany(self, sql: str, parameters: Iterable[Sequence[object]]) -> Cursor:
        """Run a batch once for each row of parameters, all of them or none.

        Raises
        ------
        SqlError
            The error of the first row that fails.
        """
        self._abandon()
        self.connection.now_open(None)
        session = self.connection.session
        count = 0
        with session.atomic():
            for row in parameters:
                for event in session.run_batch(sql, tuple(row)):
                    if isinstance(event, Failure):
                        raise event.error
                    if isinstance(event, RowCount):
                        count += event.count
        self.rowcount = count
        return self

    def nextset(self) -> bool | None:
        """Go to the next step; None at the end of the batch.

        Raises
        ------
        SqlError
            The error that the step met.
        """
        if self._events is None and self._ahead is None:
            self._clear()
            return None
        return True if self._advance() else None

    def _clear(self) -> None:
        self.description = None
        self.rowcount = -1
        self.messages = []
        self._rows = self._result = None

    def _advance(self) -> bool:
        """Run to the next step; tell whether there is one."""
        self._clear()
        self.connection.now_open(None)
        event = self._next_event()
        if event is None:
            return False
        if isinstance(event, Failure):
            raise event.error
        if isinstance(event, Message):
            self.messages.append(event)
        elif isinstance(event, RowCount):
            self.rowcount = event.count
        else:
            self.description = tuple(_described(column) for column in event.columns)
            self._result = event
            self._rows = event.client_rows()
            self.connection.now_open(event)
        return True

    def _next_event(self) -> Event | None:
        if self._ahead is not None:
            ahead, self._ahead = self._ahead, None
            return ahead
        if self._events is None:
            return None
        try:
            event = next(self._events, None)
        except BaseException:
            self._events = None
            raise
        if event is None:
            self._events = None
        return event

    def _abandon(self) -> None:
        if self._events is not None:
            self._events.close()
            self._events = None
        self._ahead = None
        self._clear()

    def _next_row(self) -> Row | None:
        if self._rows is None:
            raise SqlError(0, "There is no result set to fetch from. Call nextset() or execute a query.", severity=16)
        row = next(self._rows, None)
        if row is None and self._result is not None and self._result.error is not None:
            # The session decides what the error ends, as for one before the first row.
            self._result, self._rows = None, iter(())
            event = self._next_event()
            if isinstance(event, Failure):
                raise event.error
            self._ahead = event
        return row

    def fetchone(self) -> Row | None:
        """Return the next row, or None at the end."""
        return self._next_row()

    def fetchmany(self, size: int | None = None) -> list[Row]:
        """Return the next rows, at most `size`."""
        rows: list[Row] = []
        wanted = self.arraysize if size is None else size
        while len(rows) < wanted and (row := self._next_row()) is not None:
            rows.append(row)
        return rows

    def fetchall(self) -> list[Row]:
        """Return the rows that are left."""
        rows: list[Row] = []
        while (row := self._next_row()) is not None:
            rows.append(row)
        return rows

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows that are left."""
        while (row := self._next_row()) is not None:
            yield row

    def setinputsizes(self, sizes: object) -> None:
        """Do nothing, as DB-API 2.0 allows."""

    def setoutputsize(self, size: object, column: object = None) -> None:
        """Do nothing, as DB-API 2.0 allows."""

    def close(self) -> None:
        """Drop what is left of the batch: statements that have not run do not run."""
        self._abandon()

    def __enter__(self) -> Cursor:
        """Return the cursor."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def _described(column: OutColumn) -> tuple[Any, ...]:
    kind = column.type
    sample = {Family.BIT: bool, Family.INTEGER: int, Family.FLOAT: float, Family.BINARY: bytes}.get(kind.family, str)
    if kind.family == Family.DECIMAL:
        sample = type(to_client("P01:0", kind))
    if kind.family == Family.DATETIME:
        sample = type(
            to_client(
                {"date": "2000-01-01", "time": "00:00:00.0000000"}.get(kind.name, "2000-01-01 00:00:00.0000000"), kind
            )
        )
    precision, scale = kind.as_decimal if kind.family == Family.DECIMAL else (None, kind.scale)
    return (column.name, sample, None, None, precision, scale, None)
