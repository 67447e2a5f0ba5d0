"""The DB-API: steps, parameters, values, several cursors, big results."""

from __future__ import annotations

import datetime
import decimal
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from lungdb.embedded.running import connection as embedded
from lungdb.embedded.running.connection import Connection, connect
from lungdb.errors import SqlError
from tests.embedded.running import error, rows, say, value


def test_the_module_says_what_db_api_asks() -> None:
    """PEP 249's globals."""
    assert (embedded.apilevel, embedded.threadsafety, embedded.paramstyle) == ("2.0", 1, "qmark")


def test_steps_come_in_the_order_of_the_batch(connection: Connection) -> None:
    """Messages, results and counts; NOCOUNT leaves the counts out."""
    batch = (
        "CREATE TABLE t (i INT); PRINT N'a'; INSERT INTO t VALUES (1), (2); SELECT i FROM t; PRINT N'b'; DELETE FROM t"
    )
    said = say(connection, batch)
    assert (said.order, said.counts) == (["message", "count", "result", "message", "count"], [2, 2])
    assert say(connection, "SET NOCOUNT ON; INSERT INTO t VALUES (1); SELECT 1").order == ["result"]
    say(connection, "SET NOCOUNT OFF")


def test_a_message_is_seen_while_the_batch_still_runs(connection: Connection) -> None:
    """The second message cannot have been written yet when the first is there."""
    cursor = connection.cursor()
    begun = time.monotonic()
    cursor.execute("RAISERROR(N'first', 0, 1) WITH NOWAIT; WAITFOR DELAY '00:00:01'; PRINT N'second'")
    assert [message.text for message in cursor.messages] == ["first"]
    assert cursor.nextset()
    assert [message.text for message in cursor.messages] == ["second"]
    assert time.monotonic() - begun >= 1
    assert cursor.nextset() is None


def test_a_message_tells_where_it_comes_from(connection: Connection) -> None:
    """Number, severity, state, procedure, line."""
    say(connection, "CREATE PROCEDURE p AS\nBEGIN\n  RAISERROR(N'x', 5, 3)\nEND")
    cursor = connection.cursor().execute("EXEC p")
    (message,) = cursor.messages
    assert (message.severity, message.state, message.procedure, message.line, message.text) == (5, 3, "p", 3, "x")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (5, 5),
        (2**40, 2**40),
        (2**70, decimal.Decimal(2**70)),
        (True, True),
        (1.25, 1.25),
        ("ä€😀", "ä€😀"),
        ("x" * 5000, "x" * 5000),
        (b"\x00\xff", b"\x00\xff"),
        (b"", b""),
        (bytearray(b"ab"), b"ab"),
        (None, None),
        (decimal.Decimal("-12.50"), decimal.Decimal("-12.50")),
        (datetime.datetime(2024, 2, 29, 23, 59, 59, 123456), datetime.datetime(2024, 2, 29, 23, 59, 59, 123456)),
        (datetime.date(2024, 2, 29), datetime.date(2024, 2, 29)),
        (datetime.time(1, 2, 3), datetime.time(1, 2, 3)),
        (uuid.UUID(int=5), str(uuid.UUID(int=5)).upper()),
    ],
    ids=repr,
)
def test_a_parameter_comes_back_as_the_value_it_was(connection: Connection, sent: object, expected: object) -> None:
    """Through SELECT, through a variable of dynamic SQL, and its type in the description."""
    cursor = connection.cursor().execute("SELECT ? AS v", (sent,))
    assert cursor.description is not None
    (name, kind, *_), (found,) = cursor.description[0], cursor.fetchone() or (None,)
    assert (name, found) == ("v", expected)
    assert expected is None or type(found) is kind


@pytest.mark.parametrize(
    ("declared", "sent", "expected"),
    [
        ("BIT", 1, True),
        ("TINYINT", 255, 255),
        ("BIGINT", -(2**63), -(2**63)),
        ("DECIMAL(9, 3)", decimal.Decimal("1.2345"), decimal.Decimal("1.235")),
        ("MONEY", 1.5, decimal.Decimal("1.5000")),
        ("REAL", 0.1, 0.10000000149011612),
        ("FLOAT", 3, 3.0),
        ("NVARCHAR(MAX)", "€" * 9000, "€" * 9000),
        ("CHAR(4)", "ab", "ab  "),
        ("VARBINARY(MAX)", None, None),
        ("BINARY(3)", b"\x01", b"\x01\x00\x00"),
        ("DATE", "2024-02-29", datetime.date(2024, 2, 29)),
        ("DATETIME2(3)", "2024-02-29 12:00:00.1235", datetime.datetime(2024, 2, 29, 12, 0, 0, 124000)),
        ("TIME(0)", "12:30:01", datetime.time(12, 30, 1)),
        ("UNIQUEIDENTIFIER", str(uuid.UUID(int=9)), str(uuid.UUID(int=9)).upper()),
    ],
)  # fmt: skip
def test_a_column_gives_the_python_value_of_its_type(
    connection: Connection, declared: str, sent: object, expected: object
) -> None:
    """Rounded, padded and converted as the column says."""
    say(connection, f"CREATE TABLE t (v {declared})")
    say(connection, "INSERT INTO t (v) VALUES (?)", sent)
    found = value(connection, "SELECT v FROM t")
    assert (found, type(found)) == (expected, type(expected))


def test_parameters_stand_wherever_an_expression_may(connection: Connection) -> None:
    """TOP, WHERE, IF, SET, VALUES, LIKE and a function's argument, counted from left to right."""
    said = say(
        connection,
        "DECLARE @a INT = ?; IF @a = ? PRINT ?; SELECT TOP (?) v FROM (VALUES (?), (?)) AS q (v) WHERE v LIKE ? "
        "ORDER BY v; "
        "SELECT LEN(?)",
        4, 4, "yes", 1, "b", "ab", "%b", "four",
    )  # fmt: skip
    assert (said.messages, said.results) == (["yes"], [[("ab",)], [(4,)]])
    assert error(connection, "SELECT ?, ?", 1).number == 8179
    assert error(connection, "SELECT 1", 1).number == 8179
    with pytest.raises(SqlError, match="nan is not a valid float"):
        connection.execute("SELECT ?", (float("nan"),))


def test_null_goes_into_a_column_of_any_type(connection: Connection) -> None:
    """None has no type of its own."""
    say(
        connection,
        "CREATE TABLE t (a INT, b VARBINARY(9), c DATETIME2, d DECIMAL(5, 2), e BIT, f FLOAT, g NVARCHAR(9))",
    )
    connection.cursor().executemany(
        "INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?)", [[None] * 7, [1, b"x", None, 2, True, 3, "g"]]
    )
    assert rows(connection, "SELECT * FROM t")[0] == (None,) * 7


def test_executemany_inserts_all_rows_or_none(connection: Connection) -> None:
    """Texts of different lengths share a plan; the duplicate in the last row takes all away."""
    say(connection, "CREATE TABLE many (k INT PRIMARY KEY, n NVARCHAR(50))")
    cursor = connection.cursor()
    cursor.executemany(
        "INSERT INTO many (k, n) VALUES (?, ?)", [(number, "x" * (number % 50)) for number in range(500)]
    )
    assert cursor.rowcount == 500
    with pytest.raises(SqlError) as raised:
        cursor.executemany("INSERT INTO many (k, n) VALUES (?, ?)", [(1000, "a"), (1, "b")])
    assert raised.value.number == 2627
    assert value(connection, "SELECT COUNT(*) FROM many") == 500
    unit = connection.session.unit("INSERT INTO many (k, n) VALUES (?, ?)")
    assert len(unit.shared_plans) == 1


def test_rows_come_as_they_are_asked_for(connection: Connection) -> None:
    """A million rows are not made to give the first three."""
    cursor = connection.cursor()
    begun = time.monotonic()
    cursor.execute("WITH n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT i FROM n OPTION (MAXRECURSION 0)")
    assert cursor.fetchmany(3) == [(1,), (2,), (3,)]
    cursor.close()
    assert time.monotonic() - begun < 5


def test_an_error_among_the_rows_is_raised_by_the_fetch_or_caught_by_catch(connection: Connection) -> None:
    """Rows before it are given; Python's sqlite3 reads one row ahead, so the last of them may be lost."""
    query = "SELECT 6 / (i - 4) AS x FROM (VALUES (1), (2), (3), (4)) AS q (i)"
    cursor = connection.cursor().execute(query)
    with pytest.raises(SqlError) as raised:
        cursor.fetchall()
    assert raised.value.number == 8134
    cursor.execute(query)
    assert cursor.fetchmany(2) == [(-2,), (-3,)]
    cursor.execute(f"BEGIN TRY {query}; PRINT N'no'; END TRY BEGIN CATCH SELECT ERROR_NUMBER(); END CATCH")
    assert cursor.fetchall()[:2] == [(-2,), (-3,)]
    assert cursor.nextset()
    assert cursor.fetchall() == [(8134,)]


def test_two_cursors_do_not_disturb_each_other(connection: Connection) -> None:
    """One reads while the other drops the table it reads from and rolls back."""
    say(connection, "CREATE TABLE t (i INT); INSERT INTO t VALUES (1), (2), (3)")
    first = connection.cursor().execute("SELECT i FROM t ORDER BY i; PRINT N'end'")
    assert first.fetchone() == (1,)
    say(connection, "BEGIN TRANSACTION; DELETE FROM t; ROLLBACK; SELECT 1; DROP TABLE t")
    assert first.fetchall() == [(2,), (3,)]
    assert first.nextset()
    assert [message.text for message in first.messages] == ["end"]


def test_what_is_left_of_a_closed_cursors_batch_does_not_run(connection: Connection) -> None:
    """As with ODBC: whoever stops reading stops the batch."""
    say(connection, "CREATE TABLE t (i INT)")
    with connection.cursor() as cursor:
        cursor.execute("PRINT N'x'; INSERT INTO t VALUES (1)")
    assert value(connection, "SELECT COUNT(*) FROM t") == 0


def test_commit_and_rollback_end_the_transaction_that_tsql_began(connection: Connection) -> None:
    """The DB-API's methods; without a transaction they do nothing."""
    connection.commit()
    connection.rollback()
    say(connection, "CREATE TABLE t (i INT); BEGIN TRANSACTION; BEGIN TRANSACTION; INSERT INTO t VALUES (1)")
    connection.rollback()
    assert rows(connection, "SELECT COUNT(*), @@TRANCOUNT FROM t") == [(0, 0)]
    say(connection, "BEGIN TRANSACTION; BEGIN TRANSACTION; INSERT INTO t VALUES (1)")
    connection.commit()
    assert rows(connection, "SELECT COUNT(*), @@TRANCOUNT FROM t") == [(1, 0)]


def test_closing_loses_the_open_transaction_and_refuses_more(tmp_path: Path) -> None:
    """A second connection sees what was committed."""
    with connect(tmp_path / "x.db") as connection:
        say(connection, "CREATE TABLE t (i INT); INSERT INTO t VALUES (1); BEGIN TRANSACTION; INSERT INTO t VALUES (2)")
    connection.close()
    with pytest.raises(SqlError, match="closed"):
        connection.cursor().execute("SELECT 1")
    with connect(tmp_path / "x.db") as connection:
        assert value(connection, "SELECT COUNT(*) FROM t") == 1


def test_fetching_without_a_result_set_is_refused(connection: Connection) -> None:
    """And after the last row there is None, as often as asked."""
    cursor = connection.cursor().execute("DECLARE @i INT")
    assert cursor.description is None
    with pytest.raises(SqlError, match="no result set"):
        cursor.fetchall()
    cursor.execute("SELECT 1")
    assert [cursor.fetchone(), cursor.fetchone(), cursor.fetchone()] == [(1,), None, None]
    assert list(connection.execute("SELECT 1 UNION ALL SELECT 2")) == [(1,), (2,)]


def test_a_value_of_a_hundred_megabytes_passes_unchanged(connection: Connection) -> None:
    """As bytes in, hexadecimal text through a view, bytes out."""
    blob = bytes(range(256)) * (16 << 12)
    say(
        connection,
        "CREATE TABLE t (v VARBINARY(MAX))\nGO\nCREATE VIEW h AS SELECT CONVERT(VARCHAR(MAX), v, 2) AS x FROM t",
    )
    say(connection, "INSERT INTO t VALUES (?)", blob)
    assert value(connection, "SELECT CONVERT(VARBINARY(MAX), x, 2) FROM h") == blob
    assert value(connection, "SELECT DATALENGTH(v) FROM t") == len(blob)


def test_another_thread_may_use_the_connection_after_this_one(connection: Connection) -> None:
    """One at a time, as threadsafety 1 says."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(value(connection, "SELECT 5")))
    thread.start()
    thread.join()
    assert found == [5]
