"""What stands in FROM, as SQLite text."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from lungdb.embedded.functions.registry import FUNCTIONS
from lungdb.embedded.functions.rows import ELEMENT, OPENJSON, OPENJSON_WITH, STRING_SPLIT, RowFunction
from lungdb.embedded.syntax.statement_tree import TableDefinition
from lungdb.embedded.syntax.tree import Derived, Join, JsonColumn, Source, Table, TableFunction
from lungdb.embedded.values.names import key, quoted
from lungdb.embedded.values.refusals import refused
from lungdb.embedded.values.types import Family, nvarchar
from lungdb.embedded.writer.aggregates import AggregateWriter
from lungdb.embedded.writer.scope import Bind, Field, OutColumn, Relation, Scope, Sql, relation_of, renamed
from lungdb.embedded.writer.values import Surroundings
from lungdb.errors import SqlError

_NUMBERS = (Family.BIT, Family.INTEGER, Family.FLOAT)


class SourceWriter(AggregateWriter):
    """Writes FROM, and notes in the scope what it brings into sight."""

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self.common_tables: dict[str, list[OutColumn]] = {}

    def source(self, source: Source) -> str:
        """Write a source."""
        match source:
            case Table():
                return self._table(source)
            case Derived():
                return self._derived(source)
            case TableFunction():
                return self._table_function(source)
            case Join():
                return self._join(source)

    def _add(self, relation: Relation) -> None:
        if any(each.name == relation.name for each in self.scope.relations):
            raise SqlError(
                1013,
                f"The objects '{relation.name}' and '{relation.name}' in the FROM clause have the same exposed "
                "names. Use AS to tell them apart.",
            )
        self.scope.relations.append(relation)

    def _table(self, table: Table) -> str:
        alias = table.alias or table.name[-1]
        if len(table.name) == 1 and key(table.name[0]) in self.common_tables:
            self._add(relation_of(alias, self.common_tables[key(table.name[0])]))
            return f"{quoted(table.name[0])} AS {quoted(alias)}"
        found = self.surroundings.find_table(table.name)
        if found is not None:
            definition, text = found
            self._add(table_relation(definition, alias))
            return f"{text} AS {quoted(alias)}"
        view = self.surroundings.find_view(table.name)
        if view is not None:
            name, names, query = view
            outer, common = self.scope, self.common_tables
            self.scope, self.common_tables = Scope(), {}
            text, columns = self.subquery(query)
            self.scope, self.common_tables = outer, common
            columns = renamed(columns, names, name)
            self._add(relation_of(alias, columns))
            return self._with_columns(text, columns, alias, bool(names))
        system = self.surroundings.find_system_view(table.name)
        if system is None:
            raise SqlError(208, f"Invalid object name '{'.'.join(table.name)}'.")
        name, system_columns = system
        self._add(relation_of(alias, system_columns))
        placeholder = self.binds.add(Bind("catalog", name))
        items = ", ".join(
            f"json_extract(value, '$[{position}]') AS {quoted(column.name)}"
            for position, column in enumerate(system_columns)
        )
        return f"(SELECT {items} FROM json_each({placeholder})) AS {quoted(alias)}"

    def _with_columns(self, text: str, columns: list[OutColumn], alias: str, renames: bool) -> str:
        if not renames:
            return f"({text}) AS {quoted(alias)}"
        names = ", ".join(quoted(column.name) for column in columns)
        return (
            f"(WITH {quoted('?columns')} ({names}) AS ({text}) SELECT * FROM {quoted('?columns')}) AS {quoted(alias)}"
        )

    def _derived(self, source: Derived) -> str:
        outer = self.scope
        self.scope = Scope()
        text, columns = self.subquery(source.query)
        self.scope = outer
        columns = renamed(columns, source.columns, source.alias)
        self._add(relation_of(source.alias, columns))
        return self._with_columns(text, columns, source.alias, bool(source.columns))

    def _join(self, join: Join) -> str:
        left = self.source(join.left)
        right = self.source(join.right)
        if isinstance(join.right, Join):
            right = f"({right})"
        if join.kind == "CROSS" or join.kind == "CROSS APPLY":
            return f"{left} JOIN {right}"
        if join.kind == "OUTER APPLY":
            return f"{left} LEFT JOIN {right} ON 1"
        assert join.condition is not None
        condition = self.condition(join.condition)
        if join.kind == "RIGHT":
            # SQLite has RIGHT JOIN only since 3.39.
            left = f"({left})" if isinstance(join.left, Join) else left
            return f"{right} LEFT JOIN {left} ON {condition}"
        if join.kind == "FULL" and sqlite3.sqlite_version_info < (3, 39):
            raise refused(
                f"FULL JOIN on SQLite {sqlite3.sqlite_version}", "Use 3.39 or later, or UNION ALL of two LEFT JOINs."
            )
        return f"{left} {join.kind} JOIN {right} ON {condition}"

    def alias_of(self, source: Source | None, name: str) -> str:
        """Return the alias that a table of this one-part name has in FROM."""
        match source:
            case Table() if len(source.name) == 1 and key(source.name[0]) == key(name):
                return source.alias or source.name[0]
            case Join():
                return self.alias_of(source.left, name) or self.alias_of(source.right, name)
        return ""

    def _table_function(self, source: TableFunction) -> str:
        alias = source.alias or source.name.lower()
        if source.name == "STRING_SPLIT":
            return self._string_split(source, alias)
        return self._open_json(source, alias)

    def _string_split(self, source: TableFunction, alias: str) -> str:
        if len(source.arguments) != 2:
            raise SqlError(174, "The STRING_SPLIT function requires 2 argument(s). Give the text and the separator.")
        self._add(Relation(key(alias), _row_fields(STRING_SPLIT, alias)))
        return f"{STRING_SPLIT.source.format(*self._texts(source))} AS {quoted(alias)}"

    def _open_json(self, source: TableFunction, alias: str) -> str:
        if len(source.arguments) > 2:
            raise SqlError(174, "The OPENJSON function requires 1 to 2 arguments. Give the text and a path.")
        arguments = [*self._texts(source), "NULL"]
        if source.columns:
            self._add(Relation(key(alias), tuple(self._json_field(each, quoted(alias)) for each in source.columns)))
            return f"{OPENJSON_WITH.format(*arguments)} AS {quoted(alias)}"
        fields = (replace(each, json=quoted(alias)) for each in _row_fields(OPENJSON, alias))
        self._add(Relation(key(alias), tuple(fields)))
        return f"{OPENJSON.source.format(*arguments)} AS {quoted(alias)}"

    def _texts(self, source: TableFunction) -> list[str]:
        return [self.convert(self.scalar(each), nvarchar()).text for each in source.arguments]

    def _json_field(self, column: JsonColumn, prefix: str) -> Field:
        path = self.constant(column.path, nvarchar(4000))
        function = FUNCTIONS["JSON_QUERY" if column.as_json else "JSON_VALUE"]
        call = function.call([nvarchar(), nvarchar(4000)])
        text = Sql(call.template.format(ELEMENT.format(alias=prefix), path.text), call.result)
        return Field(column.name, self.convert(text, column.type, explicit=True).text, column.type)


def clustered_key(table: TableDefinition) -> tuple[str, ...]:
    """Return the columns whose values name a row, in a table that has no rowid in SQLite; none in one that has."""
    primary = next((each for each in table.keys if each.primary), None)
    if primary is None or not table.name.startswith(("#", "@")):
        return ()
    # SQLite wants such rows short. ALTER TABLE, which must be able to drop the key, does not reach temporary tables.
    if any(each.identity is not None or each.type.family not in _NUMBERS for each in table.columns):
        return ()
    return primary.columns


def table_relation(definition: TableDefinition, alias: str) -> Relation:
    """Return the relation of a table under an alias."""
    prefix = quoted(alias)
    fields = tuple(Field(each.name, f"{prefix}.{quoted(each.name)}", each.type) for each in definition.columns)
    return Relation(key(alias), fields, tuple(f"{prefix}.{name}" for name in row_names(definition)))


def row_names(table: TableDefinition) -> tuple[str, ...]:
    """Return the quoted columns that tell a row from every other, SQLite's own one where there is no clustered key."""
    taken = {key(each.name) for each in table.columns}
    names = clustered_key(table) or (next(name for name in ("rowid", "_rowid_", "oid") if name not in taken),)
    return tuple(quoted(name) for name in names)


def _row_fields(function: RowFunction, alias: str) -> tuple[Field, ...]:
    return tuple(
        Field(each.name, f"({each.template.format(alias=quoted(alias))})", each.kind) for each in function.columns
    )
