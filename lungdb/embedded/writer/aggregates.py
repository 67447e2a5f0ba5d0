"""Aggregates and window functions, as SQLite text."""

from __future__ import annotations

from lungdb.embedded.functions.aggregates import AGGREGATES, string_agg
from lungdb.embedded.syntax.tree import Call, Literal, Over, WindowFrame
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.refusals import check_terms, refused
from lungdb.embedded.values.types import BIGINT, FLOAT, INT
from lungdb.embedded.writer.clauses import AGGREGATED, WINDOWED
from lungdb.embedded.writer.context import Writer
from lungdb.embedded.writer.scope import Scope, Sql
from lungdb.embedded.writer.tree_search import columns

_RANKINGS = {"ROW_NUMBER": BIGINT, "RANK": BIGINT, "DENSE_RANK": BIGINT, "PERCENT_RANK": FLOAT, "CUME_DIST": FLOAT}

WINDOW_FUNCTIONS = frozenset((*_RANKINGS, "NTILE", "LAG", "LEAD", "FIRST_VALUE", "LAST_VALUE"))


def aggregate(writer: Writer, call: Call) -> Sql:
    """Write an aggregate, with or without OVER."""
    if call.over is None:
        return _grouped_aggregate(writer, call)
    _check_window(writer)
    if call.distinct:
        raise numbered_error(10759)
    with writer.clause(WINDOWED):
        return _aggregate(writer, call, _over(writer, call.over))


def _grouped_aggregate(writer: Writer, call: Call) -> Sql:
    owner = _owner(writer, call)
    if owner.clause.aggregate:
        raise numbered_error(owner.clause.aggregate)
    grouped = writer.scope.grouped
    with writer.clause(AGGREGATED):
        if grouped is None or grouped.inside:
            return _aggregate(writer, call, "")
        grouped.inside = True
        try:
            return _aggregate(writer, call, "")
        finally:
            grouped.inside = False


def _owner(writer: Writer, call: Call) -> Scope:
    """Return the query that an aggregate is of: its own, or that around it which all its columns are of."""
    scopes = [writer.scope.resolve(each.name)[1] for each in columns(call.arguments)]
    place: Scope | None = writer.scope
    while scopes and place is not None:
        if any(each is place for each in scopes):
            return place
        place = place.parent
    return writer.scope


def _check_window(writer: Writer) -> None:
    if writer.scope.clause.window:
        raise numbered_error(writer.scope.clause.window)


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
    _check_order(over)
    check_terms(max(len(over.partition), len(over.order)), "OVER")
    parts: list[str] = []
    if over.partition:
        parts.append(f"PARTITION BY {', '.join(writer.scalar(each).collated for each in over.partition)}")
    if over.order:
        items = [f"{writer.scalar(each.value).collated}{' DESC' if each.descending else ''}" for each in over.order]
        parts.append(f"ORDER BY {', '.join(items)}")
    if over.frame is not None:
        parts.append(_frame(over.frame, bool(over.order)))
    return f" OVER ({' '.join(parts)})"


def _check_order(over: Over) -> None:
    for item in over.order:
        if isinstance(item.value, Literal):
            position = item.value.value
            raise numbered_error(5308 if type(position) is int and position > 0 else 5309)


# How far from the first row of a partition the edges of a frame lie.
_EDGES = ("UNBOUNDED PRECEDING", "PRECEDING", "CURRENT ROW", "FOLLOWING", "UNBOUNDED FOLLOWING")


def _frame(frame: WindowFrame, ordered: bool) -> str:
    """Write ROWS or RANGE.

    Raises
    ------
    SqlError
        10756 without ORDER BY, 4194 for RANGE with a number of rows, 4193 for a frame that ends before it begins.
    """
    if not ordered:
        raise numbered_error(10756)
    first, last = frame.first, frame.last or "CURRENT ROW"
    ranks = [_EDGES.index(each if each in _EDGES else each.partition(" ")[2]) for each in (first, last)]
    if frame.unit == "RANGE" and any(rank in (1, 3) for rank in ranks):
        raise numbered_error(4194)
    text = f"BETWEEN {first} AND {last}" if frame.last else first
    if ranks[0] > ranks[1] or ranks[0] == 4 or ranks[1] == 0:
        raise numbered_error(4193, frame=f"{frame.unit} {text}")
    return f"{frame.unit} {text}"


# What has a place among all rows of its partition, not among those of a frame.
_FRAMELESS = frozenset((*_RANKINGS, "NTILE", "LAG", "LEAD"))
_MOST_ARGUMENTS = {**dict.fromkeys(_RANKINGS, 0), "LAG": 3, "LEAD": 3}


def window_function(writer: Writer, call: Call) -> Sql:
    """Write a function that is about a row's place among others."""
    if call.over is None:
        raise numbered_error(10753, function=call.name)
    _check_window(writer)
    if call.star or call.distinct or call.within:
        raise numbered_error(102, near=call.name, advice="It takes no DISTINCT, * or WITHIN GROUP.")
    if not call.over.order:
        raise numbered_error(4112, function=call.name)
    if call.over.frame is not None and call.name in _FRAMELESS:
        raise numbered_error(10752, function=call.name)
    most = _MOST_ARGUMENTS.get(call.name, 1)
    if not min(most, 1) <= len(call.arguments) <= most:
        raise numbered_error(174, function=call.name, count=min(most, 1), advice=f"It was given {len(call.arguments)}.")
    with writer.clause(WINDOWED):
        name, over = call.name.lower(), _over(writer, call.over)
        arguments = [writer.scalar(each) for each in call.arguments]
    return _placed(writer, call, name, over, arguments)


def _placed(writer: Writer, call: Call, name: str, over: str, arguments: list[Sql]) -> Sql:
    if call.name in _RANKINGS:
        return Sql(f"{name}(){over}", _RANKINGS[call.name])
    first, *others = arguments
    if call.name == "NTILE":
        return _tile(writer, first, over)
    if call.name in ("FIRST_VALUE", "LAST_VALUE"):
        return Sql(f"{name}({first.text}){over}", first.type)
    texts = [first.text]
    if others:
        texts.append(_distance(writer, others[0]))
    if len(others) > 1:
        texts.append(writer.convert(others[1], first.type).text)
    return Sql(f"{name}({', '.join(texts)}){over}", first.type)


def _tile(writer: Writer, count: Sql, over: str) -> Sql:
    if count.constant and not (isinstance(count.value, int) and count.value > 0):
        raise numbered_error(4116)
    text = writer.convert(count, BIGINT).text
    return Sql(f"ntile({text if count.constant else f'tsql_tiles({text})'}){over}", BIGINT)


def _distance(writer: Writer, distance: Sql) -> str:
    if distance.constant and isinstance(distance.value, int) and distance.value < 0:
        raise numbered_error(8730)
    text = writer.convert(distance, BIGINT).text
    return text if distance.constant else f"tsql_distance({text})"
