"""What stands in FROM, as SQLite text."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from lungdb.embedded.functions.registry import FUNCTIONS
from lungdb.embedded.functions.rows import (
    ELEMENT,
    OPENJSON,
    OPENJSON_NUMBERS,
    OPENJSON_WITH,
    STRING_SPLIT,
    RowFunction,
)
from lungdb.embedded.syntax.statement_tree import TableDefinition
from lungdb.embedded.syntax.tree import (
    Binary,
    Derived,
    Join,
    JsonColumn,
    Query,
    Select,
    SelectItem,
    Source,
    Table,
    TableFunction,
)
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.names import key, quoted
from lungdb.embedded.values.refusals import refused
from lungdb.embedded.values.types import Family, nvarchar
from lungdb.embedded.writer.clauses import ON
from lungdb.embedded.writer.context import Writer
from lungdb.embedded.writer.scope import Bind, Field, OutColumn, Relation, Scope, Sql, relation_of, renamed

_NUMBERS = (Family.BIT, Family.INTEGER, Family.FLOAT)


def _add(writer: Writer, relation: Relation) -> None:
    if any(each.name == relation.name for each in writer.scope.relations):
        raise numbered_error(1013, first=relation.name, second=relation.name)
    writer.scope.relations.append(relation)


def _table(writer: Writer, table: Table) -> str:
    alias = table.alias or table.name[-1]
    writer.count_table()
    if len(table.name) == 1 and key(table.name[0]) in writer.common_tables:
        _add(writer, relation_of(alias, writer.common_tables[key(table.name[0])]))
        return f"{quoted(table.name[0])} AS {quoted(alias)}"
    found = writer.surroundings.find_table(table.name)
    if found is not None:
        definition, text = found
        _add(writer, table_relation(definition, alias))
        return f"{text} AS {quoted(alias)}"
    view = writer.surroundings.find_view(table.name)
    if view is not None:
        name, names, query = view
        writer.table_count -= 1
        with writer.within(Scope(), common_tables={}):
            text, columns = writer.query(query)
        columns = renamed(columns, names, name)
        _add(writer, relation_of(alias, columns))
        return _with_columns(text, columns, alias, bool(names))
    system = writer.surroundings.find_system_view(table.name)
    if system is None:
        raise numbered_error(208, name=".".join(table.name))
    name, system_columns = system
    _add(writer, relation_of(alias, system_columns))
    placeholder = writer.binds.add(Bind("catalog", name))
    # JSON holds no bytes: a binary column comes as hexadecimal digits.
    items = ", ".join(
        f"{'tsql_unhex' if column.type.family == Family.BINARY else ''}(json_extract(value, '$[{position}]')) "
        f"AS {quoted(column.name)}"
        for position, column in enumerate(system_columns)
    )
    return f"(SELECT {items} FROM json_each({placeholder})) AS {quoted(alias)}"


def _with_columns(text: str, columns: list[OutColumn], alias: str, renames: bool) -> str:
    if not renames:
        return f"({text}) AS {quoted(alias)}"
    names = ", ".join(quoted(column.name) for column in columns)
    return f"(WITH {quoted('?columns')} ({names}) AS ({text}) SELECT * FROM {quoted('?columns')}) AS {quoted(alias)}"


def _derived(writer: Writer, source: Derived) -> str:
    with writer.within(Scope()):
        text, columns = writer.query(source.query)
    if _takes_json_apart(source.query):
        text += " LIMIT -1"
    columns = renamed(columns, source.columns, source.alias)
    _add(writer, relation_of(source.alias, columns))
    return _with_columns(text, columns, source.alias, bool(source.columns))


def _takes_json_apart(query: Query) -> bool:
    """Tell whether a derived table computes with what OPENJSON gives.

    SQLite would write its columns into the query around, and read and convert a value anew wherever one stands there; a
    query with a limit it leaves by itself.
    """
    body = query.body
    if not isinstance(body, Select) or body.group or body.distinct or query.order or body.top is not None:
        return False
    source = body.source
    computes = any(isinstance(item, SelectItem) and isinstance(item.value, Binary) for item in body.items)
    while isinstance(source, Join):
        if isinstance(source.right, TableFunction) and source.right.name == "OPENJSON":
            return computes
        source = source.left
    return False


def _join(writer: Writer, join: Join) -> str:
    before = len(writer.scope.relations)
    left = writer.source(join.left)
    if join.kind in ("CROSS APPLY", "OUTER APPLY"):
        assert isinstance(join.right, TableFunction)
        with writer.scope.hiding(before):
            right = _applied(writer, join.right)
    else:
        right = writer.source(join.right)
    if isinstance(join.right, Join):
        right = f"({right})"
    if join.kind == "CROSS" or join.kind == "CROSS APPLY":
        return f"{left} JOIN {right}"
    if join.kind == "OUTER APPLY":
        return f"{left} LEFT JOIN {right} ON 1"
    assert join.condition is not None
    with writer.clause(ON), writer.scope.hiding(before):
        condition = writer.condition(join.condition)
    if join.kind == "RIGHT":
        # SQLite has RIGHT JOIN only since 3.39.
        left = f"({left})" if isinstance(join.left, Join) else left
        return f"{right} LEFT JOIN {left} ON {condition}"
    if join.kind == "FULL" and sqlite3.sqlite_version_info < (3, 39):
        raise refused(
            f"FULL JOIN on SQLite {sqlite3.sqlite_version}", "Use 3.39 or later, or UNION ALL of two LEFT JOINs."
        )
    if join.kind == "INNER":
        begins_with_few = not _is_local(writer, join.right) and _begins_with_few(writer, join.left)
        if begins_with_few or _reads_json(writer, condition):
            return f"{left} CROSS JOIN {right} ON {condition}"
        is_stored = isinstance(join.left, Table) and not _is_local(writer, join.left)
        if is_stored and _begins_with_few(writer, join.right):
            return f"{right} CROSS JOIN {left} ON {condition}"
    return f"{left} {join.kind} JOIN {right} ON {condition}"


def _begins_with_few(writer: Writer, source: Source) -> bool:
    """Tell whether the first table of a join has a few rows only.

    SQLite, which keeps no statistics of temporary tables, holds each for large and would read a stored table first.
    With CROSS JOIN it keeps the order in which they are written.
    """
    while isinstance(source, Join) and source.kind != "RIGHT":
        source = source.left
    return isinstance(source, Table) and _is_local(writer, source) and writer.surroundings.holds_few(source.name)


def _is_local(writer: Writer, source: Source) -> bool:
    """Tell whether a source is a #temp table or table variable."""
    if not isinstance(source, Table) or key(source.name[0]) in writer.common_tables:
        return False
    return source.name[-1].startswith(("#", "@"))


def _reads_json(writer: Writer, condition: str) -> bool:
    """Tell whether a table is joined to what OPENJSON gives: it comes after, lest each row of it have a text parsed."""
    sources = {each.json for relation in writer.scope.relations for each in relation.fields if each.json}
    return any(f"{source}." in condition for source in sources)


def _table_function(writer: Writer, source: TableFunction) -> str:
    # Only APPLY lets it see the tables beside it.
    with writer.scope.hiding(len(writer.scope.relations)):
        return _applied(writer, source)


def _applied(writer: Writer, source: TableFunction) -> str:
    alias = source.alias or source.name.lower()
    if source.name == "STRING_SPLIT":
        return _string_split(writer, source, alias)
    return _open_json(writer, source, alias)


def _string_split(writer: Writer, source: TableFunction, alias: str) -> str:
    if len(source.arguments) != 2:
        raise numbered_error(174, function="STRING_SPLIT", count=2, advice="Give the text and the separator.")
    _add(writer, Relation(key(alias), _row_fields(STRING_SPLIT, alias)))
    return f"{STRING_SPLIT.source.format(*(each.text for each in _texts(writer, source)))} AS {quoted(alias)}"


def _open_json(writer: Writer, source: TableFunction, alias: str) -> str:
    if len(source.arguments) > 2:
        raise numbered_error(189, function="OPENJSON", least=1, most=2, advice="Give the text and a path.")
    texts = _texts(writer, source)
    arguments = [*(each.text for each in texts), "NULL"]
    if source.columns:
        fields = tuple(_json_field(writer, each, quoted(alias)) for each in source.columns)
        _add(writer, Relation(key(alias), fields))
        return f"{OPENJSON_WITH.format(*arguments)} AS {quoted(alias)}"
    function = OPENJSON_NUMBERS if writer.scope.json_numbers else OPENJSON
    fields = tuple(replace(each, json=quoted(alias)) for each in _row_fields(function, alias))
    _add(writer, Relation(key(alias), fields))
    is_json = f"json_valid({arguments[0]})" if texts[0].atomic else "NULL"
    return f"{function.source.format(*arguments[:2], is_json)} AS {quoted(alias)}"


def _texts(writer: Writer, source: TableFunction) -> list[Sql]:
    return [writer.convert(writer.scalar(each), nvarchar()) for each in source.arguments]


def _json_field(writer: Writer, column: JsonColumn, prefix: str) -> Field:
    path = writer.constant(column.path, nvarchar(4000))
    function = FUNCTIONS["JSON_QUERY" if column.as_json else "JSON_VALUE"]
    settled = function.call([nvarchar(), nvarchar(4000)])
    text = Sql(settled.template.format(ELEMENT.format(alias=prefix), path.text), settled.result)
    return Field(column.name, writer.convert(text, column.type, explicit=True).text, column.type)


def _row_fields(function: RowFunction, alias: str) -> tuple[Field, ...]:
    return tuple(
        Field(each.name, f"({each.template.format(alias=quoted(alias))})", each.kind) for each in function.columns
    )


def alias_of(source: Source | None, name: str) -> str:
    """Return the alias that a table of this one-part name has in FROM."""
    match source:
        case Table() if len(source.name) == 1 and key(source.name[0]) == key(name):
            return source.alias or source.name[0]
        case Join():
            return alias_of(source.left, name) or alias_of(source.right, name)
    return ""


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


SOURCE_WRITERS: Mapping[type, Callable[[Writer, Any], str]] = {
    Table: _table,
    Derived: _derived,
    TableFunction: _table_function,
    Join: _join,
}
"""What writes each of them."""
