"""The recorded behaviour of SQL Server: queries with their rows, batches with their results or errors."""

from __future__ import annotations

import datetime
import decimal
import json
from pathlib import Path
from typing import Any

import pytest

from lungdb.database import split_batches
from lungdb.embedded.running.connection import Connection, connect
from lungdb.errors import SqlError

_DATA = Path(__file__).parents[1] / "data" / "contract"
CONSTRUCTS = json.loads((_DATA / "tsql_constructs.json").read_text(encoding="utf-8"))
PROCEDURAL = json.loads((_DATA / "tsql_procedural.json").read_text(encoding="utf-8"))
REFUSED = {"MERGE": "MERGE", "CROSS APPLY TOP1": "CROSS APPLY"}


def plain(value: Any) -> Any:
    """Return a value in the form that the contract writes it in."""
    if isinstance(value, bytes):
        return {"bytes_hex": value.hex()}
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, datetime.datetime):
        return str(value)
    return value


def results(connection: Connection, script: str) -> list[list[list[Any]]]:
    """Run a script to its end and return every result set."""
    found: list[list[list[Any]]] = []
    for batch, _ in split_batches(script):
        cursor = connection.cursor().execute(batch)
        more: bool | None = True
        while more:
            if cursor.description is not None:
                found.append([[plain(value) for value in row] for row in cursor.fetchall()])
            more = cursor.nextset()
    return found


@pytest.fixture
def connection(tmp_path: Path) -> Any:
    """An empty database."""
    with connect(tmp_path / "lung.db") as opened:
        yield opened


@pytest.mark.parametrize("case", CONSTRUCTS["cases"], ids=lambda case: case["name"])
def test_a_construct_gives_the_rows_of_sql_server(connection: Connection, case: dict[str, Any]) -> None:
    """Each query gives what SQL Server gives, or is refused by name where the contract leaves it out."""
    for text in CONSTRUCTS["fixture"]:
        results(connection, text)
    if case["name"] in REFUSED:
        with pytest.raises(SqlError, match=rf"{REFUSED[case['name']]}.* not supported .*line 1") as refused:
            results(connection, case["sql"])
        assert refused.value.number == 40517
    elif case["expected"] == "ERROR":
        with pytest.raises(SqlError):
            results(connection, case["sql"])
    else:
        rows = results(connection, case["sql"])[-1]
        assert len(rows) == len(case["expected"])
        for row, expected in zip(rows, case["expected"], strict=True):
            assert row == pytest.approx(expected) if _numeric(expected) else row == expected


@pytest.mark.parametrize("case", PROCEDURAL["cases"], ids=lambda case: case["name"])
def test_a_batch_does_what_sql_server_does(connection: Connection, case: dict[str, Any]) -> None:
    """Each batch gives the recorded result sets, or one of the recorded error numbers."""
    for text in case["before"]:
        results(connection, text)
    batch = case["batch"].replace("{db}", "lung")
    if isinstance(case["expected"], dict):
        with pytest.raises(SqlError) as raised:
            results(connection, batch)
        assert raised.value.number in case["expected"]["error"]
        return
    found = results(connection, batch)
    assert [len(rows) for rows in found] == [len(rows) for rows in case["expected"]]
    for rows, expected_rows in zip(found, case["expected"], strict=True):
        for row, expected in zip(rows, expected_rows, strict=True):
            assert row == pytest.approx(expected) if _numeric(expected) else row == expected


def _numeric(row: list[Any]) -> bool:
    return all(isinstance(value, int | float) for value in row)
