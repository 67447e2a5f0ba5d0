"""Queries, as SQLite text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from lungdb.embedded.syntax.tree import (
    Body,
    Column,
    CommonTable,
    Literal,
    OrderItem,
    Query,
    RowValues,
    Scalar,
    Select,
    SelectItem,
    SetOperation,
    Star,
    Subquery,
)
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.names import key, quoted
from lungdb.embedded.values.refusals import check_selected, check_terms, refused
from lungdb.embedded.values.rules import combined_type
from lungdb.embedded.values.types import SqlType
from lungdb.embedded.writer.clauses import GROUP_BY, HAVING, WHERE, check_recursive
from lungdb.embedded.writer.context import Writer, Written
from lungdb.embedded.writer.ordering import limit, order_by, order_by_output, order_terms
from lungdb.embedded.writer.scope import GroupedScope, OutColumn, Scope, Sql, output_name, relation_of, renamed
from lungdb.embedded.writer.sources import alias_of
from lungdb.embedded.writer.tree_search import columns, has_aggregate, mentions_table, opens_json, reads_single_numbers

Targets = list[SqlType] | None
"""The types that the columns of a query are converted to, where it is part of another."""


def query(writer: Writer, node: Query) -> Written:
    """Write a query; the scope around it is the writer's."""
    if not node.common:
        return _ordered(writer, node)
    with writer.within(writer.scope, dict(writer.common_tables)):
        common = with_clause(writer, node.common, node.max_recursion)
        text, columns = _ordered(writer, node)
    return common + text, columns


def scalar_query(writer: Writer, node: Subquery) -> Sql:
    """Write a query that stands for its one value; SQLite would take the first of several in silence."""
    text, columns = writer.query(node.query)
    if len(columns) != 1:
        raise numbered_error(116)
    column = columns[0]
    if not _gives_one_row(node.query):
        value = f'"q".{quoted(output_name(column, 1))}'
        text = f'SELECT CASE WHEN count(*) > 1 THEN tsql_single(count(*)) ELSE max({value}) END FROM ({text}) AS "q"'
    return Sql(f"({text})", column.type)


def _gives_one_row(node: Query) -> bool:
    body = node.body
    if not isinstance(body, Select):
        return False
    if isinstance(body.top, Literal) and body.top.value == 1:
        return True
    aggregated = any(isinstance(item, SelectItem) and has_aggregate(item.value) for item in body.items)
    return body.source is None or (aggregated and not body.group)


def with_clause(writer: Writer, common: tuple[CommonTable, ...], max_recursion: int) -> str:
    """Write WITH, and bring its common table expressions into sight."""
    if not common:
        return ""
    names = [key(each.name) for each in common]
    twice = next((each for each in common if names.count(key(each.name)) > 1), None)
    if twice is not None:
        raise numbered_error(239, name=twice.name)
    written = [_common_table(writer, each, max_recursion) for each in common]
    return f"WITH RECURSIVE {', '.join(written)} "


def _common_table(writer: Writer, table: CommonTable, max_recursion: int) -> str:
    body = table.query.body
    if isinstance(body, SetOperation) and mentions_table(body.right, table.name):
        with writer.within(Scope()):
            return _recursive(writer, table, body, max_recursion)
    with writer.within(Scope()):
        text, columns = writer.query(table.query)
    columns = _enter_common_table(writer, table, columns)
    names = ", ".join(quoted(column.name) for column in columns)
    return f"{quoted(table.name)} ({names}) AS ({text})"


def _enter_common_table(writer: Writer, table: CommonTable, columns: list[OutColumn]) -> list[OutColumn]:
    columns = renamed(columns, table.columns, table.name)
    relation_of(table.name, columns)
    writer.common_tables[key(table.name)] = columns
    return columns


def _recursive(writer: Writer, table: CommonTable, body: SetOperation, max_recursion: int) -> str:
    if body.operator != "UNION ALL":
        raise numbered_error(252, name=table.name)
    anchor, columns = _body(writer, body.left, None)
    columns = _enter_common_table(writer, table, columns)
    if isinstance(body.left, SetOperation) or not isinstance(body.right, Select):
        raise refused(
            f"The recursive common table expression '{table.name}' with more than one anchor or recursive member",
            "Write one of each.",
        )
    check_recursive(table.name, body.right)
    # A hidden column counts the levels.
    step, further = _select(writer, body.right, [column.type for column in columns])
    if len(further) != len(columns):
        raise numbered_error(205)
    level = quoted("?level")
    # OPTION (MAXRECURSION 0) means without limit.
    limit = max_recursion or 2**62
    reached = f"{quoted(alias_of(body.right.source, table.name))}.{level}"
    count = f"CASE WHEN {reached} >= {limit} THEN tsql_recursion({reached}) ELSE {reached} + 1 END"
    step = _with_first_column(step, f"{count} AS {level}")
    anchor = _with_first_column(anchor, f"0 AS {level}")
    names = ", ".join([level, *(quoted(column.name) for column in columns)])
    return f"{quoted(table.name)} ({names}) AS ({anchor} UNION ALL {step})"


def _with_first_column(select: str, column: str) -> str:
    return f"SELECT {column}, {select.removeprefix('SELECT ')}"


def _ordered(writer: Writer, node: Query) -> Written:
    if isinstance(node.body, Select):
        return _select(writer, node.body, None, node.order, node.offset, node.fetch)
    text, columns = _body(writer, node.body, None)
    text += order_by([order_by_output(item, columns).written for item in node.order])
    return text + limit(writer, None, node.offset, node.fetch), columns


def _body(writer: Writer, body: Body, targets: Targets) -> Written:
    return _BODY_WRITERS[type(body)](writer, body, targets)


def _set_operation(writer: Writer, body: SetOperation, targets: Targets) -> Written:
    if targets is None:
        targets = [column.type for column in _combined(writer, body)]
    left, columns = _body(writer, body.left, targets)
    right, _ = _body(writer, body.right, targets)
    if isinstance(body.right, SetOperation) or _is_limited(body.right):
        right = f"SELECT * FROM ({right})"
    if _is_limited(body.left):
        left = f"SELECT * FROM ({left})"
    columns = [replace(column, type=kind, is_null=False) for column, kind in zip(columns, targets, strict=True)]
    return f"{left} {body.operator} {right}", columns


def _is_limited(body: Body) -> bool:
    return isinstance(body, Select) and body.top is not None


def _combined(writer: Writer, body: Body) -> list[OutColumn]:
    """Return the columns that the parts of a set operation come to together."""
    if not isinstance(body, SetOperation):
        return _body(writer, body, None)[1]
    left, right = _combined(writer, body.left), _combined(writer, body.right)
    if len(left) != len(right):
        raise numbered_error(205)
    return [
        replace(
            a,
            type=combined_type([each.type for each in (a, b) if not each.is_null]),
            is_null=a.is_null and b.is_null,
        )
        for a, b in zip(left, right, strict=True)
    ]


def _rows(writer: Writer, body: RowValues, targets: Targets) -> Written:
    rows = [[writer.scalar(value) for value in row] for row in body.rows]
    if len({len(row) for row in rows}) > 1:
        raise numbered_error(10709)
    if targets is None:
        targets = [
            combined_type([part.type for part in column if not part.is_null]) for column in zip(*rows, strict=True)
        ]
    texts = [
        f"({', '.join(writer.convert(part, kind).finite().collated for part, kind in zip(row, targets, strict=True))})"
        for row in rows
    ]
    # SQLite calls the columns of VALUES column1, column2, …
    names = ", ".join(f"column{position} AS {quoted(f'?{position}')}" for position in range(1, len(targets) + 1))
    return f"SELECT {names} FROM (VALUES {', '.join(texts)})", [OutColumn("", kind) for kind in targets]


def _select(
    writer: Writer,
    select: Select,
    targets: Targets,
    order: tuple[OrderItem, ...] = (),
    offset: Scalar | None = None,
    fetch: Scalar | None = None,
) -> Written:
    scope = Scope(parent=writer.scope)
    scope.json_numbers = opens_json(select.source) and reads_single_numbers((select, order))
    with writer.within(scope):
        source = "" if select.source is None else f" FROM {writer.source(select.source)}"
        with writer.clause(WHERE):
            where = "" if select.where is None else f" WHERE {writer.condition(select.where)}"
        items = expanded(writer.scope, select.items)
        check_selected(len(items))
        group, having = _grouping(writer, select, items, order)
        written = [writer.scalar(item.value) for item in items]
        if targets is not None and len(targets) == len(written):
            written = [writer.convert(each, kind) for each, kind in zip(written, targets, strict=True)]
        columns = out_columns(items, written)
        outputs = [each.finite() for each in written]
        values = [each.collated if select.distinct else each.text for each in outputs]
        texts = [
            f"{value} AS {quoted(output_name(column, position))}"
            for position, (column, value) in enumerate(zip(columns, values, strict=True), start=1)
        ]
        terms = order_terms(writer, order, columns, values if select.distinct else [])
        if select.source is None:
            # One row is in order.
            terms = []
        rows = limit(writer, select.top, offset, fetch)
        distinct = "DISTINCT " if select.distinct else ""
        if having and not group:
            # SQLite knows HAVING without GROUP BY only since 3.39; here there is one row, or none.
            inner = f"SELECT {', '.join(texts)}, {having} AS {quoted('?having')}{source}{where}"
            return f"SELECT {_names(columns)} FROM ({inner}) WHERE {quoted('?having')}{rows}", columns
        having = f" HAVING {having}" if having else ""
        tail = f"{source}{where}{group}{having}"
        if any(each.reaches_out for each in terms):
            # SQLite's ORDER BY does not see the columns of a query around, but a select list does.
            texts += [f"{each.text} AS {quoted(f'?order{number}')}" for number, each in enumerate(terms) if each.text]
            ordered = order_by([each.named(number, columns) for number, each in enumerate(terms)])
            return f"SELECT {_names(columns)} FROM (SELECT {', '.join(texts)}{tail}){ordered}{rows}", columns
        ordered = order_by([each.written for each in terms])
        return f"SELECT {distinct}{', '.join(texts)}{tail}{ordered}{rows}", columns


def _names(columns: list[OutColumn]) -> str:
    return ", ".join(quoted(output_name(each, position)) for position, each in enumerate(columns, start=1))


def expanded(scope: Scope, items: tuple[SelectItem | Star, ...]) -> list[SelectItem]:
    """Return the items of a select list with the columns that ``*`` and ``t.*`` stand for.

    Raises
    ------
    SqlError
        107 where no table in sight answers to the qualifier.
    """
    found: list[SelectItem] = []
    for item in items:
        if isinstance(item, SelectItem):
            found.append(item)
            continue
        relations = [each for each in scope.relations if not item.qualifier or each.answers(item.qualifier)]
        if not relations:
            raise numbered_error(107, prefix=f"{'.'.join(item.qualifier)}.*" if item.qualifier else "*")
        found += [
            SelectItem(Column((relation.name, field.name)), field.name)
            for relation in relations
            for field in relation.fields
        ]
    return found


def out_columns(items: list[SelectItem], written: list[Sql]) -> list[OutColumn]:
    """Return the columns that a select list gives, named by alias or column."""
    return [OutColumn(_item_name(item), each.type, each.is_null) for item, each in zip(items, written, strict=True)]


def _item_name(item: SelectItem) -> str:
    if item.alias is not None:
        return item.alias
    return item.value.name[-1] if isinstance(item.value, Column) else ""


def _grouping(writer: Writer, select: Select, items: list[SelectItem], order: tuple[OrderItem, ...]) -> tuple[str, str]:
    aggregated = any(has_aggregate(item.value) for item in items) or any(has_aggregate(i.value) for i in order)
    if not (select.group or select.having is not None or aggregated):
        return "", ""
    check_terms(len(select.group), "GROUP BY")
    with writer.clause(GROUP_BY):
        written = [_group_item(writer, value) for value in select.group]
    grouped = writer.scope.grouped = GroupedScope({each.text for each in written})
    group = f" GROUP BY {', '.join(each.collated for each in written)}" if written else ""
    if select.having is None:
        return group, ""
    grouped.number = 8121
    with writer.clause(HAVING):
        having = writer.condition(select.having)
    grouped.number = 8120
    return group, having


def _group_item(writer: Writer, node: Scalar) -> Sql:
    """Write an expression of GROUP BY, which must have a column of this query."""
    sql = writer.scalar(node)
    scopes = [writer.scope.resolve(each.name)[1] for each in columns(node)]
    if not any(each is writer.scope for each in scopes):
        raise numbered_error(164)
    if not all(each is writer.scope for each in scopes):
        raise refused("GROUP BY of an expression with a column of the query around", "Group in a derived table.")
    return sql


_BODY_WRITERS: Mapping[type, Callable[[Writer, Any, Targets], Written]] = {
    Select: _select,
    RowValues: _rows,
    SetOperation: _set_operation,
}
