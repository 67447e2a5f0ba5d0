"""Queries: WITH, SELECT, FROM, set operations."""

from __future__ import annotations

from dataclasses import replace

from lungdb.embedded.syntax.expressions import ExpressionParser
from lungdb.embedded.syntax.lexer import Kind
from lungdb.embedded.syntax.reader import words
from lungdb.embedded.syntax.tree import (
    Binary,
    Body,
    CommonTable,
    Derived,
    Join,
    JsonColumn,
    OrderItem,
    Query,
    RowValues,
    Scalar,
    Select,
    SelectItem,
    SetOperation,
    Source,
    Star,
    Table,
    TableFunction,
    Variable,
)
from lungdb.errors import SqlError

_TABLE_FUNCTIONS = ("OPENJSON", "STRING_SPLIT")
_HINTS = words(
    "NOLOCK READUNCOMMITTED READCOMMITTED READCOMMITTEDLOCK REPEATABLEREAD SERIALIZABLE HOLDLOCK UPDLOCK XLOCK ROWLOCK "
    "PAGLOCK TABLOCK TABLOCKX READPAST NOWAIT NOEXPAND FORCESEEK FORCESCAN"
)
_QUERY_HINTS = ("RECOMPILE", "FAST", "LOOP", "HASH", "MERGE", "FORCE", "KEEPFIXED", "OPTIMIZE", "MAXDOP")
_ASSIGNMENTS = ("=", "+=", "-=", "*=", "/=", "%=")


class QueryParser(ExpressionParser):
    """Reads queries."""

    def query(self) -> Query:
        """Read a query with its WITH, ORDER BY and OPTION."""
        common = self.common_tables()
        body = self._set_operation()
        order: tuple[OrderItem, ...] = ()
        offset = fetch = None
        if self.at("ORDER"):
            order = self.order_by()
            if self.take("OFFSET"):
                offset = self.scalar()
                self.expect_any("ROW", "ROWS")
                if self.take("FETCH"):
                    self.expect_any("NEXT", "FIRST")
                    fetch = self.scalar()
                    self.expect_any("ROW", "ROWS")
                    self.expect("ONLY")
        if self.at("FOR"):
            self.refuse(f"FOR {self.ahead().value}")
        return Query(body, order, offset, fetch, common, self._options())

    def common_tables(self) -> tuple[CommonTable, ...]:
        """Read WITH and its common table expressions, if they come next."""
        if not self.at("WITH"):
            return ()
        self.next()
        return self.commas(self._common_table)

    def _common_table(self) -> CommonTable:
        name = self.identifier()
        columns = self.parenthesised(self.identifier) if self.at("(") else ()
        self.expect("AS")
        self.expect("(")
        query = self.query()
        self.expect(")")
        return CommonTable(name, columns, query)

    def _options(self) -> int:
        recursion = 100
        if self.take("OPTION"):
            self.expect("(")
            while True:
                if self.take("MAXRECURSION"):
                    recursion = self.integer()
                else:
                    self.expect_any(*_QUERY_HINTS)
                    while not self.at_any(",", ")"):
                        self.next()
                if not self.take(","):
                    break
            self.expect(")")
        return recursion

    def _set_operation(self) -> Body:
        left = self._intersection()
        while self.at_any("UNION", "EXCEPT"):
            operator = self.next().value
            if operator == "UNION" and self.take("ALL"):
                operator = "UNION ALL"
            left = SetOperation(operator, left, self._intersection())
        return left

    def _intersection(self) -> Body:
        left = self._body()
        while self.take("INTERSECT"):
            left = SetOperation("INTERSECT", left, self._body())
        return left

    def _body(self) -> Body:
        if self.take("("):
            body = self._set_operation()
            self.expect(")")
            return body
        if self.take("VALUES"):
            return RowValues(self.commas(lambda: self.parenthesised(self.scalar)))
        return self._select()

    def _select(self) -> Select:
        self.expect("SELECT")
        distinct = self.take("DISTINCT")
        if not distinct:
            self.take("ALL")
        top = self.top()
        items = self.commas(self.select_item)
        into = self.name() if self.take("INTO") else None
        source = self.sources() if self.take("FROM") else None
        where = self.condition() if self.take("WHERE") else None
        group: tuple[Scalar, ...] = ()
        if self.take("GROUP"):
            self.expect("BY")
            if self.at_any("ROLLUP", "CUBE", "GROUPING"):
                self.refuse(f"GROUP BY {self.token.value}")
            group = self.commas(self.scalar)
            if self.at("WITH") and self.ahead().value in ("ROLLUP", "CUBE"):
                self.refuse(f"GROUP BY … WITH {self.ahead().value}")
        having = self.condition() if self.take("HAVING") else None
        return Select(items, source, where, group, having, distinct, top, into)

    def top(self) -> Scalar | None:
        """Read TOP (n), if it comes next."""
        if not self.take("TOP"):
            return None
        if self.take("("):
            top = self.scalar()
            self.expect(")")
        else:
            top = self._literal()
        if self.at("PERCENT"):
            self.refuse("TOP … PERCENT")
        if self.at("WITH", "TIES"):
            self.refuse("TOP … WITH TIES")
        return top

    def select_item(self) -> SelectItem | Star:
        """Read an item of a SELECT list."""
        if self.take("*"):
            return Star(())
        if self.token.kind == Kind.VARIABLE and self.ahead().value in _ASSIGNMENTS:
            return self._assigning_item()
        is_text = self.token.kind in (Kind.STRING, Kind.UNICODE)
        if (is_text or self.at_identifier()) and self.ahead().value == "=" and self.ahead().kind == Kind.SYMBOL:
            alias = self.next().value if is_text else self.identifier()
            self.next()
            return SelectItem(self.scalar(), alias)
        if self.at_identifier():
            start = self.position
            parts = [self.identifier()]
            while self.take("."):
                if self.take("*"):
                    return Star(tuple(parts))
                if not self.at_identifier():
                    break
                parts.append(self.identifier())
            self.position = start
        value = self.scalar()
        return SelectItem(value, self._item_alias())

    def _assigning_item(self) -> SelectItem:
        variable = self.variable()
        operator = self.next().value
        value = self.scalar()
        if operator != "=":
            value = Binary(operator[0], Variable(variable), value)
        return SelectItem(value, None, variable)

    def _item_alias(self) -> str | None:
        marked = self.take("AS")
        if self.token.kind in (Kind.STRING, Kind.UNICODE):
            return self.next().value
        return self.identifier() if marked or self.at_identifier() else None

    def sources(self) -> Source:
        """Read what follows FROM."""
        source = self._joined()
        while self.take(","):
            source = Join("CROSS", source, self._joined())
        return source

    def _joined(self) -> Source:
        source = self._source()
        while True:
            self._refuse_rotation()
            if self.take("CROSS"):
                if self.take("APPLY"):
                    source = Join("CROSS APPLY", source, self._applied("CROSS APPLY"))
                    continue
                self.expect("JOIN")
                source = Join("CROSS", source, self._source())
                continue
            if self.at("OUTER", "APPLY"):
                self.expect("OUTER", "APPLY")
                source = Join("OUTER APPLY", source, self._applied("OUTER APPLY"))
                continue
            kind = self._join_kind()
            if kind is None:
                return source
            right = self._source()
            # A JOIN B JOIN C ON … ON …: the inner join's ON comes first.
            while not self.at("ON"):
                inner = self._join_kind()
                if inner is None:
                    self.fail()
                further = self._source()
                self.expect("ON")
                right = Join(inner, right, further, self.condition())
            self.expect("ON")
            source = Join(kind, source, right, self.condition())

    def _join_kind(self) -> str | None:
        if self.take("JOIN"):
            return "INNER"
        if not self.at_any("INNER", "LEFT", "RIGHT", "FULL"):
            return None
        kind = self.next().value
        if kind != "INNER":
            self.take("OUTER")
        if self.at_any("LOOP", "HASH", "MERGE", "REMOTE"):
            self.next()
        self.expect("JOIN")
        return kind

    def _applied(self, kind: str) -> Source:
        token = self.token
        source = self._source()
        if not isinstance(source, TableFunction):
            self.refuse(f"{kind} over anything but OPENJSON or STRING_SPLIT", token)
        return source

    def _source(self) -> Source:
        if self.at("("):
            return self._in_parentheses()
        if self.token.kind == Kind.VARIABLE:
            return self._table_variable()
        if self.token.value in _TABLE_FUNCTIONS and self.ahead().value == "(":
            return self._table_function()
        if self.at_any("OPENROWSET", "OPENQUERY", "OPENDATASOURCE", "OPENXML", "CONTAINSTABLE", "FREETEXTTABLE"):
            self.refuse(self.token.value)
        token = self.token
        name = self.name()
        if self.at("("):
            self.refuse(f"The table function {'.'.join(name)}", token)
        hints = self.table_hints()
        alias = self._alias()
        return Table(name, alias, hints | self.table_hints())

    def _refuse_rotation(self) -> None:
        if self.at_any("PIVOT", "UNPIVOT", "TABLESAMPLE"):
            self.refuse(self.token.value)

    def _in_parentheses(self) -> Source:
        self.expect("(")
        if self.at_any("SELECT", "VALUES", "WITH") or self._nested_query():
            query = self.query()
            self.expect(")")
            self.take("AS")
            alias = self.identifier()
            columns = self.parenthesised(self.identifier) if self.at("(") else ()
            return Derived(query, alias, columns)
        source = self._joined()
        self.expect(")")
        return source

    def _nested_query(self) -> bool:
        offset = 0
        while self.ahead(offset).value == "(":
            offset += 1
        return offset > 0 and self.ahead(offset).value == "SELECT"

    def _table_variable(self) -> Table:
        token = self.next()
        name = token.text.lower()
        if name not in self.tables:
            raise SqlError(
                1087,
                f'Must declare the table variable "{token.text}". Variables end with their batch.',
                severity=15,
                line=token.line,
            )
        return Table((name,), self._alias())

    def _alias(self) -> str | None:
        if self.at("FOR") and self.ahead().value == "SYSTEM_TIME":
            self.refuse("FOR SYSTEM_TIME")
        if self.take("AS"):
            return self.identifier()
        return self.identifier() if self.at_identifier() else None

    def table_hints(self) -> frozenset[str]:
        """Read WITH (hints), if it comes next."""
        if not (self.at("WITH") and self.ahead().value == "("):
            return frozenset()
        self.next()
        self.expect("(")
        hints: set[str] = set()
        while not self.take(")"):
            if self.take("INDEX"):
                if self.take("="):
                    self.next()
                else:
                    self.parenthesised(self.next)
            else:
                hints.add(self.expect_any(*_HINTS))
            self.take(",")
        return frozenset(hints)

    def _table_function(self) -> TableFunction:
        name = self.next().value
        arguments = self.parenthesised(self.scalar)
        columns: tuple[JsonColumn, ...] = ()
        if name == "OPENJSON" and self.at("WITH"):
            self.next()
            columns = self.parenthesised(self._json_column)
        return TableFunction(name, arguments, self._alias(), columns)

    def _json_column(self) -> JsonColumn:
        name = self.identifier()
        kind = self.data_type()
        path = f'$."{name}"'
        if self.token.kind in (Kind.STRING, Kind.UNICODE):
            path = self.next().value
        as_json = self.at("AS", "JSON") and bool(self.expect("AS", "JSON"))
        return JsonColumn(name, kind, path, as_json)


def without_into(query: Query) -> Query:
    """Return the query of SELECT … INTO without its INTO."""
    assert isinstance(query.body, Select)
    return replace(query, body=replace(query.body, into=None))
