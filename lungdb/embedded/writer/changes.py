"""INSERT, UPDATE and DELETE, as SQLite text."""

from __future__ import annotations

from dataclasses import dataclass

from lungdb.embedded.syntax.statement_tree import (
    ColumnDefinition,
    DefaultedRows,
    Delete,
    Insert,
    TableDefinition,
    Update,
)
from lungdb.embedded.syntax.statements import parse_scalar
from lungdb.embedded.syntax.tree import (
    Condition,
    Join,
    Name,
    Output,
    Query,
    Scalar,
    Select,
    SelectItem,
    Source,
    Star,
    Table,
)
from lungdb.embedded.values.conversions import check_allowed
from lungdb.embedded.values.names import key, quoted, text_literal
from lungdb.embedded.values.refusals import refused
from lungdb.embedded.values.types import MAX, Family, SqlType
from lungdb.embedded.writer.queries import QueryWriter
from lungdb.embedded.writer.scope import Field, OutColumn, Relation, Scope, Sql
from lungdb.embedded.writer.sources import row_names
from lungdb.errors import SqlError


@dataclass(frozen=True)
class Target:
    """A table to be changed.

    Attributes
    ----------
    table : TableDefinition
        What it is.
    text : str
        Its name in SQLite.
    source : Source or None
        The FROM clause that names the rows, where there is one.
    alias : str
        What the rows are called.
    """

    table: TableDefinition
    text: str
    source: Source | None
    alias: str


class ChangeWriter(QueryWriter):
    """Writes statements that change rows."""

    def stored(self, sql: Sql, column: ColumnDefinition, table: TableDefinition) -> str:
        """Write the conversion of a value for a column, where a text or binary value must fit."""
        kind = column.type
        sql = self.finite(sql)
        limited = kind.length not in (None, MAX) and sql.type.family in (Family.CHARACTER, Family.BINARY)
        if sql.is_null or not limited or (_fits(sql.type, kind)):
            return self.convert(sql, kind).text
        check_allowed(sql.type, kind, explicit=False)
        place = f"{text_literal(table.name)}, {text_literal(column.name)}"
        return f"tsql_store({sql.text}, '{sql.type}', '{kind}', {place})"

    def default(self, column: ColumnDefinition, table: TableDefinition) -> str:
        """Write a column's default."""
        if column.default is None:
            return "NULL"
        return self.stored(self.scalar(parse_scalar(column.default)), column, table)

    def table(self, name: Name) -> tuple[TableDefinition, str]:
        """Find a table to be changed.

        Raises
        ------
        SqlError
            208 where there is none, 4405 for a view.
        """
        if len(name) == 1 and key(name[0]) in self.common_tables:
            raise refused(
                f"Changing rows through the common table expression '{name[0]}'",
                "Change the table, and select its rows with IN.",
            )
        found = self.surroundings.find_table(name)
        if found is not None:
            return found
        if self.surroundings.find_view(name) is not None:
            raise SqlError(4405, f"The view '{'.'.join(name)}' is not updatable. Change its tables.")
        raise SqlError(208, f"Invalid object name '{'.'.join(name)}'.")

    def insert_columns(self, table: TableDefinition, names: tuple[str, ...]) -> list[ColumnDefinition]:
        """Return the columns that INSERT fills.

        Raises
        ------
        SqlError
            207 for an unknown column, 264 for one named twice, 544 for one with IDENTITY.
        """
        if not names:
            return [column for column in table.columns if column.identity is None]
        seen: set[str] = set()
        columns: list[ColumnDefinition] = []
        for name in names:
            if key(name) in seen:
                raise SqlError(264, f"The column name '{name}' is specified more than once in the column list.")
            seen.add(key(name))
            column = next((each for each in table.columns if key(each.name) == key(name)), None)
            if column is None:
                raise SqlError(207, f"Invalid column name '{name}'. Check it against the table {table.name}.")
            if column.identity is not None:
                raise SqlError(544, f"Cannot insert explicit value for identity column in table '{table.name}'. "
                               f"Leave '{name}' out.")  # fmt: skip
            columns.append(column)
        return columns

    def insert(self, statement: Insert) -> str:
        """Write INSERT with VALUES, SELECT or DEFAULT VALUES, without its OUTPUT."""
        table, text = self.table(statement.table)
        columns = self.insert_columns(table, statement.columns)
        named = {key(each.name) for each in columns}
        source = statement.source
        if source is None:
            columns, named = [], set()
        omitted = [
            each
            for each in table.columns
            if key(each.name) not in named and each.default is not None and each.identity is None
        ]
        names = ", ".join(quoted(each.name) for each in (*columns, *omitted))
        defaults = [self.default(each, table) for each in omitted]
        if not names:
            return f"INSERT INTO {text} DEFAULT VALUES"
        if source is None:
            return f"INSERT INTO {text} ({names}) VALUES ({', '.join(defaults)})"
        if isinstance(source, DefaultedRows):
            rows = [self._values(row, columns, table, defaults) for row in source.rows]
            return f"INSERT INTO {text} ({names}) VALUES {', '.join(rows)}"
        assert isinstance(source, Query)
        return f"INSERT INTO {text} ({names}) {self._insert_query(source, columns, table, defaults)}"

    def _values(
        self,
        row: tuple[Scalar | None, ...],
        columns: list[ColumnDefinition],
        table: TableDefinition,
        defaults: list[str],
    ) -> str:
        check_width(len(row), len(columns), (109, 110))
        texts = [
            self.default(column, table) if value is None else self.stored(self.scalar(value), column, table)
            for value, column in zip(row, columns, strict=True)
        ]
        return f"({', '.join([*texts, *defaults])})"

    def _insert_query(
        self, query: Query, columns: list[ColumnDefinition], table: TableDefinition, defaults: list[str]
    ) -> str:
        text, found = self.query(query)
        check_width(len(found), len(columns), (120, 121))
        names = [f'"c{position}"' for position in range(1, len(found) + 1)]
        values = [
            "NULL" if each.is_null else self.stored(Sql(f'"q".{name}', each.type), column, table)
            for name, each, column in zip(names, found, columns, strict=True)
        ]
        # Without WHERE SQLite would take ON for the beginning of an upsert.
        return f'WITH "q" ({", ".join(names)}) AS ({text}) SELECT {", ".join([*values, *defaults])} FROM "q" WHERE 1'

    def target(self, name: Name, source: Source | None) -> Target:
        """Find the table that UPDATE or DELETE means: a table, or an alias of its FROM."""
        if source is not None:
            named = _find_target(source, name)
            if named is not None:
                table, text = self.table(named.name)
                return Target(table, text, source, named.alias or named.name[-1])
        table, text = self.table(name)
        # A table that FROM does not name is joined with what it names.
        own = Table(name)
        return Target(table, text, own if source is None else Join("CROSS", own, source), name[-1])

    def _changed_rows(
        self, target: Target, sources: str, where: Condition | None, top: Scalar | None, values: list[str]
    ) -> str:
        """Write the query for the rows to be changed: what names them as r1, r2, …, their new values as v1, v2, …"""
        row = next(each.row for each in self.scope.relations if each.name == key(target.alias))
        items = [f'{text} AS "r{n}"' for n, text in enumerate(row, start=1)]
        items += [f'{text} AS "v{n}"' for n, text in enumerate(values, start=1)]
        condition = "" if where is None else f" WHERE {self.condition(where)}"
        return f"SELECT {', '.join(items)} FROM {sources}{condition}{self._limit(top, None, None)}"

    def update(self, statement: Update) -> tuple[str, Target]:
        """Write UPDATE without its OUTPUT."""
        common = self._common(Query(Select(()), common=statement.common, max_recursion=statement.max_recursion))
        target = self.target(statement.target, statement.source)
        assert target.source is not None
        self.scope = Scope()
        sources = self.source(target.source)
        columns = [self._assigned(target.table, name) for name, _ in statement.assignments]
        values = [
            self._new_value(column, value, target.table)
            for column, (_, value) in zip(columns, statement.assignments, strict=True)
        ]
        if statement.source is None and statement.top is None and not common:
            sets = ", ".join(f"{quoted(column.name)} = {value}" for column, value in zip(columns, values, strict=True))
            where = "" if statement.where is None else f" WHERE {self.condition(statement.where)}"
            return f"UPDATE {target.text} AS {quoted(target.alias)} SET {sets}{where}", target
        rows = self._changed_rows(target, sources, statement.where, statement.top, values)
        sets = ", ".join(f'{quoted(column.name)} = "q"."v{n}"' for n, column in enumerate(columns, start=1))
        same = _same_row(target.table)
        return f'{common}UPDATE {target.text} AS "t" SET {sets} FROM ({rows}) AS "q" WHERE {same}', target

    def rows_before(self, statement: Update) -> str:
        """Write the query for the rows that UPDATE changes: what names each of them afterwards, then its columns."""
        target = self.target(statement.target, statement.source)
        assert target.source is not None
        self.scope = Scope()
        sources = self.source(target.source)
        given = {key(name): value for name, value in statement.assignments}
        items, values = [], []
        for name in row_names(target.table):
            column = next((each for each in target.table.columns if quoted(key(each.name)) == key(name)), None)
            if column is None or key(column.name) not in given:
                items.append(f'"t".{name}')
            else:
                values.append(self._new_value(column, given[key(column.name)], target.table))
                items.append(f'"q"."v{len(values)}"')
        rows = self._changed_rows(target, sources, statement.where, statement.top, values)
        items += [f'"t".{quoted(each.name)}' for each in target.table.columns]
        return f'SELECT {", ".join(items)} FROM {target.text} AS "t" JOIN ({rows}) AS "q" ON {_same_row(target.table)}'

    def _new_value(self, column: ColumnDefinition, value: Scalar | None, table: TableDefinition) -> str:
        return self.default(column, table) if value is None else self.stored(self.scalar(value), column, table)

    def _assigned(self, table: TableDefinition, name: str) -> ColumnDefinition:
        column = next((each for each in table.columns if key(each.name) == key(name)), None)
        if column is None:
            raise SqlError(207, f"Invalid column name '{name}'. Check it against the table {table.name}.")
        if column.identity is not None:
            raise SqlError(8102, f"Cannot update identity column '{name}'. Leave it as it is.")
        return column

    def delete(self, statement: Delete) -> tuple[str, Target]:
        """Write DELETE without its OUTPUT."""
        common = self._common(Query(Select(()), common=statement.common, max_recursion=statement.max_recursion))
        target = self.target(statement.target, statement.source)
        assert target.source is not None
        self.scope = Scope()
        sources = self.source(target.source)
        if statement.source is None and statement.top is None and not common:
            where = "" if statement.where is None else f" WHERE {self.condition(statement.where)}"
            return f"DELETE FROM {target.text} AS {quoted(target.alias)}{where}", target
        rows = self._changed_rows(target, sources, statement.where, statement.top, [])
        return f"{common}DELETE FROM {target.text} WHERE ({', '.join(row_names(target.table))}) IN ({rows})", target

    def output(self, output: Output, relations: list[Relation]) -> tuple[str, list[OutColumn]]:
        """Write the items of OUTPUT; `relations` are what INSERTED and DELETED stand for."""
        self.scope = Scope(relations)
        for item in output.items:
            if isinstance(item, Star) and not item.qualifier:
                raise SqlError(102, "Incorrect syntax near '*': write INSERTED.* or DELETED.* in OUTPUT.")
        items = self._expanded(output.items)
        written = [self.finite(self.scalar(item.value)) for item in items]
        columns = [
            OutColumn(_name_of(item), each.type, each.is_null) for item, each in zip(items, written, strict=True)
        ]
        return ", ".join(each.text for each in written), columns


def changed_relation(table: TableDefinition, name: str, prefix: str | None) -> Relation:
    """Return the relation INSERTED or DELETED over a SQLite alias, or over bare column names."""
    before = "" if prefix is None else f"{quoted(prefix)}."
    fields = tuple(Field(each.name, _read_back(each, before + quoted(each.name)), each.type) for each in table.columns)
    return Relation(name, fields)


def _read_back(column: ColumnDefinition, text: str) -> str:
    # SQLite's RETURNING gives a REAL column that was set to 2 as the integer.
    return f"CAST({text} AS REAL)" if column.type.family == Family.FLOAT else text


def check_width(given: int, wanted: int, numbers: tuple[int, int]) -> None:
    """Refuse a row that has not as many values as there are columns, with the number for fewer or for more."""
    if given != wanted:
        number, word = (numbers[0], "more") if given < wanted else (numbers[1], "fewer")
        raise SqlError(
            number, f"There are {word} columns in the INSERT statement ({wanted}) than values ({given}). Match them."
        )


def _fits(source: SqlType, target: SqlType) -> bool:
    if source.family != target.family:
        return False
    return source.length != MAX and (source.length or 0) <= (target.length or 0)


def _same_row(table: TableDefinition) -> str:
    return " AND ".join(f'"t".{name} = "q"."r{n}"' for n, name in enumerate(row_names(table), start=1))


def _name_of(item: SelectItem) -> str:
    if item.alias is not None:
        return item.alias
    name = getattr(item.value, "name", "")
    return name[-1] if isinstance(name, tuple) else ""


def _find_target(source: Source, name: Name) -> Table | None:
    if isinstance(source, Table):
        if source.alias is not None:
            return source if len(name) == 1 and key(source.alias) == key(name[0]) else None
        return source if key(source.name[-1]) == key(name[-1]) else None
    left, right = getattr(source, "left", None), getattr(source, "right", None)
    if left is None:
        return None
    found = _find_target(left, name)
    return found if found is not None or right is None else _find_target(right, name)
