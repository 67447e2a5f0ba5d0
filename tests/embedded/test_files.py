"""Files that are no database of the engine are refused in a sentence."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.embedded.running import connection as embedded
from lungdb.errors import LungdbError


def test_a_database_of_another_program_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    """Its tables are still the only ones."""
    file = tmp_path / "other.db"
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE mine (a)")
        other.commit()
    with pytest.raises(LungdbError, match="another program"):
        embedded.connect(file)
    with closing(sqlite3.connect(file)) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """Text is not taken for a database."""
    file = tmp_path / "notes.db"
    file.write_bytes(b"not a database " * 1000)
    with pytest.raises(LungdbError, match="is no database"):
        embedded.connect(file)


@pytest.mark.parametrize(
    ("change", "says"),
    [("DELETE FROM \"tsql$state\" WHERE name = 'format'", "damaged"), ('UPDATE "tsql$state" SET value = 99', "later")],
)
def test_a_catalog_of_another_format_is_refused(tmp_path: Path, change: str, says: str) -> None:
    """A damaged one, and one of a later version."""
    file = tmp_path / "clinic.db"
    embedded.connect(file).close()
    with closing(sqlite3.connect(file)) as raw:
        raw.execute(change)
        raw.commit()
    with pytest.raises(LungdbError, match=says):
        embedded.connect(file)
