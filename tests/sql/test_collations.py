"""The database may have another collation than ours: case-sensitive, Turkish, UTF-8, or another than tempdb's.

SQL Server does not compare text of a temporary table with the database's, so that it says its collation. Names are
compared by the database's collation: in Turkish I and i are two letters.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.sql.gates.check import SQL
from tests.sql.gates.dacfx import DacfxUnavailableError, Source, check_references
from tests.sql.gates.dotnet import NO_RUNTIME, has_runtime_wheel
from tests.sql.test_references import project_sources

MADE = re.compile(r"CREATE TABLE #\w+\s*\(.*?\);|DECLARE @\w+ TABLE\s*\(.*?\);", re.DOTALL)
TEXT = re.compile(r"\b(\w+) (?:N?(?:VAR)?CHAR(?:\([^)]*\))?|N?TEXT|SYSNAME)(?! COLLATE DATABASE_DEFAULT)(?=[ ,)])")
OF_SERVER = re.compile(r"\b(?:sys\.\w+|sp_\w+|sysname)\b", re.IGNORECASE)
CASE_SENSITIVE, TURKISH = "Latin1_General_100_CS_AS", "Turkish_100_CI_AS"
UTF_8 = "Latin1_General_100_CI_AS_SC_UTF8"
PLANTED = {
    "column": "SELECT Label FROM dbo.labels",
    "table": "SELECT label FROM dbo.Labels",
    "Turkish column": "SELECT SERIES_UID FROM dbo.scans",
    "Turkish table": "SELECT idx FROM dbo.PATIENTS",
    "alias": "SELECT I.name FROM dbo.images AS i",
    "variable": "DECLARE @Idx INT = 1; SELECT @idx AS x",
    "no such column": "SELECT absent FROM dbo.scans",
}
"""What of a procedure is no fault everywhere."""
FOUND = {
    UTF_8: {"no such column"},
    CASE_SENSITIVE: set(PLANTED),
    TURKISH: {"Turkish column", "Turkish table", "alias", "variable", "no such column"},
}
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


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    """Every statement of the project, with the faults that are planted."""
    if not has_runtime_wheel():
        pytest.skip(NO_RUNTIME)
    return project_sources()


@pytest.mark.slow
@pytest.mark.parametrize("collation", FOUND)
def test_every_name_resolves_in_a_database_of_the_collation(sources: list[Source], collation: str) -> None:
    """In Microsoft's model of it; what is planted beside is found where it is a fault, and not where it is none."""
    planted = [
        Source(f"[dbo].[{name}]", f"CREATE PROCEDURE [dbo].[{name}] AS {text};", Path(name), 1)
        for name, text in PLANTED.items()
    ]
    try:
        findings = check_references([*planted, *sources], collation)
    except DacfxUnavailableError as error:
        pytest.skip(str(error))
    ours = [str(finding) for finding in findings if str(finding.path) not in PLANTED]
    assert not ours, "\n".join(ours)
    assert {str(finding.path) for finding in findings} == FOUND[collation]


@pytest.mark.parametrize("path", sorted(SQL.rglob("*.sql")), ids=lambda path: path.stem)
def test_names_of_the_server_are_in_small_letters(path: Path) -> None:
    """As a case-sensitive server has them; the model leaves out what every server has."""
    assert [name for name in OF_SERVER.findall(path.read_text(encoding="utf-8")) if name != name.lower()] == []


def test_names_of_the_server_in_another_case_are_found() -> None:
    """Catalog views, system procedures and the type of names."""
    text = "SELECT 1 FROM sys.Tables; EXECUTE SP_executesql N'x'; DECLARE @x SYSNAME; SELECT system FROM sys.columns;"
    assert [name for name in OF_SERVER.findall(text) if name != name.lower()] == [
        "sys.Tables",
        "SP_executesql",
        "SYSNAME",
    ]
