"""Joins that begin with a few rows, and what is looked at once: how often, and that the rows are the same."""

from __future__ import annotations

import json
import random
import struct

import numpy as np
import pytest

from lungdb.embedded.functions.arithmetic import single
from lungdb.embedded.running.connection import Connection
from tests.embedded.running import error, rows, say, value

COUNT = 500
STORED = """
CREATE TABLE stored (id INT NOT NULL PRIMARY KEY, kind INT NOT NULL, body NVARCHAR(MAX) NOT NULL);
CREATE INDEX ix_stored_kind ON stored (kind);
CREATE TABLE weights (kind INT NOT NULL, position INT NOT NULL, weight FLOAT NOT NULL, PRIMARY KEY (kind, position));
CREATE TABLE #few (id INT NOT NULL PRIMARY KEY);
INSERT INTO weights VALUES (1, 0, 2), (1, 1, 3), (1, 2, 4);
"""


@pytest.fixture
def stored(connection: Connection) -> Connection:
    """500 rows of one kind with three numbers each, their weights, and an empty #few."""
    say(connection, STORED)
    content = json.dumps([[index, json.dumps([index, index / 2, -1.5])] for index in range(COUNT)])
    say(
        connection,
        "INSERT INTO stored (id, kind, body) SELECT CAST(JSON_VALUE(v.[value], N'$[0]') AS INT), 1, "
        "JSON_VALUE(v.[value], N'$[1]') FROM OPENJSON(?) AS v;",
        content,
    )
    return connection


def hashed(connection: Connection, query: str) -> tuple[int, list[tuple[object, ...]]]:
    """Return how many texts a query hashes, and its rows."""
    calls = []

    def count(algorithm: str, content: bytes) -> bytes:
        calls.append(content)
        return b"\x00"

    connection.session.storage.create_function("tsql_hashbytes", 2, count)
    found = rows(connection, query)
    return len(calls), found


@pytest.mark.parametrize(
    "tables",
    [
        "#few AS f INNER JOIN stored AS s ON s.id = f.id",
        "stored AS s INNER JOIN #few AS f ON s.id = f.id",
        "#few AS f INNER JOIN (SELECT id, kind, body FROM stored) AS s ON s.id = f.id",
    ],
)
def test_a_value_is_computed_for_the_rows_of_a_small_table_only(stored: Connection, tables: str) -> None:
    """SQLite alone would begin with the 500 rows of a kind, and hash each before it looks whether it is asked for."""
    say(stored, "INSERT INTO #few VALUES (7), (9), (1000);")
    query = f"SELECT s.id FROM {tables} WHERE s.kind = 1 AND HASHBYTES('SHA2_256', s.body) = 0x00 ORDER BY s.id;"
    assert hashed(stored, query) == (2, [(7,), (9,)])


def test_the_same_text_serves_a_table_that_grows_and_shrinks(stored: Connection) -> None:
    """Its plan is for a few rows, then for many, then for a few again; the rows are those asked for each time."""
    query = "SELECT s.id FROM #few AS f INNER JOIN stored AS s ON s.id = f.id WHERE s.kind = 1 ORDER BY s.id;"
    for count in (3, 400, 0, 2, 500):
        say(stored, "DELETE FROM #few;")
        say(stored, "INSERT INTO #few (id) SELECT CAST(v.[key] AS INT) FROM OPENJSON(?) AS v;", json.dumps([0] * count))
        assert rows(stored, query) == [(index,) for index in range(count)]


def test_a_star_gives_the_columns_in_the_order_of_the_query(stored: Connection) -> None:
    """Whichever table is read first."""
    say(stored, "INSERT INTO #few VALUES (4);")
    query = "SELECT * FROM stored AS s INNER JOIN #few AS f ON f.id = s.id WHERE s.kind = 1;"
    assert rows(stored, query) == [(4, 1, "[4, 2.0, -1.5]", 4)]


def test_a_change_reaches_the_rows_of_a_small_table_only(stored: Connection) -> None:
    """UPDATE and DELETE join as SELECT does."""
    say(stored, "INSERT INTO #few VALUES (1), (2);")
    say(stored, "UPDATE s SET kind = 2 FROM stored AS s INNER JOIN #few AS f ON f.id = s.id WHERE s.kind = 1;")
    assert rows(stored, "SELECT id FROM stored WHERE kind = 2 ORDER BY id;") == [(1,), (2,)]
    say(stored, "DELETE s FROM stored AS s INNER JOIN #few AS f ON f.id = s.id;")
    assert value(stored, "SELECT COUNT(*) FROM stored;") == COUNT - 2


def test_a_text_of_json_is_taken_apart_once_for_all_that_is_joined_to_its_items(stored: Connection) -> None:
    """Not once for each of the three weights."""
    calls: list[object] = []
    taken_apart = '["21", "22", "23"]'

    def count(text: object, path: object) -> str:
        calls.append(text)
        return taken_apart

    stored.session.storage.create_function("tsql_openjson", 2, count)
    say(stored, "INSERT INTO #few VALUES (1), (2);")
    query = """
        SELECT f.id, SUM(CAST(v.[value] AS FLOAT) * w.weight) FROM #few AS f
        INNER JOIN stored AS s ON s.id = f.id
        CROSS APPLY OPENJSON(s.body) AS v
        INNER JOIN weights AS w ON w.kind = 1 AND w.position = CAST(v.[key] AS INT)
        GROUP BY f.id ORDER BY f.id;"""
    assert rows(stored, query) == [(1, 20.0), (2, 20.0)]
    assert len(calls) == 2


def test_numbers_of_json_are_the_nearest_floats(connection: Connection) -> None:
    """As Python reads them, to the last bit, in digits and exponents of all lengths."""
    random_numbers = random.Random(1)
    texts = [
        repr(struct.unpack("<d", struct.pack("<Q", random_numbers.getrandbits(63) % (0x7FE << 52)))[0])
        for _ in range(2000)
    ]
    texts += [str(random_numbers.randrange(10**digits)) for digits in range(1, 40)]
    texts += ["-0.1", "0", "-0", "1E5", "2.5e-3", "9007199254740993", "0.1000000000000000055511151231257827"]
    found = rows(
        connection,
        "SELECT CAST(v.[value] AS FLOAT) FROM OPENJSON(?) AS v ORDER BY CAST(v.[key] AS INT);",
        f"[{','.join(texts)}]",
    )
    assert [number for (number,) in found] == [float(text) for text in texts]


@pytest.mark.parametrize(("item", "number"), [("1e999", 8115), ("-1e999", 8115), ('"x"', 8114), ("true", 8114)])
def test_an_item_of_json_that_is_no_float_is_an_error(connection: Connection, item: str, number: int) -> None:
    """A number that is too large is one also where it is only compared."""
    for query in ("SELECT CAST(v.[value] AS FLOAT)", "SELECT 1 WHERE 0 < (SELECT MAX(CAST(v.[value] AS FLOAT))"):
        end = " FROM OPENJSON(?) AS v" + (")" if "MAX" in query else "")
        assert error(connection, f"{query}{end};", f"[{item}]").number == number


@pytest.mark.parametrize("kind", ["BIT", "TINYINT", "INT", "BIGINT", "FLOAT", "DECIMAL(9, 2)", "NVARCHAR(5)"])
@pytest.mark.parametrize("given", ["NULL", "0", "1", "2"])
def test_if_and_where_agree_on_a_plain_condition(connection: Connection, kind: str, given: str) -> None:
    """IF settles most of them without SQLite, WHERE none."""
    for condition in ("@x = 1", "@x <> 1", "@x < 1", "@x <= 1", "@x > 1", "@x >= 1", "@x IS NULL", "@x IS NOT NULL"):
        settled, asked = rows(
            connection,
            f"DECLARE @x {kind} = {given}, @found INT = 0; IF {condition} SET @found = 1; "
            f"SELECT @found UNION ALL SELECT (SELECT COUNT(*) FROM (SELECT 1 AS one) AS t WHERE {condition});",
        )
        assert settled == asked


def test_a_quotient_of_an_expression_is_that_of_python_and_zero_is_refused(connection: Connection) -> None:
    """A dividend that is no single variable is written twice and computed once."""
    query = "DECLARE @a FLOAT = 2.5, @b FLOAT = ?; SELECT (@a * 3 + 0.1) / @b;"
    assert value(connection, query, 0.7) == (2.5 * 3 + 0.1) / 0.7
    assert value(connection, query, None) is None
    assert error(connection, query, 0.0).number == 8134
    assert error(connection, query, 1e-308 / 2**40).number == 8115


@pytest.mark.parametrize(("kind", "least"), [("SMALLINT", -(2**15)), ("INT", -(2**31)), ("BIGINT", -(2**63))])
@pytest.mark.parametrize("quotient", ["@a / @b", "(@a + 0) / @b", "@a / -1"])
def test_the_smallest_number_over_minus_one_is_an_overflow(
    connection: Connection, kind: str, least: int, quotient: str
) -> None:
    """Its quotient is one more than the largest number; SMALLINT beside the literal -1 is an INT, which holds it."""
    query = f"DECLARE @a {kind} = {least}, @b {kind} = -1; SELECT {quotient};"
    if kind == "SMALLINT" and quotient != "@a / @b":
        assert value(connection, query) == -least
    else:
        assert error(connection, query).number == 8115


SINGLES = "SELECT v.[key], v.[type], CAST(v.[value] AS REAL) FROM OPENJSON(?) AS v;"
TEXTS = "SELECT v.[key], v.[type], CAST(v.[value] AS REAL), v.[value] FROM OPENJSON(?) AS v;"


def _singles() -> np.ndarray:
    """Singles of all sizes, the smallest and the largest among them."""
    bits = np.random.default_rng(2).integers(0, 0x7F7FFFFF, 3000, np.uint32)
    ends = np.array([0, 1, 2, 0x007FFFFE, 0x007FFFFF, 0x00800000, 0x00800001, 0x7F7FFFFE], np.uint32)
    return np.concatenate([bits, ends]).view(np.float32)


def test_a_float_is_rounded_to_the_nearest_single_without_python(connection: Connection) -> None:
    """As NumPy does: singles, the halves between two, which go to the even one, and the neighbours of those halves."""
    singles = _singles()
    halves = (singles.astype(np.float64) + np.nextafter(singles, np.float32(np.inf)).astype(np.float64)) / 2
    numbers = np.concatenate([singles.astype(np.float64), halves, np.nextafter(halves, 0), np.nextafter(halves, 1e300)])
    numbers = np.concatenate([numbers, -numbers])
    text = f"SELECT {single(':x')}"
    execute = connection.session.storage.execute
    found = [execute(text, {"x": each}).fetchone()[0] for each in numbers.tolist()]
    assert found == numbers.astype(np.float32).astype(np.float64).tolist()


def test_numbers_of_json_are_the_nearest_singles(connection: Connection) -> None:
    """Each in the fewest digits that mean it, where numbers are all that is read and where their text is, too."""
    singles = np.concatenate([_singles(), -_singles()])
    content = f"[{','.join(str(each) for each in singles)}]"
    for query in (SINGLES, TEXTS):
        assert [row[2] for row in rows(connection, query, content)] == singles.astype(np.float64).tolist()


@pytest.mark.parametrize(
    "content",
    [
        "[1, -0, 0.0, -0.0, 1e-05, 16777217, 1E5, 2.5e-3, 12345678901234567890]",
        "[1.5, null, 2]",
        ' [null , "3.5", "", 7]\n',
        '{"a": 1, "b": null, "-0": -0, "a": 2}',
        "[]",
        '["x\\"y-0", 1]',
    ],
)
def test_a_query_that_reads_numbers_alone_gives_what_one_gives_that_reads_texts(
    connection: Connection, content: str
) -> None:
    """Keys, types and numbers, of arrays, objects and mixtures, down to the sign of zero."""
    if '"x' in content:
        assert error(connection, SINGLES, content).number == error(connection, TEXTS, content).number == 8114
        return
    found, wanted = (repr([tuple(row)[:3] for row in rows(connection, each, content)]) for each in (SINGLES, TEXTS))
    assert found == wanted


@pytest.mark.parametrize(
    ("content", "number"),
    [
        ("[1, 3.4028235677973366e38]", 8115),
        ("[-1e39]", 8115),
        ("[1e999]", 8115),
        ("[true]", 8114),
        ("[[1]]", 8114),
        ("[1, 2", 13609),
        ("[01]", 13609),
        ("[1.]", 13609),
        ("[+1]", 13609),
        ("[1,]", 13609),
        ("[nul]", 13609),
        ("", 13609),
        ("7", 13609),
    ],
)
def test_what_is_no_single_or_no_json_is_the_same_error_either_way(
    connection: Connection, content: str, number: int
) -> None:
    """Of a query that reads numbers alone, of one that reads texts, and of a text that is no plain column."""
    joined = SINGLES.replace("OPENJSON(?)", "OPENJSON(? + N'')")
    for query in (SINGLES, TEXTS, joined):
        assert error(connection, query, content).number == number


def test_single_numbers_of_json_are_grouped_sorted_and_joined(connection: Connection) -> None:
    """Wherever a query may compute with them; a path and a text that is NULL are as ever."""
    content = "[0.1, 0.5, 0.1, -2, null]"
    tenth = float(np.float32(0.1))
    grouped = (
        "SELECT CAST(v.[value] AS REAL), COUNT(*) FROM OPENJSON(?) AS v GROUP BY CAST(v.[value] AS REAL) "
        "HAVING MAX(CAST(v.[value] AS REAL)) > -1 ORDER BY CAST(v.[value] AS REAL) DESC;"
    )
    assert rows(connection, grouped, content) == [(0.5, 1), (tenth, 2)]
    summed = "SELECT SUM(CAST(v.[value] AS REAL)), COUNT(*) FROM OPENJSON(?) AS v WHERE v.[type] = 2;"
    assert rows(connection, summed, content) == [(pytest.approx(2 * tenth - 1.5), 4)]
    say(connection, "CREATE TABLE wanted (x REAL NOT NULL); INSERT INTO wanted VALUES (0.1), (-2);")
    joined = (
        "SELECT CAST(v.[key] AS INT) FROM OPENJSON(?) AS v INNER JOIN wanted AS w ON w.x = CAST(v.[value] AS REAL) "
        "ORDER BY CAST(v.[key] AS INT);"
    )
    assert rows(connection, joined, content) == [(0,), (2,), (3,)]
    assert rows(connection, "SELECT CAST(v.[value] AS REAL) FROM OPENJSON(?, N'$.a') AS v;", '{"a": [1.5]}') == [(1.5,)]
    assert rows(connection, "SELECT CAST(v.[value] AS REAL) FROM OPENJSON(NULL) AS v;") == []
    outer = "SELECT w.x, v.[type], CAST(v.[value] AS REAL) FROM wanted AS w OUTER APPLY OPENJSON(?) AS v ORDER BY w.x;"
    assert rows(connection, outer, "[]") == [(-2.0, None, None), (tenth, None, None)]
