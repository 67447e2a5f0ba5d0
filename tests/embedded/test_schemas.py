"""Schemas of the engine: procedures beside dbo by SQL Server's rules of names, and files from before there were any."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.embedded.running.connection import Connection, connect
from tests.embedded.running import error, rows, say, value

PROCEDURES = "SELECT SCHEMA_NAME(schema_id), name FROM sys.procedures ORDER BY name, schema_id;"


@pytest.fixture
def database(connection: Connection) -> Connection:
    """A database with a schema, a procedure in it, and one of the same name in dbo."""
    script = "CREATE SCHEMA parts AUTHORIZATION dbo\nGO\nCREATE PROCEDURE parts.p AS SELECT N'parts'\nGO\n"
    said = say(connection, f"{script}CREATE PROCEDURE p AS SELECT N'dbo'")
    assert said.errors == []
    return connection


def test_a_name_in_two_schemas_means_two_procedures(database: Connection) -> None:
    """Each is called, altered and dropped by its own; what has no schema is dbo's."""
    assert value(database, "EXECUTE parts.p") == "parts"
    assert value(database, "EXEC [PARTS].[P]") == "parts"
    assert value(database, "EXECUTE clinic.parts.p") == "parts"
    assert (
        value(database, "EXECUTE p")
        == value(database, "EXECUTE dbo.p")
        == value(database, "EXECUTE clinic..p")
        == "dbo"
    )
    say(database, "CREATE OR ALTER PROCEDURE parts.p AS SELECT N'changed'")
    assert value(database, "EXECUTE parts.p") == "changed"
    assert value(database, "EXECUTE dbo.p") == "dbo"
    say(database, "DROP PROCEDURE parts.p")
    assert rows(database, PROCEDURES) == [("dbo", "p")]
    assert error(database, "EXECUTE parts.p").number == 2812


def test_the_catalog_tells_the_schema_of_an_object(database: Connection) -> None:
    """Views and functions agree, in both directions."""
    assert rows(database, PROCEDURES) == [("dbo", "p"), ("parts", "p")]
    assert rows(database, "SELECT name, schema_id, principal_id FROM sys.schemas ORDER BY schema_id") == [
        ("dbo", 1, 1), ("guest", 2, 2), ("INFORMATION_SCHEMA", 3, 3), ("sys", 4, 4), ("parts", 5, 1),
    ]  # fmt: skip
    assert rows(database, "SELECT SCHEMA_ID(N'PARTS'), SCHEMA_NAME(5), SCHEMA_ID(N'nope'), SCHEMA_NAME(6)") == [
        (5, "parts", None, None)
    ]
    assert rows(database, "SELECT SCHEMA_ID(), SCHEMA_NAME()") == [(1, "dbo")]
    assert value(database, "SELECT OBJECT_SCHEMA_NAME(OBJECT_ID(N'parts.p'))") == "parts"
    assert value(database, "SELECT OBJECT_SCHEMA_NAME(OBJECT_ID(N'p', N'P'))") == "dbo"
    text = value(database, "SELECT OBJECT_DEFINITION(OBJECT_ID(N'[parts].p'))")
    assert text.strip() == "CREATE PROCEDURE parts.p AS SELECT N'parts'"
    assert value(database, "SELECT OBJECT_ID(N'nope.p')") is None
    routines = "SELECT ROUTINE_SCHEMA, ROUTINE_NAME FROM INFORMATION_SCHEMA.ROUTINES ORDER BY ROUTINE_SCHEMA"
    assert rows(database, routines) == [("dbo", "p"), ("parts", "p")]


def test_a_procedure_finds_those_of_its_own_schema_first_and_then_dbos(database: Connection) -> None:
    """As EXECUTE of SQL Server does for names without a schema; text that it executes asks as a batch does."""
    say(database, "CREATE PROCEDURE parts.q AS EXECUTE p; EXECUTE r; EXECUTE (N'EXECUTE p')")
    say(database, "CREATE PROCEDURE r AS SELECT N'r of dbo'")
    assert say(database, "EXECUTE parts.q").results == [[("parts",)], [("r of dbo",)], [("dbo",)]]
    say(database, "CREATE PROCEDURE s AS EXECUTE q")
    assert error(database, "EXECUTE s").number == 2812


def test_a_procedure_outside_dbo_reads_the_tables_of_dbo(database: Connection) -> None:
    """With and without their schema; @@PROCID is its own, not that of dbo's procedure of the same name."""
    say(database, "CREATE TABLE t (i INT); INSERT INTO t VALUES (7)")
    text = "SELECT a.i + b.i, OBJECT_SCHEMA_NAME(@@PROCID) FROM t AS a CROSS JOIN dbo.t AS b"
    say(database, f"CREATE OR ALTER PROCEDURE parts.p AS {text}")
    assert rows(database, "EXECUTE parts.p") == [(14, "parts")]
    assert error(database, "SELECT i FROM parts.t").number == 208


@pytest.mark.parametrize(
    ("statement", "number", "word"),
    [
        ("CREATE SCHEMA parts", 2714, "'parts'"),
        ("CREATE SCHEMA PARTS", 2714, "'PARTS'"),
        ("CREATE SCHEMA sys", 2714, "'sys'"),
        ("CREATE SCHEMA other AUTHORIZATION somebody", 15151, "'somebody'"),
        ("CREATE PROCEDURE nope.p AS PRINT 1", 2760, 'schema name "nope"'),
        ("CREATE PROCEDURE sys.q AS PRINT 1", 2760, 'schema name "sys"'),
        ("CREATE TABLE nope.t (i INT)", 2760, 'schema name "nope"'),
        ("SELECT 1 AS i INTO nope.t", 2760, 'schema name "nope"'),
        ("CREATE PROCEDURE elsewhere.dbo.q AS PRINT 1", 2702, "'elsewhere'"),
        ("CREATE PROCEDURE server.clinic.dbo.q AS PRINT 1", 117, "'server.clinic.dbo.q'"),
        ("CREATE PROCEDURE parts.p AS PRINT 1", 2714, "'p'"),
        ("CREATE TABLE parts.t (i INT)", 40517, "The table 'parts.t' outside the schema dbo"),
        ("SELECT 1 AS i INTO parts.t", 40517, "The table 'parts.t' outside the schema dbo"),
        ("CREATE VIEW parts.v AS SELECT 1 AS i", 40517, "The view 'parts.v' outside the schema dbo"),
        ("DROP SCHEMA nope", 15151, "Cannot drop the schema 'nope'"),
        ("DROP SCHEMA parts", 3729, "Cannot drop schema 'parts' because it is being referenced by object 'p'"),
        ("DROP SCHEMA dbo", 15150, "Cannot drop the schema 'dbo'"),
        ("DROP PROCEDURE nope.p", 3701, "'p'"),
        ("EXECUTE nope.p", 2812, "'nope.p'"),
    ],
)
def test_a_wrong_schema_has_sql_servers_number(database: Connection, statement: str, number: int, word: str) -> None:
    """What is there already, what is not, what holds objects, and what the engine keeps to dbo."""
    found = error(database, statement)
    assert found.number == number
    assert word in found.message
    assert rows(database, PROCEDURES) == [("dbo", "p"), ("parts", "p")]


def test_if_exists_asks_no_schema(database: Connection) -> None:
    """Neither a schema nor a procedure in one that is not there is missed."""
    said = say(database, "DROP SCHEMA IF EXISTS nope; DROP PROCEDURE IF EXISTS nope.p; DROP TABLE IF EXISTS parts.t")
    assert said.errors == []
    assert say(database, "DROP PROCEDURE IF EXISTS parts.p; DROP SCHEMA IF EXISTS parts").errors == []
    assert value(database, "SELECT SCHEMA_ID(N'parts')") is None
    assert rows(database, PROCEDURES) == [("dbo", "p")]


def test_schemas_roll_back_with_their_transaction(database: Connection) -> None:
    """One that was made, and one that was dropped."""
    text = "BEGIN TRANSACTION; EXECUTE (N'CREATE SCHEMA other'); DROP PROCEDURE parts.p; DROP SCHEMA parts; ROLLBACK"
    assert say(database, text).errors == []
    assert rows(database, "SELECT SCHEMA_ID(N'other'), SCHEMA_ID(N'parts')") == [(None, 5)]
    assert value(database, "EXECUTE parts.p") == "parts"


def test_schemas_are_kept_in_the_file_and_seen_by_others(database: Connection, tmp_path: Path) -> None:
    """By a connection that was open before, and by one that is opened later."""
    with connect(tmp_path / "clinic.db") as other:
        assert value(other, "EXECUTE parts.p") == "parts"
        say(other, "CREATE SCHEMA second\nGO\nCREATE PROCEDURE second.p AS SELECT N'second'")
        assert value(database, "EXECUTE second.p") == "second"
    database.close()
    with connect(tmp_path / "clinic.db") as again:
        assert rows(again, PROCEDURES) == [("dbo", "p"), ("parts", "p"), ("second", "p")]


def _to_format_1(file: Path) -> None:
    """Make a file what the engine wrote before it knew schemas."""
    with closing(sqlite3.connect(file)) as raw:
        columns = "object_id, name, kind, definition, created, modified"
        rows_before = raw.execute(f'SELECT {columns} FROM "tsql$objects"').fetchall()
        raw.create_collation("tsql_text", lambda a, b: (a > b) - (a < b))
        raw.executescript(
            """
            DROP TABLE "tsql$objects"; DROP TABLE "tsql$schemas";
            CREATE TABLE "tsql$objects" (
                object_id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL COLLATE tsql_text UNIQUE,
                kind TEXT NOT NULL, definition TEXT NOT NULL, created TEXT NOT NULL, modified TEXT NOT NULL) STRICT;
            UPDATE "tsql$state" SET value = 1 WHERE name = 'format';
            """
        )
        raw.executemany('INSERT INTO "tsql$objects" VALUES (?, ?, ?, ?, ?, ?)', rows_before)
        raw.execute("UPDATE sqlite_sequence SET seq = 40 WHERE name = 'tsql$objects'")
        raw.commit()


def _format_of(file: Path) -> int:
    with closing(sqlite3.connect(file)) as raw:
        ((number,),) = raw.execute("SELECT value FROM \"tsql$state\" WHERE name = 'format'")
        return int(number)


def test_a_file_from_before_there_were_schemas_is_brought_up_to_date(tmp_path: Path) -> None:
    """When it is opened; its objects keep the numbers that they had."""
    file = tmp_path / "old.db"
    with connect(file) as made:
        say(
            made,
            "CREATE TABLE t (i INT); INSERT INTO t VALUES (1), (2)\nGO\nCREATE PROCEDURE p AS SELECT SUM(i) FROM t",
        )
        before = rows(made, "SELECT name, object_id, schema_id, create_date FROM sys.objects")
    _to_format_1(file)
    with connect(file) as opened:
        assert value(opened, "EXECUTE p") == 3
        say(opened, "INSERT INTO t VALUES (3)")
        assert rows(opened, "SELECT name, object_id, schema_id, create_date FROM sys.objects") == before
        assert _format_of(file) == 3
        say(opened, "BEGIN TRANSACTION; EXECUTE (N'CREATE SCHEMA parts'); ROLLBACK")
        assert value(opened, "EXECUTE p") == 6
        say(opened, "CREATE SCHEMA parts\nGO\nCREATE PROCEDURE parts.p AS SELECT MAX(i) FROM t")
        assert rows(opened, "SELECT name, object_id, schema_id, create_date FROM sys.objects")[:2] == before
        # The number of an object that was dropped before is not given again.
        assert value(opened, "SELECT OBJECT_ID(N'parts.p')") == 41
    with connect(file) as again:
        assert value(again, "EXECUTE p") == 6
        assert value(again, "EXECUTE parts.p") == 3
