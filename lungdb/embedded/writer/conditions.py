"""Conditions, as SQLite text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lungdb.embedded.functions.search import FOLD_TO_ASCII, LIKE
from lungdb.embedded.syntax.tree import (
    Between,
    Column,
    Compare,
    Exists,
    InList,
    InQuery,
    IsNull,
    Like,
    Logical,
    Not,
)
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.names import quoted
from lungdb.embedded.values.rules import combined_type
from lungdb.embedded.values.types import Family, SqlType
from lungdb.embedded.writer.context import Writer
from lungdb.embedded.writer.scope import Sql, output_name

_DATES = frozenset(("datetime", "datetime2", "smalldatetime"))


def _compare(writer: Writer, node: Compare) -> str:
    left, right = _comparable(writer, [writer.scalar(node.left), writer.scalar(node.right)])
    return f"({left.collated} {node.operator} {right.text})"


def _logical(writer: Writer, node: Logical) -> str:
    # A chain of one operator leans to the left; it is walked, so that its length is no depth.
    parts = [node.right]
    rest = node.left
    while isinstance(rest, Logical) and rest.operator == node.operator:
        parts.append(rest.right)
        rest = rest.left
    return f"({f' {node.operator} '.join([writer.condition(each) for each in (rest, *reversed(parts))])})"


def _not(writer: Writer, node: Not) -> str:
    return f"(NOT {writer.condition(node.operand)})"


def _is_null(writer: Writer, node: IsNull) -> str:
    return f"({writer.scalar(node.operand).text} IS {'NOT ' if node.negated else ''}NULL)"


def _between(writer: Writer, node: Between) -> str:
    parts = [writer.scalar(each) for each in (node.operand, node.low, node.high)]
    value, low, high = _comparable(writer, parts)
    return f"({value.collated} {'NOT ' if node.negated else ''}BETWEEN {low.text} AND {high.text})"


def _in_list(writer: Writer, node: InList) -> str:
    parts = [writer.scalar(each) for each in (node.operand, *node.values)]
    value, *others = _comparable(writer, parts)
    return f"({value.collated} {'NOT ' if node.negated else ''}IN ({', '.join(each.text for each in others)}))"


def _in_query(writer: Writer, node: InQuery) -> str:
    text, columns = writer.query(node.query)
    if len(columns) != 1:
        raise numbered_error(116)
    value = writer.scalar(node.operand)
    column = Sql(f'"q".{quoted(output_name(columns[0], 1))}', columns[0].type)
    left, right = _comparable(writer, [value, column])
    if right.text != column.text:
        text = f'SELECT {right.text} FROM ({text}) AS "q"'
    return f"({left.collated} {'NOT IN' if node.negated else 'IN'} ({text}))"


def _like(writer: Writer, node: Like) -> str:
    parts = [writer.scalar(node.operand), writer.scalar(node.pattern)]
    if node.escape is not None:
        parts.append(writer.scalar(node.escape))
    settled = LIKE.call([part.type for part in parts])
    texts = [writer.convert(part, kind).text for part, kind in zip(parts, settled.parameters, strict=True)]
    text = settled.template.format(*texts)
    if isinstance(node.operand, Column):
        text = _like_of_column(text, *texts)
    return f"(NOT {text})" if node.negated else f"({text})"


def _like_of_column(call: str, value: str, *pattern: str) -> str:
    """Write a LIKE that SQLite settles for most values, and Python, by the call given, for the others."""
    native, loose = (f"tsql_{name}_like({', '.join(pattern)})" for name in ("native", "loose"))
    ascii_value, ascii_pattern = (f"length({text}) = length(CAST({text} AS BLOB))" for text in (value, native))
    return (
        f"CASE WHEN {value} IS NULL THEN NULL WHEN {native} IS NULL THEN {call} "
        f"WHEN {value} LIKE {native} ESCAPE '\\' THEN 1 WHEN {loose} IS NULL OR {ascii_value} "
        f"OR {ascii_pattern} AND {value} NOT GLOB '*[{FOLD_TO_ASCII}]*' OR {value} NOT LIKE {loose} ESCAPE '\\' THEN 0 "
        f"ELSE {call} END"
    )


def _exists(writer: Writer, node: Exists) -> str:
    return f"EXISTS ({writer.query(node.query)[0]})"


def _comparable(writer: Writer, parts: list[Sql]) -> list[Sql]:
    """Convert what is to be compared, but where the stored forms compare as they are."""
    typed = [part for part in parts if not part.is_null]
    if not typed:
        return parts
    target = combined_type([part.type for part in typed])
    if target.family == Family.VARIANT:
        return parts
    return [part if _compares_as_stored(part.type, target) else writer.convert(part, target) for part in parts]


def _compares_as_stored(kind: SqlType, target: SqlType) -> bool:
    """Tell whether stored values of a type compare with those of another, wider one."""
    if kind.family == target.family:
        if kind.family == Family.DATETIME:
            return kind.name == target.name or {kind.name, target.name} <= _DATES
        return True
    numbers = (Family.BIT, Family.INTEGER)
    return kind.family in numbers and target.family in (*numbers, Family.FLOAT)


CONDITION_WRITERS: Mapping[type, Callable[[Writer, Any], str]] = {
    Compare: _compare,
    Logical: _logical,
    Not: _not,
    IsNull: _is_null,
    Between: _between,
    InList: _in_list,
    InQuery: _in_query,
    Like: _like,
    Exists: _exists,
}
"""What writes each of them."""
