"""Nested transactions, savepoints, and what follows a rollback."""

from __future__ import annotations

import pytest

from lungdb.embedded.running.connection import Connection
from tests.embedded.running import error, rows, say, value


@pytest.fixture
def table(connection: Connection) -> Connection:
    """An empty table t (a INT PRIMARY KEY)."""
    say(connection, "CREATE TABLE t (a INT NOT NULL CONSTRAINT pk_t PRIMARY KEY)")
    return connection


def test_only_the_outermost_commit_keeps_the_rows(table: Connection) -> None:
    """An inner COMMIT counts down, and ROLLBACK undoes what inner transactions committed."""
    batch = """BEGIN TRANSACTION; INSERT INTO t VALUES (1);
        BEGIN TRANSACTION; INSERT INTO t VALUES (2); COMMIT;
        SELECT @@TRANCOUNT; ROLLBACK; SELECT @@TRANCOUNT, (SELECT COUNT(*) FROM t);"""
    assert say(table, batch).results == [[(1,)], [(0, 0)]]


@pytest.mark.parametrize(
    ("batch", "kept"),
    [
        ("SAVE TRANSACTION s; INSERT INTO t VALUES (2); ROLLBACK TRANSACTION s; COMMIT;", [1]),
        ("SAVE TRANSACTION s; INSERT INTO t VALUES (2); ROLLBACK TRANSACTION s; INSERT INTO t VALUES (3); COMMIT;",
         [1, 3]),
        ("SAVE TRANSACTION s; INSERT INTO t VALUES (2); SAVE TRANSACTION s; INSERT INTO t VALUES (3); "
         "ROLLBACK TRANSACTION s; COMMIT;", [1, 2]),
        ("SAVE TRANSACTION a; INSERT INTO t VALUES (2); SAVE TRANSACTION b; INSERT INTO t VALUES (3); "
         "ROLLBACK TRANSACTION a; COMMIT;", [1]),
        ("SAVE TRANSACTION s; INSERT INTO t VALUES (2); ROLLBACK;", []),
        ("INSERT INTO t VALUES (2); ROLLBACK TRANSACTION first;", []),
    ],
)  # fmt: skip
def test_a_rollback_goes_as_far_back_as_its_name_says(table: Connection, batch: str, kept: list[int]) -> None:
    """To the last savepoint of that name, or to the beginning of the transaction."""
    said = say(table, f"BEGIN TRANSACTION first; INSERT INTO t VALUES (1); {batch}")
    assert said.errors == []
    assert rows(table, "SELECT a FROM t ORDER BY a; ") == [(each,) for each in kept]
    assert value(table, "SELECT @@TRANCOUNT;") == 0


@pytest.mark.parametrize("name", ["nosuch", "inner_one"])
def test_a_rollback_to_an_unknown_name_leaves_the_transaction_open(table: Connection, name: str) -> None:
    """Error 6401; the names of inner transactions do not count (Microsoft's reference, "ROLLBACK TRANSACTION")."""
    said = say(
        table,
        f"BEGIN TRANSACTION outer_one; BEGIN TRANSACTION inner_one; INSERT INTO t VALUES (1); "
        f"ROLLBACK TRANSACTION {name}; SELECT @@TRANCOUNT, XACT_STATE(); COMMIT; COMMIT;",
    )
    assert [each.number for each in said.errors] == [6401]
    assert said.results == [[(2, 1)]]
    assert rows(table, "SELECT a FROM t;") == [(1,)]


@pytest.mark.parametrize(("statement", "number"), [("COMMIT", 3902), ("ROLLBACK", 3903), ("SAVE TRANSACTION s", 628)])
def test_without_a_transaction_there_is_nothing_to_end(table: Connection, statement: str, number: int) -> None:
    """The error is that of SQL Server, and the batch goes on."""
    said = say(table, f"{statement}; SELECT 1;")
    assert [each.number for each in said.errors] == [number]
    assert said.results == [[(1,)]]


@pytest.mark.parametrize(("body", "previous", "current"), [("BEGIN TRANSACTION", 0, 1), ("COMMIT", 1, 0)])
def test_a_procedure_that_leaves_another_count_is_error_266(
    table: Connection, body: str, previous: int, current: int
) -> None:
    """The error names both counts and the transaction stays as the procedure left it."""
    say(table, f"CREATE PROCEDURE p AS {body};")
    said = say(table, f"{'BEGIN TRANSACTION; ' * previous}EXECUTE p; SELECT @@TRANCOUNT;")
    assert [each.number for each in said.errors] == [266]
    assert f"Previous count = {previous}, current count = {current}" in said.errors[0].message
    assert said.results == [[(current,)]]


def test_what_a_transaction_defined_is_gone_with_it(table: Connection) -> None:
    """Tables, columns, views and procedures follow the rollback, and names are free again."""
    say(
        table,
        "INSERT INTO t VALUES (1); BEGIN TRANSACTION; CREATE TABLE u (a INT); ALTER TABLE t ADD b INT NULL; "
        "EXECUTE (N'CREATE VIEW v AS SELECT b FROM t'); DROP TABLE u; ROLLBACK;",
    )
    assert rows(table, "SELECT name FROM sys.objects WHERE type IN ('U', 'V', 'P');") == [("t",)]
    assert error(table, "SELECT b FROM t;").number == 207
    assert say(table, "CREATE TABLE u (a INT); ALTER TABLE t ADD b INT NULL;").errors == []


def test_a_temporary_table_from_before_the_transaction_keeps_its_earlier_rows(connection: Connection) -> None:
    """The table stays, its new rows go; one made inside goes, and its name is free."""
    said = say(
        connection,
        "CREATE TABLE #old (a INT); INSERT INTO #old VALUES (1); BEGIN TRANSACTION; INSERT INTO #old VALUES (2); "
        "CREATE TABLE #new (a INT); ROLLBACK; SELECT a FROM #old; CREATE TABLE #new (b INT); SELECT b FROM #new;",
    )
    assert said.errors == []
    assert said.results == [[(1,)], []]


def test_an_inner_temporary_table_hides_the_callers(connection: Connection) -> None:
    """Each procedure sees the nearest table of the name, and its own ends with it."""
    said = say(
        connection,
        """CREATE PROCEDURE reader AS SELECT * FROM #t;
        GO
        CREATE PROCEDURE maker AS CREATE TABLE #t (x INT, y INT); INSERT INTO #t VALUES (8, 9); EXECUTE reader;
        GO
        CREATE TABLE #t (a NVARCHAR(9)); INSERT INTO #t VALUES (N'caller');
        EXECUTE reader; EXECUTE maker; EXECUTE reader;
        """,
    )
    assert said.errors == []
    assert said.results == [[("caller",)], [(8, 9)], [("caller",)]]
