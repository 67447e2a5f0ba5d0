"""DBCC CHECKDB is SQLite's integrity check: silent where nothing is wrong, one error where something is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.embedded.running.connection import connect
from tests.embedded.running import error, rows, say

STATEMENTS = ["DBCC CHECKDB;", "DBCC CHECKDB WITH NO_INFOMSGS, ALL_ERRORMSGS;", "dbcc checkdb with no_infomsgs"]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_whole_file_gives_neither_rows_nor_messages(tmp_path: Path, statement: str) -> None:
    """What comes after it runs."""
    with connect(tmp_path / "clinic.db") as connection:
        said = say(
            connection, f"CREATE TABLE t (a INT NOT NULL CHECK (a > 0)); INSERT INTO t VALUES (1);\nGO\n{statement}"
        )
        assert said.errors == []
        assert rows(connection, f"{statement.rstrip(';')}; SELECT a FROM t;") == [(1,)]


def test_rows_that_another_program_has_changed_are_named(tmp_path: Path) -> None:
    """A value that a CHECK forbids and an index without its row: error 8939 with both and the line."""
    with connect(tmp_path / "clinic.db") as connection:
        say(connection, "CREATE TABLE t (a INT NOT NULL, CONSTRAINT ck CHECK (a > 0)); CREATE INDEX ix ON t (a);")
        say(connection, "INSERT INTO t VALUES (1), (2);")
    with closing(sqlite3.connect(tmp_path / "clinic.db")) as raw, raw:
        raw.execute("PRAGMA ignore_check_constraints = ON")
        raw.execute("UPDATE t SET a = -5 WHERE a = 1")
        raw.execute("PRAGMA writable_schema = ON")
        raw.execute("DELETE FROM sqlite_master WHERE name = 't.ix'")
    with closing(sqlite3.connect(tmp_path / "clinic.db")) as raw, raw:
        raw.execute('CREATE INDEX "t.ix" ON t (a)')
        raw.execute("PRAGMA writable_schema = ON")
        (root,) = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 't.ix'").fetchone()
    content = bytearray((tmp_path / "clinic.db").read_bytes())
    size = int.from_bytes(content[16:18], "big")
    page = (root - 1) * size
    content[page + 3 : page + 5] = (1).to_bytes(2, "big")  # the index page holds one cell instead of two
    (tmp_path / "clinic.db").write_bytes(content)
    with connect(tmp_path / "clinic.db") as connection:
        found = error(connection, "\nDBCC CHECKDB;")
    assert (found.number, found.line) == (8939, 2)
    assert found.message.startswith("Table error: ")
    assert "CHECK constraint failed in t" in found.message
    assert "missing from index t.ix" in found.message
    assert found.message.endswith("Restore the database from a backup.")
