"""What may not stand where it stands, and what is too large: SQL Server's numbers, never SQLite's words.

The numbers are those of Microsoft's "Database Engine events and errors" and "Maximum capacity specifications".
"""

from __future__ import annotations

import pytest

from lungdb.embedded.running.connection import Connection
from lungdb.embedded.values.refusals import REFUSED
from tests.embedded.running import error, rows, say, value

WINDOW = "ROW_NUMBER() OVER (ORDER BY a)"


@pytest.fixture
def tables(connection: Connection) -> Connection:
    """A table t of two rows, and an empty one u."""
    say(
        connection,
        "CREATE TABLE t (a INT NOT NULL CONSTRAINT pk_t PRIMARY KEY, b INT, s NVARCHAR(50), d DATE);"
        "INSERT INTO t VALUES (1, 2, N'x', '2024-01-01'), (2, NULL, N'y', '2024-02-01'); CREATE TABLE u (a INT, c INT)",
    )
    return connection


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ("SELECT a FROM t WHERE COUNT(*) > 1", 147),
        ("SELECT a FROM t WHERE a = (SELECT MAX(t.a) FROM u)", 147),
        ("DELETE FROM t WHERE COUNT(*) = 1", 147),
        ("UPDATE t SET b = 1 WHERE SUM(a) > 1", 147),
        ("SELECT t.a FROM t JOIN u ON COUNT(*) = 1", 1015),
        ("SELECT COUNT(*) FROM t GROUP BY COUNT(*)", 144),
        ("SELECT COUNT(*) FROM t GROUP BY (SELECT 1)", 144),
        ("SELECT COUNT(*) FROM t GROUP BY CASE WHEN a IN (SELECT a FROM u) THEN 1 END", 144),
        ("SELECT COUNT(*) FROM t GROUP BY 1", 164),
        ("SELECT a FROM t GROUP BY 5", 164),
        ("SELECT COUNT(*) FROM t GROUP BY N'x'", 164),
        ("SELECT COUNT(*) FROM t GROUP BY a, 1 + 1", 164),
        ("DECLARE @v INT = 1; SELECT COUNT(*) FROM t GROUP BY @v", 164),
        ("SELECT a FROM t WHERE a IN (SELECT COUNT(*) FROM u GROUP BY t.a)", 164),
        ("SELECT TOP (COUNT(*)) a FROM t", 162),
        ("SELECT a FROM t ORDER BY a OFFSET COUNT(*) ROWS", 162),
        ("UPDATE t SET b = COUNT(*)", 157),
        ("UPDATE t SET b = SUM(t.a) OUTPUT DELETED.b", 157),
        ("INSERT INTO u VALUES (COUNT(*), 1)", 5310),
        ("DELETE FROM t OUTPUT COUNT(*)", 158),
        ("CREATE TABLE c (a INT CHECK (SUM(a) > 1))", 175),
        ("CREATE TABLE c (a INT DEFAULT COUNT(*))", 175),
        ("SELECT SUM(SUM(a)) FROM t", 130),
        ("SELECT SUM(a + COUNT(*)) FROM t GROUP BY b", 130),
        ("SELECT SUM((SELECT 1)) FROM t", 130),
        ("SELECT COUNT(CASE WHEN EXISTS (SELECT 1) THEN 1 END) FROM t", 130),
        ("SELECT STRING_AGG(STRING_AGG(s, N','), N',') FROM t", 130),
    ],
)
def test_an_aggregate_stands_in_the_select_list_having_and_order_by_only(
    tables: Connection, statement: str, number: int
) -> None:
    """Each other place has its number, also for an aggregate that belongs to the query around."""
    assert error(tables, statement).number == number


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        (f"SELECT a FROM t WHERE {WINDOW} = 1", 4108),
        (f"SELECT COUNT(*) FROM t GROUP BY {WINDOW}", 4108),
        (f"SELECT a FROM t GROUP BY a HAVING {WINDOW} = 1", 4108),
        ("SELECT t.a FROM t JOIN u ON SUM(t.a) OVER () = 1", 4108),
        (f"UPDATE t SET b = {WINDOW}", 4108),
        (f"DELETE FROM t WHERE {WINDOW} = 5", 4108),
        (f"INSERT INTO u VALUES ({WINDOW}, 1)", 4108),
        (f"CREATE TABLE c (a INT CHECK ({WINDOW} > 1))", 4108),
        (f"SELECT SUM({WINDOW}) FROM t", 4109),
        (f"SELECT ROW_NUMBER() OVER (ORDER BY {WINDOW}) FROM t", 4109),
        (f"SELECT SUM(a) OVER (PARTITION BY {WINDOW}) FROM t", 4109),
        ("SELECT SUM(SUM(a) OVER ()) OVER () FROM t", 4109),
        (f"SELECT LAG(a, 1, {WINDOW}) OVER (ORDER BY a) FROM t", 4109),
        ("SELECT ROW_NUMBER() OVER (ORDER BY 1) FROM t", 5308),
        ("SELECT MAX(a) OVER (ORDER BY N'x') FROM t", 5309),
        ("SELECT NTILE(0) OVER (ORDER BY a) FROM t", 4116),
        ("SELECT NTILE(-1) OVER (ORDER BY a) FROM t", 4116),
        ("SELECT NTILE(NULL) OVER (ORDER BY a) FROM t", 4116),
        ("DECLARE @n INT = 0; SELECT NTILE(@n) OVER (ORDER BY a) FROM t", 4116),
        ("SELECT LAG(a, -1) OVER (ORDER BY a) FROM t", 8730),
        ("DECLARE @n INT = -1; SELECT LEAD(a, @n) OVER (ORDER BY a) FROM t", 8730),
        ("SELECT ROW_NUMBER(a) OVER (ORDER BY a) FROM t", 174),
        ("SELECT LAG(a, 1, 2, 3) OVER (ORDER BY a) FROM t", 174),
        ("SELECT FIRST_VALUE(a) OVER (PARTITION BY b) FROM t", 4112),
        ("SELECT ROW_NUMBER() OVER (ORDER BY a ROWS 1 PRECEDING) FROM t", 10752),
        ("SELECT SUM(a) OVER (ROWS 1 PRECEDING) FROM t", 10756),
        ("SELECT SUM(a) OVER (ORDER BY a RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t", 4194),
        ("SELECT SUM(a) OVER (ORDER BY a ROWS BETWEEN 1 FOLLOWING AND 1 PRECEDING) FROM t", 4193),
        ("SELECT SUM(a) OVER (ORDER BY a ROWS BETWEEN 1 FOLLOWING AND CURRENT ROW) FROM t", 4193),
        ("SELECT SUM(a) OVER (ORDER BY a ROWS BETWEEN CURRENT ROW AND 1 PRECEDING) FROM t", 4193),
        ("SELECT SUM(a) OVER (ORDER BY a ROWS BETWEEN UNBOUNDED FOLLOWING AND CURRENT ROW) FROM t", 4193),
        ("SELECT SUM(a) OVER (ORDER BY a ROWS BETWEEN CURRENT ROW AND UNBOUNDED PRECEDING) FROM t", 4193),
        ("SELECT SUM(a) OVER (ORDER BY a RANGE BETWEEN CURRENT ROW AND UNBOUNDED PRECEDING) FROM t", 4193),
        ("SELECT SUM(a) OVER (ORDER BY a ROWS 1 FOLLOWING) FROM t", 4193),
        ("SELECT SUM(a) OVER (ORDER BY a ROWS BETWEEN -1 PRECEDING AND CURRENT ROW) FROM t", 102),
    ],
)
def test_a_window_function_stands_in_the_select_list_and_order_by_only(
    tables: Connection, statement: str, number: int
) -> None:
    """And its frame ends after it begins."""
    assert error(tables, statement).number == number


def test_what_may_stand_there_does(tables: Connection) -> None:
    """Aggregates inside OVER, of an outer query, of dates by their parts; windows in ORDER BY; frames of both kinds."""
    assert rows(tables, "SELECT SUM(SUM(a)) OVER (ORDER BY b) FROM t GROUP BY b") == [(2,), (3,)]
    assert rows(tables, "SELECT MONTH(d), COUNT(*) FROM t GROUP BY MONTH(d) ORDER BY 1") == [(1, 1), (2, 1)]
    assert rows(tables, "SELECT COUNT(*) FROM t GROUP BY DATEPART(YEAR, d)") == [(2,)]
    assert rows(tables, "SELECT SUM(DATEDIFF(DAY, '2024-01-01', d)) FROM t") == [(31,)]
    assert rows(tables, f"SELECT a FROM t ORDER BY {WINDOW} DESC") == [(2,), (1,)]
    assert rows(tables, "SELECT (SELECT COUNT(t.a)) FROM t") == [(2,)]
    frames = "SUM(a) OVER (ORDER BY a ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING)"
    frames += ", SUM(a) OVER (ORDER BY a RANGE UNBOUNDED PRECEDING)"
    assert rows(tables, f"SELECT {frames} FROM t ORDER BY a") == [(3, 1), (2, 3)]
    assert rows(tables, "SELECT NTILE(2) OVER (ORDER BY a), LAG(a, 1, 9) OVER (ORDER BY a) FROM t") == [(1, 9), (2, 1)]


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ("CREATE TABLE c (a INT CHECK (a > (SELECT 1)))", 1046),
        ("CREATE TABLE c (a INT CHECK (EXISTS (SELECT 1)))", 1046),
        ("CREATE TABLE c (a INT CHECK (a IN (SELECT a FROM t)))", 1046),
        ("ALTER TABLE t ADD CONSTRAINT c CHECK (a > (SELECT MAX(a) FROM u))", 1046),
        ("DECLARE @t TABLE (a INT CHECK (a > (SELECT 1)))", 1046),
        ("CREATE TABLE c (a INT DEFAULT (SELECT 1))", 1046),
        ("CREATE TABLE c (a INT DEFAULT b)", 128),
        ("ALTER TABLE t ADD z INT DEFAULT a + 1", 128),
        ("CREATE INDEX ix ON t (a) WHERE a > (SELECT 1)", 1046),
        ("CREATE INDEX ix ON t (a) WHERE ABS(a) > 1", 10735),
        ("CREATE INDEX ix ON t (a) WHERE d < GETDATE()", 10735),
        ("CREATE INDEX ix ON t (a, b, a)", 1909),
        ("CREATE TABLE c (a INT CONSTRAINT k CHECK (a > 1), b INT CONSTRAINT K CHECK (b > 1))", 2714),
        ("CREATE TABLE c (rowid INT, _rowid_ INT, oid INT)", REFUSED),
        ("CREATE TABLE c (a INT CHECK (a > @@SPID))", REFUSED),
        ("ALTER TABLE u DROP COLUMN a; ALTER TABLE u DROP COLUMN c", 4923),
        ("UPDATE t SET b = 1, B = 2", 264),
    ],
)
def test_a_definition_holds_constants_and_columns_only(tables: Connection, statement: str, number: int) -> None:
    """The table is as it was."""
    assert error(tables, statement).number == number


def test_a_check_may_ask_for_the_time(tables: Connection) -> None:
    """As SQL Server's may."""
    say(tables, "CREATE TABLE c (d DATE CHECK (d <= GETDATE()))")
    assert say(tables, "INSERT INTO c VALUES ('2024-01-01')").errors == []
    assert error(tables, "INSERT INTO c VALUES ('9999-01-01')").number == 547


@pytest.mark.parametrize(
    ("member", "number"),
    [
        ("SELECT DISTINCT a + 1 FROM q WHERE a < 5", 460),
        ("SELECT TOP (1) a + 1 FROM q WHERE a < 5", 461),
        ("SELECT q.a + 1 FROM t LEFT JOIN q ON 1 = 1 WHERE q.a < 5", 462),
        ("SELECT (SELECT MAX(a) FROM q) FROM q WHERE a < 5", 465),
        ("SELECT t.a FROM t WHERE t.a IN (SELECT a FROM q)", 465),
        ("SELECT a + 1 FROM q WHERE a < 5 GROUP BY a", 467),
        ("SELECT MAX(a) FROM q", 467),
        ("SELECT q.a + 1 FROM q JOIN q AS r ON 1 = 1 WHERE q.a < 5", 253),
        ("SELECT d.a + 1 FROM (SELECT a FROM q) AS d WHERE d.a < 5", REFUSED),
        ("SELECT CAST(ROW_NUMBER() OVER (ORDER BY a) AS INT) FROM q WHERE a < 5", REFUSED),
    ],
)
def test_a_recursive_member_holds_no_more_than_it_may(tables: Connection, member: str, number: int) -> None:
    """What SQL Server takes there and SQLite does not is refused by name."""
    assert error(tables, f"WITH q AS (SELECT 1 AS a UNION ALL {member}) SELECT a FROM q").number == number


LONG = "x" * 129


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        (f"SELECT 1 AS {LONG}", 103),
        (f"SELECT 1 AS [{LONG}]", 103),
        (f"SELECT 1 AS '{LONG}'", 103),
        (f"SELECT '{LONG}' = 1", 103),
        (f"DECLARE @{LONG} INT", 103),
        (f"CREATE TABLE {LONG} (a INT)", 103),
        (f"CREATE TABLE #{LONG} (a INT)", 103),
        (f"EXECUTE {LONG}", 103),
        (f"WITH {LONG} AS (SELECT 1 AS a) SELECT a FROM {LONG}", 103),
        ("SELECT 1 AS []", 1038),
        ("CREATE TABLE [] (a INT)", 1038),
        ('SELECT "" FROM t', 1038),
        ("SELECT a FROM t OPTION (MAXRECURSION 32768)", 310),
        ("SELECT a FROM t OPTION (USE HINT ('FORCE_LEGACY_CARDINALITY_ESTIMATION'))", REFUSED),
        ("WITH q AS (SELECT 1 AS a), Q AS (SELECT 2 AS a) SELECT a FROM q", 239),
        ("SELECT a FROM t ORDER BY N'x'", 408),
        ("SELECT a FROM t ORDER BY NULL", 408),
    ],
)
def test_names_and_hints_keep_their_limits(tables: Connection, statement: str, number: int) -> None:
    """128 characters for a name, and at least one."""
    assert error(tables, statement).number == number


def test_a_name_of_128_characters_is_none_too_long(tables: Connection) -> None:
    """The limit is met, not passed."""
    name = "n" * 128
    assert rows(
        tables, f"CREATE TABLE {name} (a INT); INSERT INTO {name} VALUES (1); SELECT a AS [{name}] FROM {name}"
    ) == [(1,)]


def _list(pattern: str, count: int) -> str:
    return ", ".join(pattern.format(number) for number in range(count))


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        (f"SELECT {_list('1 AS c{}', 4097)}", 1056),
        (f"SELECT {_list('1 AS c{}', 2001)}", REFUSED),
        (f"CREATE TABLE w ({_list('c{} INT', 1025)})", 1702),
        (f"SELECT {_list('1 AS c{}', 1025)} INTO w", 1702),
        (f"EXECUTE (N'CREATE VIEW w AS SELECT {_list('1 AS c{}', 1025)}')", 4505),
        (f"CREATE TABLE w ({_list('c{} INT NOT NULL', 33)}, PRIMARY KEY ({_list('c{}', 33)}))", 1904),
        (f"CREATE TABLE w ({_list('c{} INT', 33)}); CREATE INDEX ix ON w ({_list('c{}', 33)})", 1904),
        (f"INSERT INTO u VALUES {_list('(1, {})', 1001)}", 10738),
        (f"SELECT a FROM t ORDER BY {_list('a + {}', 2001)}", REFUSED),
        (f"SELECT COUNT(*) FROM t GROUP BY {_list('a + {}', 2001)}", REFUSED),
        (f"SELECT ROW_NUMBER() OVER (ORDER BY {_list('a + {}', 2001)}) FROM t", REFUSED),
        (f"SELECT COUNT(*) FROM {_list('u AS u{}', 65)}", REFUSED),
        (f"SELECT COUNT(*) FROM {_list('u AS u{}', 256)}", REFUSED),
        (f"SELECT COUNT(*) FROM {_list('u AS u{}', 257)}", 106),
        (f"SELECT COALESCE({_list('{}', 255)})", 189),
    ],
)
def test_what_is_too_large_has_a_number_or_is_refused(tables: Connection, statement: str, number: int) -> None:
    """SQL Server's limits by its numbers, SQLite's by a refusal."""
    found = error(tables, statement)
    assert found.number == number
    assert "SQLite" not in found.message


def test_views_count_with_their_tables(tables: Connection) -> None:
    """Two views over forty tables each are too many to join, and none when they are grouped by themselves first."""
    say(tables, f"EXECUTE (N'CREATE VIEW v AS SELECT u0.a FROM {_list('u AS u{}', 40)}')")
    assert value(tables, "SELECT COUNT(*) FROM v") == 0
    assert error(tables, "SELECT COUNT(*) FROM v AS x JOIN v AS y ON x.a = y.a").number == REFUSED
    parts = "(SELECT MAX(a) AS a FROM v) AS x JOIN (SELECT MAX(a) AS a FROM v) AS y ON x.a = y.a"
    assert value(tables, f"SELECT COUNT(*) FROM {parts}") == 0


def test_many_arguments_are_taken(tables: Connection) -> None:
    """COALESCE of more than SQLite's functions take gives the first that is not NULL."""
    nulls = "b, " * 250
    assert value(tables, f"SELECT COALESCE({nulls} a, 9) FROM t WHERE a = 2") == 2
    assert value(tables, f"SELECT CHOOSE(200, {_list('{}', 253)})") == 199


@pytest.mark.parametrize(
    ("source", "number"),
    [
        ("t, STRING_SPLIT(t.s, N',') AS w", 4104),
        ("t, u AS q LEFT JOIN u ON t.a = q.a", 4104),
        ("t JOIN u AS q JOIN u ON u.a = t.a ON t.a = q.a", 4104),
        ("t, u CROSS APPLY STRING_SPLIT(t.s, N',') AS w", 4104),
        ("t CROSS APPLY STRING_SPLIT(t.s, N',') AS w JOIN u ON w.value = t.s", 0),
        ("t JOIN u AS q ON t.a = q.a JOIN u ON u.a = t.a", 0),
    ],
)
def test_on_sees_the_tables_that_it_joins(tables: Connection, source: str, number: int) -> None:
    """A comma binds less closely than JOIN, and only APPLY sees the tables beside it."""
    said = say(tables, f"SELECT t.a FROM {source}")
    assert [each.number for each in said.errors] == ([number] if number else [])
    assert value(tables, "SELECT COUNT(*) FROM t WHERE EXISTS (SELECT 1 FROM u RIGHT JOIN t AS q ON q.a = t.a)") == 2


def test_order_by_of_one_row_may_name_a_column_around(tables: Connection) -> None:
    """A subquery without FROM has one row, in whatever order."""
    assert rows(tables, "SELECT (SELECT a ORDER BY b) FROM t ORDER BY a") == [(1,), (2,)]


def test_order_by_may_name_a_column_of_the_query_around(tables: Connection) -> None:
    """By itself, beside columns of its own query, and behind another term."""
    say(tables, "INSERT INTO u VALUES (5, 1), (6, 2), (7, 3)")
    text = "SELECT (SELECT TOP (1) u.a FROM u ORDER BY {}) FROM t ORDER BY t.a"
    assert rows(tables, text.format("ABS(u.c - t.a), u.a")) == [(5,), (6,)]
    assert rows(tables, text.format("t.b, u.a DESC")) == [(7,), (7,)]
    assert rows(tables, text.format("(SELECT t.a * u.c) DESC")) == [(7,), (7,)]
    assert error(tables, "SELECT (SELECT MAX(u.c) FROM u GROUP BY u.a + t.a) FROM t").number == REFUSED
