"""INSERT, UPDATE, DELETE and TRUNCATE, and the constraints that watch over them."""

from __future__ import annotations

import pytest

from lungdb.embedded.running.connection import Connection
from tests.embedded.running import error, rows, say, value


@pytest.fixture
def table(connection: Connection) -> Connection:
    """A table with an identity, defaults and a float."""
    say(
        connection,
        "CREATE TABLE t (id INT IDENTITY(5, 1) PRIMARY KEY, n NVARCHAR(5) NOT NULL, x FLOAT NULL DEFAULT 1.5, b "
        "BIT DEFAULT 0);"
        "INSERT INTO t (n, x) VALUES (N'a', 1), (N'b', 2), (N'c', NULL);",
    )
    return connection


def test_identity_goes_on_after_rows_are_deleted_and_begins_again_after_truncate(table: Connection) -> None:
    """IDENTITY(5, 1) gave 5, 6, 7."""
    say(table, "DELETE FROM t; INSERT INTO t (n) VALUES (N'd')")
    assert value(table, "SELECT id FROM t") == 8
    say(table, "TRUNCATE TABLE t; INSERT INTO t (n) VALUES (N'e')")
    assert value(table, "SELECT id FROM t") == 5


def test_identity_follows_the_order_of_the_query(table: Connection) -> None:
    """INSERT … SELECT … ORDER BY numbers its rows in that order, as SQL Server promises."""
    say(table, "INSERT INTO t (n) SELECT n + N'2' FROM t ORDER BY n DESC")
    assert rows(table, "SELECT n FROM t WHERE id > 7 ORDER BY id") == [("c2",), ("b2",), ("a2",)]


def test_scope_identity_is_of_the_scope_and_identity_of_the_session(table: Connection) -> None:
    """What a procedure inserts is seen by @@IDENTITY, not by its caller's SCOPE_IDENTITY()."""
    say(
        table,
        "CREATE TABLE log (id INT IDENTITY(100, 1), n INT)\nGO\n"
        "CREATE PROCEDURE note AS BEGIN SET NOCOUNT ON; INSERT INTO log (n) VALUES (1); END",
    )
    query = "INSERT INTO t (n) VALUES (N'x'); EXEC note; SELECT CAST(SCOPE_IDENTITY() AS INT), CAST(@@IDENTITY AS INT)"
    assert rows(table, query) == [(8, 100)]


def test_defaults_fill_what_is_left_out_and_what_says_default(table: Connection) -> None:
    """Also DEFAULT VALUES, which fails here only for the column without a default."""
    say(table, "INSERT INTO t (n, x) VALUES (N'd', DEFAULT), (N'e', 9)")
    assert rows(table, "SELECT x, b FROM t WHERE id > 7 ORDER BY id") == [(1.5, False), (9.0, False)]
    assert error(table, "INSERT INTO t DEFAULT VALUES").number == 515


def test_output_gives_old_and_new_values(table: Connection) -> None:
    """Floats stay floats although SQLite gives 2.0 as 2 there."""
    found = rows(
        table, "UPDATE t SET x = x * 2, n = UPPER(n) OUTPUT deleted.x, inserted.x + 0.5, inserted.n WHERE id = 5"
    )
    assert found == [(1.0, 2.5, "A")]
    assert repr(rows(table, "UPDATE t SET x = 4 OUTPUT inserted.x WHERE id = 5")) == "[(4.0,)]"
    assert rows(table, "DELETE FROM t OUTPUT deleted.* WHERE id = 6") == [(6, "b", 2.0, False)]


def _numbers(text: str, kind: str) -> str:
    """Return a text that begins with #n, a temporary table of numbers that is stored by its key, or with such a @n."""
    columns = "(b INT NOT NULL, a INT, x FLOAT NULL, PRIMARY KEY (a, b))"
    make = f"CREATE TABLE #n {columns};" if kind == "#" else f"DECLARE @n TABLE {columns};"
    return f"{make} INSERT INTO #n (a, b, x) VALUES (2, 1, 0.5), (1, 2, 1.5), (1, 1, NULL); {text}".replace(
        "#n", f"{kind}n"
    )


@pytest.mark.parametrize("kind", ["#", "@"])
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("UPDATE n SET x = m.a + 1 FROM #n AS n INNER JOIN #n AS m ON m.a = n.a AND m.b = 2",
         [(1, 1, 2.0), (1, 2, 2.0), (2, 1, 0.5)]),
        ("UPDATE TOP (1) #n SET x = 9 WHERE a = 2", [(1, 1, None), (1, 2, 1.5), (2, 1, 9.0)]),
        ("UPDATE n SET a = n.a + m.a, b = n.b + 5 FROM #n AS n INNER JOIN #n AS m ON m.x = 0.5",
         [(3, 6, None), (3, 7, 1.5), (4, 6, 0.5)]),
        ("DELETE FROM n FROM #n AS n INNER JOIN (SELECT 1 AS a) AS q ON q.a = n.a WHERE n.x IS NULL",
         [(1, 2, 1.5), (2, 1, 0.5)]),
        ("DELETE TOP (1) FROM #n WHERE a = 2", [(1, 1, None), (1, 2, 1.5)]),
    ],
)  # fmt: skip
def test_rows_of_a_temporary_table_of_numbers_are_found_by_their_key(
    connection: Connection, kind: str, change: str, expected: list[tuple[object, ...]]
) -> None:
    """Joined, limited by TOP, and with the key itself changed."""
    assert rows(connection, _numbers(f"{change}; SELECT a, b, x FROM #n ORDER BY a, b;", kind)) == expected


@pytest.mark.parametrize("kind", ["#", "@"])
def test_output_tells_the_old_key_from_the_new_one(connection: Connection, kind: str) -> None:
    """A row that is moved to another key has its own old values beside it, even at a key that another one had."""
    change = "UPDATE #n SET a = 4 - a, b = 1 OUTPUT deleted.a, deleted.b, deleted.x, inserted.a, inserted.b, inserted.x"
    assert sorted(rows(connection, _numbers(f"DELETE FROM #n WHERE x IS NULL; {change}", kind))) == [
        (1, 2, 1.5, 3, 1, 1.5), (2, 1, 0.5, 2, 1, 0.5)
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["#", "@"])
@pytest.mark.parametrize(("values", "number"), [("(5, 5), (1, 2)", 2627), ("(5, 5), (6, NULL)", 515)])
def test_a_refused_row_leaves_a_temporary_table_of_numbers_as_it_was(
    connection: Connection, kind: str, values: str, number: int
) -> None:
    """A key given twice, or NULL in it: none of the statement's rows stays."""
    attempt = (
        f"BEGIN TRY INSERT INTO #n (a, b) VALUES {values}; END TRY BEGIN CATCH SET @e = ERROR_NUMBER(); END CATCH;"
    )
    found = rows(connection, _numbers(f"DECLARE @e INT; {attempt} SELECT @e, COUNT(*) FROM #n;", kind))
    assert found == [(number, 3)]


@pytest.mark.parametrize("kind", ["#", "@"])
def test_a_temporary_table_of_numbers_follows_a_rollback_as_any_other(connection: Connection, kind: str) -> None:
    """The rows of #n are as before, those of @n stay."""
    script = _numbers(
        "BEGIN TRANSACTION; DELETE FROM #n WHERE a = 1; ROLLBACK TRANSACTION; SELECT COUNT(*) FROM #n;", kind
    )
    assert value(connection, script) == (3 if kind == "#" else 1)


def test_output_gives_the_rows_of_a_table_variable(connection: Connection) -> None:
    """OUTPUT right behind the variable's name is no alias of it."""
    script = (
        "DECLARE @t TABLE (a INT); INSERT INTO @t OUTPUT inserted.a VALUES (1), (2); DELETE FROM @t OUTPUT deleted.a"
    )
    assert say(connection, script).results == [[(1,), (2,)], [(1,), (2,)]]


def test_an_assignment_may_name_any_operator_that_a_column_or_variable_takes(table: Connection) -> None:
    """``+=`` and ``&=``, ``|=``, ``^=`` in SET, SELECT and UPDATE."""
    say(table, "UPDATE t SET b |= 1 WHERE id = 5; UPDATE t SET b ^= 1 WHERE id < 7; UPDATE t SET b &= 0 WHERE id = 7")
    assert rows(table, "SELECT b FROM t ORDER BY id") == [(False,), (True,), (False,)]
    assert value(table, "DECLARE @a INT = 12; SET @a &= 10; SELECT @a |= 3; SELECT @a ^= 1, @a += 1; SELECT @a") == 11


def test_output_into_a_table_converts_as_insert_does(table: Connection) -> None:
    """Into a table variable with other types; too long a text is refused and nothing is changed."""
    say(table, "CREATE TABLE small (a NVARCHAR(1), b NVARCHAR(20))")
    query = "INSERT INTO t (n) OUTPUT inserted.n, inserted.id INTO small (a, b) VALUES (N'z')"
    assert rows(table, f"{query}; SELECT a, b FROM small") == [("z", "8")]
    assert error(table, query.replace("N'z'", "N'zz'")).number == 2628
    assert value(table, "SELECT COUNT(*) FROM t") == 4


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("UPDATE u SET u.x = v.id FROM t AS u JOIN t AS v ON v.id = u.id + 1", [(5, 6.0), (6, 7.0), (7, None)]),
        ("UPDATE t SET x = 0 FROM t LEFT JOIN t AS v ON v.id = t.id + 1 WHERE v.id IS "
        "NULL", [(5, 1.0), (6, 2.0), (7, 0.0)]),
        ("UPDATE t SET x += 1 WHERE x IS NOT NULL", [(5, 2.0), (6, 3.0), (7, None)]),
        ("UPDATE t SET x = NULL WHERE n = N'B '", [(5, 1.0), (6, None), (7, None)]),
        ("UPDATE TOP (2) t SET x = -1", [(5, -1.0), (6, -1.0), (7, None)]),
        ("WITH c AS (SELECT MAX(id) AS m FROM t) UPDATE t SET x = c.m FROM t CROSS JOIN c WHERE t.id = "
        "5", [(5, 7.0), (6, 2.0), (7, None)]),
        ("UPDATE t SET x = (SELECT MAX(x) FROM t AS v) WHERE id = 7", [(5, 1.0), (6, 2.0), (7, 2.0)]),
        ("UPDATE t SET x = id, b = 1 WHERE id = 5; UPDATE t SET x = x + 1 WHERE b = "
        "1", [(5, 6.0), (6, 2.0), (7, None)]),
        ("DELETE FROM t WHERE x = 2", [(5, 1.0), (7, None)]),
        ("DELETE u FROM t AS u JOIN t AS v ON v.id = u.id + 1 WHERE v.x IS NULL", [(5, 1.0), (7, None)]),
        ("DELETE TOP (1) FROM t", [(6, 2.0), (7, None)]),
        ("DELETE FROM dbo.t", []),
    ],
)  # fmt: skip
def test_a_change_leaves_the_rows_worked_out_by_hand(
    table: Connection, change: str, expected: list[tuple[object, ...]]
) -> None:
    """UPDATE and DELETE with FROM, aliases, TOP, common tables and subqueries."""
    say(table, change)
    assert rows(table, "SELECT id, x FROM t ORDER BY id") == expected


@pytest.mark.parametrize(
    ("change", "number"),
    [
        ("INSERT INTO t (n) VALUES (N'toolong')", 2628),
        ("INSERT INTO t (n) SELECT REPLICATE(n, 6) FROM t", 2628),
        ("UPDATE t SET n = N'toolong'", 2628),
        ("INSERT INTO t (n) VALUES (NULL)", 515),
        ("UPDATE t SET n = NULL", 515),
        ("INSERT INTO t (n, x) VALUES (N'q', N'one')", 8114),
        ("INSERT INTO t (n, b) VALUES (N'q', N'perhaps')", 245),
        ("INSERT INTO t (id, n) VALUES (1, N'q')", 544),
        ("UPDATE t SET id = 1", 8102),
        ("INSERT INTO t (n, nope) VALUES (N'q', 1)", 207),
        ("UPDATE t SET nope = 1", 207),
        ("INSERT INTO t (n, n) VALUES (N'q', N'r')", 264),
        ("INSERT INTO t VALUES (N'q')", 109),
        ("INSERT INTO t (n) VALUES (N'q', 1)", 110),
        ("INSERT INTO t (n) SELECT N'q', 1", 121),
        ("INSERT INTO t (n, x) SELECT N'q'", 120),
        ("UPDATE t SET x = 1 / 0", 8134),
        ("UPDATE t SET x = 1e308 * 100", 8115),
        ("INSERT INTO missing VALUES (1)", 208),
        ("DELETE FROM missing", 208),
    ],
)
def test_a_refused_change_has_sql_servers_number_and_changes_nothing(
    table: Connection, change: str, number: int
) -> None:
    """Too long, missing, of another type, unknown."""
    before = rows(table, "SELECT * FROM t")
    assert error(table, change).number == number
    assert rows(table, "SELECT * FROM t") == before


def test_rows_that_fail_take_the_whole_statement_with_them(table: Connection) -> None:
    """The second of three rows is too long: none is inserted."""
    assert error(table, "INSERT INTO t (n) VALUES (N'ok'), (N'toolong'), (N'ok')").number == 2628
    assert value(table, "SELECT COUNT(*) FROM t") == 3


def test_nulls_count_as_equal_in_a_unique_key_of_several_columns(connection: Connection) -> None:
    """As in SQL Server, unlike in SQLite."""
    say(connection, "CREATE TABLE u (a INT NULL, b INT NULL, CONSTRAINT UQ_u UNIQUE (a, b))")
    pairs = ["(1, NULL)", "(NULL, 1)", "(NULL, NULL)", "(2, NULL)"]
    for pair in pairs:
        assert say(connection, f"INSERT INTO u VALUES {pair}").errors == []
    for pair in pairs:
        raised = error(connection, f"INSERT INTO u VALUES {pair}")
        assert raised.number == 2627
        assert "UQ_u" in raised.message


def test_a_filtered_unique_index_watches_its_rows_only(connection: Connection) -> None:
    """One primary scan a patient, any number of others."""
    say(
        connection,
        "CREATE TABLE s (p NVARCHAR(9), is_primary BIT NOT NULL); CREATE UNIQUE INDEX UX ON s (p) WHERE is_primary = 1",
    )
    say(connection, "INSERT INTO s VALUES (N'a', 1), (N'a', 0), (N'a', 0), (N'b', 1)")
    raised = error(connection, "INSERT INTO s VALUES (N'A', 1)")
    assert (raised.number, "UX" in raised.message) == (2601, True)


@pytest.fixture
def related(connection: Connection) -> Connection:
    """Two tables, the second pointing to the first by two columns."""
    say(
        connection,
        "CREATE TABLE a (x INT, y NVARCHAR(5), CONSTRAINT PK_a PRIMARY KEY (x, y));"
        "CREATE TABLE b (id INT PRIMARY KEY, x INT, y NVARCHAR(5),"
        " CONSTRAINT FK_b_a FOREIGN KEY (x, y) REFERENCES a (x, y) ON DELETE CASCADE,"
        " CONSTRAINT CK_b CHECK (id > 0 AND (x IS NULL OR x <> 99)));"
        "INSERT INTO a VALUES (1, N'k'); INSERT INTO b VALUES (1, 1, N'K'), (2, NULL, NULL);",
    )
    return connection


def test_foreign_keys_and_checks_are_named_in_the_error(related: Connection) -> None:
    """Text in a foreign key matches without regard to case: K found k."""
    raised = error(related, "INSERT INTO b VALUES (3, 2, N'k')")
    assert (raised.number, "FK_b_a" in raised.message) == (547, True)
    raised = error(related, "INSERT INTO b VALUES (-1, NULL, NULL)")
    assert (raised.number, "CK_b" in raised.message) == (547, True)
    assert error(related, "UPDATE a SET x = 5").number == 547


def test_deleting_cascades(related: Connection) -> None:
    """ON DELETE CASCADE; the row without a parent stays."""
    assert say(related, "DELETE FROM a").counts == [1]
    assert rows(related, "SELECT id FROM b") == [(2,)]


def test_insert_execute_takes_every_result_set_and_none_where_one_fails(connection: Connection) -> None:
    """Two result sets go in; a duplicate in the second takes the first away too."""
    say(
        connection,
        "CREATE TABLE t (k INT PRIMARY KEY)\nGO\nCREATE PROCEDURE two @last INT AS BEGIN SELECT 1; PRINT "
        "N'between'; SELECT @last; END",
    )
    assert error(connection, "INSERT INTO t EXEC two 1").number == 2627
    assert value(connection, "SELECT COUNT(*) FROM t") == 0
    said = say(connection, "INSERT INTO t EXEC two 2")
    assert (said.counts, said.messages) == ([2], ["between"])
    assert error(connection, "INSERT INTO t EXEC (N'SELECT 1, 2')").number == 213


def test_insert_execute_lets_the_procedure_commit_its_own_transaction(connection: Connection) -> None:
    """The procedure logs in a transaction of its own; ROLLBACK there is refused."""
    say(
        connection,
        "CREATE TABLE t (k INT); CREATE TABLE log (n INT)\nGO\nCREATE PROCEDURE p AS BEGIN SET NOCOUNT ON; "
        "BEGIN TRANSACTION; "
        "INSERT INTO log VALUES (1); COMMIT; SELECT 7; END\nGO\nCREATE PROCEDURE q AS BEGIN BEGIN TRANSACTION; "
        "ROLLBACK; END",
    )
    assert rows(connection, "INSERT INTO t EXEC p; SELECT t.k, log.n, @@TRANCOUNT FROM t CROSS JOIN log") == [(7, 1, 0)]
    assert 3915 in [each.number for each in say(connection, "INSERT INTO t EXEC q").errors]
    say(connection, "IF @@TRANCOUNT > 0 ROLLBACK")


def test_select_into_makes_a_table_of_the_querys_types(connection: Connection) -> None:
    """A permanent table with lengths and types as sys.columns tells them."""
    say(connection, "SELECT 1 AS i, CAST(N'x' AS NVARCHAR(7)) AS n, CAST(1 AS DECIMAL(9, 2)) AS d, 0x01 AS v INTO made")
    query = "SELECT name, TYPE_NAME(system_type_id), max_length FROM sys.columns WHERE object_id = OBJECT_ID(N'made')"
    assert [row[:2] for row in rows(connection, query)] == [
        ("i", "int"), ("n", "nvarchar"), ("d", "decimal"), ("v", "varbinary"),
    ]  # fmt: skip
    assert error(connection, "SELECT 1 AS i INTO made").number == 2714
    assert error(connection, "SELECT 1 AS i, 2 AS i INTO other").number == 8156


def test_a_default_is_one_for_all_rows_of_a_statement_but_for_newid(table: Connection) -> None:
    """Moments are those of the statement, as on SQL Server; identifiers are made for each row."""
    say(
        table,
        "CREATE TABLE moments (n INT NOT NULL, at DATETIME2(7) NOT NULL DEFAULT SYSUTCDATETIME(), "
        "mark UNIQUEIDENTIFIER NOT NULL DEFAULT NEWID());"
        "INSERT INTO moments (n) SELECT a.id * 100 + b.id * 10 + c.id FROM t AS a CROSS JOIN t AS b CROSS JOIN t AS c;",
    )
    found = rows(table, "SELECT COUNT(*), COUNT(DISTINCT at), COUNT(DISTINCT mark) FROM moments")
    assert found == [(27, 1, 27)]
