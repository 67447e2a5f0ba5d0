"""CREATE, ALTER and DROP with data in the tables, and the catalog that tells of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lungdb.embedded.running.connection import Connection, connect
from lungdb.errors import LungdbError
from tests.embedded.running import error, rows, say, value


@pytest.fixture
def tables(connection: Connection) -> Connection:
    """A parent with three rows and a child pointing to it."""
    say(
        connection,
        "CREATE TABLE a (id INT NOT NULL CONSTRAINT PK_a PRIMARY KEY, n NVARCHAR(20) NULL, x INT NULL);"
        "CREATE TABLE b (id INT IDENTITY PRIMARY KEY, a_id INT NULL CONSTRAINT FK_b REFERENCES a (id));"
        "INSERT INTO a VALUES (1, N'one', 10), (2, N'two', NULL), (3, NULL, 30); INSERT INTO b (a_id) VALUES "
        "(1), (NULL);",
    )
    return connection


def test_a_new_column_gets_its_default_where_it_must(tables: Connection) -> None:
    """NOT NULL and WITH VALUES fill the rows that are there; a nullable column without it stays NULL."""
    say(
        tables,
        "ALTER TABLE a ADD f BIT NOT NULL CONSTRAINT DF_f DEFAULT 1, g INT NULL DEFAULT 7;"
        "ALTER TABLE a ADD h INT NULL DEFAULT 8 WITH VALUES;"
        "INSERT INTO a (id) VALUES (4)",
    )
    assert rows(tables, "SELECT f, g, h FROM a ORDER BY id") == [(True, None, 8)] * 3 + [(True, 7, 8)]
    assert error(tables, "INSERT INTO a (id, f) VALUES (5, NULL)").number == 515
    assert error(tables, "ALTER TABLE a ADD w INT NOT NULL").number == 4901


def test_a_column_that_is_there_gets_a_default(tables: Connection) -> None:
    """The rows keep what they have; a second default, an unknown column and a name that is taken are refused."""
    say(
        tables,
        "ALTER TABLE a ADD CONSTRAINT DF_x DEFAULT 5 + 1 FOR x, DEFAULT N'z' FOR n, CONSTRAINT CK CHECK (x > 0);",
    )
    say(tables, "INSERT INTO a (id) VALUES (4)")
    assert rows(tables, "SELECT id, n, x FROM a ORDER BY id")[1:] == [(2, "two", None), (3, None, 30), (4, "z", 6)]
    assert value(tables, "SELECT COUNT(*) FROM sys.default_constraints WHERE name = N'DF_x'") == 1
    assert error(tables, "INSERT INTO a (id, x) VALUES (5, 0)").number == 547
    assert error(tables, "ALTER TABLE a ADD CONSTRAINT DF_y DEFAULT 7 FOR x").number == 1781
    assert error(tables, "ALTER TABLE a ADD DEFAULT 7 FOR nope").number == 1752
    assert error(tables, "ALTER TABLE b ADD CONSTRAINT FK_b DEFAULT 1 FOR a_id").number == 2714
    say(tables, "ALTER TABLE a DROP CONSTRAINT DF_x; INSERT INTO a (id) VALUES (6)")
    assert value(tables, "SELECT x FROM a WHERE id = 6") is None


def test_new_constraints_are_checked_against_the_rows_and_hold_afterwards(tables: Connection) -> None:
    """CHECK, FOREIGN KEY, UNIQUE and PRIMARY KEY."""
    assert error(tables, "ALTER TABLE a ADD CONSTRAINT CK CHECK (x < 20)").number == 547
    assert say(tables, "ALTER TABLE a ADD CONSTRAINT CK CHECK (x < 40)").errors == []
    assert error(tables, "UPDATE a SET x = 50").number == 547
    assert error(tables, "ALTER TABLE a ADD CONSTRAINT CK CHECK (x < 90)").number == 2714
    say(tables, "ALTER TABLE b DROP CONSTRAINT FK_b; INSERT INTO b (a_id) VALUES (77)")
    assert error(tables, "ALTER TABLE b ADD CONSTRAINT FK_b FOREIGN KEY (a_id) REFERENCES a (id)").number == 547
    say(tables, "DELETE FROM b WHERE a_id = 77; ALTER TABLE b ADD CONSTRAINT FK_b FOREIGN KEY (a_id) REFERENCES a (id)")
    assert error(tables, "INSERT INTO b (a_id) VALUES (77)").number == 547
    assert (
        error(tables, "ALTER TABLE b ADD CONSTRAINT UQ UNIQUE (a_id); INSERT INTO b (a_id) VALUES (1)").number == 2627
    )
    assert say(tables, "INSERT INTO b (a_id) VALUES (2), (3)").errors == []


def test_a_refused_alter_leaves_the_table_as_it_was(tables: Connection) -> None:
    """The second of two columns is refused: the first is not there either."""
    assert error(tables, "ALTER TABLE a ADD p INT NULL, q INT NOT NULL").number == 4901
    assert error(tables, "SELECT p FROM a").number == 207
    assert error(tables, "ALTER TABLE a DROP COLUMN x, nope").number == 4924
    assert value(tables, "SELECT SUM(x) FROM a") == 40


def test_a_column_changes_its_type_with_its_values(tables: Connection) -> None:
    """INT to FLOAT changes SQLite's type, NVARCHAR(20) to (3) only ours; what does not fit is refused."""
    say(tables, "ALTER TABLE a ALTER COLUMN x FLOAT NULL; ALTER TABLE a ALTER COLUMN n NVARCHAR(3) NULL")
    assert repr(rows(tables, "SELECT x, n FROM a ORDER BY id")) == "[(10.0, 'one'), (None, 'two'), (30.0, None)]"
    assert error(tables, "UPDATE a SET n = N'four'").number == 2628
    assert error(tables, "ALTER TABLE a ALTER COLUMN n NVARCHAR(2) NULL").number == 2628
    assert error(tables, "ALTER TABLE a ALTER COLUMN n INT NULL").number == 245
    assert error(tables, "ALTER TABLE a ALTER COLUMN n NVARCHAR(3) NOT NULL").number == 515
    say(tables, "UPDATE a SET n = N'x' WHERE n IS NULL; ALTER TABLE a ALTER COLUMN n NVARCHAR(3) NOT NULL")
    assert error(tables, "UPDATE a SET n = NULL").number == 515


def test_columns_and_constraints_that_others_need_are_not_dropped(tables: Connection) -> None:
    """The key of a foreign key, the column of a check, a referenced table."""
    say(tables, "ALTER TABLE a ADD CONSTRAINT CK CHECK (x > 0)")
    assert error(tables, "ALTER TABLE a DROP CONSTRAINT PK_a").number == 3725
    assert error(tables, "ALTER TABLE a DROP COLUMN x").number == 5074
    assert error(tables, "DROP TABLE a").number == 3726
    assert error(tables, "TRUNCATE TABLE a").number == 4712
    say(tables, "ALTER TABLE a DROP CONSTRAINT CK; ALTER TABLE a DROP COLUMN x; DROP TABLE b; DROP TABLE a")
    assert rows(tables, "SELECT name FROM sys.objects") == []


def test_definitions_roll_back_with_their_transaction(tables: Connection) -> None:
    """A new column, a new table and a dropped view; also to a savepoint."""
    say(tables, "CREATE VIEW v AS SELECT id FROM a")
    say(tables, "BEGIN TRANSACTION; ALTER TABLE a ADD q INT; CREATE TABLE c (i INT); DROP VIEW v; ROLLBACK")
    assert rows(tables, "SELECT name FROM sys.objects ORDER BY name") == [("a",), ("b",), ("v",)]
    assert error(tables, "SELECT q FROM a").number == 207
    said = say(tables, "BEGIN TRANSACTION; SAVE TRANSACTION s; CREATE TABLE c (i INT); ROLLBACK TRANSACTION s; COMMIT")
    assert said.errors == []
    assert value(tables, "SELECT OBJECT_ID(N'c')") is None
    say(tables, "BEGIN TRANSACTION; ALTER TABLE a ADD q INT; COMMIT; UPDATE a SET q = 5")
    assert value(tables, "SELECT SUM(q) FROM a") == 15


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ("CREATE TABLE a (i INT)", 2714),
        ("CREATE TABLE c (i INT, I INT)", 2705),
        ("CREATE TABLE c (i INT PRIMARY KEY, j INT PRIMARY KEY)", 8110),
        ("CREATE TABLE c (i INT IDENTITY, j INT IDENTITY)", 2744),
        ("CREATE TABLE c (i NVARCHAR(5) IDENTITY)", 2749),
        ("CREATE TABLE c (i BLOB)", 2715),
        ("CREATE TABLE c (i INT REFERENCES nope (id))", 1767),
        ("CREATE TABLE c (i INT REFERENCES a (x))", 1776),
        ("CREATE TABLE c (i INT, CONSTRAINT U UNIQUE (j))", 1911),
        ("CREATE TABLE c (i INT CHECK (j > 0))", 207),
        ("CREATE TABLE other.c (i INT)", 2760),
        ("CREATE INDEX ix ON a (nope)", 1911),
        ("CREATE UNIQUE INDEX ix ON b (a_id); CREATE INDEX IX ON b (a_id)", 1913),
        ("INSERT INTO b (a_id) VALUES (1); CREATE UNIQUE INDEX ix ON b (a_id)", 1505),
        ("CREATE VIEW v AS SELECT id, id FROM a", 8156),
        ("CREATE VIEW v AS SELECT 1", 8155),
        ("CREATE VIEW a AS SELECT 1 AS i", 2714),
        ("ALTER VIEW v AS SELECT 1 AS i", 208),
        ("CREATE VIEW v AS SELECT i FROM nope", 208),
        ("DROP TABLE nope", 3701),
        ("DROP VIEW a", 3701),
        ("DROP INDEX nope ON a", 3701),
        ("ALTER TABLE nope ADD i INT", 208),
        ("ALTER TABLE a DROP CONSTRAINT nope", 3728),
        ("INSERT INTO a VALUES (1, N'x', 1)", 2627),
    ],
)
def test_a_wrong_definition_has_sql_servers_number(tables: Connection, statement: str, number: int) -> None:
    """What is there already, what is missing, what cannot be."""
    assert error(tables, statement).number == number


def test_if_exists_and_or_alter_can_be_run_twice(connection: Connection) -> None:
    """The installer's statements."""
    script = (
        "CREATE OR ALTER VIEW v AS SELECT 1 AS i\nGO\nCREATE OR ALTER PROCEDURE p AS PRINT N'x'\nGO\nDROP "
        "TABLE IF EXISTS nope"
    )
    assert say(connection, f"{script}\nGO\n{script}").errors == []
    assert rows(connection, "SELECT name, type FROM sys.objects") == [("v", "V"), ("p", "P")]
    assert say(connection, "DROP VIEW IF EXISTS v, v; DROP PROCEDURE p").errors == []


def test_the_catalog_tells_what_was_declared(tables: Connection) -> None:
    """Types, lengths, keys, checks and defaults."""
    say(
        tables,
        "CREATE TABLE c (v VARBINARY(MAX) NOT NULL, n NVARCHAR(64), d DECIMAL(9, 2) DEFAULT 5, t DATETIME2(3), "
        "r REAL, CONSTRAINT CK_c CHECK (d > 0), CONSTRAINT UQ_c UNIQUE (n))",
    )
    query = (
        "SELECT DATA_TYPE, CHARACTER_MAXIMUM_LENGTH, NUMERIC_PRECISION, IS_NULLABLE FROM "
        "INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = 'c'"
    )
    assert rows(tables, query) == [
        ("varbinary", -1, None, "NO"), ("nvarchar", 64, None, "YES"), ("decimal", None, 9, "YES"),
        ("datetime2", None, None, "YES"), ("real", None, 24, "YES"),
    ]  # fmt: skip
    assert (
        value(tables, "SELECT max_length FROM sys.columns WHERE name = N'n' AND object_id = OBJECT_ID(N'dbo.c')") == 128
    )
    query = "SELECT c.precision, precision AS precision FROM sys.columns AS c WHERE name = N'd' AND scale = 2"
    assert rows(tables, query) == [(9, 9)]
    assert rows(tables, "SELECT name, definition FROM sys.check_constraints") == [("CK_c", "(d > 0)")]
    assert rows(tables, "SELECT name, is_unique_constraint FROM sys.indexes WHERE name LIKE 'UQ%'") == [("UQ_c", True)]
    assert rows(tables, "SELECT name, OBJECT_NAME(referenced_object_id) FROM sys.foreign_keys") == [("FK_b", "a")]
    assert rows(tables, "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES ORDER BY TABLE_NAME") == [
        ("a",),
        ("b",),
        ("c",),
    ]
    assert value(tables, "SELECT COL_LENGTH(N'c', N'n')") == 128
    assert rows(tables, "SELECT OBJECT_ID(N'[dbo].[c]'), OBJECT_ID(N'c', N'V'), OBJECT_ID(N'x.c')")[0][1:] == (
        None,
        None,
    )


def test_definitions_and_data_are_there_after_the_file_is_closed(tmp_path: Path) -> None:
    """Types too: a decimal with its scale, a procedure with its text."""
    with connect(tmp_path / "kept.db") as connection:
        say(
            connection,
            "CREATE TABLE t (d DECIMAL(5, 2) NOT NULL); INSERT INTO t VALUES (1.5)\nGO\nCREATE PROC p AS SELECT "
            "d FROM t",
        )
    with connect(tmp_path / "kept.db") as connection:
        assert str(value(connection, "EXEC p")) == "1.50"
        assert value(connection, "SELECT OBJECT_DEFINITION(OBJECT_ID(N'p'))") == "CREATE PROC p AS SELECT d FROM t"


def test_a_file_that_is_no_database_of_ours_is_refused(tmp_path: Path) -> None:
    """Text, another program's SQLite file, a later format, a folder that is not there."""
    import sqlite3

    (tmp_path / "text.db").write_text("no database at all, but long enough to be taken for one" * 20)
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE mine (x)")
    connect(tmp_path / "later.db").close()
    with sqlite3.connect(tmp_path / "later.db") as later:
        later.execute("UPDATE tsql$state SET value = 99 WHERE name = 'format'")
    for name in ("text.db", "other.db", "later.db", "missing/x.db"):
        with pytest.raises(LungdbError):
            connect(tmp_path / name)
    with sqlite3.connect(tmp_path / "other.db") as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]
