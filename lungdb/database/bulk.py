"""Many rows into a table without constraints, by the fastest way that a connection has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from lungdb.database.connection import Connection
from lungdb.database.transaction import transaction

_INTO = re.compile(r"\s*INSERT INTO ([\w.]+) \(([^)]*)\)")


def insert_rows(connection: Connection, insert: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows, all of them or, where a bulk copy or the process ends early, some.

    Parameters
    ----------
    connection : Connection
        Outside of a transaction: a bulk copy has a connection of its own, which commits by itself.
    insert : str
        ``INSERT INTO table (columns) VALUES (?, ...);``. A bulk copy goes by its table and columns, and checks no
        constraint.
    """
    copy = getattr(connection, "bulk_copy", None)
    into = _INTO.match(insert)
    if copy is not None and into and copy(into[1], [name.strip() for name in into[2].split(",")], rows):
        return
    many = getattr(connection, "insert_many", None)
    with transaction(connection):
        if many is not None:
            many(insert, rows)
            return
        with closing(connection.cursor()) as cursor:
            cursor.executemany(insert, rows)
