"""The path through ODBC, as far as it goes without SQL Server: real pyodbc, with SQLite's ODBC driver as the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from lungdb.database import connect, run
from lungdb.errors import LungdbError, SqlError

try:
    import pyodbc
except ImportError as error:
    pytest.skip(f"pyodbc cannot be loaded: {error}", allow_module_level=True)

from lungdb.database.sqlserver import sql_error

SQLITE = "SQLite3"


def test_a_missing_driver_or_server_is_told() -> None:
    """What ODBC says of a driver that is not there becomes a SqlError with its text."""
    with pytest.raises((SqlError, LungdbError), match=r"(?i)no such driver|Can't open lib|not found"):
        connect("Driver={No Such Driver};Server=nowhere")


@pytest.mark.skipif(SQLITE not in pyodbc.drivers(), reason="SQLite's ODBC driver (libsqliteodbc) is not installed")
def test_statements_go_through_odbc(tmp_path: Path) -> None:
    """Parameters, blobs, several rows, result sets and errors pass through the wrapper of a real ODBC connection."""
    connection = connect(f"Driver={SQLITE};Database={tmp_path / 'x.db'}")
    run(connection, "CREATE TABLE t (a INTEGER, b BLOB)")
    cursor = connection.cursor()
    cursor.executemany("INSERT INTO t (a, b) VALUES (?, ?)", [(1, b"\x00\xff"), (2, b"")])
    (result,) = run(connection, "SELECT a, b FROM t WHERE a = ?", (1,))
    assert result.columns == ("a", "b")
    assert result.rows == [(1, b"\x00\xff")]
    with pytest.raises(SqlError, match="no such table: nope"):
        run(connection, "SELECT x FROM nope")
    connection.close()


@pytest.mark.parametrize(
    ("text", "number", "message"),
    [
        (
            "[42000] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]No network is named 'x'. (50102) "
            "(SQLExecDirectW)",
            50102,
            "No network is named 'x'.",
        ),
        (
            "[42S02] [Microsoft][ODBC Driver 17 for SQL Server][SQL Server]Invalid object name 'dbo.Nope'. (208) "
            "(SQLExecDirectW); [42S02] [Microsoft][ODBC Driver 17 for SQL Server][SQL Server]Statement(s) could not be "
            "prepared. (8180)",
            208,
            "Invalid object name 'dbo.Nope'.",
        ),
    ],
)
def test_number_and_text_are_read_from_what_odbc_says(text: str, number: int, message: str) -> None:
    """The forms are those that Microsoft's driver gives pyodbc, as its issue tracker quotes them."""
    error = sql_error(pyodbc.ProgrammingError(text[1:6], text))
    assert (error.number, error.message) == (number, message)


@pytest.mark.parametrize(("state", "is_lost"), [("08S01", True), ("08001", True), ("42000", False), ("HYT00", False)])
def test_a_lost_connection_is_told_from_a_refusal_by_its_severity(state: str, is_lost: bool) -> None:
    """SQLSTATE class 08 is of connections; SQL Server gives errors that end one severity 20 and more."""
    error = sql_error(pyodbc.OperationalError(state, f"[{state}] [Microsoft][ODBC Driver 18 for SQL Server]Text (20)"))
    assert (error.severity >= 20) == is_lost
