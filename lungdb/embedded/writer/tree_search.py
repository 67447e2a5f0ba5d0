"""Questions about a tree: does it hold an aggregate, does it name a table or variable."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from lungdb.embedded.functions.aggregates import AGGREGATES
from lungdb.embedded.functions.registry import FUNCTIONS
from lungdb.embedded.syntax.tree import Call, Cast, Column, Query, Star, Table, TableFunction, Variable
from lungdb.embedded.values.names import key
from lungdb.embedded.values.types import REAL

AGGREGATE_NAMES = frozenset((*AGGREGATES, "STRING_AGG"))


def nodes(node: object, *, into_queries: bool) -> Iterator[object]:
    """Go through a node and everything in it."""
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, tuple):
            waiting.extend(each)
        elif (fields := _fields(type(each))) is not None and (into_queries or not isinstance(each, Query)):
            yield each
            waiting.extend([getattr(each, field) for field in fields])


_FIELDS: dict[type, tuple[str, ...] | None] = {}


def _fields(kind: type) -> tuple[str, ...] | None:
    """Name the fields of a kind of node; None of what is no node."""
    if kind not in _FIELDS:
        is_node = dataclasses.is_dataclass(kind)
        _FIELDS[kind] = tuple(field.name for field in dataclasses.fields(kind)) if is_node else None
    return _FIELDS[kind]


def columns(node: object) -> Iterator[Column]:
    """Go through the columns of an expression, without those of queries in it; the word of DATEADD (DAY, …) is none."""
    words = set()
    for each in nodes(node, into_queries=False):
        if isinstance(each, Call) and each.name in FUNCTIONS and FUNCTIONS[each.name].takes_date_part:
            words.add(id(each.arguments[0]) if each.arguments else 0)
        elif isinstance(each, Column) and id(each) not in words:
            yield each


def has_aggregate(node: object) -> bool:
    """Tell whether an expression holds an aggregate of its own query."""
    return any(
        isinstance(each, Call) and each.name in AGGREGATE_NAMES and each.over is None
        for each in nodes(node, into_queries=False)
    )


def mentions_table(node: object, name: str) -> bool:
    """Tell whether a query reads a table of this one-part name."""
    return any(
        isinstance(each, Table) and len(each.name) == 1 and key(each.name[0]) == key(name)
        for each in nodes(node, into_queries=True)
    )


def names_relation(node: object, name: str) -> bool:
    """Tell whether an expression has a column, or all of them, of the table of this name."""
    return any(
        (isinstance(each, Column) and len(each.name) > 1 and key(each.name[-2]) == name)
        or (isinstance(each, Star) and bool(each.qualifier) and key(each.qualifier[-1]) == name)
        for each in nodes(node, into_queries=True)
    )


def mentions_variable(node: object, names: set[str]) -> bool:
    """Tell whether an expression reads one of these variables."""
    return any(isinstance(each, Variable) and each.name in names for each in nodes(node, into_queries=True))


def opens_json(node: object) -> bool:
    """Tell whether OPENJSON stands in this FROM, or in a query in it."""
    return any(isinstance(each, TableFunction) and each.name == "OPENJSON" for each in nodes(node, into_queries=True))


def reads_single_numbers(node: object) -> bool:
    """Tell whether every column called value is read by CAST (… AS REAL), and no other way."""
    found = list(nodes(node, into_queries=True))
    cast = {
        id(each.operand)
        for each in found
        if isinstance(each, Cast) and each.type == REAL and each.style is None and not each.lenient
    }
    return not any(
        isinstance(each, Star) or (isinstance(each, Column) and key(each.name[-1]) == "value" and id(each) not in cast)
        for each in found
    )


def locks(node: object) -> bool:
    """Tell whether a query asks for locks that keep others from writing."""
    return any(
        isinstance(each, Table) and each.hints & {"UPDLOCK", "XLOCK", "HOLDLOCK", "SERIALIZABLE", "TABLOCKX"}
        for each in nodes(node, into_queries=True)
    )
