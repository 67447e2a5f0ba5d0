"""No temporary table hides one of a caller with other columns: SQL Server does not say which is then meant."""

from __future__ import annotations

import re

import pytest

from tests.sql.gates.check import SQL

NAME = re.compile(r"CREATE OR ALTER PROCEDURE (\S+)")
LEFT_OUT = re.compile(r"--[^\n]*|N?'(?:[^']|'')*'")
CALLED = re.compile(r"\bEXECUTE (?:@\w+ = )?((?:internal|dbo)\.\w+)")
MADE = re.compile(r"CREATE TABLE (#\w+)\s*\((.*?)\);", re.DOTALL)

Procedures = dict[str, tuple[dict[str, str], set[str]]]


def _read(texts: list[str]) -> Procedures:
    """Give each procedure's temporary tables, with their columns, and the procedures that it calls."""
    found = {}
    for text in texts:
        bare = LEFT_OUT.sub("", text)
        made = {table: " ".join(columns.split()) for table, columns in MADE.findall(bare)}
        found[NAME.findall(bare)[0]] = made, set(CALLED.findall(bare))
    return found


def _below(name: str, procedures: Procedures, seen: set[str]) -> set[str]:
    for called in procedures[name][1] & procedures.keys() - seen:
        if called not in seen:
            seen.add(called)
            _below(called, procedures, seen)
    return seen


def _clashes(name: str, procedures: Procedures) -> list[str]:
    made = procedures[name][0]
    return [
        f"{name} and {below}: {table}"
        for below in sorted(_below(name, procedures, set()))
        for table, columns in procedures[below][0].items()
        if made.get(table, columns) != columns
    ]


@pytest.fixture(scope="module")
def procedures() -> Procedures:
    """All procedures of the project."""
    return _read([path.read_text(encoding="utf-8") for path in sorted((SQL / "procedures").rglob("*.sql"))])


def test_no_temporary_table_hides_another_of_a_caller(procedures: Procedures) -> None:
    """However deep the call; the same columns are no harm."""
    assert len(procedures) > 100
    assert not [clash for name in procedures for clash in _clashes(name, procedures)]


def test_a_table_hidden_two_calls_down_is_found() -> None:
    """But not one of the same columns, and not by a call that is only spoken of."""
    top = "CREATE OR ALTER PROCEDURE dbo.Top\nCREATE TABLE #a (x INT NULL);\nEXECUTE internal.Middle;"
    middle = "CREATE OR ALTER PROCEDURE internal.Middle\nEXECUTE {}internal.Low @X;{}"
    low = "CREATE OR ALTER PROCEDURE internal.Low\nCREATE TABLE #a (\n    x {} NULL);"
    assert _clashes("dbo.Top", _read([top, middle.format("@R = ", ""), low.format("FLOAT")])) == [
        "dbo.Top and internal.Low: #a"
    ]
    assert not _clashes("dbo.Top", _read([top, middle.format("", ""), low.format("INT")]))
    spoken = middle.format("sp_x N'EXECUTE ", "'")
    assert not _clashes("dbo.Top", _read([top, spoken, low.format("FLOAT")]))
