"""run(): execute a batch and drain everything it has to say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lungdb.database.batches import split_batches
from lungdb.database.connection import Connection, Cursor
from lungdb.errors import Message


@dataclass(frozen=True)
class ResultSet:
    """One result set: its column names and its rows, values as DB-API 2.0 gives them."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    def scalar(self) -> Any:
        """Return the one value of a result of one row and one column; NULL is None.

        Raises
        ------
        ValueError
            It has another shape: no row, say, of a query that was taken to find one.
        """
        if len(self.rows) != 1 or len(self.columns) != 1:
            raise ValueError(f"The result has {len(self.rows)} rows and {len(self.columns)} columns, not one of each.")
        return self.rows[0][0]

    def records(self) -> list[dict[str, Any]]:
        """Return each row as a mapping of column name to value, in the order of both.

        Raises
        ------
        ValueError
            Two columns share a name, so that a mapping would lose one.
        """
        if len(set(self.columns)) != len(self.columns):
            raise ValueError(f"The columns {', '.join(self.columns)} have no names of their own.")
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def run(
    connection: Connection,
    sql: str,
    parameters: Sequence[Any] = (),
    on_message: Callable[[Message], None] | None = None,
) -> list[ResultSet]:
    """Execute one batch to its end.

    Parameters
    ----------
    connection : Connection
        From `connect`.
    sql : str
        One batch (no GO lines), with a ``?`` for each parameter.
    on_message : callable, optional
        Called with each message as it comes, while the batch goes on.

    Returns
    -------
    list of ResultSet
        Every result set, in order.

    Raises
    ------
    SqlError
        The first error, wherever it comes: also one after the first result set.
    """
    cursor = connection.cursor()
    results = []
    try:
        cursor.execute(sql, tuple(parameters))
        more = True
        while more:
            _hand_on(cursor, on_message)
            if cursor.description is not None:
                columns = tuple(column[0] for column in cursor.description)
                results.append(ResultSet(columns, [tuple(row) for row in cursor.fetchall()]))
            more = bool(cursor.nextset())
        _hand_on(cursor, on_message)
    except BaseException:
        _hand_on(cursor, on_message)
        raise
    finally:
        cursor.close()
    return results


def run_script(
    connection: Connection, script: str, on_message: Callable[[Message], None] | None = None
) -> list[ResultSet]:
    """Execute a script of batches that GO lines separate; stops at the first error."""
    return [result for batch, _ in split_batches(script) for result in run(connection, batch, on_message=on_message)]


def _hand_on(cursor: Cursor, on_message: Callable[[Message], None] | None) -> None:
    if on_message is not None:
        for message in cursor.messages:
            on_message(message)
