"""#temp tables that a procedure makes at each call: each call's is new, whatever is kept of the last one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lungdb.embedded.running.connection import Connection, connect
from tests.embedded.running import error, rows, say


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Connection]:
    """A database without tables."""
    with connect(tmp_path / "clinic.db") as connection:
        yield connection


def procedure(connection: Connection, name: str, body: str) -> None:
    """Make a procedure with a parameter @how."""
    assert say(connection, f"CREATE PROCEDURE {name} @how INT = 0 AS BEGIN SET NOCOUNT ON; {body} END").errors == []


FILLS = """
    CREATE TABLE #t (i INT NOT NULL PRIMARY KEY, s NVARCHAR(9) NULL DEFAULT N'd');
    DECLARE @before INT = (SELECT COUNT(*) FROM #t);
    INSERT INTO #t (i) VALUES (1), (2);
    SELECT @before, COUNT(*), MIN(s) FROM #t;"""


def test_each_call_begins_with_an_empty_table(database: Connection) -> None:
    """Also after one that was rolled back, or ended in an error."""
    procedure(database, "fills", FILLS)
    procedure(database, "fails", "CREATE TABLE #t (i INT NOT NULL PRIMARY KEY); INSERT INTO #t VALUES (1), (1);")
    expected = [(0, 2, "d")]
    assert rows(database, "EXECUTE fills") == expected
    assert rows(database, "EXECUTE fills") == expected
    assert rows(database, "BEGIN TRANSACTION; EXECUTE fills; ROLLBACK;") == expected
    assert rows(database, "EXECUTE fills") == expected
    assert rows(database, "BEGIN TRANSACTION; EXECUTE fills; COMMIT;") == expected
    assert error(database, "EXECUTE fails").number == 2627
    assert rows(database, "EXECUTE fills") == expected
    assert error(database, "EXECUTE fails").number == 2627


def test_a_second_call_makes_and_drops_no_table_in_sqlite(database: Connection) -> None:
    """Either would have it prepare every statement anew."""
    procedure(database, "fills", FILLS)
    rows(database, "EXECUTE fills")
    ran: list[str] = []
    database.session.storage.connection.set_trace_callback(ran.append)
    rows(database, "EXECUTE fills")
    rows(database, "BEGIN TRANSACTION; EXECUTE fills; COMMIT;")
    assert [each for each in ran if each.startswith("INSERT INTO temp")] != []
    assert [each for each in ran if "CREATE" in each or "DROP" in each] == []


def test_tables_of_one_name_in_two_procedures_are_told_apart(database: Connection) -> None:
    """Each has its own columns and keys, in whatever order they are called."""
    procedure(database, "one", "CREATE TABLE #t (i INT NULL); INSERT INTO #t VALUES (7), (7); SELECT * FROM #t;")
    procedure(
        database,
        "two",
        "CREATE TABLE #t (s VARCHAR(3) NOT NULL, i INT NULL); INSERT INTO #t VALUES ('x', 7); SELECT * FROM #t;",
    )
    for name, expected in (("one", [(7,), (7,)]), ("two", [("x", 7)]), ("two", [("x", 7)]), ("one", [(7,), (7,)])):
        assert rows(database, f"EXECUTE {name}") == expected


def test_what_is_altered_is_as_it_was_defined_in_the_next_call(database: Connection) -> None:
    """An index that was added is gone, and numbers begin anew."""
    procedure(
        database,
        "alters",
        """CREATE TABLE #t (i INT NOT NULL);
        INSERT INTO #t VALUES (1), (1);
        IF @how = 1 BEGIN DELETE FROM #t; CREATE UNIQUE INDEX u ON #t (i); END;
        SELECT * FROM #t;""",
    )
    for how, expected in ((1, []), (0, [(1,), (1,)]), (1, []), (0, [(1,), (1,)])):
        assert rows(database, "EXECUTE alters @how = ?", how) == expected
    procedure(
        database,
        "counts",
        "CREATE TABLE #t (n INT IDENTITY(5, 1), i INT NULL); INSERT INTO #t (i) VALUES (1), (2); SELECT n FROM #t;",
    )
    assert rows(database, "EXECUTE counts") == rows(database, "EXECUTE counts") == [(5,), (6,)]


@pytest.mark.parametrize("calls_before", [0, 2])
def test_a_rollback_takes_away_the_tables_of_its_transaction(database: Connection, calls_before: int) -> None:
    """In a first call as in a later one, and to a savepoint those made since; of table variables it takes nothing."""
    procedure(
        database,
        "rolls",
        """IF @how > 0 BEGIN TRANSACTION;
        CREATE TABLE #a (i INT NULL);
        DECLARE @v TABLE (i INT NULL);
        INSERT INTO #a VALUES (1);
        INSERT INTO @v VALUES (3);
        IF @how = 2 SAVE TRANSACTION s;
        CREATE TABLE #b (i INT NULL);
        INSERT INTO #b VALUES (2);
        IF @how = 1 ROLLBACK;
        IF @how = 2 ROLLBACK TRANSACTION s;
        SELECT i FROM @v;
        IF @how <> 1 SELECT i FROM #a;
        IF @how = 2 COMMIT;
        SELECT i FROM #b;""",
    )
    for _ in range(calls_before):
        assert say(database, "EXECUTE rolls").errors == []
    for how in (1, 2):
        told = say(database, "EXECUTE rolls @how = ?", how)
        assert [each.number for each in told.errors] == [208], how
    assert say(database, "EXECUTE rolls").errors == []
    assert rows(database, "SELECT @@TRANCOUNT") == [(0,)]


def test_a_transaction_that_was_committed_keeps_its_tables_when_the_next_is_rolled_back(database: Connection) -> None:
    """What a rollback takes away is told by its own transaction."""
    procedure(
        database,
        "twice",
        """BEGIN TRANSACTION; CREATE TABLE #a (i INT NULL); INSERT INTO #a VALUES (1); COMMIT;
        BEGIN TRANSACTION; INSERT INTO #a VALUES (2); ROLLBACK;
        SELECT i FROM #a;""",
    )
    assert rows(database, "EXECUTE twice") == rows(database, "EXECUTE twice") == [(1,)]


def test_a_table_that_is_dropped_by_name_can_be_made_again(database: Connection) -> None:
    """In the same call and in the next."""
    procedure(database, "drops", f"{FILLS} DROP TABLE #t; IF @how = 1 BEGIN {FILLS.replace('@before', '@again')} END;")
    for how in (0, 1, 0, 1):
        assert say(database, "EXECUTE drops @how = ?", how).errors == []
    assert rows(database, "EXECUTE drops") == [(0, 2, "d")]


def test_many_names_leave_few_tables(database: Connection) -> None:
    """Texts that are put together may name ever other ones."""
    for number in range(100):
        batch = f"EXECUTE (N'CREATE TABLE #t{number} (i INT NULL); INSERT INTO #t{number} VALUES (1);')"
        assert say(database, batch).errors == []
    names = database.session.storage.execute("SELECT name FROM sqlite_temp_master WHERE name LIKE '#t%'").fetchall()
    assert 0 < len(names) <= 64


def test_numbers_are_added_to_a_table_of_the_caller(database: Connection) -> None:
    """By a text, as NULL in the rows that are there, for this call alone; what else ALTER TABLE does is refused."""
    adds = "EXECUTE (N'ALTER TABLE #t ADD v0 FLOAT NULL, v1 INT NULL; INSERT INTO #t VALUES (2, 0.5, 7);');"
    table = "CREATE TABLE #t (i INT NOT NULL PRIMARY KEY); INSERT INTO #t VALUES (1);"
    procedure(database, "adds", f"{table} IF @how > 0 {adds} SELECT * FROM #t;")
    for _ in range(2):
        assert rows(database, "EXECUTE adds 1") == [(1, None, None), (2, 0.5, 7)]
        assert rows(database, "EXECUTE adds 0") == [(1,)]
    say(database, f"{table}")
    for addition, number in (("i INT NULL", 2705), ("s NVARCHAR(9) NULL", None), ("n INT NOT NULL", None)):
        found = error(database, f"ALTER TABLE #t ADD {addition}")
        assert found.number == number if number else "not supported" in found.message
    assert "not supported" in error(database, "BEGIN TRANSACTION; ALTER TABLE #t ADD v INT NULL").message
    assert rows(database, "IF @@TRANCOUNT > 0 ROLLBACK; SELECT * FROM #t") == [(1,)]
