"""The path through ODBC, as far as it goes without SQL Server: real pyodbc, with SQLite's ODBC driver as the server."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from lungdb.database import connect, run, sqlserver
from lungdb.errors import LungdbError, SqlError

try:
    import pyodbc
except ImportError as error:
    pytest.skip(f"pyodbc cannot be loaded: {error}", allow_module_level=True)

from lungdb.database.sqlserver import SqlServerConnection, sql_error

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
        (
            "[42000] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server][scan 7] was removed; [LIDC1] stays. "
            "(50211) (SQLExecDirectW)",
            50211,
            "[scan 7] was removed; [LIDC1] stays.",
        ),
        (
            "[IM002] [unixODBC][Driver Manager]Data source name not found and no default driver specified (0) "
            "(SQLDriverConnect)",
            0,
            "Data source name not found and no default driver specified",
        ),
        (
            "[HY000] [FreeTDS][SQL Server]No network is named 'x'. (50102) (SQLMoreResults)",
            50102,
            "No network is named 'x'.",
        ),
    ],
)
def test_number_and_text_are_read_from_what_odbc_says(text: str, number: int, message: str) -> None:
    """The forms are those that Microsoft's driver gives pyodbc, as its issue tracker quotes them."""
    error = sql_error(pyodbc.ProgrammingError(text[1:6], text))
    assert (error.number, error.message) == (number, message)


@pytest.mark.parametrize(
    ("state", "text", "is_lost"),
    [
        ("08S01", "Communication link failure (0) (SQLExecDirectW)", True),
        ("08001", "TCP Provider: Error code 0x2749 (10057) (SQLDriverConnect)", True),
        (
            "IMC06",
            "The connection is broken and recovery is not possible. The connection is marked by the client driver as "
            "unrecoverable. No attempt was made to restore the connection. (0) (SQLExecDirectW)",
            True,
        ),
        (
            "HY000",
            "[SQL Server]Cannot continue the execution because the session is in the kill state. (596) "
            "(SQLExecDirectW)",
            True,
        ),
        ("HY000", "[SQL Server]SHUTDOWN is in progress. (6005) (SQLExecDirectW)", True),
        ("HY000", "[SQL Server]The EXECUTE permission was denied. (229) (SQLExecDirectW)", False),
        ("42000", "[SQL Server]Lock request time out period exceeded. (1222) (SQLExecDirectW)", False),
        ("HYT00", "Query timeout expired (0) (SQLExecDirectW)", False),
    ],
)
def test_a_lost_connection_is_told_from_a_refusal_by_its_severity(state: str, text: str, is_lost: bool) -> None:
    """SQL Server gives errors that end a connection severity 20 and more; ODBC tells them by state or number."""
    error = sql_error(pyodbc.OperationalError(state, f"[{state}] [Microsoft][ODBC Driver 18 for SQL Server]{text}"))
    assert (error.severity >= 20) == is_lost


@pytest.mark.parametrize(
    ("state", "text", "number"),
    [
        ("HY000", "The driver did not supply an error!", 10054),
        (
            "08S01",
            "[08S01] [Microsoft][ODBC Driver 18 for SQL Server]Communication link failure (0) (SQLExecute)",
            10054,
        ),
        (
            "HY000",
            "[HY000] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]Cannot continue the execution because the "
            "session is in the kill state. (596) (SQLExecDirectW)",
            596,
        ),
    ],
)
def test_after_kill_there_is_a_number_and_what_to_do(state: str, text: str, number: int) -> None:
    """Drivers tell of KILL with a number, with a state alone, or with nothing."""
    error = sql_error(pyodbc.OperationalError(state, text))
    assert (error.number, error.severity) == (number, 20)
    assert error.message.endswith(". What was not committed is rolled back. Connect again.")


def test_an_error_that_pyodbc_itself_found_has_its_text() -> None:
    """Its arguments are text and state there, and a single text elsewhere."""
    unsupported = "ODBC SQL type -150 is not yet supported.  column-index=0  type=-150"
    assert sql_error(pyodbc.ProgrammingError(unsupported, "HY106")).message == unsupported
    assert sql_error(pyodbc.ProgrammingError("No results.  Previous SQL was not a query.")).message.startswith(
        "No results."
    )


@pytest.mark.skipif(SQLITE not in pyodbc.drivers(), reason="SQLite's ODBC driver (libsqliteodbc) is not installed")
def test_long_values_go_through_odbc_whole(tmp_path: Path) -> None:
    """Also beside short ones, in one row or in several, and after a statement that had none."""
    connection = connect(f"Driver={SQLITE};Database={tmp_path / 'x.db'}")
    run(connection, "CREATE TABLE t (i INTEGER, a TEXT, b BLOB)")
    long, blob = "é" * 3000 + "\N{GRINNING FACE}", bytes(range(256)) * 100
    cursor = connection.cursor()
    cursor.executemany("INSERT INTO t (i, a, b) VALUES (?, ?, ?)", [(1, "x", b""), (2, long, blob), (3, None, None)])
    cursor.execute("INSERT INTO t (i, a, b) VALUES (?, ?, ?)", (4, "y", b"z"))
    (result,) = run(connection, "SELECT i, a, b FROM t ORDER BY i")
    assert result.rows == [(1, "x", b""), (2, long, blob), (3, None, None), (4, "y", b"z")]
    connection.close()


def test_only_long_values_are_bound_as_max() -> None:
    """2,000 characters of UTF-16, a surrogate pair being two, fit into an nvarchar; the rest would be an ntext."""
    text, blob = (pyodbc.SQL_WVARCHAR, 0, 0), (pyodbc.SQL_VARBINARY, 0, 0)
    sizes = sqlserver.input_sizes([("a" * 2000, "a" * 2001, b"a" * 8000, b"a" * 8001, 7, "\N{GRINNING FACE}" * 1001)])
    assert sizes == [None, text, None, blob, None, text]
    assert sqlserver.input_sizes([(None, 1), ("a" * 2001, 2)]) == [text, None]
    assert sqlserver.input_sizes([()]) == []


@pytest.mark.skipif(SQLITE not in pyodbc.drivers(), reason="SQLite's ODBC driver (libsqliteodbc) is not installed")
def test_what_was_cut_off_says_so_as_an_sql_error(tmp_path: Path) -> None:
    """No error of pyodbc's own comes out of a new cursor, and closing the old one hides none that came before."""
    raw = pyodbc.connect(f"Driver={SQLITE};Database={tmp_path / 'x.db'}", autocommit=True)
    connection = SqlServerConnection(raw)
    cursor = connection.cursor().execute("SELECT 1")
    raw.close()
    cursor.close()
    with pytest.raises(SqlError):
        connection.cursor()


@pytest.mark.skipif("FreeTDS" not in pyodbc.drivers(), reason="FreeTDS's ODBC driver (tdsodbc) is not installed")
def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that takes connections and is silent, as a machine that hangs; a page must not wait on it."""
    monkeypatch.setattr(sqlserver, "LOGIN_SECONDS", 1)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        started = time.monotonic()
        with pytest.raises(SqlError):
            connect(f"Driver=FreeTDS;Server=127.0.0.1;Port={silent.getsockname()[1]};UID=a;PWD=b;TDS_Version=7.4")
        assert time.monotonic() - started < 10
