"""Every operator between values of every two types: an answer or an error of SQL Server's, never the engine's own."""

from __future__ import annotations

from itertools import product

import pytest

from lungdb.embedded.running.connection import Connection
from tests.embedded.running import error, say

COLUMNS = {
    "y": "BIT", "t": "TINYINT", "i": "INT", "g": "BIGINT", "z": "DECIMAL(9, 2)", "r": "REAL", "f": "FLOAT",
    "m": "MONEY", "c": "CHAR(3)", "s": "NVARCHAR(10)", "x": "NVARCHAR(MAX)", "b": "VARBINARY(4)", "d": "DATE",
    "w": "TIME(3)", "e": "DATETIME", "n": "DATETIME2(3)", "q": "UNIQUEIDENTIFIER",
}  # fmt: skip
OPERATORS = ("+", "-", "*", "/", "%", "&", "|", "^", "=", "<", "LIKE")
# "could not run what the statement became", and a damaged file: neither is about what was asked.
OURS = {8630, 824}


@pytest.fixture
def table(connection: Connection) -> Connection:
    """A row of NULL and one of values."""
    known = {name: kind for name, kind in COLUMNS.items() if not say(connection, f"DECLARE @v {kind};").errors}
    members = ", ".join(f"{name} {kind}" for name, kind in known.items())
    assert say(connection, f"CREATE TABLE t ({members}); INSERT INTO t DEFAULT VALUES; INSERT INTO t (y) VALUES (1);")
    assert (
        say(connection, "UPDATE t SET s = N'1', c = '1', f = 2, d = '2026-01-02', b = 0x01 WHERE y = 1;").errors == []
    )
    return connection


@pytest.mark.parametrize("operator", OPERATORS)
def test_an_operator_between_any_two_types_has_sql_servers_answer(table: Connection, operator: str) -> None:
    """NULL and values alike."""
    known = [name for name in COLUMNS if not say(table, f"SELECT {name} FROM t;").errors]
    assert len(known) > 12
    for first, second in product(known, repeat=2):
        term = f"{first} {operator} {second}"
        text = f"CASE WHEN {term} THEN 1 END" if operator in ("=", "<", "LIKE") else term
        numbers = {each.number for each in say(table, f"SELECT {text} FROM t;").errors}
        assert not numbers & OURS, term


@pytest.mark.parametrize("term", ["y + y", "y + s", "b * y", "s / y", "y - c"])
def test_there_is_no_arithmetic_of_bits(table: Connection, term: str) -> None:
    """What a text or bytes become beside a bit is a bit, and of these SQL Server adds none."""
    found = error(table, f"SELECT {term} FROM t;")
    assert found.number == 402
