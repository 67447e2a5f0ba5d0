"""INSERT, UPDATE and DELETE, as SQLite text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lungdb.embedded.syntax.statement_tree import (
    ColumnDefinition,
    DefaultedRows,
    Delete,
    Insert,
    TableDefinition,
    Update,
)
from lungdb.embedded.syntax.statements import parse_scalar
from lungdb.embedded.syntax.tree import Condition, Join, Name, Output, Query, Scalar, Source, Star, Table
from lungdb.embedded.values.conversions import check_allowed
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.names import key, quoted, text_literal
from lungdb.embedded.values.refusals import MOST_ROWS, check_selected, refused
from lungdb.embedded.values.types import MAX, Family, SqlType
from lungdb.embedded.writer.clauses import DEFINITION, OUTPUT, SET, VALUES, WHERE
from lungdb.embedded.writer.context import Writer, Written
from lungdb.embedded.writer.ordering import limit
from lungdb.embedded.writer.queries import expanded, out_columns, with_clause
from lungdb.embedded.writer.scope import Field, Relation, Scope, Sql
from lungdb.embedded.writer.sources import row_names
from lungdb.embedded.writer.tree_search import columns


@dataclass(frozen=True)
class Target:
    """A table to be changed.

    Attributes
    ----------
    table : TableDefinition
        What it is.
    text : str
        Its name in SQLite.
    source : Source
        The FROM clause that names the rows.
    alias : str
        What the rows are called.
    """

    table: TableDefinition
    text: str
    source: Source
    alias: str


def table_to_change(writer: Writer, name: Name) -> tuple[TableDefinition, str]:
    """Find a table to be changed, and its name in SQLite.

    Raises
    ------
    SqlError
        208 where there is none, 4405 for a view.
    """
    if len(name) == 1 and key(name[0]) in writer.common_tables:
        raise refused(
            f"Changing rows through the common table expression '{name[0]}'",
            "Change the table, and select its rows with IN.",
        )
    found = writer.surroundings.find_table(name)
    if found is not None:
        return found
    if writer.surroundings.find_view(name) is not None:
        raise numbered_error(4405, view=".".join(name))
    raise numbered_error(208, name=".".join(name))


def change_target(writer: Writer, name: Name, source: Source | None) -> Target:
    """Find the table that UPDATE or DELETE means: a table, or an alias of its FROM."""
    if source is not None:
        named = _find_target(source, name)
        if named is not None:
            table, text = table_to_change(writer, named.name)
            return Target(table, text, source, named.alias or named.name[-1])
    table, text = table_to_change(writer, name)
    # A table that FROM does not name is joined with what it names.
    own = Table(name)
    return Target(table, text, own if source is None else Join("CROSS", own, source), name[-1])


def _find_target(source: Source, name: Name) -> Table | None:
    match source:
        case Table(alias=None):
            return source if key(source.name[-1]) == key(name[-1]) else None
        case Table(alias=str(alias)):
            return source if len(name) == 1 and key(alias) == key(name[0]) else None
        case Join():
            return _find_target(source.left, name) or _find_target(source.right, name)
    return None


def write_change(writer: Writer, statement: Insert | Update | Delete) -> str:
    """Write a statement that changes rows, without its OUTPUT; INSERT … EXECUTE is none of them."""
    return _CHANGE_WRITERS[type(statement)](writer, statement)


def insert_columns(table: TableDefinition, names: tuple[str, ...]) -> list[ColumnDefinition]:
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
            raise numbered_error(264, column=name)
        seen.add(key(name))
        column = _existing_column(table, name)
        if column.identity is not None:
            raise numbered_error(544, table=table.name, advice=f"Leave '{name}' out.")
        columns.append(column)
    return columns


def _existing_column(table: TableDefinition, name: str) -> ColumnDefinition:
    column = next((each for each in table.columns if key(each.name) == key(name)), None)
    if column is None:
        raise numbered_error(207, column=name, advice=f"Check it against the table {table.name}.")
    return column


def defaulted_columns(table: TableDefinition, filled: list[ColumnDefinition]) -> list[ColumnDefinition]:
    """Return the columns that INSERT fills with their default, because it does not name them."""
    named = {key(each.name) for each in filled}
    return [
        each
        for each in table.columns
        if key(each.name) not in named and each.default is not None and each.identity is None
    ]


def write_default(writer: Writer, column: ColumnDefinition, table: TableDefinition) -> str:
    """Write a column's default.

    Raises
    ------
    SqlError
        128 for one that names a column.
    """
    if column.default is None:
        return "NULL"
    node = parse_scalar(column.default)
    named = next(columns(node), None)
    if named is not None:
        raise numbered_error(128, name=".".join(named.name))
    with writer.within(Scope(clause=DEFINITION)):
        return _stored(writer, writer.scalar(node), column, table)


def _stored(writer: Writer, sql: Sql, column: ColumnDefinition, table: TableDefinition) -> str:
    """Write the conversion of a value for a column, where a text or binary value must fit."""
    kind = column.type
    sql = sql.finite()
    limited = kind.length not in (None, MAX) and sql.type.family in (Family.CHARACTER, Family.BINARY)
    if sql.is_null or not limited or _fits(sql.type, kind):
        return writer.convert(sql, kind).text
    check_allowed(sql.type, kind, explicit=False)
    place = f"{text_literal(table.name)}, {text_literal(column.name)}"
    return f"tsql_store({sql.text}, '{sql.type}', '{kind}', {place})"


def _fits(source: SqlType, target: SqlType) -> bool:
    if source.family != target.family:
        return False
    return source.length != MAX and (source.length or 0) <= (target.length or 0)


def _new_value(writer: Writer, value: Scalar | None, column: ColumnDefinition, table: TableDefinition) -> str:
    """Write the value that a column gets; None stands for the word DEFAULT."""
    if value is None:
        return write_default(writer, column, table)
    return _stored(writer, writer.scalar(value), column, table)


def _insert(writer: Writer, statement: Insert) -> str:
    table, text = table_to_change(writer, statement.table)
    columns = insert_columns(table, statement.columns)
    source = statement.source
    if source is None:
        columns = []
    omitted = defaulted_columns(table, columns)
    names = ", ".join(quoted(each.name) for each in (*columns, *omitted))
    defaults = [write_default(writer, each, table) for each in omitted]
    if not names:
        return f"INSERT INTO {text} DEFAULT VALUES"
    if source is None:
        return f"INSERT INTO {text} ({names}) VALUES ({', '.join(defaults)})"
    if isinstance(source, DefaultedRows):
        if len(source.rows) > MOST_ROWS:
            raise numbered_error(10738, limit=MOST_ROWS)
        rows = [_insert_row(writer, row, columns, table, defaults) for row in source.rows]
        return f"INSERT INTO {text} ({names}) VALUES {', '.join(rows)}"
    assert isinstance(source, Query)
    return f"INSERT INTO {text} ({names}) {_insert_query(writer, source, columns, table, defaults)}"


def _insert_row(
    writer: Writer,
    row: tuple[Scalar | None, ...],
    columns: list[ColumnDefinition],
    table: TableDefinition,
    defaults: list[str],
) -> str:
    _check_width(len(row), len(columns), (109, 110))
    with writer.clause(VALUES):
        texts = [_new_value(writer, value, column, table) for value, column in zip(row, columns, strict=True)]
    return f"({', '.join([*texts, *defaults])})"


def _insert_query(
    writer: Writer, query: Query, columns: list[ColumnDefinition], table: TableDefinition, defaults: list[str]
) -> str:
    text, found = writer.query(query)
    _check_width(len(found), len(columns), (120, 121))
    names = [f'"c{position}"' for position in range(1, len(found) + 1)]
    values = [
        "NULL" if each.is_null else _stored(writer, Sql(f'"q".{name}', each.type), column, table)
        for name, each, column in zip(names, found, columns, strict=True)
    ]
    # A subquery that refers to nothing is evaluated once a statement, as a default is but for NEWID().
    values += [each if "tsql_newid" in each else f"(SELECT {each})" for each in defaults]
    # Without WHERE SQLite would take ON for the beginning of an upsert.
    return f'WITH "q" ({", ".join(names)}) AS ({text}) SELECT {", ".join(values)} FROM "q" WHERE 1'


def _check_width(given: int, wanted: int, numbers: tuple[int, int]) -> None:
    """Refuse a row that has not as many values as there are columns, with the number for fewer or for more."""
    if given != wanted:
        raise numbered_error(numbers[0] if given < wanted else numbers[1], columns=wanted, values=given)


def _update(writer: Writer, statement: Update) -> str:
    common = with_clause(writer, statement.common, statement.max_recursion)
    target = change_target(writer, statement.target, statement.source)
    writer.scope = Scope()
    sources = writer.source(target.source)
    columns = [_assigned(target.table, name) for name, _ in statement.assignments]
    names = [key(each.name) for each in columns]
    twice = next((each for each in names if names.count(each) > 1), None)
    if twice is not None:
        raise numbered_error(264, column=twice)
    with writer.clause(SET):
        values = [
            _new_value(writer, value, column, target.table)
            for column, (_, value) in zip(columns, statement.assignments, strict=True)
        ]
    if statement.source is None and statement.top is None and not common:
        sets = ", ".join(f"{quoted(column.name)} = {value}" for column, value in zip(columns, values, strict=True))
        return f"UPDATE {target.text} AS {quoted(target.alias)} SET {sets}{_where(writer, statement.where)}"
    rows = _changed_rows(writer, target, sources, statement.where, statement.top, values)
    sets = ", ".join(f'{quoted(column.name)} = "q"."v{n}"' for n, column in enumerate(columns, start=1))
    return f'{common}UPDATE {target.text} AS "t" SET {sets} FROM ({rows}) AS "q" WHERE {_same_row(target.table)}'


def _assigned(table: TableDefinition, name: str) -> ColumnDefinition:
    column = _existing_column(table, name)
    if column.identity is not None:
        raise numbered_error(8102, column=name)
    return column


def _where(writer: Writer, condition: Condition | None) -> str:
    with writer.clause(WHERE):
        return "" if condition is None else f" WHERE {writer.condition(condition)}"


def _changed_rows(
    writer: Writer, target: Target, sources: str, where: Condition | None, top: Scalar | None, values: list[str]
) -> str:
    """Write the query for the rows to be changed: what names them as r1, r2, …, their new values as v1, v2, …"""
    row = next(each.row for each in writer.scope.relations if each.name == key(target.alias))
    items = [f'{text} AS "r{n}"' for n, text in enumerate(row, start=1)]
    items += [f'{text} AS "v{n}"' for n, text in enumerate(values, start=1)]
    return f"SELECT {', '.join(items)} FROM {sources}{_where(writer, where)}{limit(writer, top, None, None)}"


def _same_row(table: TableDefinition) -> str:
    return " AND ".join(f'"t".{name} = "q"."r{n}"' for n, name in enumerate(row_names(table), start=1))


def rows_before(writer: Writer, statement: Update) -> str:
    """Write the query for the rows that UPDATE changes: what names each of them afterwards, then its columns."""
    target = change_target(writer, statement.target, statement.source)
    writer.scope = Scope()
    sources = writer.source(target.source)
    given = {key(name): value for name, value in statement.assignments}
    items: list[str] = []
    values: list[str] = []
    for name in row_names(target.table):
        column = next((each for each in target.table.columns if quoted(key(each.name)) == key(name)), None)
        if column is None or key(column.name) not in given:
            items.append(f'"t".{name}')
        else:
            with writer.clause(SET):
                values.append(_new_value(writer, given[key(column.name)], column, target.table))
            items.append(f'"q"."v{len(values)}"')
    rows = _changed_rows(writer, target, sources, statement.where, statement.top, values)
    items += [f'"t".{quoted(each.name)}' for each in target.table.columns]
    return f'SELECT {", ".join(items)} FROM {target.text} AS "t" JOIN ({rows}) AS "q" ON {_same_row(target.table)}'


def _delete(writer: Writer, statement: Delete) -> str:
    common = with_clause(writer, statement.common, statement.max_recursion)
    target = change_target(writer, statement.target, statement.source)
    writer.scope = Scope()
    sources = writer.source(target.source)
    if statement.source is None and statement.top is None and not common:
        return f"DELETE FROM {target.text} AS {quoted(target.alias)}{_where(writer, statement.where)}"
    rows = _changed_rows(writer, target, sources, statement.where, statement.top, [])
    return f"{common}DELETE FROM {target.text} WHERE ({', '.join(row_names(target.table))}) IN ({rows})"


def write_output(writer: Writer, output: Output, relations: list[Relation]) -> Written:
    """Write the items of OUTPUT; `relations` are what INSERTED and DELETED stand for."""
    writer.scope = Scope(relations)
    for item in output.items:
        if isinstance(item, Star) and not item.qualifier:
            raise numbered_error(102, near="*", advice="Write INSERTED.* or DELETED.* in OUTPUT.")
    items = expanded(writer.scope, output.items)
    check_selected(len(items))
    with writer.clause(OUTPUT):
        written = [writer.scalar(item.value).finite() for item in items]
    return ", ".join(each.text for each in written), out_columns(items, written)


def changed_relation(table: TableDefinition, name: str, prefix: str | None) -> Relation:
    """Return the relation INSERTED or DELETED over a SQLite alias, or over bare column names."""
    before = "" if prefix is None else f"{quoted(prefix)}."
    fields = tuple(Field(each.name, _read_back(each, before + quoted(each.name)), each.type) for each in table.columns)
    return Relation(name, fields)


def _read_back(column: ColumnDefinition, text: str) -> str:
    # SQLite's RETURNING gives a REAL column that was set to 2 as the integer.
    return f"CAST({text} AS REAL)" if column.type.family == Family.FLOAT else text


_CHANGE_WRITERS: Mapping[type, Callable[[Writer, Any], str]] = {Insert: _insert, Update: _update, Delete: _delete}
