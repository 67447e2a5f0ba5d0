"""Statements that are run again: they see the tables as they are now, and work on many rows at once."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from lungdb.embedded.running.connection import Connection
from tests.embedded.running import error, rows, say, value


@pytest.fixture
def table(connection: Connection) -> Connection:
    """A table t (a INT, b INT) with one row, read by a procedure and a view."""
    say(
        connection,
        "CREATE TABLE t (a INT NOT NULL, b INT NULL); INSERT INTO t VALUES (5, 2);\nGO\n"
        "CREATE VIEW v AS SELECT a, b FROM t;\nGO\nCREATE PROCEDURE p AS SELECT a / b AS q FROM t;",
    )
    return connection


@pytest.mark.parametrize("text", ["SELECT a / b FROM t;", "EXECUTE p;", "SELECT a / b FROM v;"])
def test_a_changed_type_changes_the_result_of_the_same_text(table: Connection, text: str) -> None:
    """5 / 2 is 2 between integers and 2.5 once a column is float, though the text was run before."""
    assert value(table, text) == 2
    say(table, "ALTER TABLE t ALTER COLUMN b FLOAT NULL;")
    assert value(table, text) == 2.5


def test_a_table_made_anew_is_read_anew(table: Connection) -> None:
    """SELECT * has the new columns, INSERT without columns takes as many, and dropped ones are unknown."""
    assert rows(table, "SELECT * FROM t;") == [(5, 2)]
    say(table, "DROP TABLE t; CREATE TABLE t (c NVARCHAR(5));")
    for text in ("INSERT INTO t VALUES (N'x');", "INSERT INTO t VALUES (N'y');"):
        assert say(table, text).errors == []
    assert rows(table, "SELECT * FROM t;") == [("x",), ("y",)]
    assert error(table, "EXECUTE p;").number == 207


def test_a_definition_that_is_rolled_back_is_not_remembered(table: Connection) -> None:
    """The same text gives the column inside the transaction and an error after it."""
    text = "SELECT c FROM t;"
    say(table, "BEGIN TRANSACTION; ALTER TABLE t ADD c INT NOT NULL DEFAULT 3;")
    assert value(table, text) == 3
    say(table, "ROLLBACK;")
    assert error(table, text).number == 207
    say(table, "ALTER TABLE t ADD c NVARCHAR(3) NOT NULL DEFAULT N'z';")
    assert value(table, text) == "z"


def test_one_text_serves_temporary_tables_and_parameters_of_any_type(connection: Connection) -> None:
    """A statement is planned for what it meets, whatever it met before."""
    for kind, given in (("INT", 7), ("NVARCHAR(5)", "x"), ("FLOAT", 0.5), ("VARBINARY(3)", b"\x01")):
        say(connection, f"DROP TABLE IF EXISTS #t; CREATE TABLE #t (a {kind} NULL);")
        say(connection, "INSERT INTO #t (a) VALUES (?);", given)
        assert rows(connection, "SELECT a, ? FROM #t WHERE a = ?;", given, given) == [(given, given)]


def test_the_same_text_follows_the_types_of_its_parameters(connection: Connection) -> None:
    """int / int is cut, int / float is not, text is converted, NULL gives NULL."""
    text = "SELECT ? / ?;"
    assert [value(connection, text, *each) for each in ((5, 2), (5, 2.0), (5, "2"), (5, None))] == [2, 2.5, 2, None]


def test_sums_of_products_over_a_join_are_those_of_numpy(connection: Connection) -> None:
    """200,000 feature values times weights: scoring without Python. The time is printed, with -s."""
    scans, width = 400, 500
    random_numbers = np.random.default_rng(3)
    values = random_numbers.normal(size=(scans, width))
    weights = random_numbers.normal(size=width)
    say(
        connection,
        "CREATE TABLE f (s INT, i INT, x FLOAT, PRIMARY KEY (s, i)); CREATE TABLE w (i INT PRIMARY KEY, x FLOAT);",
    )
    started = time.perf_counter()
    cursor = connection.cursor()
    cursor.executemany(
        "INSERT INTO f SELECT ?, CAST([key] AS INT), CAST(value AS FLOAT) FROM OPENJSON(?);",
        [(s, json.dumps(row.tolist())) for s, row in enumerate(values)],
    )
    cursor.executemany("INSERT INTO w VALUES (?, ?);", [(i, float(each)) for i, each in enumerate(weights)])
    stored = time.perf_counter()
    found = rows(
        connection,
        "SELECT f.s, SUM(f.x * w.x), AVG(f.x), 1 / (1 + EXP(-SUM(f.x * w.x) / 10)) "
        "FROM f INNER JOIN w ON w.i = f.i GROUP BY f.s ORDER BY f.s;",
    )
    read = time.perf_counter()
    print(f"{scans * width:,} rows: {stored - started:.2f} s to store, {read - stored:.2f} s to join and sum")
    scores = values @ weights
    expected = np.column_stack([np.arange(scans), scores, values.mean(axis=1), 1 / (1 + np.exp(-scores / 10))])
    np.testing.assert_allclose(np.array(found, dtype=float), expected, rtol=1e-9, atol=1e-12)
