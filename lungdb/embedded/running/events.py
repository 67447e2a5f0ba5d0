"""What a running batch has to tell: messages, result sets, row counts, and errors after which it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.stored import ClientValue, Value, to_client
from lungdb.embedded.writer.scope import OutColumn
from lungdb.errors import Message, SqlError


class StatementError(SqlError):
    """An error whose place, procedure and line, is settled."""


class ThrownError(SqlError):
    """An error of THROW; with `placed` its procedure and line are those of the error thrown again."""

    placed = False


def thrown(error: SqlError, *, placed: bool = False) -> ThrownError:
    """Return an error as THROW raises it."""
    found = ThrownError(
        error.number,
        error.message,
        severity=error.severity,
        state=error.state,
        procedure=error.procedure,
        line=error.line,
    )
    found.placed = placed
    return found


class RaisedError(SqlError):
    """An error of RAISERROR, after which a batch goes on."""


class LeaveLoopError(Exception):
    """BREAK."""


class NextRoundError(Exception):
    """CONTINUE."""


class ReturnError(Exception):
    """RETURN, with its value."""

    def __init__(self, value: Value) -> None:
        super().__init__()
        self.value = value


@dataclass(frozen=True)
class RowCount:
    """How many rows a statement changed."""

    count: int


@dataclass(frozen=True)
class Failure:
    """An error that ended its statement only."""

    error: StatementError


class Result:
    """A result set, read row by row.

    An error on the way ends the rows and stays in `error` for the session.

    Parameters
    ----------
    columns : tuple of OutColumn
        Names and types.
    rows : iterator of tuple
        Stored values.
    streams : bool
        The rows come from an external script, not from tables that may change while they are read.
    """

    def __init__(
        self, columns: tuple[OutColumn, ...], rows: Iterator[tuple[Value, ...]], *, streams: bool = False
    ) -> None:
        self.columns = columns
        self.streams = streams
        self.error: SqlError | None = None
        self.count = 0
        self._rows = rows
        self._first = next(rows, None)

    def stored(self) -> Iterator[tuple[Value, ...]]:
        """Yield the rows as they are stored; an error is raised."""
        if self._first is None:
            return
        first, self._first = self._first, None
        self.count += 1
        yield first
        for row in self._rows:
            self.count += 1
            yield row

    def client_rows(self) -> Iterator[tuple[ClientValue, ...]]:
        """Yield the rows as a client sees them; an error ends them."""
        kinds = [column.type for column in self.columns]
        plain = all(kind.sqlite in ("REAL", "BLOB") or kind.family.value in ("integer", "character") for kind in kinds)
        try:
            for row in self.stored():
                yield row if plain else tuple(map(to_client, row, kinds))
        except SqlError as error:
            self.error = error
        except (ArithmeticError, ValueError):
            # A stored date or decimal is not as it was written.
            self.error = numbered_error(824)

    def buffer(self) -> None:
        """Read the rest into memory, so that SQLite is free for other work."""
        rows: list[tuple[Value, ...]] = []
        try:
            rows.extend(self._rows)
        except SqlError as error:
            self.error = error
        self._rows = iter(rows)

    def close(self) -> None:
        """Let SQLite forget the query."""
        close = getattr(self._rows, "close", None)
        if close is not None:
            close()

    def finish(self) -> None:
        """Drop the rows that nobody read; raise the error that ended them."""
        self.close()
        if self.error is not None:
            raise self.error


Event = Message | RowCount | Failure | Result
