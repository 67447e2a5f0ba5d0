"""Extended properties, as Microsoft documents the procedures that write them and sys.extended_properties."""

from __future__ import annotations

import pytest

from lungdb.embedded.running.connection import Connection
from tests.embedded.running import error, rows, say

ADD = (
    "EXECUTE sys.sp_addextendedproperty @name = N'MS_Description', @value = N'{value}', @level0type = N'SCHEMA', "
    "@level0name = N'dbo', @level1type = N'TABLE', @level1name = N't'{more};"
)
COLUMN = ", @level2type = N'COLUMN', @level2name = N'b'"
LISTED = "SELECT OBJECT_NAME(major_id), minor_id, name, CAST(value AS NVARCHAR(100)) FROM sys.extended_properties;"

BY_COLUMN = (
    "SELECT c.name, CAST(p.value AS NVARCHAR(100)) FROM sys.columns AS c INNER JOIN sys.extended_properties AS p "
    "ON p.class = 1 AND p.major_id = c.object_id AND p.minor_id = c.column_id;"
)


@pytest.fixture
def table(connection: Connection) -> Connection:
    """A database with one table."""
    rows(connection, "CREATE TABLE dbo.t (a INT NULL, b INT NULL);")
    return connection


def test_a_property_is_added_shown_and_changed(table: Connection) -> None:
    """Of a table minor_id is 0, of a column the column's number."""
    rows(table, ADD.format(value="One row a thing.", more="") + ADD.format(value="The second.", more=COLUMN))
    assert sorted(rows(table, LISTED)) == [
        ("t", 0, "MS_Description", "One row a thing."),
        ("t", 2, "MS_Description", "The second."),
    ]
    rows(table, ADD.format(value="Another.", more="").replace("sp_add", "sp_update"))
    assert ("t", 0, "MS_Description", "Another.") in rows(table, LISTED)


def test_a_property_follows_its_transaction_and_its_object(table: Connection) -> None:
    """Rolled back it is gone; dropped with its table it is gone, and a table made anew has none."""
    rows(table, f"BEGIN TRANSACTION; {ADD.format(value='x', more='')} ROLLBACK TRANSACTION;")
    assert rows(table, LISTED) == []
    rows(table, ADD.format(value="x", more="") + "DROP TABLE dbo.t; CREATE TABLE dbo.t (a INT NULL);")
    assert rows(table, LISTED) == []


def test_the_properties_of_a_column_go_with_it(table: Connection) -> None:
    """Those of the columns behind it stay with their columns; one made anew under the name has none."""
    rows(table, "ALTER TABLE dbo.t ADD c INT NULL, d INT NULL;")
    for name in "abcd":
        rows(table, ADD.format(value=f"It is {name}.", more=COLUMN.replace("'b'", f"'{name}'")))
    rows(table, "ALTER TABLE dbo.t DROP COLUMN a, COLUMN c;")
    assert sorted(rows(table, BY_COLUMN)) == [("b", "It is b."), ("d", "It is d.")]
    rows(table, "ALTER TABLE dbo.t ADD c INT NULL;")
    assert sorted(rows(table, BY_COLUMN)) == [("b", "It is b."), ("d", "It is d.")]
    rows(table, ADD.format(value="Another.", more=COLUMN.replace("'b'", "'c'")))
    assert ("c", "Another.") in rows(table, BY_COLUMN)


@pytest.mark.parametrize(
    ("sql", "number"),
    [
        (ADD.format(value="x", more="").replace("N't'", "N'u'"), 15135),
        (ADD.format(value="x", more=COLUMN.replace("'b'", "'c'")), 15135),
        (ADD.format(value="x", more="").replace("sp_add", "sp_update"), 15217),
    ],
)
def test_what_is_not_there_is_refused(table: Connection, sql: str, number: int) -> None:
    """A table, a column, a property to change."""
    assert error(table, sql).number == number


def test_a_property_that_is_there_is_not_added(table: Connection) -> None:
    """Error 15233, and it stays as it is."""
    said = say(table, ADD.format(value="x", more="") + ADD.format(value="y", more=""))
    assert [each.number for each in said.errors] == [15233]
    assert rows(table, LISTED) == [("t", 0, "MS_Description", "x")]
