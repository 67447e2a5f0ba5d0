"""Text of a temporary table says its collation: SQL Server does not compare tempdb's with the database's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.sql.gates.check import SQL

MADE = re.compile(r"CREATE TABLE #\w+\s*\(.*?\);|DECLARE @\w+ TABLE\s*\(.*?\);", re.DOTALL)
TEXT = re.compile(r"\b(\w+) (?:N?(?:VAR)?CHAR(?:\([^)]*\))?|N?TEXT|SYSNAME)(?! COLLATE DATABASE_DEFAULT)(?=[ ,)])")
PROCEDURES = sorted((SQL / "procedures").rglob("*.sql"))


def _of_tempdb(text: str) -> list[str]:
    """Give the columns of text whose collation is not said."""
    return [column for made in MADE.findall(text) for column in TEXT.findall(made)]


@pytest.mark.parametrize("path", PROCEDURES, ids=lambda path: path.stem)
def test_every_text_of_a_temporary_table_says_its_collation(path: Path) -> None:
    """Compared or not: which column meets which is not to be seen in one file, nor in a text that is run."""
    assert not _of_tempdb(path.read_text(encoding="utf-8"))


def test_such_columns_are_found() -> None:
    """Of every type of text; numbers, bytes and text that says its collation are none."""
    said = "a NVARCHAR(MAX) COLLATE DATABASE_DEFAULT NOT NULL, b INT NULL, c VARBINARY(32) NULL"
    assert not _of_tempdb(f"CREATE TABLE #x ({said});")
    silent = f"{said}, d VARCHAR(8) NULL, e NCHAR(2), f SYSNAME NOT NULL, g CHAR(1) COLLATE Latin1_General_BIN2 NULL"
    assert _of_tempdb(f"CREATE TABLE #x (\n    {silent});") == ["d", "e", "f", "g"]
    assert _of_tempdb("DECLARE @x TABLE (h NVARCHAR(4));") == ["h"]
    assert not _of_tempdb("CREATE TABLE dbo.x (i NVARCHAR(4) NULL);")
