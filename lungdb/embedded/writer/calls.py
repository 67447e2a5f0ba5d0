"""Calls of built-in functions, as SQLite text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import accumulate

from lungdb.embedded.functions.base import Function
from lungdb.embedded.functions.registry import FUNCTIONS
from lungdb.embedded.functions.system import SESSION_VALUES, SYSTEM_FUNCTIONS
from lungdb.embedded.syntax.tree import Call, Column, Scalar
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.types import INT, varchar
from lungdb.embedded.writer.aggregates import WINDOW_FUNCTIONS, aggregate, window_function
from lungdb.embedded.writer.clauses import DEFINITION
from lungdb.embedded.writer.context import Writer
from lungdb.embedded.writer.scope import Bind, Sql
from lungdb.embedded.writer.tree_search import AGGREGATE_NAMES

_MOST_ARGUMENTS = 254
_AT_ONCE = 100
# So long and deep may an argument be that is written twice, though computed once: it doubles with every call in
# another, and SQLite reads a text to a depth of about thirty calls only.
_TWICE = 4000
_DEPTH = 12
_ONE_VALUE = re.compile(r"\(SELECT (.*)\)")


def call(writer: Writer, node: Call) -> Sql:
    """Write a call of any kind."""
    name = node.name
    over_rows = _OVER_ROWS.get(name)
    if over_rows is not None:
        return over_rows(writer, node)
    if node.over is not None or node.within or node.distinct or node.star:
        raise numbered_error(102, near=name, advice="It takes no OVER, WITHIN GROUP, DISTINCT or *.")
    if name in SESSION_VALUES and not node.arguments:
        return writer.bound(Bind("session", name), SESSION_VALUES[name])
    form = _FORMS.get(name)
    if form is not None:
        return form(writer, node)
    function = SYSTEM_FUNCTIONS.get(name) or FUNCTIONS.get(name)
    if function is None:
        raise numbered_error(195, function=name)
    return _function(writer, function, node)


def _function(writer: Writer, function: Function, node: Call) -> Sql:
    arguments: list[Sql] = []
    for position, argument in enumerate(node.arguments):
        if position == 0 and function.takes_date_part:
            arguments.append(_date_part(writer, function, argument))
        else:
            arguments.append(writer.scalar(argument))
    # SQLite's functions take infinity as a number, and give another one for it.
    unchecked, arguments = arguments, [each.finite() for each in arguments]
    settled = function.call([each.type for each in arguments])
    texts = [
        writer.convert(each, kind, explicit=True).text for each, kind in zip(arguments, settled.parameters, strict=True)
    ]
    template = settled.template
    if writer.scope.clause is DEFINITION:
        # What is a query so that a statement computes it once; a definition holds none.
        template = _ONE_VALUE.sub(r"\1", template)
    elif settled.inline and len(texts[0]) <= _TWICE and _depth(texts[0]) <= _DEPTH:
        raw = writer.convert(unchecked[0], settled.parameters[0], explicit=True).text
        return Sql(settled.inline.format(raw, texts[0]), settled.result)
    return Sql(template.format(*texts), settled.result)


def _depth(text: str) -> int:
    return max(accumulate((each == "(") - (each == ")") for each in text))


def _date_part(writer: Writer, function: Function, argument: Scalar) -> Sql:
    if not isinstance(argument, Column) or len(argument.name) != 1:
        raise numbered_error(1023, position=1, function=function.name.lower())
    word = argument.name[0].lower()
    return writer.constant(word, varchar(max(1, len(word))))


def _arguments(writer: Writer, node: Call, least: int, most: int) -> list[Sql]:
    if not least <= len(node.arguments) <= most:
        if least == most:
            raise numbered_error(174, function=node.name, count=least)
        raise numbered_error(189, function=node.name, least=least, most=most)
    return [writer.scalar(each) for each in node.arguments]


def _coalesce(writer: Writer, node: Call) -> Sql:
    parts = _arguments(writer, node, 2, _MOST_ARGUMENTS)
    if all(part.is_null for part in parts):
        raise numbered_error(4127)
    parts, kind = writer.common(parts)
    risky = any(part.may_overflow for part in parts)
    *texts, text = [part.text for part in parts]
    # SQLite's functions take 127 arguments at most, so each stands before those behind it.
    while texts:
        taken = texts[-_AT_ONCE:]
        del texts[-_AT_ONCE:]
        text = f"coalesce({', '.join([*taken, text])})"
    return Sql(text, kind, may_overflow=risky)


def _is_null(writer: Writer, node: Call) -> Sql:
    first, second = _arguments(writer, node, 2, 2)
    kind = second.type if first.is_null else first.type
    first, second = writer.convert(first, kind), writer.convert(second, kind)
    risky = first.may_overflow or second.may_overflow
    return Sql(f"ifnull({first.text}, {second.text})", kind, may_overflow=risky)


def _null_if(writer: Writer, node: Call) -> Sql:
    first, second = _arguments(writer, node, 2, 2)
    (left, right), _ = writer.common((first, second))
    text = f"(CASE WHEN {left.collated} = {right.text} THEN NULL ELSE {first.text} END)"
    return Sql(text, first.type, may_overflow=first.may_overflow)


def _choose(writer: Writer, node: Call) -> Sql:
    index, *choices = _arguments(writer, node, 2, _MOST_ARGUMENTS)
    parts, kind = writer.common(choices)
    branches = " ".join(f"WHEN {number} THEN {part.text}" for number, part in enumerate(parts, start=1))
    risky = any(part.may_overflow for part in parts)
    return Sql(f"(CASE {writer.convert(index, INT).text} {branches} END)", kind, may_overflow=risky)


_OVER_ROWS: Mapping[str, Callable[[Writer, Call], Sql]] = {
    **dict.fromkeys(AGGREGATE_NAMES, aggregate),
    **dict.fromkeys(WINDOW_FUNCTIONS, window_function),
}
# What is no function of its arguments' types, but a form of its own.
_FORMS: Mapping[str, Callable[[Writer, Call], Sql]] = {
    "COALESCE": _coalesce,
    "NULLIF": _null_if,
    "ISNULL": _is_null,
    "CHOOSE": _choose,
}
