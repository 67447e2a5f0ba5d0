"""Queries: names, sources, grouping, ordering, set operations, subqueries."""

from __future__ import annotations

import decimal
from pathlib import Path

import pytest

from lungdb.embedded.running.connection import Connection
from tests.embedded.running import error, rows, say, value


@pytest.fixture
def tables(connection: Connection) -> Connection:
    """Patients with scans."""
    say(
        connection,
        "CREATE TABLE p (id INT PRIMARY KEY, name NVARCHAR(20), age INT NULL);"
        "CREATE TABLE s (id INT PRIMARY KEY, p_id INT NULL, mm FLOAT NOT NULL);"
        "INSERT INTO p VALUES (1, N'Ada', 70), (2, N'bob', NULL), (3, N'Cy', 50);"
        "INSERT INTO s VALUES (10, 1, 1.0), (11, 1, 2.5), (12, 2, 5.0), (13, NULL, 0.5);",
    )
    return connection


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT p.id, s.id FROM p LEFT JOIN s ON s.p_id = p.id ORDER BY p.id, "
        "s.id", [(1, 10), (1, 11), (2, 12), (3, None)]),
        ("SELECT p.id, s.id FROM p RIGHT JOIN s ON s.p_id = p.id ORDER BY "
        "s.id", [(1, 10), (1, 11), (2, 12), (None, 13)]),
        ("SELECT COUNT(*) FROM p CROSS JOIN s", [(12,)]),
        ("SELECT COUNT(*) FROM p, s WHERE s.p_id = p.id", [(3,)]),
        ("SELECT a.id FROM p AS a JOIN p AS b JOIN s ON s.p_id = b.id ON b.id = a.id WHERE s.mm > 2", [(1,), (2,)]),
        ("SELECT name FROM p WHERE EXISTS (SELECT 1 FROM s WHERE s.p_id = p.id AND mm > 2) ORDER BY "
        "name", [("Ada",), ("bob",)]),
        ("SELECT u.id FROM p AS u WHERE EXISTS (SELECT 1 FROM p AS v WHERE v.id = u.id + 1)", [(1,), (2,)]),
        ("SELECT id FROM p WHERE id NOT IN (SELECT p_id FROM s WHERE p_id IS NOT NULL)", [(3,)]),
        ("SELECT id FROM p WHERE id NOT IN (SELECT p_id FROM s)", []),
        ("SELECT (SELECT COUNT(*) FROM s WHERE s.p_id = p.id) AS n FROM p ORDER BY n DESC", [(2,), (1,), (0,)]),
        ("SELECT p_id, COUNT(*), MAX(mm) FROM s GROUP BY p_id ORDER BY "
        "p_id", [(None, 1, 0.5), (1, 2, 2.5), (2, 1, 5.0)]),
        ("SELECT p_id + 1 FROM s GROUP BY p_id + 1 HAVING COUNT(*) > 1", [(2,)]),
        ("SELECT COUNT(*) FROM s WHERE 1 = 0 HAVING COUNT(*) = 0", [(0,)]),
        ("SELECT COUNT(*) FROM s HAVING COUNT(*) = 0", []),
        ("SELECT AVG(age), AVG(CAST(age AS FLOAT)), SUM(age), COUNT(age), COUNT(*) FROM p", [(60, 60.0, 120, 2, 3)]),
        ("SELECT LEFT(name, 1), COUNT(*) FROM p GROUP BY LEFT(name, 1) ORDER BY LEFT(name, 1) "
        "DESC", [("C", 1), ("b", 1), ("A", 1)]),
        ("SELECT DISTINCT UPPER(n) FROM (VALUES (N'a'), (N'A'), (N'b')) AS v (n) ORDER BY UPPER(n)", [("A",), ("B",)]),
        ("SELECT id FROM p WHERE name IN (N'ADA', N'BOB ')", [(1,), (2,)]),
        ("SELECT id FROM p WHERE name LIKE N'[a-b]%' ORDER BY name DESC", [(2,), (1,)]),
        ("SELECT id FROM p ORDER BY age, id", [(2,), (3,), (1,)]),
        ("SELECT id FROM p ORDER BY 1 DESC OFFSET 1 ROWS FETCH NEXT 1 ROWS ONLY", [(2,)]),
        ("SELECT id FROM (SELECT TOP (2) id FROM p ORDER BY id DESC) AS q ORDER BY id", [(2,), (3,)]),
        ("SELECT id FROM p UNION ALL SELECT 9 UNION SELECT 1 ORDER BY id DESC", [(9,), (3,), (2,), (1,)]),
        ("SELECT id FROM p EXCEPT (SELECT 1 UNION SELECT 2)", [(3,)]),
        ("SELECT 1 UNION SELECT 2 INTERSECT SELECT 3", [(1,)]),
        ("SELECT TOP (1) 5 AS x UNION ALL SELECT TOP (1) 6 ORDER BY x", [(5,), (6,)]),
        ("SELECT 1 AS a UNION ALL SELECT 2.5", [(decimal.Decimal("1.0"),), (decimal.Decimal("2.5"),)]),
        ("WITH a AS (SELECT id FROM p), b (n) AS (SELECT MAX(id) FROM a) SELECT n FROM b", [(3,)]),
        ("SELECT id, SUM(mm) OVER (PARTITION BY p_id ORDER BY id ROWS UNBOUNDED PRECEDING) FROM s WHERE p_id = "
        "1", [(10, 1.0), (11, 3.5)]),
        ("SELECT id, LAG(id) OVER (ORDER BY id), LEAD(id, 1, 0) OVER (ORDER BY id) FROM "
        "p", [(1, None, 2), (2, 1, 3), (3, 2, 0)]),
        ("SELECT STRING_AGG(name, N'+') WITHIN GROUP (ORDER BY name DESC) FROM p", [("Cy+bob+Ada",)]),
        ("SELECT CASE name WHEN N'ADA' THEN 1 ELSE 2 END FROM p WHERE id = 1", [(1,)]),
        ("SELECT p.*, 1 AS one FROM p WHERE id = 3", [(3, "Cy", 50, 1)]),
        ("SELECT dbo.p.id, [p].[id] FROM dbo.p WHERE dbo.p.id = 1", [(1, 1)]),
        ("SELECT id FROM clinic.dbo.p WHERE id = 2", [(2,)]),
        ("SELECT x = id, 'y' = 2 FROM p WHERE id = 1", [(1, 2)]),
        ("SELECT value FROM STRING_SPLIT(N'a,,b', N',')", [("a",), ("",), ("b",)]),
        ("SELECT j.id, j.n FROM OPENJSON(N'[{\"id\": 1, \"n\": \"x\"}, {\"id\": 2}]') WITH (id INT, n "
        "NVARCHAR(5)) AS j", [(1, "x"), (2, None)]),
        ("SELECT o.[key], i.[value] FROM OPENJSON(N'{\"a\": [1.50], \"b\": [2]}') AS o CROSS APPLY "
        "OPENJSON(o.[value]) AS i", [("a", "1.50"), ("b", "2")]),
        ("SELECT p.id, o.value FROM p OUTER APPLY STRING_SPLIT(CASE WHEN p.id = 1 THEN N'u v' END, N' ') AS o "
        "WHERE p.id < 3", [(1, "u"), (1, "v"), (2, None)]),
    ],
    ids=lambda item: item if isinstance(item, str) else "",
)  # fmt: skip
def test_a_query_gives_the_rows_worked_out_by_hand(
    tables: Connection, query: str, expected: list[tuple[object, ...]]
) -> None:
    """Rows, their order where ORDER BY gives one, and NULLs."""
    found = rows(tables, query)
    assert found == expected if "ORDER BY" in query else sorted(found, key=repr) == sorted(expected, key=repr)


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("SELECT nope FROM p", 207),
        ("SELECT p.nope FROM p", 207),
        ("SELECT q.id FROM p", 4104),
        ("SELECT p.id FROM p AS q", 4104),
        ("SELECT id FROM p JOIN s ON s.p_id = p.id", 209),
        ("SELECT * FROM p, p", 1013),
        ("SELECT id FROM missing", 208),
        ("SELECT id FROM other.dbo.p", 208),
        ("SELECT id, COUNT(*) FROM p", 8120),
        ("SELECT id FROM p GROUP BY name", 8120),
        ("SELECT COUNT(*) FROM p HAVING id > 1", 8121),
        ("SELECT COUNT(*) FROM p ORDER BY id", 8127),
        ("SELECT id FROM p WHERE COUNT(*) > 1", 147),
        ("SELECT SUM(COUNT(*)) FROM p", 130),
        ("SELECT (SELECT id, name FROM p)", 116),
        ("SELECT (SELECT id FROM p)", 512),
        ("SELECT id FROM p WHERE id IN (SELECT id, name FROM p)", 116),
        ("SELECT 1 UNION SELECT 1, 2", 205),
        ("SELECT id FROM p ORDER BY 2", 108),
        ("SELECT DISTINCT id FROM p ORDER BY age + 1", 145),
        ("SELECT x.a FROM (SELECT 1) AS x", 8155),
        ("SELECT x.a FROM (SELECT 1 AS a, 2 AS a) AS x", 8156),
        ("SELECT x.a FROM (SELECT 1 AS a) AS x (a, b)", 8159),
        ("SELECT TOP (-1) id FROM p", 1014),
        ("SELECT ROW_NUMBER() FROM p", 10753),
        ("SELECT LEN(name, 1) FROM p", 174),
        ("SELECT made_up(1)", 195),
        ("SELECT CAST(N'2024-01-01' AS DATE) + 1", 206),
        ("WITH n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) FROM n", 530),
        ("WITH n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT i FROM n OPTION "
        "(MAXRECURSION 3)", 530),
    ],
)  # fmt: skip
def test_a_wrong_query_has_sql_servers_number(tables: Connection, query: str, number: int) -> None:
    """Wrong names, groups, widths and types."""
    assert error(tables, query).number == number


def test_a_name_in_a_subquery_means_the_nearest_table_that_has_it(tables: Connection) -> None:
    """The well-known trap: s has no name column, so name is the outer p's."""
    assert value(tables, "SELECT COUNT(*) FROM p WHERE name IN (SELECT name FROM s)") == 3


def test_parameters_of_the_client_stand_in_a_common_table_expression(connection: Connection) -> None:
    """Each is counted once, in the order in which they are written."""
    assert rows(connection, "WITH c AS (SELECT ? AS a) SELECT a, ? AS b FROM c", 1, 2) == [(1, 2)]


def test_recursion_without_a_limit_goes_as_deep_as_asked(connection: Connection) -> None:
    """OPTION (MAXRECURSION 0); the sum of 1…5000 is known."""
    query = (
        "WITH n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT SUM(i) FROM n OPTION "
        "(MAXRECURSION 0)"
    )
    assert value(connection, query) == 5000 * 5001 // 2


def test_many_branches_and_many_rows_of_constants_compile(connection: Connection) -> None:
    """Forty UNION ALL branches, and two thousand rows of VALUES."""
    branches = " UNION ALL ".join(f"SELECT {number} AS n" for number in range(40))
    assert value(connection, f"SELECT SUM(n) FROM ({branches}) AS q") == sum(range(40))
    constants = ", ".join(f"({number})" for number in range(2000))
    assert value(connection, f"SELECT SUM(n) FROM (VALUES {constants}) AS q (n)") == sum(range(2000))


def test_a_view_of_a_view_is_seen_as_its_text_says(tables: Connection) -> None:
    """With names given in the header, and joined with a table."""
    say(
        tables,
        "CREATE VIEW grown AS SELECT id, name FROM p WHERE age >= 50\nGO\n"
        "CREATE VIEW labels (k, label) AS WITH g AS (SELECT * FROM grown) SELECT id, UPPER(name) FROM g",
    )
    query = "SELECT l.label, s.mm FROM labels AS l JOIN s ON s.p_id = l.k ORDER BY s.mm"
    assert rows(tables, query) == [("ADA", 1.0), ("ADA", 2.5)]


def test_equal_text_of_other_case_is_found_through_the_index(tables: Connection, tmp_path: Path) -> None:
    """A unique text column: the plan searches it although the comparison ignores case."""
    say(tables, "CREATE TABLE k (uid NVARCHAR(64) NOT NULL UNIQUE, n INT); INSERT INTO k VALUES (N'Äb', 1)")
    assert value(tables, "SELECT n FROM k WHERE uid = ?", "äB") == 1
    session = tables.session
    plan = "\n".join(
        str(row[3])
        for row in session.storage.execute("EXPLAIN QUERY PLAN SELECT n FROM k WHERE uid COLLATE tsql_text = ?", ("x",))
    )
    assert "SEARCH k USING INDEX" in plan
