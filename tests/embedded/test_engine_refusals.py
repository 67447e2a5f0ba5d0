"""What docs/embedded-engine.md leaves out is refused by name, with the line."""

from __future__ import annotations

import pytest

from lungdb.embedded.running.connection import Connection
from tests.embedded.running import error, rows, say


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("MERGE t USING u ON 1 = 1 WHEN MATCHED THEN DELETE;", "MERGE"),
        ("DECLARE c CURSOR FOR SELECT 1;", "cursor"),
        ("CREATE TRIGGER g ON t FOR INSERT AS SELECT 1;", "CREATE TRIGGER"),
        ("CREATE FUNCTION f() RETURNS INT AS BEGIN RETURN 1; END;", "CREATE FUNCTION"),
        ("CREATE OR ALTER TABLE h (a INT);", "CREATE OR ALTER TABLE"),
        ("CREATE OR ALTER INDEX i ON t (a);", "CREATE OR ALTER INDEX"),
        ("CREATE TYPE y FROM INT;", "CREATE TYPE"),
        ("CREATE PROCEDURE p @rows dbo.y READONLY AS SELECT 1;", "table-valued parameter"),
        ("CREATE TABLE h (a INT) WITH (SYSTEM_VERSIONING = ON);", "temporal table"),
        ("CREATE TABLE h (a INT, b AS a + 1);", "computed column"),
        ("CREATE TABLE h (a INT, INDEX i (a));", "INDEX inside CREATE TABLE"),
        ("CREATE CLUSTERED COLUMNSTORE INDEX i ON t;", "columnstore"),
        ("SELECT 1 AS a FOR XML AUTO;", "FOR XML"),
        ("SELECT 1 AS a FOR JSON PATH;", "FOR JSON"),
        ("SELECT * FROM (SELECT 1 AS a) AS x PIVOT (SUM(a) FOR a IN ([1])) AS p;", "PIVOT"),
        ("SELECT * FROM t PIVOT (SUM(a) FOR a IN ([1])) AS p;", "PIVOT"),
        ("SELECT * FROM t AS x UNPIVOT (a FOR b IN (c)) AS p;", "UNPIVOT"),
        ("SELECT * FROM t TABLESAMPLE (1 PERCENT);", "TABLESAMPLE"),
        ("SELECT TOP (5) PERCENT 1;", "PERCENT"),
        ("SELECT TOP (5) WITH TIES 1 ORDER BY 1;", "WITH TIES"),
        ("SELECT * FROM (SELECT 1 AS a) AS x CROSS APPLY (SELECT 1 AS b) AS y;", "CROSS APPLY"),
        ("SELECT * FROM (SELECT 1 AS a) AS x OUTER APPLY (SELECT 1 AS b) AS y;", "OUTER APPLY"),
        ("SELECT * FROM OPENROWSET(BULK 'x', SINGLE_BLOB) AS x;", "OPENROWSET"),
        ("EXECUTE AS USER = 'x';", "EXECUTE AS"),
        ("DECLARE @a INT; UPDATE t SET @a = 1;", "UPDATE … SET @variable"),
        ("REVOKE GRANT OPTION FOR SELECT ON t FROM x;", "REVOKE GRANT OPTION FOR"),
        ("GRANT SELECT (a) ON t TO x;", "A right on columns"),
        ("GRANT TELEPORT TO x;", "The permission TELEPORT"),
        ("CREATE USER x FOR LOGIN y;", "CREATE USER"),
        ("ADD COUNTER SIGNATURE TO p BY CERTIFICATE c;", "COUNTER SIGNATURE"),
        ("DBCC SHRINKFILE (1);", "DBCC SHRINKFILE"),
        ("DBCC CHECKDB (N'other', REPAIR_REBUILD);", "DBCC CHECKDB with a name or a repair"),
        ("SELECT a FROM (SELECT 1 AS a) AS x GROUP BY ROLLUP (a);", "GROUP BY ROLLUP"),
        ("SELECT a FROM (SELECT 1 AS a) AS x GROUP BY a WITH ROLLUP;", "ROLLUP"),
        ("SELECT PARSE('1' AS INT);", "PARSE"),
        ("SELECT CHECKSUM(1);", "CHECKSUM"),
        ("SELECT TRIM('a' FROM 'aba');", "TRIM"),
        ("SELECT RAND(5);", "RAND with a seed"),
        ("SET IDENTITY_INSERT t ON;", "IDENTITY_INSERT"),
        ("DECLARE @x XML;", "xml"),
        ("DECLARE @x DATETIMEOFFSET;", "datetimeoffset"),
        ("CREATE TABLE h (a GEOGRAPHY);", "geography"),
        ("SELECT CAST(1 AS HIERARCHYID);", "hierarchyid"),
    ],
)
def test_what_is_left_out_is_refused_by_its_name(connection: Connection, statement: str, name: str) -> None:
    """The refusal is error 40517, says what it refuses, and has the line."""
    found = error(connection, f"\n\n{statement}")
    assert (found.number, found.line) == (40517, 3)
    assert name in found.message
    assert "not supported by the embedded engine" in found.message


def test_a_refusal_in_a_procedure_leaves_no_procedure(connection: Connection) -> None:
    """The text is read when the procedure is made, and nothing is kept of one that is refused."""
    assert error(connection, "CREATE PROCEDURE p AS\nSELECT 1;\nMERGE t USING u ON 1 = 1;").line == 3
    assert rows(connection, "SELECT name FROM sys.procedures") == []


def test_nothing_of_a_batch_runs_that_has_a_refusal(connection: Connection) -> None:
    """A batch is read whole before its first statement runs, as SQL Server compiles it."""
    said = say(connection, "CREATE TABLE t (a INT); MERGE t USING u ON 1 = 1;")
    assert [each.number for each in said.errors] == [40517]
    assert rows(connection, "SELECT name FROM sys.tables") == []


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("SELECT TOP (n) n FROM (SELECT 1 AS n) AS f;", 4115),
        ("SELECT n FROM (SELECT 1 AS n) AS f ORDER BY n OFFSET f.n ROWS;", 4115),
        ("SELECT n FROM (SELECT 1 AS n) AS f ORDER BY n OFFSET 0 ROWS FETCH NEXT n ROWS ONLY;", 4115),
        ("SELECT COUNT(DISTINCT n) OVER () FROM (SELECT 1 AS n) AS f;", 10759),
    ],
)
def test_what_sql_server_refuses_has_its_number(connection: Connection, query: str, number: int) -> None:
    """Columns count no rows, and DISTINCT has no window."""
    assert error(connection, query).number == number
