"""Queries, as SQLite text."""

from __future__ import annotations

from dataclasses import replace

from lungdb.embedded.syntax.tree import (
    Body,
    Column,
    CommonTable,
    Condition,
    Literal,
    OrderItem,
    Query,
    RowValues,
    Scalar,
    Select,
    SelectItem,
    SetOperation,
    Star,
)
from lungdb.embedded.values.names import TEXT_COLLATION, key, quoted
from lungdb.embedded.values.refusals import refused
from lungdb.embedded.values.rules import combined_type
from lungdb.embedded.values.types import BIGINT, Family, SqlType
from lungdb.embedded.writer.scope import GroupedScope, OutColumn, Scope, Sql, output_name, relation_of, renamed
from lungdb.embedded.writer.sources import SourceWriter
from lungdb.embedded.writer.tree_search import has_aggregate, mentions_table
from lungdb.errors import SqlError

Written = tuple[str, list[OutColumn]]


class QueryWriter(SourceWriter):
    """Writes queries."""

    def query(self, query: Query) -> Written:
        """Write a query; the scope around it is `self.scope`."""
        kept = dict(self.common_tables)
        try:
            common = self._common(query)
            text, columns = self._ordered(query)
            return common + text, columns
        finally:
            self.common_tables = kept

    def subquery(self, query: Query) -> Written:
        """Write a query that may see the columns around it."""
        return self.query(query)

    def scalar_query(self, query: Query) -> Sql:
        """Write a query that stands for its one value; SQLite would take the first of several in silence."""
        text, columns = self.query(query)
        if len(columns) != 1:
            raise SqlError(
                116, "Only one expression can be specified in the select list when the subquery is not introduced with "
                "EXISTS. Select one column."
            )  # fmt: skip
        column = columns[0]
        if not _gives_one_row(query):
            value = f'"q".{quoted(output_name(column, 1))}'
            text = (
                f'SELECT CASE WHEN count(*) > 1 THEN tsql_single(count(*)) ELSE max({value}) END FROM ({text}) AS "q"'
            )
        return Sql(f"({text})", column.type)

    def _common(self, query: Query) -> str:
        if not query.common:
            return ""
        written = [self._common_table(each, query.max_recursion) for each in query.common]
        return f"WITH RECURSIVE {', '.join(written)} "

    def _common_table(self, table: CommonTable, max_recursion: int) -> str:
        body = table.query.body
        if isinstance(body, SetOperation) and mentions_table(body.right, table.name):
            return self._recursive(table, body, max_recursion)
        outer = self.scope
        self.scope = Scope()
        text, columns = self.query(table.query)
        self.scope = outer
        columns = renamed(columns, table.columns, table.name)
        relation_of(table.name, columns)
        self.common_tables[key(table.name)] = columns
        names = ", ".join(quoted(column.name) for column in columns)
        return f"{quoted(table.name)} ({names}) AS ({text})"

    def _recursive(self, table: CommonTable, body: SetOperation, max_recursion: int) -> str:
        if body.operator != "UNION ALL":
            raise SqlError(
                252,
                f"Recursive common table expression '{table.name}' does not contain a top-level UNION ALL operator.",
            )
        outer = self.scope
        self.scope = Scope()
        anchor, columns = self._body(body.left, None)
        columns = renamed(columns, table.columns, table.name)
        relation_of(table.name, columns)
        self.common_tables[key(table.name)] = columns
        kinds = [column.type for column in columns]
        if isinstance(body.left, SetOperation) or not isinstance(body.right, Select):
            raise refused(
                f"The recursive common table expression '{table.name}' with more than one anchor or recursive member",
                "Write one of each.",
            )
        # A hidden column counts the levels.
        step, further = self._select(body.right, (), None, None, kinds)
        if len(further) != len(columns):
            raise _different_widths()
        self.scope = outer
        level = quoted("?level")
        name = quoted(table.name)
        # OPTION (MAXRECURSION 0) means without limit.
        limit = max_recursion or 2**62
        count = f"CASE WHEN {name}.{level} >= {limit} THEN tsql_recursion({name}.{level}) ELSE {name}.{level} + 1 END"
        step = _with_first_column(step, f"{self._recursive_alias(body.right, table.name, count)} AS {level}")
        anchor = _with_first_column(anchor, f"0 AS {level}")
        names = ", ".join([level, *(quoted(column.name) for column in columns)])
        return f"{name} ({names}) AS ({anchor} UNION ALL {step})"

    def _recursive_alias(self, select: Select, name: str, count: str) -> str:
        alias = self.alias_of(select.source, name)
        return count.replace(quoted(name) + ".", quoted(alias) + ".")

    def _ordered(self, query: Query) -> Written:
        if isinstance(query.body, Select):
            return self._select(query.body, query.order, query.offset, query.fetch, None)
        text, columns = self._body(query.body, None)
        order = [self._order_by_output(item, columns) for item in query.order]
        if order:
            text += f" ORDER BY {', '.join(order)}"
        return text + self._limit(None, query.offset, query.fetch), columns

    def _body(self, body: Body, targets: list[SqlType] | None) -> Written:
        match body:
            case Select():
                return self._select(body, (), None, None, targets)
            case RowValues():
                return self._rows(body, targets)
            case SetOperation():
                return self._set_operation(body, targets)

    def _set_operation(self, body: SetOperation, targets: list[SqlType] | None) -> Written:
        if targets is None:
            targets = [column.type for column in self._combined(body)]
        left, columns = self._body(body.left, targets)
        right, _ = self._body(body.right, targets)
        if isinstance(body.right, SetOperation) or _is_limited(body.right):
            right = f"SELECT * FROM ({right})"
        if _is_limited(body.left):
            left = f"SELECT * FROM ({left})"
        columns = [replace(column, type=kind, is_null=False) for column, kind in zip(columns, targets, strict=True)]
        return f"{left} {body.operator} {right}", columns

    def _combined(self, body: Body) -> list[OutColumn]:
        """Return the columns that the parts of a set operation come to together."""
        if not isinstance(body, SetOperation):
            return self._body(body, None)[1]
        left, right = self._combined(body.left), self._combined(body.right)
        if len(left) != len(right):
            raise _different_widths()
        return [
            replace(
                a,
                type=combined_type([each.type for each in (a, b) if not each.is_null]),
                is_null=a.is_null and b.is_null,
            )
            for a, b in zip(left, right, strict=True)
        ]

    def _rows(self, body: RowValues, targets: list[SqlType] | None) -> Written:
        rows = [[self.scalar(value) for value in row] for row in body.rows]
        if len({len(row) for row in rows}) > 1:
            raise SqlError(
                10709, "The number of columns for each row in a table value constructor must be the same. Count them."
            )
        if targets is None:
            targets = [
                combined_type([part.type for part in column if not part.is_null]) for column in zip(*rows, strict=True)
            ]
        texts = [
            f"({', '.join(self._output(self.convert(part, kind)) for part, kind in zip(row, targets, strict=True))})"
            for row in rows
        ]
        # SQLite calls the columns of VALUES column1, column2, …
        names = ", ".join(f"column{position} AS {quoted(f'?{position}')}" for position in range(1, len(targets) + 1))
        return f"SELECT {names} FROM (VALUES {', '.join(texts)})", [OutColumn("", kind) for kind in targets]

    def _select(
        self,
        select: Select,
        order: tuple[OrderItem, ...],
        offset: Scalar | None,
        fetch: Scalar | None,
        targets: list[SqlType] | None,
    ) -> Written:
        outer = self.scope
        self.scope = Scope(parent=outer)
        try:
            source = "" if select.source is None else f" FROM {self.source(select.source)}"
            where = "" if select.where is None else f" WHERE {self._ungrouped(select.where)}"
            items = self._expanded(select.items)
            group, having = self._grouping(select, items, order)
            written = [self.scalar(item.value) for item in items]
            if targets is not None and len(targets) == len(written):
                written = [self.convert(each, kind) for each, kind in zip(written, targets, strict=True)]
            columns = [
                OutColumn(_item_name(item), each.type, each.is_null) for item, each in zip(items, written, strict=True)
            ]
            texts = [
                f"{self._output(each, select.distinct)} AS {quoted(output_name(column, position))}"
                for position, (column, each) in enumerate(zip(columns, written, strict=True), start=1)
            ]
            ordered = self._order(
                order, columns, {text.rpartition(" AS ")[0] for text in texts} if select.distinct else set()
            )
            limit = self._limit(select.top, offset, fetch)
            distinct = "DISTINCT " if select.distinct else ""
            if having and not group:
                # SQLite knows HAVING without GROUP BY only since 3.39; here there is one row, or none.
                names = ", ".join(quoted(output_name(each, position)) for position, each in enumerate(columns, start=1))
                inner = f"SELECT {', '.join(texts)}, {having} AS {quoted('?having')}{source}{where}"
                return f"SELECT {names} FROM ({inner}) WHERE {quoted('?having')}{limit}", columns
            having = f" HAVING {having}" if having else ""
            return f"SELECT {distinct}{', '.join(texts)}{source}{where}{group}{having}{ordered}{limit}", columns
        finally:
            self.scope = outer

    def _output(self, sql: Sql, collated: bool = True) -> str:
        sql = self.finite(sql)
        return self.collated(sql) if collated else sql.text

    def _ungrouped(self, condition: Condition) -> str:
        if has_aggregate(condition):
            raise SqlError(
                147, "An aggregate may not appear in the WHERE clause unless it is in a subquery. Use HAVING."
            )
        return self.condition(condition)

    def _expanded(self, items: tuple[SelectItem | Star, ...]) -> list[SelectItem]:
        found: list[SelectItem] = []
        for item in items:
            if isinstance(item, SelectItem):
                found.append(item)
                continue
            relations = [each for each in self.scope.relations if not item.qualifier or each.answers(item.qualifier)]
            if not relations:
                what = f"{'.'.join(item.qualifier)}.*" if item.qualifier else "*"
                raise SqlError(107, f"The column prefix of '{what}' does not match with a table in FROM. Check it.")
            found += [
                SelectItem(Column((relation.name, field.name)), field.name)
                for relation in relations
                for field in relation.fields
            ]
        return found

    def _grouping(self, select: Select, items: list[SelectItem], order: tuple[OrderItem, ...]) -> tuple[str, str]:
        aggregated = any(has_aggregate(item.value) for item in items) or any(has_aggregate(i.value) for i in order)
        if not (select.group or select.having is not None or aggregated):
            return "", ""
        written = [self.scalar(value) for value in select.group]
        self.scope.grouped = GroupedScope({each.text for each in written})
        group = f" GROUP BY {', '.join(self.collated(each) for each in written)}" if written else ""
        if select.having is None:
            return group, ""
        self.scope.grouped.clause, self.scope.grouped.number = "the HAVING clause", 8121
        having = self.condition(select.having)
        self.scope.grouped.clause, self.scope.grouped.number = "the select list", 8120
        return group, having

    def _order(self, order: tuple[OrderItem, ...], columns: list[OutColumn], distinct: set[str]) -> str:
        """Write ORDER BY; `distinct` are the texts of the select list where only these may be ordered by."""
        if not order:
            return ""
        if self.scope.grouped is not None:
            self.scope.grouped.clause, self.scope.grouped.number = "the ORDER BY clause", 8127
        names = [key(column.name) for column in columns]
        texts: list[str] = []
        for item in order:
            value = item.value
            if isinstance(value, Column) and len(value.name) == 1 and key(value.name[0]) in names:
                position = names.index(key(value.name[0])) + 1
                texts.append(_direction(str(position), columns[position - 1].type, item))
            elif isinstance(value, Literal):
                texts.append(self._order_by_output(item, columns))
            else:
                sql = self.scalar(value)
                if distinct and self._output(sql) not in distinct:
                    raise SqlError(
                        145, "ORDER BY items must appear in the select list if SELECT DISTINCT is specified. Select it."
                    )
                texts.append(_direction(sql.text, sql.type, item))
        return f" ORDER BY {', '.join(texts)}"

    def _order_by_output(self, item: OrderItem, columns: list[OutColumn]) -> str:
        value = item.value
        position = 0
        if isinstance(value, Literal) and isinstance(value.value, int):
            position = value.value
        elif isinstance(value, Column) and len(value.name) == 1:
            names = [key(column.name) for column in columns]
            position = names.index(key(value.name[0])) + 1 if key(value.name[0]) in names else 0
            if not position:
                raise SqlError(207, f"Invalid column name '{value.name[0]}'. Order by a column of the first SELECT.")
        if not 1 <= position <= len(columns):
            raise SqlError(
                108, f"The ORDER BY position number {position} is out of range of the number of items in the select "
                "list. Order by a column's name."
            )  # fmt: skip
        return _direction(str(position), columns[position - 1].type, item)

    def _limit(self, top: Scalar | None, offset: Scalar | None, fetch: Scalar | None) -> str:
        count = top if fetch is None else fetch
        text = "" if count is None else f" LIMIT {self._row_count(count)}"
        if offset is not None:
            text = f"{text or ' LIMIT -1'} OFFSET {self._row_count(offset)}"
        return text

    def _row_count(self, node: Scalar) -> str:
        inner, self.scope = self.scope, Scope()
        try:
            sql = self.convert(self.scalar(node), BIGINT)
        except SqlError as error:
            if error.number not in (207, 4104):
                raise
            raise SqlError(
                4115, "A column is not allowed in an argument to a TOP, OFFSET, or FETCH clause. Use a number or a "
                "variable."
            ) from None  # fmt: skip
        finally:
            self.scope = inner
        return sql.text if sql.constant and isinstance(sql.value, int) and sql.value >= 0 else f"tsql_rows({sql.text})"


def _item_name(item: SelectItem) -> str:
    if item.alias is not None:
        return item.alias
    return item.value.name[-1] if isinstance(item.value, Column) else ""


def _direction(text: str, kind: SqlType, item: OrderItem) -> str:
    collation = f" COLLATE {TEXT_COLLATION}" if kind.family == Family.CHARACTER else ""
    return f"{text}{collation}{' DESC' if item.descending else ''}"


def _is_limited(body: Body) -> bool:
    return isinstance(body, Select) and body.top is not None


def _gives_one_row(query: Query) -> bool:
    body = query.body
    if not isinstance(body, Select):
        return False
    if isinstance(body.top, Literal) and body.top.value == 1:
        return True
    aggregated = any(isinstance(item, SelectItem) and has_aggregate(item.value) for item in body.items)
    return body.source is None or (aggregated and not body.group)


def _with_first_column(select: str, column: str) -> str:
    return f"SELECT {column}, {select.removeprefix('SELECT ')}"


def _different_widths() -> SqlError:
    return SqlError(
        205, "All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of "
        "expressions "
        "in their target lists. Count the columns."
    )  # fmt: skip
