"""Rows go into a table by the way that a connection has; the words of an ODBC string that mssql-python refuses go."""

from __future__ import annotations

import pytest

from lungdb.database import Connection
from lungdb.database.bulk import insert_rows
from lungdb.database.sqlserver import _without_driver
from lungdb.errors import SqlError
from tests.support.databases import rows


def test_rows_are_inserted_together_or_not_at_all(installed: Connection) -> None:
    """A row that a constraint refuses takes the others with it where nothing is copied in bulk."""
    insert = (
        "INSERT INTO dbo.staged_features (load_id, place, series_uid, content_sha256, layer, array_rows, array_cols, "
        "array, sha256, pooled) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);"
    )
    good = ("a" * 32, 0, "1.2", b"c", "x", 1, 1, b"\x00" * 4, b"s", "{}")
    insert_rows(installed, insert, [good, good])
    assert rows(installed, "SELECT * FROM dbo.staged_features;") == [good, good]
    with pytest.raises(SqlError):
        insert_rows(installed, insert, [good, (*good[:2], None, *good[3:])])
    assert rows(installed, "SELECT COUNT(*), @@TRANCOUNT FROM dbo.staged_features;") == [(2, 0)]


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        ("Driver={ODBC Driver 18 for SQL Server};Server=s;Database=d", "Server=s;Database=d"),
        ("Server=s; DRIVER = x ;UID=u;PWD={a;driver=b}", "Server=s;UID=u;PWD={a;driver=b}"),
        ("Server=s;APP=lungdb", "Server=s"),
        ("Server=driver=1;Database=d", "Server=driver=1;Database=d"),
    ],
)
def test_words_of_odbc_go_from_a_connection_string(target: str, wanted: str) -> None:
    """The driver and the program's name, but not where they stand in a value."""
    assert _without_driver(target) == wanted
