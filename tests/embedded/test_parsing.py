"""Batches at their GO lines, tokens, and syntax errors with their line and near word."""

from __future__ import annotations

import pytest

from lungdb.database import split_batches
from lungdb.embedded.running.connection import Connection
from lungdb.embedded.syntax.lexer import Kind, tokenize
from lungdb.embedded.syntax.statement_tree import CreateSchema, DropSchema
from lungdb.embedded.syntax.statements import parse_batch
from lungdb.errors import SqlError
from tests.embedded.running import error, value


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("SELECT 1\nGO\nSELECT 2", [("SELECT 1\n", 1), ("SELECT 2", 3)]),
        ("SELECT 1\n  go  -- end\nSELECT 2\nGO", [("SELECT 1\n", 1), ("SELECT 2\n", 3)]),
        ("SELECT 1\nGO 3\n", [("SELECT 1\n", 1)] * 3),
        ("GO\nGO\n\nSELECT 1", [("\nSELECT 1", 3)]),
        ("SELECT 'a\nGO\nb'", [("SELECT 'a\nGO\nb'", 1)]),
        ("SELECT [a\nGO\n]", [("SELECT [a\nGO\n]", 1)]),
        ("/* a /*\nGO\n*/\nGO\n*/ SELECT 1", [("/* a /*\nGO\n*/\nGO\n*/ SELECT 1", 1)]),
        ("-- it's a comment\nGO\nSELECT 1", [("-- it's a comment\n", 1), ("SELECT 1", 3)]),
        ("SELECT 1 AS go\nGO", [("SELECT 1 AS go\n", 1)]),
        ("SELECT 'it''s'\r\nGO\r\nSELECT 2", [("SELECT 'it''s'\n", 1), ("SELECT 2", 3)]),
        ("GOING\nGO", [("GOING\n", 1)]),
    ],
)
def test_a_script_is_split_at_its_go_lines(script: str, expected: list[tuple[str, int]]) -> None:
    """With the line that each batch begins on; GO in text, names and comments is none."""
    assert split_batches(script) == expected


@pytest.mark.parametrize(
    ("text", "kind", "content"),
    [
        ("N'it''s'", Kind.UNICODE, "it's"),
        ("'a\nb'", Kind.STRING, "a\nb"),
        ("[a]]b]", Kind.QUOTED, "a]b"),
        ('"a""b"', Kind.QUOTED, 'a"b'),
        ("0x0aF", Kind.BINARY, "0x0aF"),
        ("1e-3", Kind.FLOAT, "1e-3"),
        (".5", Kind.DECIMAL, ".5"),
        ("5.", Kind.DECIMAL, "5."),
        ("$1.5", Kind.MONEY, "$1.5"),
        ("@ä_1", Kind.VARIABLE, "@ä_1"),
        ("@@rowcount", Kind.GLOBAL, "@@ROWCOUNT"),
        ("#t", Kind.NAME, "#T"),
        ("größe", Kind.NAME, "GRÖSSE"),
        ("!=", Kind.SYMBOL, "!="),
    ],
)
def test_a_token_is_recognised_whole(text: str, kind: Kind, content: str) -> None:
    """Literals, names and variables in all their spellings."""
    token, end = tokenize(text)
    assert (token.kind, token.value, end.kind) == (kind, content, Kind.END)


@pytest.mark.parametrize(
    ("text", "number", "near", "line"),
    [
        ("SELECT 'open", 105, "open", 1),
        ("SELECT 1 /* open", 113, "*/", 1),
        ("SELECT 1 {", 102, "{", 1),
        ("SELECT\n\nFROM t", 156, "FROM", 3),
        ("SELECT 1 1", 102, "1", 1),
        ("SELECT (1", 102, "1", 1),
        ("SELECT 1 +\n", 102, "+", 1),
        ("IF 1 = 1", 102, "1", 1),
        ("IF 1 PRINT N'x'", 4145, "PRINT", 1),
        ("SELECT 1 = 1 AND 2 = 2", 102, "=", 1),
        ("SELECT 1 > 2", 102, ">", 1),
        ("SELECT a FROM t WHERE a", 4145, "a", 1),
        ("BEGIN\nPRINT 1", 102, "1", 2),
        ("BEGIN TRY PRINT 1 END TRY", 102, "TRY", 1),
        ("INSERT INTO t", 102, "t", 1),
        ("SELECT 1\nUNION", 102, "UNION", 2),
        ("SET @x = 1", 137, "@x", 1),
        ("DECLARE @x INT\nDECLARE @X INT", 134, "@X", 2),
        ("SELECT * FROM @t", 1087, "@t", 1),
        ("CREATE TABLE t (select INT)", 156, "select", 1),
        ("DECLARE @x WRONG", 2715, "wrong", 1),
        ("WHILE 1 = 1 BREAK\nBREAK", 135, "BREAK", 2),
        ("PRINT 1;\nCREATE SCHEMA s", 111, "'CREATE SCHEMA'", 2),
        ("IF 1 = 1\nCREATE SCHEMA s", 111, "'CREATE SCHEMA'", 2),
        ("PRINT 1;\nCREATE OR ALTER VIEW v AS SELECT 1 AS a", 111, "'CREATE OR ALTER VIEW'", 2),
        ("CREATE SCHEMA", 102, "SCHEMA", 1),
        ("CREATE SCHEMA a.b", 102, ".", 1),
        ("CREATE SCHEMA s AUTHORIZATION", 102, "AUTHORIZATION", 1),
        ("DROP SCHEMA a, b", 102, ",", 1),
        ("DROP SCHEMA IF s", 102, "s", 1),
    ],
)
def test_the_first_syntax_error_has_its_line_and_the_word_near_it(text: str, number: int, near: str, line: int) -> None:
    """As SQL Server counts them."""
    with pytest.raises(SqlError) as raised:
        parse_batch(text)
    assert (raised.value.number, raised.value.line) == (number, line)
    assert near in raised.value.message


def test_statements_need_no_semicolons_wherever_a_word_begins_the_next_one() -> None:
    """After expressions, names, EXECUTE with and without arguments, RETURN, BEGIN TRANSACTION."""
    text = """
        DECLARE @a INT = 1 SET @a = @a + 1 SELECT @a AS a PRINT N'x' EXEC p EXEC p @a, 2 EXEC p @x = word
        BEGIN TRANSACTION SAVE TRANSACTION s COMMIT TRANSACTION BEGIN TRAN ROLLBACK
        IF @a = 1 RETURN IF @a = 2 BEGIN PRINT N'y' END ELSE PRINT N'z' WHILE @a < 3 SET @a += 1
        SELECT name FROM t WHERE a = 1 ORDER BY name DELETE FROM t UPDATE t SET a = 1 INSERT INTO t DEFAULT VALUES
        BEGIN TRY PRINT 1 END TRY BEGIN CATCH PRINT 2 END CATCH TRUNCATE TABLE t DROP TABLE t
    """
    names = " ".join(type(statement).__name__ for statement in parse_batch(text).statements)
    assert names == (
        "Declare SetVariable SelectStatement Print Execute Execute Execute Transaction Transaction Transaction "
        "Transaction Transaction If If While SelectStatement Delete Update Insert TryCatch Truncate Drop"
    )


@pytest.mark.parametrize(
    ("text", "name", "owner"),
    [
        ("CREATE SCHEMA internal;", "internal", None),
        ("create schema [My Parts] authorization dbo", "My Parts", "dbo"),
        ("CREATE SCHEMA s AUTHORIZATION [a user]; PRINT 1;", "s", "a user"),
    ],
)
def test_create_schema_begins_a_batch_and_may_name_an_owner(text: str, name: str, owner: str | None) -> None:
    """The names are as written."""
    created = parse_batch(text).statements[0]
    assert isinstance(created, CreateSchema)
    assert (created.name, created.owner) == (name, owner)


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("CREATE SCHEMA AUTHORIZATION dbo", "CREATE SCHEMA without a name"),
        ("CREATE SCHEMA s CREATE TABLE t (a INT)", "CREATE SCHEMA … CREATE"),
        ("CREATE SCHEMA s AUTHORIZATION dbo GRANT SELECT ON t TO x", "CREATE SCHEMA … GRANT"),
    ],
)
def test_create_schema_holds_no_objects_and_no_rights(text: str, refused: str) -> None:
    """T-SQL counts CREATE and GRANT without a semicolon before them to the schema; the engine refuses that by name."""
    with pytest.raises(SqlError) as raised:
        parse_batch(text)
    assert raised.value.number == 40517
    assert raised.value.message.startswith(f"{refused} is not supported by the embedded engine")


def test_drop_schema_stands_anywhere_and_may_ask_whether_the_schema_exists() -> None:
    """Where CREATE SCHEMA must begin its batch, DROP SCHEMA need not."""
    _, plain, lenient = parse_batch("PRINT 1; DROP SCHEMA internal DROP SCHEMA IF EXISTS [My Parts]").statements
    assert isinstance(plain, DropSchema)
    assert isinstance(lenient, DropSchema)
    assert (plain.name, plain.if_exists, lenient.name, lenient.if_exists) == ("internal", False, "My Parts", True)


def test_an_expression_too_deep_is_an_error_and_no_crash(connection: Connection) -> None:
    """Thousands of parentheses; long chains of operators are fine."""
    assert error(connection, "SELECT " + "(" * 5000 + "1" + ")" * 5000).number == 191
    assert value(connection, "SELECT " + " + ".join(["1"] * 900)) == 900
    assert value(connection, "SELECT 1 WHERE " + " AND ".join(["1 = 1"] * 900)) == 1
