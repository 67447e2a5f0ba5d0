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
