"""The tree of T-SQL expressions and queries, between parser and writer.

Names are as written; they are compared without case. `statement_tree` has the statements.
"""

from __future__ import annotations

from dataclasses import dataclass

from lungdb.embedded.values.stored import Value
from lungdb.embedded.values.types import SqlType

Name = tuple[str, ...]
"""A name of one to four parts, the object last."""


@dataclass(frozen=True)
class Literal:
    """A constant, as stored in SQLite; NULL has the value None."""

    value: Value
    type: SqlType


@dataclass(frozen=True)
class Variable:
    """``@name``; the name holds the at sign."""

    name: str


@dataclass(frozen=True)
class GlobalVariable:
    """``@@NAME`` in upper case."""

    name: str


@dataclass(frozen=True)
class Parameter:
    """The client's ``?``, counted from 0."""

    index: int


@dataclass(frozen=True)
class Column:
    """A column, with its qualifiers."""

    name: Name


@dataclass(frozen=True)
class Unary:
    """``- + ~`` on a value."""

    operator: str
    operand: Scalar


@dataclass(frozen=True)
class Binary:
    """``+ - * / % & | ^`` on two values."""

    operator: str
    left: Scalar
    right: Scalar


@dataclass(frozen=True)
class OrderItem:
    """An item of ORDER BY."""

    value: Scalar
    descending: bool


@dataclass(frozen=True)
class WindowFrame:
    """ROWS or RANGE of OVER: its edges, such as ``2 PRECEDING``; the last is empty where BETWEEN is left out."""

    unit: str
    first: str
    last: str


@dataclass(frozen=True)
class Over:
    """OVER (…)."""

    partition: tuple[Scalar, ...]
    order: tuple[OrderItem, ...]
    frame: WindowFrame | None


@dataclass(frozen=True)
class Call:
    """A function; ``COUNT(*)`` has star, STRING_AGG its WITHIN GROUP order."""

    name: str
    arguments: tuple[Scalar, ...]
    distinct: bool = False
    star: bool = False
    over: Over | None = None
    within: tuple[OrderItem, ...] = ()


@dataclass(frozen=True)
class Cast:
    """CAST, CONVERT (with style) and their TRY_ forms."""

    operand: Scalar
    type: SqlType
    style: Scalar | None = None
    lenient: bool = False


@dataclass(frozen=True)
class SimpleCase:
    """``CASE x WHEN value THEN …``: the operand is compared with one value after the other."""

    operand: Scalar
    branches: tuple[tuple[Scalar, Scalar], ...]
    otherwise: Scalar | None


@dataclass(frozen=True)
class SearchedCase:
    """``CASE WHEN condition THEN …``; IIF is one, too."""

    branches: tuple[tuple[Condition, Scalar], ...]
    otherwise: Scalar | None


@dataclass(frozen=True)
class Subquery:
    """A query in parentheses that stands for its one value."""

    query: Query


Case = SimpleCase | SearchedCase
Scalar = Literal | Variable | GlobalVariable | Parameter | Column | Unary | Binary | Call | Cast | Case | Subquery


@dataclass(frozen=True)
class Compare:
    """``= <> < <= > >=``."""

    operator: str
    left: Scalar
    right: Scalar


@dataclass(frozen=True)
class IsNull:
    """IS [NOT] NULL."""

    operand: Scalar
    negated: bool


@dataclass(frozen=True)
class InList:
    """[NOT] IN (values)."""

    operand: Scalar
    values: tuple[Scalar, ...]
    negated: bool


@dataclass(frozen=True)
class InQuery:
    """[NOT] IN (query)."""

    operand: Scalar
    query: Query
    negated: bool


@dataclass(frozen=True)
class Between:
    """[NOT] BETWEEN low AND high."""

    operand: Scalar
    low: Scalar
    high: Scalar
    negated: bool


@dataclass(frozen=True)
class Like:
    """[NOT] LIKE pattern [ESCAPE character]."""

    operand: Scalar
    pattern: Scalar
    escape: Scalar | None
    negated: bool


@dataclass(frozen=True)
class Exists:
    """EXISTS (query)."""

    query: Query


@dataclass(frozen=True)
class Logical:
    """AND, OR."""

    operator: str
    left: Condition
    right: Condition


@dataclass(frozen=True)
class Not:
    """NOT."""

    operand: Condition


Condition = Compare | IsNull | InList | InQuery | Between | Like | Exists | Logical | Not
CONDITIONS = (Compare, IsNull, InList, InQuery, Between, Like, Exists, Logical, Not)
Node = Scalar | Condition


@dataclass(frozen=True)
class SelectItem:
    """A column of a SELECT list; with a variable it assigns to it."""

    value: Scalar
    alias: str | None = None
    variable: str | None = None


@dataclass(frozen=True)
class Star:
    """``*`` or ``t.*``."""

    qualifier: Name


@dataclass(frozen=True)
class Output:
    """OUTPUT … [INTO target (columns)] of INSERT, UPDATE and DELETE."""

    items: tuple[SelectItem | Star, ...]
    into: Name | None
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table, view, CTE, #temp table or @table variable in FROM; hints in upper case."""

    name: Name
    alias: str | None = None
    hints: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Derived:
    """A query or a VALUES list in FROM."""

    query: Query
    alias: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class JsonColumn:
    """A column of OPENJSON … WITH."""

    name: str
    type: SqlType
    path: str
    as_json: bool


@dataclass(frozen=True)
class TableFunction:
    """OPENJSON or STRING_SPLIT in FROM."""

    name: str
    arguments: tuple[Scalar, ...]
    alias: str | None
    columns: tuple[JsonColumn, ...] = ()


@dataclass(frozen=True)
class Join:
    """Two sources; kind is INNER, LEFT, RIGHT, FULL, CROSS, CROSS APPLY or OUTER APPLY."""

    kind: str
    left: Source
    right: Source
    condition: Condition | None = None


Source = Table | Derived | TableFunction | Join


@dataclass(frozen=True)
class Select:
    """One SELECT."""

    items: tuple[SelectItem | Star, ...]
    source: Source | None = None
    where: Condition | None = None
    group: tuple[Scalar, ...] = ()
    having: Condition | None = None
    distinct: bool = False
    top: Scalar | None = None
    into: Name | None = None


@dataclass(frozen=True)
class RowValues:
    """VALUES (…), (…)."""

    rows: tuple[tuple[Scalar, ...], ...]


@dataclass(frozen=True)
class SetOperation:
    """UNION, UNION ALL, EXCEPT or INTERSECT."""

    operator: str
    left: Body
    right: Body


@dataclass(frozen=True)
class CommonTable:
    """An item of WITH."""

    name: str
    columns: tuple[str, ...]
    query: Query


Body = Select | RowValues | SetOperation


@dataclass(frozen=True)
class Query:
    """A query with everything around it."""

    body: Body
    order: tuple[OrderItem, ...] = ()
    offset: Scalar | None = None
    fetch: Scalar | None = None
    common: tuple[CommonTable, ...] = ()
    max_recursion: int = 100
