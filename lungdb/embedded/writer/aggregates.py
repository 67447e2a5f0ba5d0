"""Aggregates and window functions, as SQLite text."""

from __future__ import annotations

from lungdb.embedded.functions.aggregates import AGGREGATES, string_agg
from lungdb.embedded.syntax.tree import Call, Over
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.refusals import refused
from lungdb.embedded.values.types import BIGINT, FLOAT, INT
from lungdb.embedded.writer.context import Writer
from lungdb.embedded.writer.scope import Sql

_RANKINGS = {"ROW_NUMBER": BIGINT, "RANK": BIGINT, "DENSE_RANK": BIGINT, "PERCENT_RANK": FLOAT, "CUME_DIST": FLOAT}

WINDOW_FUNCTIONS = frozenset((*_RANKINGS, "NTILE", "LAG", "LEAD", "FIRST_VALUE", "LAST_VALUE"))


def aggregate(writer: Writer, call: Call) -> Sql:
    """Write an aggregate, with or without OVER."""
    if call.over is None:
        return _grouped_aggregate(writer, call)
    if call.distinct:
        raise numbered_error(10759)
    return _aggregate(writer, call, _over(writer, call.over))


def _grouped_aggregate(writer: Writer, call: Call) -> Sql:
    grouped = writer.scope.grouped
    if grouped is None:
        return _aggregate(writer, call, "")
    if grouped.inside:
        raise numbered_error(130)
    grouped.inside = True
    try:
        return _aggregate(writer, call, "")
    finally:
        grouped.inside = False


def _aggregate(writer: Writer, call: Call, over: str) -> Sql:
    name = call.name
    if call.star:
        if name not in ("COUNT", "COUNT_BIG"):
            raise numbered_error(102, near="*", advice=f"{name} takes an expression.")
        return Sql(f"count(*){over}", INT if name == "COUNT" else BIGINT)
    arguments = [writer.scalar(each) for each in call.arguments]
    if name == "STRING_AGG":
        return _string_agg(writer, call, arguments, over)
    if call.within:
        raise numbered_error(10757, function=name)
    settled = AGGREGATES[name].call([each.type for each in arguments])
    argument = writer.convert(arguments[0], settled.parameters[0])
    text = f"{'DISTINCT ' if call.distinct else ''}{argument.collated}"
    template = _over_or_refuse(name, settled.template, over)
    risky = argument.may_overflow and name in ("MIN", "MAX")
    return Sql(template.format(text, over=over), settled.result, may_overflow=risky)


def _over_or_refuse(name: str, template: str, over: str) -> str:
    if over and "{over}" not in template:
        raise refused(f"{name} of this type with OVER", "Group in a derived table, or CAST to float or int.")
    return template


def _string_agg(writer: Writer, call: Call, arguments: list[Sql], over: str) -> Sql:
    if len(arguments) != 2 or call.distinct:
        raise numbered_error(174, function="STRING_AGG", count=2, advice="Give the text and the separator.")
    parts = [*arguments, *(writer.scalar(item.value) for item in call.within)]
    directions = "".join("D" if item.descending else "A" for item in call.within)
    settled = string_agg([each.type for each in parts], directions)
    texts = [
        writer.convert(each, kind, explicit=True).text for each, kind in zip(parts, settled.parameters, strict=True)
    ]
    return Sql(_over_or_refuse("STRING_AGG", settled.template, over).format(*texts), settled.result)


def _over(writer: Writer, over: Over) -> str:
    parts: list[str] = []
    if over.partition:
        parts.append(f"PARTITION BY {', '.join(writer.scalar(each).collated for each in over.partition)}")
    if over.order:
        items = [f"{writer.scalar(each.value).collated}{' DESC' if each.descending else ''}" for each in over.order]
        parts.append(f"ORDER BY {', '.join(items)}")
    if over.frame:
        parts.append(over.frame)
    return f" OVER ({' '.join(parts)})"


def window_function(writer: Writer, call: Call) -> Sql:
    """Write a function that is about a row's place among others."""
    if call.over is None:
        raise numbered_error(10753, function=call.name)
    needs_order = call.name not in ("FIRST_VALUE", "LAST_VALUE") or bool(call.over.frame)
    if needs_order and not call.over.order:
        raise numbered_error(4112, function=call.name)
    name, over = call.name.lower(), _over(writer, call.over)
    arguments = [writer.scalar(each) for each in call.arguments]
    if call.name in _RANKINGS:
        return Sql(f"{name}(){over}", _RANKINGS[call.name])
    if not arguments:
        raise numbered_error(174, function=call.name, count=1, advice="Give one.")
    first, *others = arguments
    if call.name == "NTILE":
        return Sql(f"ntile({writer.convert(first, BIGINT).text}){over}", BIGINT)
    if call.name in ("FIRST_VALUE", "LAST_VALUE"):
        return Sql(f"{name}({first.text}){over}", first.type)
    texts = [first.text]
    if others:
        texts.append(writer.convert(others[0], INT).text)
    if len(others) > 1:
        texts.append(writer.convert(others[1], first.type).text)
    return Sql(f"{name}({', '.join(texts)}){over}", first.type)
