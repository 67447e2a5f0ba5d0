"""A table's definition as SQLite's CREATE TABLE and CREATE INDEX.

Keys are indexes of their own, so that ALTER TABLE can drop them. A column with IDENTITY is SQLite's rowid, whose
AUTOINCREMENT gives the numbers. T-SQL counts NULLs as equal in a unique key where SQLite does not: an index more for
each set of its columns that may be NULL together makes up for it. A temporary table of numbers alone is stored by its
primary key, as SQL Server clusters it: its rows are written and found once, not in a table and an index.
"""

from __future__ import annotations

from itertools import combinations

from lungdb.embedded.syntax.statement_tree import ColumnDefinition, IndexDefinition, KeyConstraint, TableDefinition
from lungdb.embedded.syntax.statements import parse_condition
from lungdb.embedded.syntax.tree import Call
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.names import TEXT_COLLATION, key, quoted
from lungdb.embedded.values.refusals import refused
from lungdb.embedded.values.types import Family
from lungdb.embedded.writer.clauses import DEFINITION
from lungdb.embedded.writer.context import Surroundings
from lungdb.embedded.writer.dispatch import new_writer
from lungdb.embedded.writer.scope import Field, Relation, Scope
from lungdb.embedded.writer.sources import clustered_key
from lungdb.embedded.writer.tree_search import nodes


class SchemaWriter:
    """Writes the SQLite statements that make a table.

    Parameters
    ----------
    surroundings : Surroundings
        For the functions in CHECK constraints and index filters.
    schema : str
        SQLite's ``main`` or ``temp``.
    physical : str
        The table's name in SQLite.
    """

    def __init__(self, surroundings: Surroundings, schema: str, physical: str) -> None:
        self._surroundings = surroundings
        self._schema = schema
        self._physical = physical

    def create(self, table: TableDefinition) -> list[str]:
        """Return the statements that make the table and its indexes."""
        statements = [self.create_table(table, [each.name for each in table.columns])]
        clustered = clustered_key(table)
        for each in table.keys:
            if not (each.primary and clustered):
                statements += self.key_indexes(table, each)
        for index in table.indexes:
            statements += self.index(table, index)
        seed = next((each.identity[0] for each in table.columns if each.identity is not None), 1)
        if seed != 1:
            statements.append(
                f"INSERT INTO {self._schema}.sqlite_sequence (name, seq) VALUES ('{self._text()}', {seed - 1})"
            )
        return statements

    def _text(self) -> str:
        return self._physical.replace("'", "''")

    def create_table(self, table: TableDefinition, order: list[str]) -> str:
        """Return CREATE TABLE, its columns in the order in which SQLite stores them."""
        by_name = {key(each.name): each for each in table.columns}
        if by_name.keys() >= {"rowid", "_rowid_", "oid"}:
            raise refused("A table with the columns rowid, _rowid_ and oid", "Give one of them another name.")
        members = [self.column(by_name[key(name)]) for name in order]
        for check in table.checks:
            members.append(f"CONSTRAINT {quoted(check.name)} CHECK ({self.check(table, check.condition)})")
        for foreign in table.foreign_keys:
            columns, referenced = (
                ", ".join(quoted(name) for name in names) for names in (foreign.columns, foreign.referenced)
            )
            members.append(
                f"CONSTRAINT {quoted(foreign.name)} FOREIGN KEY ({columns}) REFERENCES {quoted(foreign.table)} "
                f"({referenced}) ON DELETE {foreign.on_delete} ON UPDATE {foreign.on_update}"
            )
        clustered = clustered_key(table)
        if clustered:
            members.append(f"PRIMARY KEY ({', '.join(quoted(name) for name in clustered)})")
        options = "STRICT, WITHOUT ROWID" if clustered else "STRICT"
        return f"CREATE TABLE {self._schema}.{quoted(self._physical)} ({', '.join(members)}) {options}"

    def column(self, column: ColumnDefinition) -> str:
        """Return a column as CREATE TABLE and ALTER TABLE take it."""
        name = quoted(column.name)
        if column.identity is not None:
            if column.type.family not in (Family.INTEGER, Family.DECIMAL):
                raise numbered_error(2749, column=column.name)
            return f"{name} INTEGER PRIMARY KEY AUTOINCREMENT"
        collation = f" COLLATE {TEXT_COLLATION}" if column.type.family == Family.CHARACTER else ""
        return f"{name} {column.type.sqlite}{collation}{'' if column.nullable else ' NOT NULL'}"

    def check(self, table: TableDefinition, condition: str) -> str:
        """Return a CHECK's condition over bare column names."""
        writer = new_writer(self._surroundings)
        fields = tuple(Field(each.name, quoted(each.name), each.type) for each in table.columns)
        writer.scope = Scope([Relation(key(table.name), fields)], clause=DEFINITION)
        text = writer.condition(parse_condition(condition))
        if writer.binds.names:
            raise refused(
                "A CHECK constraint or index filter that depends on the session", "Use constants and columns only."
            )
        return text

    def key_indexes(self, table: TableDefinition, constraint: KeyConstraint) -> list[str]:
        """Return the indexes of PRIMARY KEY or UNIQUE."""
        columns = [(name, False) for name in constraint.columns]
        if len(columns) == 1 and find_column(table, columns[0][0]).identity is not None:
            return []
        return self._unique(table, constraint.name, columns, None)

    def index(self, table: TableDefinition, index: IndexDefinition) -> list[str]:
        """Return the statements that make an index."""
        where = None if index.filter is None else self._filter(table, index.name, index.filter)
        columns = list(index.columns)
        if index.unique:
            return self._unique(table, index.name, columns, where)
        return [self._index(table, index.name, columns, where, "")]

    def _filter(self, table: TableDefinition, index: str, condition: str) -> str:
        if any(isinstance(each, Call) for each in nodes(parse_condition(condition), into_queries=True)):
            raise numbered_error(10735, index=index, table=table.name)
        return self.check(table, condition)

    def _unique(
        self, table: TableDefinition, name: str, columns: list[tuple[str, bool]], where: str | None
    ) -> list[str]:
        for column, _ in columns:
            find_column(table, column)
        statements = [self._index(table, name, columns, where, "UNIQUE ")]
        nullable = [column for column, _ in columns if find_column(table, column).nullable]
        if len(nullable) > 4:
            raise refused(
                f"The unique key '{name}' with more than four columns that may be NULL", "Make some of them NOT NULL."
            )
        number = 0
        for count in range(1, len(nullable) + 1):
            for together in combinations(nullable, count):
                number += 1
                rest = [(column, direction) for column, direction in columns if column not in together]
                nulls = " AND ".join(f"{quoted(column)} IS NULL" for column in together)
                condition = nulls if where is None else f"{nulls} AND {where}"
                statements.append(self._index(table, f"{name}.{number}", rest, condition, "UNIQUE ", "(1)"))
        return statements

    def _index(
        self,
        table: TableDefinition,
        name: str,
        columns: list[tuple[str, bool]],
        where: str | None,
        unique: str,
        extra: str = "",
    ) -> str:
        items = [f"{quoted(find_column(table, column).name)}{' DESC' if down else ''}" for column, down in columns]
        if extra:
            items.append(extra)
        condition = "" if where is None else f" WHERE {where}"
        full = quoted(f"{self._physical}.{name}")
        return f"CREATE {unique}INDEX {self._schema}.{full} ON {quoted(self._physical)} ({', '.join(items)}){condition}"


def find_column(table: TableDefinition, name: str) -> ColumnDefinition:
    """Return a column of a table.

    Raises
    ------
    SqlError
        1911 where there is none.
    """
    for column in table.columns:
        if key(column.name) == key(name):
            return column
    raise numbered_error(1911, column=name, table=table.name)


def member_names(table: TableDefinition) -> set[str]:
    """Return the names of a table's constraints and indexes, as `key` makes them equal."""
    names = [each.name for each in table.keys] + [each.name for each in table.foreign_keys]
    names += [each.name for each in table.checks] + [each.name for each in table.indexes]
    return {key(name) for name in names}
