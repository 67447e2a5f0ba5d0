"""What every writing function is handed: names in sight, values that the text needs, and the way to the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from lungdb.embedded.syntax.statement_tree import TableDefinition
from lungdb.embedded.syntax.tree import Call, Column, Condition, Literal, Name, Query, Scalar, Source, Variable
from lungdb.embedded.values.conversions import conversion_template, convert
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.names import literal
from lungdb.embedded.values.refusals import MOST_TABLES
from lungdb.embedded.values.rules import combined_type
from lungdb.embedded.values.stored import Value
from lungdb.embedded.values.types import SqlType
from lungdb.embedded.writer.clauses import Clause
from lungdb.embedded.writer.scope import Bind, Binds, GroupedScope, OutColumn, Scope, Sql
from lungdb.embedded.writer.tree_search import AGGREGATE_NAMES
from lungdb.errors import SqlError

Written = tuple[str, list[OutColumn]]
"""A query as SQLite text, and the columns that it gives."""

_NEVER_WHOLE = frozenset((Column, Literal, Variable))


class Surroundings(Protocol):
    """What the writer asks of the session."""

    def variable_type(self, name: str) -> SqlType:
        """Return the type of a variable."""

    def parameter_type(self, index: int) -> SqlType | None:
        """Return the type of a ``?``, None for NULL."""

    def find_table(self, name: Name) -> tuple[TableDefinition, str] | None:
        """Return a table and its name in SQLite."""

    def holds_few(self, name: Name) -> bool:
        """Tell whether this names a #temp table or table variable of a few rows, now; a plan is good for as long."""

    def find_view(self, name: Name) -> tuple[str, tuple[str, ...], Query] | None:
        """Return a view's name, its column names and its query."""

    def find_system_view(self, name: Name) -> tuple[str, tuple[OutColumn, ...]] | None:
        """Return the key of a catalog view and its columns."""


@dataclass(frozen=True)
class Dispatch:
    """Which function writes which type of node.

    A value may hold a query and a query holds values, and each is written in a module of its own. The modules do not
    import each other for that: they ask the `Writer`, which looks here.

    Attributes
    ----------
    scalars, conditions, sources : mapping from type to callable
        The function for each type of `Scalar`, `Condition` and `Source`.
    query : callable
        The one for `Query`.
    """

    scalars: Mapping[type, Callable[[Writer, Any], Sql]]
    conditions: Mapping[type, Callable[[Writer, Any], str]]
    sources: Mapping[type, Callable[[Writer, Any], str]]
    query: Callable[[Writer, Query], Written]


@dataclass
class Writer:
    """The state of writing one text.

    Attributes
    ----------
    surroundings : Surroundings
        Where names come from.
    dispatch : Dispatch
        What writes the nodes.
    binds : Binds
        The values that the text needs.
    scope : Scope
        The tables in sight.
    common_tables : dict of str to list of OutColumn
        The columns of the common table expressions in sight, by their names as `key` makes them equal.
    table_count : int
        How many tables the text reads, each as often as it stands there.
    """

    surroundings: Surroundings
    dispatch: Dispatch
    binds: Binds = field(default_factory=Binds)
    scope: Scope = field(default_factory=Scope)
    common_tables: dict[str, list[OutColumn]] = field(default_factory=dict)
    table_count: int = 0

    def count_table(self) -> None:
        """Note that one more table is read.

        Raises
        ------
        SqlError
            106 for one more than SQL Server takes.
        """
        self.table_count += 1
        if self.table_count > MOST_TABLES:
            raise numbered_error(106, limit=MOST_TABLES)

    def scalar(self, node: Scalar) -> Sql:
        """Write an expression."""
        kind = type(node)
        grouped = self.scope.grouped
        if grouped is not None and not grouped.inside and kind not in _NEVER_WHOLE:
            whole = self._group_expression(node, grouped)
            if whole is not None:
                return whole
        return self.dispatch.scalars[kind](self, node)

    def condition(self, node: Condition) -> str:
        """Write a condition; it stands anywhere without parentheses around it."""
        return self.dispatch.conditions[type(node)](self, node)

    def source(self, node: Source) -> str:
        """Write what stands in FROM, and note in the scope what it brings into sight."""
        return self.dispatch.sources[type(node)](self, node)

    def query(self, node: Query) -> Written:
        """Write a query; it may see the columns of the scope around it.

        Raises
        ------
        SqlError
            That of a query where none may stand.
        """
        if self.scope.clause.query:
            raise numbered_error(self.scope.clause.query)
        return self.dispatch.query(self, node)

    def _group_expression(self, node: Scalar, grouped: GroupedScope) -> Sql | None:
        """Return the text of an expression that the query is grouped by, or None if it is another one."""
        if not grouped.texts or (isinstance(node, Call) and node.name in AGGREGATE_NAMES):
            return None
        grouped.inside = True
        try:
            sql = self.scalar(node)
        except SqlError:
            return None
        finally:
            grouped.inside = False
        return sql if sql.text in grouped.texts else None

    @contextmanager
    def within(self, scope: Scope, common_tables: dict[str, list[OutColumn]] | None = None) -> Iterator[None]:
        """Write in another scope, and where they are given with other common table expressions in sight."""
        outer = self.scope, self.common_tables
        self.scope = scope
        if common_tables is not None:
            self.common_tables = common_tables
        try:
            yield
        finally:
            self.scope, self.common_tables = outer

    @contextmanager
    def clause(self, clause: Clause) -> Iterator[None]:
        """Write in another clause of the query that is being written."""
        scope = self.scope
        outer, scope.clause = scope.clause, clause
        try:
            yield
        finally:
            scope.clause = outer

    def bound(self, bind: Bind, kind: SqlType) -> Sql:
        """Write the placeholder of a value that is known only when the text runs."""
        return Sql(self.binds.add(bind), kind, atomic=True)

    def constant(self, value: Value, kind: SqlType) -> Sql:
        """Write a constant."""
        text = literal(value)
        if text is None:
            text = self.binds.add(Bind("constant", "", value))
        return Sql(text, kind, atomic=True, constant=True, value=value)

    def convert(self, sql: Sql, target: SqlType, *, explicit: bool = False) -> Sql:
        """Write the conversion of an expression; constants are converted at once.

        Raises
        ------
        SqlError
            257 or 529 where it is not allowed.
        """
        if sql.is_null:
            return Sql("NULL", target, atomic=True, constant=True)
        if sql.type == target:
            return sql
        if sql.constant:
            try:
                return self.constant(convert(sql.value, sql.type, target, explicit=explicit), target)
            except SqlError as error:
                # A value that does not convert is an error only where the expression is evaluated.
                if error.number in (257, 529):
                    raise
        template = conversion_template(sql.type, target, explicit=explicit)
        atomic = sql.atomic and template == "{0}"
        return Sql(template.format(sql.text), target, atomic=atomic, may_overflow=sql.may_overflow)

    def common(self, parts: Sequence[Sql]) -> tuple[list[Sql], SqlType]:
        """Convert expressions to the one type of CASE, COALESCE, UNION; NULLs follow the others."""
        target = combined_type([part.type for part in parts if not part.is_null])
        return [self.convert(part, target) for part in parts], target
