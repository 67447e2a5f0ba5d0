"""Text of a temporary table, which has tempdb's collation, meets no text of the database's: SQL Server refuses that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sql.gates.check import SQL

MADE = re.compile(r"CREATE TABLE (#\w+)\s*\((.*?)\);", re.DOTALL)
TEXT = re.compile(r"\b(\w+) N?(?:VAR)?CHAR\([^)]*\)(?! COLLATE)")
OTHER = re.compile(
    r"\b(\w+) (?:INT|BIT|TINYINT|SMALLINT|BIGINT|FLOAT|VARBINARY|DATETIME2|N?(?:VAR)?CHAR\([^)]*\) COLLATE)\b"
)
READ = re.compile(r"\b(?:FROM|JOIN) ([#\w.]+)(?: AS (\w+))?")
MET = re.compile(r"\b(\w+)\.(\w+) *(?:=|<>|,) *(\w+)\.(\w+)\b")
MERGED = re.compile(r"\b(?:COALESCE|ISNULL)\([^()]*\)")
COMPARED = re.compile(r"\b\w+\.\w+ *(?:=|<>) *\w+\.\w+\b")


def _of_tempdb(texts: list[str]) -> set[tuple[str, str]]:
    """Give the tables and columns of text whose collation is never said; a table of the same name may have numbers."""
    made = [each for text in texts for each in MADE.findall(text)]
    return {(table, column) for table, body in made for column in TEXT.findall(body)} - {
        (table, column) for table, body in made for column in OTHER.findall(body)
    }


def _conflicts(text: str, of_tempdb: set[tuple[str, str]]) -> Iterator[str]:
    """Find where such a column is compared or merged with one whose collation is the database's."""
    for statement in text.split(";"):
        tables = {alias: table for table, alias in READ.findall(statement)}
        for place in (*MERGED.findall(statement), *COMPARED.findall(statement)):
            for one, column, other, beside in MET.findall(place):
                sides = {(tables.get(one), column) in of_tempdb, (tables.get(other), beside) in of_tempdb}
                if "SET " + place not in statement and len(sides) == 2:
                    yield place


@pytest.fixture(scope="module")
def of_tempdb() -> set[tuple[str, str]]:
    """The columns of every procedure's temporary tables."""
    return _of_tempdb([path.read_text(encoding="utf-8") for path in (SQL / "procedures").rglob("*.sql")])


@pytest.mark.parametrize("path", sorted((SQL / "procedures").rglob("*.sql")), ids=lambda path: path.stem)
def test_no_text_of_two_collations_meets(path: Path, of_tempdb: set[tuple[str, str]]) -> None:
    """Wherever it is compared or merged with another column, a temporary table says COLLATE DATABASE_DEFAULT."""
    assert not list(_conflicts(path.read_text(encoding="utf-8"), of_tempdb))


def test_such_places_are_found() -> None:
    """In a comparison and in what takes the first that is not NULL; a column that says its collation is none."""
    made = "CREATE TABLE #a (x INT NOT NULL, kind VARCHAR(8) NULL); CREATE TABLE #b (name CHAR(2) {} NULL);"
    said = _of_tempdb([made.format("COLLATE DATABASE_DEFAULT")])
    assert said == {("#a", "kind")}
    query = "SELECT {} FROM #a AS a INNER JOIN #b AS b ON {};"
    assert list(_conflicts(query.format("COALESCE(b.name, a.kind)", "1 = 1"), said)) == ["COALESCE(b.name, a.kind)"]
    assert list(_conflicts(query.format("1", "a.kind = b.name"), said)) == ["a.kind = b.name"]
    assert not list(_conflicts(query.format("COALESCE(b.name, a.kind)", "1 = 1"), _of_tempdb([made.format("")])))
