"""Many rows into a table without constraints, by the fastest way that a connection has."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from lungdb.database.connection import Connection
from lungdb.database.transaction import transaction


def insert_rows(connection: Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows, all of them or, where a bulk copy or the process ends early, some.

    Parameters
    ----------
    connection : Connection
        Outside of a transaction: a bulk copy has a connection of its own, which commits by itself.
    table : str
        Of the database's own, such as ``dbo.staged_features``; a bulk copy checks no constraint of it.
    columns : sequence of str
        Of the table, in the order of the rows' values.
    """
    copy = getattr(connection, "bulk_copy", None)
    if copy is not None and copy(table, columns, rows):
        return
    insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))});"
    many = getattr(connection, "insert_many", None)
    with transaction(connection):
        if many is not None:
            many(insert, rows)
            return
        with closing(connection.cursor()) as cursor:
            cursor.executemany(insert, rows)
