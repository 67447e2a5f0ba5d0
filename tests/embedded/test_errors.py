"""What an error ends: its statement, its batch, its transaction; TRY, CATCH and transactions."""

from __future__ import annotations

import pytest

from lungdb.embedded.running.connection import Connection
from tests.embedded.running import error, rows, say, value


@pytest.fixture
def table(connection: Connection) -> Connection:
    """A table with one row, k = 1."""
    say(connection, "CREATE TABLE t (k INT PRIMARY KEY); INSERT INTO t VALUES (1)")
    return connection


STATE = "SELECT @@TRANCOUNT, XACT_STATE(), (SELECT COUNT(*) FROM t)"


@pytest.mark.parametrize(
    ("batch", "order", "state"),
    [
        # A violated constraint, a division by zero and RAISERROR end their statement only.
        ("INSERT INTO t VALUES (1); PRINT 1", ["error", "message"], (0, 0, 1)),
        ("SELECT 1 / 0; PRINT 1", ["error", "message"], (0, 0, 1)),
        ("RAISERROR(N'x', 16, 1); PRINT 1", ["error", "message"], (0, 0, 1)),
        ("EXEC nope; PRINT 1", ["error", "message"], (0, 0, 1)),
        ("BEGIN TRANSACTION; INSERT INTO t VALUES (2); INSERT INTO t VALUES (1); PRINT "
        "1", ["count", "error", "message"], (1, 1, 2)),
        # A failed conversion ends the batch and rolls back; THROW ends the batch, the transaction stays.
        ("BEGIN TRANSACTION; INSERT INTO t VALUES (2); SELECT CAST(N'x' AS INT); PRINT "
        "1", ["count", "error"], (0, 0, 1)),
        ("BEGIN TRANSACTION; INSERT INTO t VALUES (2); THROW 50001, N'x', 1; PRINT 1", ["count", "error"], (1, 1, 2)),
        ("BEGIN TRANSACTION; INSERT INTO t VALUES (2); SELECT nope FROM t; PRINT 1", ["count", "error"], (1, 1, 2)),
        # XACT_ABORT: everything but RAISERROR rolls back and ends the batch.
        ("SET XACT_ABORT ON; BEGIN TRANSACTION; INSERT INTO t VALUES (2); INSERT INTO t VALUES (1); PRINT "
        "1", ["count", "error"], (0, 0, 1)),
        ("SET XACT_ABORT ON; BEGIN TRANSACTION; INSERT INTO t VALUES (2); THROW 50001, N'x', "
        "1", ["count", "error"], (0, 0, 1)),
        ("SET XACT_ABORT ON; BEGIN TRANSACTION; INSERT INTO t VALUES (2); RAISERROR(N'x', 16, 1); PRINT "
        "1", ["count", "error", "message"], (1, 1, 2)),
        # Counting.
        ("BEGIN TRANSACTION; BEGIN TRANSACTION; INSERT INTO t VALUES (2); COMMIT", ["count"], (1, 1, 2)),
        ("BEGIN TRANSACTION; BEGIN TRANSACTION; INSERT INTO t VALUES (2); ROLLBACK", ["count"], (0, 0, 1)),
        ("BEGIN TRANSACTION; SAVE TRANSACTION s; INSERT INTO t VALUES (2); ROLLBACK TRANSACTION s; "
        "COMMIT", ["count"], (0, 0, 1)),
        ("BEGIN TRANSACTION a; INSERT INTO t VALUES (2); ROLLBACK TRANSACTION a", ["count"], (0, 0, 1)),
    ],
)  # fmt: skip
def test_an_error_ends_what_it_ends_in_sql_server(
    table: Connection, batch: str, order: list[str], state: tuple[int, int, int]
) -> None:
    """The steps of the batch, and the transaction, its state and the rows after it."""
    said = say(table, batch)
    assert said.order == order
    assert rows(table, STATE) == [state]


@pytest.mark.parametrize(
    ("body", "state"),
    [
        ("INSERT INTO t VALUES (1)", 1),
        ("THROW 50001, N'x', 1", 1),
        ("SELECT CAST(N'x' AS INT)", -1),
        ("SET XACT_ABORT ON; INSERT INTO t VALUES (1)", -1),
        ("SET XACT_ABORT ON; RAISERROR(N'x', 16, 1)", 1),
    ],
)
def test_xact_state_in_catch_tells_whether_the_transaction_can_be_committed(
    table: Connection, body: str, state: int
) -> None:
    """With and without XACT_ABORT; a doomed transaction takes no more writes and no COMMIT."""
    said = say(
        table,
        f"BEGIN TRY BEGIN TRANSACTION; INSERT INTO t VALUES (5); {body}; END TRY\n"
        "BEGIN CATCH SELECT XACT_STATE(); BEGIN TRY COMMIT; END TRY BEGIN CATCH SELECT ERROR_NUMBER(); "
        "ROLLBACK; END CATCH; END CATCH",
    )
    assert said.results[-1 if state == 1 else -2] == [(state,)]
    assert value(table, "SELECT COUNT(*) FROM t WHERE k = 5") == (1 if state == 1 else 0)
    if state == -1:
        assert said.results[-1] == [(3930,)]


def test_a_doomed_transaction_is_rolled_back_at_the_end_of_the_batch(table: Connection) -> None:
    """Error 3998 says so."""
    said = say(
        table, "BEGIN TRY BEGIN TRANSACTION; SELECT CAST(N'x' AS INT); END TRY BEGIN CATCH PRINT N'caught'; END CATCH"
    )
    assert ([each.number for each in said.errors], said.messages) == ([3998], ["caught"])
    assert rows(table, STATE) == [(0, 0, 1)]


def test_catch_knows_the_error_and_throw_passes_it_on_as_it_was(table: Connection) -> None:
    """Number, severity, state, line and procedure; also inside what CATCH calls, and not after it."""
    say(
        table,
        "CREATE PROCEDURE bad AS\nBEGIN\n  RAISERROR(N'%s: %d', 14, 7, N'low', 3)\nEND\nGO\n"
        "CREATE PROCEDURE tells AS SELECT ERROR_NUMBER(), ERROR_MESSAGE(), ERROR_SEVERITY(), ERROR_STATE(), "
        "ERROR_LINE(), ERROR_PROCEDURE()",
    )
    said = say(table, "BEGIN TRY\nEXEC bad\nEND TRY\nBEGIN CATCH\nEXEC tells;\nTHROW;\nEND CATCH\nPRINT N'not here'")
    assert said.results == [[(50000, "low: 3", 14, 7, 3, "bad")]]
    (raised,) = said.errors
    assert (raised.number, raised.line, raised.procedure, raised.severity, raised.state) == (50000, 3, "bad", 14, 7)
    assert said.messages == []
    assert value(table, "BEGIN TRY THROW 50001, N'x', 1; END TRY BEGIN CATCH END CATCH; SELECT ERROR_NUMBER()") is None


def test_catch_blocks_nest(table: Connection) -> None:
    """An error inside CATCH goes to the outer TRY, whose ERROR_MESSAGE() is the inner one's."""
    batch = (
        "BEGIN TRY BEGIN TRY THROW 50001, N'one', 1; END TRY BEGIN CATCH THROW 50002, N'two', 1; END CATCH; END TRY "
        "BEGIN CATCH BEGIN TRY SELECT 1 / 0; END TRY BEGIN CATCH SELECT ERROR_NUMBER(); END CATCH; SELECT "
        "ERROR_MESSAGE(); END CATCH"
    )
    assert say(table, batch).results == [[(8134,)], [("two",)]]


def test_loops_leave_try_as_they_leave_blocks(table: Connection) -> None:
    """CONTINUE, BREAK and RETURN out of TRY, and errors afterwards are not taken for inside it."""
    batch = (
        "DECLARE @i INT = 0; WHILE 1 = 1 BEGIN SET @i = @i + 1; BEGIN TRY IF @i = 2 CONTINUE; IF @i > 3 BREAK; "
        "PRINT @i; "
        "END TRY BEGIN CATCH PRINT N'no'; END CATCH; END; SELECT 1 / 0; PRINT N'on'"
    )
    said = say(table, batch)
    assert (said.messages, [each.number for each in said.errors]) == (["1", "3", "on"], [8134])


@pytest.mark.parametrize(
    ("batch", "number"),
    [
        ("COMMIT", 3902),
        ("ROLLBACK", 3903),
        ("SAVE TRANSACTION s", 628),
        ("THROW", 10704),
        ("THROW 10, N'x', 1", 35100),
        ("RAISERROR(N'x', 20, 1)", 2754),
        ("RAISERROR(N'%d', 16, 1, N'x')", 2786),
        ("CREATE PROCEDURE p AS BEGIN TRANSACTION\nGO\nEXEC p", 266),
        ("BREAK", 135),
        ("CONTINUE", 136),
        ("USE elsewhere", 911),
    ],
)
def test_a_statement_out_of_place_has_sql_servers_number(table: Connection, batch: str, number: int) -> None:
    """COMMIT without BEGIN and the like."""
    assert error(table, batch).number == number


def test_table_variables_outlive_a_rollback_and_temporary_tables_follow_it(table: Connection) -> None:
    """What was noted in a table variable is still there to be reported."""
    said = say(
        table,
        "SET NOCOUNT ON; CREATE TABLE #t (i INT); DECLARE @t TABLE (id INT IDENTITY, i INT PRIMARY KEY); BEGIN "
        "TRANSACTION; "
        "INSERT INTO #t VALUES (1); INSERT INTO @t (i) VALUES (1); CREATE TABLE #u (i INT); ROLLBACK; "
        "INSERT INTO @t (i) VALUES (2); SELECT id, i FROM @t; SELECT COUNT(*) FROM #t; SELECT OBJECT_ID(N'tempdb..#u')",
    )
    assert said.results == [[(1, 1), (2, 2)], [(0,)], [(None,)]]


def test_row_count_and_error_number_are_of_the_last_statement(table: Connection) -> None:
    """@@ROWCOUNT and @@ERROR."""
    assert value(table, "INSERT INTO t VALUES (2), (3); SELECT @@ROWCOUNT") == 2
    assert value(table, "SELECT k FROM t; SELECT @@ROWCOUNT") == 3
    assert say(table, "INSERT INTO t VALUES (1); SELECT @@ERROR; SELECT @@ERROR").results == [[(2627,)], [(0,)]]


def test_severity_decides_between_message_and_error(table: Connection) -> None:
    """RAISERROR to 10 is a message, above an error; printf formats are filled in."""
    said = say(table, "RAISERROR(N'%s %d%%', 10, 1, N'at', 50) WITH NOWAIT; RAISERROR(N'bad', 11, 2)")
    assert (said.messages, said.errors[0].severity, said.errors[0].state) == (["at 50%"], 11, 2)


@pytest.mark.parametrize(
    "text", ["SELECT N'\udcff'", "SELECT 1 -- \udcff", "SELECT [\udcff] FROM t", "EXECUTE (N'\udcff')"]
)
def test_bytes_that_are_no_text_are_a_syntax_error(connection: Connection, text: str) -> None:
    """Python reads a byte that is no UTF-8 as half a character; the error shows which."""
    found = error(connection, text)
    assert found.number == 102
    assert "\\udcff" in found.message


def test_half_a_character_is_refused_as_a_parameter_and_as_json(connection: Connection) -> None:
    """SQLite's text is UTF-8, which cannot say it."""
    assert error(connection, "SELECT ?", "a\udcff").number == 8023
    for text in ("SELECT JSON_VALUE(N'{\"a\":\"\\ud800\"}', '$.a')", "SELECT * FROM OPENJSON(N'{\"\\ud800\":1}')"):
        assert error(connection, text).number == 9833
    assert value(connection, "SELECT JSON_VALUE(N'{\"a\":\"\\ud83d\\ude00\"}', '$.a')") == "\U0001f600"
