"""Procedures, dynamic SQL, and what is in sight inside them."""

from __future__ import annotations

import pytest

from lungdb.embedded.running.connection import Connection
from tests.embedded.running import error, rows, say, value


@pytest.fixture
def procedure(connection: Connection) -> Connection:
    """A procedure with a default and an OUTPUT parameter."""
    say(
        connection,
        "CREATE PROCEDURE dbo.p @a INT, @b NVARCHAR(5) = N'dflt', @c INT = NULL OUTPUT AS\n"
        "BEGIN SET NOCOUNT ON; SET @c = @a + 1; SELECT @a AS a, @b AS b; RETURN 3; END",
    )
    return connection


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("EXEC p 1", (1, "dflt")),
        ("EXECUTE dbo.p 1, DEFAULT", (1, "dflt")),
        ("EXEC clinic.dbo.p @b = N'longer than five', @a = '5'", (5, "longe")),
        ("EXEC clinic..p -7, NULL", (-7, None)),
        ("EXEC [p] 1, word", (1, "word")),
        ('EXEC p 1, "t w"', (1, "t w")),
        ("DECLARE @n NVARCHAR(20) = N'dbo.p'; EXEC @n 2", (2, "dflt")),
        ("p 4", (4, "dflt")),
        ("EXEC sp_executesql N'EXEC p @x, @y', N'@x INT, @y NVARCHAR(9)', 6, N'y'", (6, "y")),
        ("EXEC (N'EXEC p ' + N'8')", (8, "dflt")),
        ("EXEC p 1 WITH RESULT SETS ((x FLOAT, y NVARCHAR(2)))", (1.0, "df")),
    ],
)
def test_every_form_of_a_call_passes_its_arguments(
    procedure: Connection, call: str, expected: tuple[object, ...]
) -> None:
    """By position and name, by default, as bare words and double-quoted text, by variable name, as text."""
    assert rows(procedure, call) == [expected]


def test_parameters_of_the_client_stand_in_a_call(procedure: Connection) -> None:
    """``?`` as an argument, and an OUTPUT value and RETURN beside it."""
    script = "DECLARE @o INT, @r INT; EXEC @r = p @a = ?, @b = ?, @c = @o OUTPUT; SELECT @o, @r"
    assert say(procedure, script, 7, "hey").results == [[(7, "hey")], [(8, 3)]]


@pytest.mark.parametrize(
    ("call", "number"),
    [
        ("EXEC p", 201),
        ("EXEC p 1, 2, 3, 4", 8144),
        ("EXEC p @a = 1, @nope = 2", 8145),
        ("EXEC p 1, @a = 1", 8143),
        ("EXEC p @a = 1, 2", 119),
        ("EXEC p @a = N'x'", 245),
        ("DECLARE @x INT; EXEC p @x OUTPUT", 8162),
        ("EXEC p 1 OUTPUT", 179),
        ("EXEC nope", 2812),
        ("EXEC other.dbo.p 1", 2812),
        ("EXEC p 1 WITH RESULT SETS ((x INT))", 11537),
        ("EXEC p 1 WITH RESULT SETS ((x INT, y NVARCHAR(5)), (z INT))", 11536),
        ("EXEC p 1 WITH RESULT SETS NONE", 11535),
        ("EXEC sp_executesql N'SELECT @x', N'@x INT'", 201),
        ("EXEC sp_executesql N'SELECT @y', N'@x INT', 1", 137),
        ("CREATE PROCEDURE p AS PRINT 1", 2714),
        ("PRINT 1; CREATE PROCEDURE q AS PRINT 1", 111),
        ("ALTER PROCEDURE nope AS PRINT 1", 208),
    ],
)
def test_a_wrong_call_has_sql_servers_number(procedure: Connection, call: str, number: int) -> None:
    """Arguments missing, too many, unknown, of another type."""
    assert error(procedure, call).number == number


def test_errors_carry_procedure_and_line_of_where_they_arose(connection: Connection) -> None:
    """Lines count in the batch that created the procedure, from its first line."""
    say(
        connection,
        "-- line 1\n\nCREATE PROCEDURE inner_one AS\nBEGIN\n    SET NOCOUNT ON;\n    SELECT\n        1 / 0;\nEND\nGO\n"
        "CREATE PROCEDURE outer_one AS\nEXEC inner_one",
    )
    raised = error(connection, "\n\nEXEC outer_one")
    assert (raised.procedure, raised.line, raised.number) == ("inner_one", 6, 8134)
    raised = error(connection, "\nSELECT 1;\n\nSELECT nope;")
    assert (raised.procedure, raised.line) == (None, 4)
    raised = error(connection, "SELECT 1;\nSELECT 2;\n  SELEKT 3;")
    assert (raised.number, raised.line, raised.severity) == (102, 3, 15)
    raised = error(connection, "\n\nEXEC (N'SELECT 1;\nSELECT 1 +')")
    assert (raised.number, raised.line) == (102, 2)


def test_a_temporary_table_is_seen_inside_and_gone_outside(connection: Connection) -> None:
    """The batch's by procedures and later batches, a procedure's own by what it calls only."""
    say(
        connection,
        "CREATE PROCEDURE reads AS SELECT COUNT(*) FROM #t\nGO\n"
        "CREATE PROCEDURE makes AS BEGIN CREATE TABLE #t (i INT); INSERT INTO #t VALUES (1), (2); EXEC reads; END",
    )
    assert value(connection, "SET NOCOUNT ON; EXEC makes") == 2
    assert error(connection, "EXEC reads").number == 208
    assert value(connection, "SET NOCOUNT ON; CREATE TABLE #t (i INT); INSERT INTO #t VALUES (9); EXEC reads") == 1
    assert say(connection, "EXEC makes; EXEC reads").results == [[(2,)], [(1,)]]
    assert value(connection, "EXEC (N'INSERT INTO #t VALUES (8)'); SELECT COUNT(*) FROM #t") == 2
    assert error(connection, "CREATE TABLE #t (i INT)").number == 2714
    assert error(connection, "DROP TABLE #t; DROP TABLE #t").number == 3701


def test_the_same_procedure_works_on_temporary_tables_of_different_shape(connection: Connection) -> None:
    """A plan made for one #t is not used for another."""
    say(connection, "CREATE PROCEDURE sees AS SELECT * FROM #t")
    assert rows(connection, "SELECT 1 AS a INTO #t; EXEC sees; DROP TABLE #t") == [(1,)]
    assert rows(connection, "SELECT N'x' AS b, 2.5E0 AS c INTO #t; EXEC sees; DROP TABLE #t") == [("x", 2.5)]


def test_a_view_that_is_altered_changes_what_a_procedure_gives(connection: Connection) -> None:
    """A plan made for the old view is not used for the new one."""
    say(connection, "CREATE VIEW v AS SELECT 1 AS i\nGO\nCREATE PROCEDURE p AS SELECT i FROM v")
    assert value(connection, "EXEC p") == 1
    say(connection, "ALTER VIEW v AS SELECT N'two' AS i")
    assert value(connection, "EXEC p") == "two"


def test_variables_are_of_their_batch_and_their_procedure(connection: Connection) -> None:
    """The caller's @x is not the procedure's; a table variable is not seen by dynamic SQL."""
    say(connection, "CREATE PROCEDURE p @x INT AS SET @x = @x + 1")
    assert value(connection, "DECLARE @x INT = 1; EXEC p @x; SELECT @x") == 1
    assert error(connection, "DECLARE @t TABLE (i INT); EXEC (N'SELECT * FROM @t')").number == 1087
    assert error(connection, "DECLARE @x INT; EXEC (N'SELECT @x')").number == 137
    assert error(connection, "DECLARE @x INT; DECLARE @X INT").number == 134


def test_options_that_a_procedure_sets_end_with_it(connection: Connection) -> None:
    """NOCOUNT and XACT_ABORT of the caller stay as they were."""
    say(
        connection,
        "CREATE TABLE t (i INT)\nGO\nCREATE PROCEDURE p AS BEGIN SET NOCOUNT ON; SET XACT_ABORT ON; INSERT INTO "
        "t VALUES (1); END",
    )
    assert say(connection, "EXEC p; INSERT INTO t VALUES (2)").counts == [1]


def test_calls_nest_to_the_depth_of_sql_server(connection: Connection) -> None:
    """32 levels."""
    say(
        connection,
        "CREATE PROCEDURE r @n INT AS IF @n > 0 BEGIN SET @n = @n - 1; EXEC r @n; END ELSE PRINT @@NESTLEVEL",
    )
    assert say(connection, "EXEC r 31").messages == ["32"]
    assert error(connection, "EXEC r 32").number == 217


def test_session_context_lasts_from_batch_to_batch(connection: Connection) -> None:
    """A key set read-only stays as it is; an unknown key is NULL."""
    say(
        connection,
        "EXEC sp_set_session_context N'user', N'me'; EXEC sp_set_session_context @key = N'k', @value = 5, "
        "@read_only = 1",
    )
    query = "SELECT CAST(SESSION_CONTEXT(N'USER') AS NVARCHAR(9)), SESSION_CONTEXT(N'k'), SESSION_CONTEXT(N'nope')"
    assert rows(connection, query) == [("me", 5, None)]
    assert error(connection, "EXEC sp_set_session_context N'k', 6").number == 15664


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("SELECT 1\n\nMERGE INTO t USING u ON 1 = 1 WHEN MATCHED THEN DELETE", "MERGE"),
        ("\n\nGRANT SELECT (a) ON t TO public", "A right on columns"),
        ("\n\nDECLARE c CURSOR FOR SELECT 1", "cursor"),
        ("\n\nSELECT 1 FOR JSON PATH", "FOR JSON"),
        ("\n\nSELECT TOP (10) PERCENT 1 AS i", "PERCENT"),
        ("\n\nSELECT TOP (1) WITH TIES 1 AS i", "TIES"),
        ("\n\nSELECT a.i FROM (SELECT 1 AS i) AS a CROSS APPLY (SELECT 2 AS j) AS b", "APPLY"),
        ("\n\nCREATE FUNCTION f () RETURNS INT AS BEGIN RETURN 1 END", "FUNCTION"),
        ("\n\nCREATE TRIGGER tr ON t AFTER INSERT AS PRINT 1", "TRIGGER"),
        ("\n\nSELECT dbo.f(1)", "dbo.f"),
        ("\n\nSELECT N'a' COLLATE Latin1_General_BIN2", "COLLATE"),
        ("\n\nCREATE TABLE c (i INT, j AS i * 2)", "computed"),
        ("\n\nSET DATEFORMAT dmy", "DATEFORMAT"),
        ("\n\nSET ANSI_NULLS OFF", "ANSI_NULLS OFF"),
        ("\n\nSELECT * FROM t PIVOT (SUM(a) FOR b IN ([x])) AS p", "PIVOT"),
        ("\n\nUPDATE t SET @x = 1", "@variable"),
        ("\n\nEXECUTE AS USER = 'x'", "EXECUTE AS"),
        ("\n\nGOTO label", "GOTO"),
        ("\n\nSELECT i FROM t GROUP BY ROLLUP (i)", "ROLLUP"),
        ("\n\nIF 1 > ALL (SELECT 1) PRINT 1", "ALL"),
    ],
)  # fmt: skip
def test_what_is_not_supported_is_refused_by_name_with_its_line(
    connection: Connection, statement: str, what: str
) -> None:
    """Before anything of the batch has run."""
    said = say(connection, statement)
    (raised,) = said.errors
    assert (raised.number, raised.line, said.results) == (40517, 3, [])
    assert what in raised.message
    assert "(line 3)" in raised.message
