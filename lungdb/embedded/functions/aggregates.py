"""Aggregate functions with T-SQL's result types and overflow, over SQLite's own where these suffice.

Result types are those of Microsoft's "Aggregate functions (Transact-SQL)".
"""

from __future__ import annotations

import decimal
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from lungdb.embedded.functions.base import Function, Rule, TypedCall, Types
from lungdb.embedded.functions.text import text_kind
from lungdb.embedded.values.collation import sort_key
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.numeric import fit_decimal
from lungdb.embedded.values.stored import EXACT, Value, decode_decimal
from lungdb.embedded.values.types import (
    BIGINT,
    FLOAT,
    INT,
    MAX,
    MAX_PRECISION,
    MONEY,
    Family,
    SqlType,
    decimal_type,
    nvarchar,
    parse_type,
    varchar,
)
from lungdb.errors import SqlError


class Accumulator(Protocol):
    """What sqlite3 calls for an aggregate."""

    def step(self, *arguments: Value) -> None:
        """Take the values of one row."""

    def finalize(self) -> Value:
        """Return the aggregate."""


@dataclass(frozen=True)
class AggregateImplementation:
    """A Python aggregate that SQLite can call; it cannot stand before OVER."""

    name: str
    arity: int
    make: Callable[[], Accumulator]


class _Spread:
    """Variance by Welford's method, which loses no digits to the mean (Knuth, vol. 2, 4.2.2)."""

    def __init__(self, *, population: bool, root: bool) -> None:
        self._population = population
        self._root = root
        self._count = 0
        self._mean = 0.0
        self._squares = 0.0

    def step(self, *arguments: Value) -> None:
        value = arguments[0]
        if value is None:
            return
        number = float(value)
        self._count += 1
        delta = number - self._mean
        self._mean += delta / self._count
        self._squares += delta * (number - self._mean)

    def finalize(self) -> Value:
        divisor = self._count if self._population else self._count - 1
        if divisor < 1:
            return None
        variance = self._squares / divisor
        if not math.isfinite(variance):
            raise numbered_error(8115, source="expression", target="float", advice="Scale the values.")
        return math.sqrt(variance) if self._root else variance


class _DecimalSum:
    """Exact SUM or AVG of decimals; the second argument is the result type."""

    def __init__(self, *, mean: bool) -> None:
        self._mean = mean
        self._count = 0
        self._total = decimal.Decimal(0)
        self._kind = ""

    def step(self, *arguments: Value) -> None:
        value, kind = arguments
        if value is None:
            return
        self._count += 1
        self._total = EXACT.add(self._total, decode_decimal(str(value)))
        self._kind = str(kind)

    def finalize(self) -> Value:
        if not self._count:
            return None
        kind = parse_type(self._kind)
        if not self._mean:
            return fit_decimal(self._total, kind)
        unit = decimal.Decimal(1).scaleb(-kind.as_decimal[1])
        quotient = EXACT.divide(self._total, decimal.Decimal(self._count))
        return fit_decimal(quotient.quantize(unit, rounding=decimal.ROUND_DOWN, context=EXACT), kind)


class _Key:
    """A sort key of mixed directions, NULL before everything else, text without regard to case."""

    __slots__ = ("descending", "value")

    def __init__(self, value: Value, descending: bool) -> None:
        self.value = (value is not None, sort_key(value) if isinstance(value, str) else value)
        self.descending = descending

    def __lt__(self, other: _Key) -> bool:
        a, b = (other.value, self.value) if self.descending else (self.value, other.value)
        if not (a[0] and b[0]):
            return a[0] < b[0]
        # The values of one column are of one Python type.
        return bool(a[1] < b[1])  # type: ignore[operator]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.value == other.value


class _StringAggregate:
    """STRING_AGG: arguments are value, separator, limit in code units or -1, directions, sort keys."""

    def __init__(self) -> None:
        self._rows: list[tuple[list[_Key], str]] = []
        self._separator = ""
        self._limit = MAX

    def step(self, *arguments: Value) -> None:
        value, separator, limit, directions, *keys = arguments
        if value is None:
            return
        self._separator = "" if separator is None else str(separator)
        assert isinstance(limit, int)
        self._limit = limit
        marks = str(directions)
        self._rows.append(([_Key(key, mark == "D") for key, mark in zip(keys, marks, strict=True)], str(value)))

    def finalize(self) -> Value:
        if not self._rows:
            return None
        self._rows.sort(key=lambda row: row[0])
        text = self._separator.join(value for _, value in self._rows)
        if self._limit != MAX and len(text) > self._limit:
            raise numbered_error(9829)
        return text


def string_agg(types: Sequence[SqlType], directions: str) -> TypedCall:
    """Return how STRING_AGG is called.

    Parameters
    ----------
    types : sequence of SqlType
        Of the value, the separator and the keys of WITHIN GROUP (ORDER BY …).
    directions : str
        ``A`` or ``D`` for each key.
    """
    kind = text_kind(types[0])
    unicode = kind.is_unicode or text_kind(types[1]).is_unicode
    result = (nvarchar if unicode else varchar)(MAX if kind.length == MAX else 4000 if unicode else 8000)
    keys = "".join(f", {{{index}}}" for index in range(2, len(types)))
    template = f"tsql_string_agg({{0}}, {{1}}, {result.length}, '{directions}'{keys})"
    return TypedCall((kind, text_kind(types[1]), *types[2:]), result, template)


def _refused(name: str, given: SqlType) -> SqlError:
    return numbered_error(8117, type=given.name, operator=name.lower(), advice="CAST it to a number.")


def _finite(aggregate: str) -> str:
    # SQLite computes a group's equal aggregates once, and calls Python for an overflow or a NULL only.
    return f"(CASE WHEN abs({aggregate}) <= {sys.float_info.max!r} THEN {aggregate} ELSE tsql_finite({aggregate}) END)"


def _sum_rule(types: Types) -> TypedCall:
    given = types[0]
    if given.name == "bigint":
        return TypedCall(types, BIGINT, "sum({0}){over}")
    if given.family == Family.INTEGER:
        return TypedCall(types, INT, "tsql_int(sum({0}){over})")
    if given.family == Family.FLOAT:
        return TypedCall((FLOAT,), FLOAT, _finite("sum({0}){over}"))
    if given.family == Family.DECIMAL:
        result = decimal_type(MAX_PRECISION, given.as_decimal[1]) if given.name == "decimal" else MONEY
        return TypedCall(types, result, f"tsql_sum_decimal({{0}}, '{result}')")
    raise _refused("sum", given)


def _average_rule(types: Types) -> TypedCall:
    given = types[0]
    if given.name == "bigint":
        return TypedCall(types, BIGINT, "(sum({0}){over} / count({0}){over})")
    if given.family == Family.INTEGER:
        return TypedCall(types, INT, "(tsql_int(sum({0}){over}) / count({0}){over})")
    if given.family == Family.FLOAT:
        return TypedCall((FLOAT,), FLOAT, _finite("avg({0}){over}"))
    if given.family == Family.DECIMAL:
        result = decimal_type(MAX_PRECISION, max(given.as_decimal[1], 6)) if given.name == "decimal" else MONEY
        return TypedCall(types, result, f"tsql_avg_decimal({{0}}, '{result}')")
    raise _refused("avg", given)


def _extreme_rule(name: str) -> Rule:
    def rule(types: Types) -> TypedCall:
        if types[0].family in (Family.BIT, Family.VARIANT):
            raise _refused(name, types[0])
        return TypedCall(types, types[0], f"{name}({{0}}){{over}}")

    return rule


def _spread_rule(name: str) -> Rule:
    def rule(types: Types) -> TypedCall:
        if types[0].family not in (Family.INTEGER, Family.FLOAT, Family.DECIMAL):
            raise _refused(name, types[0])
        return TypedCall((FLOAT,), FLOAT, f"tsql_{name}({{0}})")

    return rule


def _count_rule(result: SqlType) -> Rule:
    return lambda types: TypedCall(types, result, "count({0}){over}")


_SPREADS = {
    "stdev": {"population": False, "root": True},
    "stdevp": {"population": True, "root": True},
    "var": {"population": False, "root": False},
    "varp": {"population": True, "root": False},
}


def _make_spread(name: str) -> Callable[[], Accumulator]:
    return lambda: _Spread(**_SPREADS[name])


# A template without {over} cannot stand before OVER. Put DISTINCT into {0}; STRING_AGG has `string_agg`.
AGGREGATES: Mapping[str, Function] = {
    each.name: each
    for each in (
        Function("COUNT", (1, 1), _count_rule(INT)),
        Function("COUNT_BIG", (1, 1), _count_rule(BIGINT)),
        Function("SUM", (1, 1), _sum_rule),
        Function("AVG", (1, 1), _average_rule),
        Function("MIN", (1, 1), _extreme_rule("min")),
        Function("MAX", (1, 1), _extreme_rule("max")),
        *(Function(name.upper(), (1, 1), _spread_rule(name)) for name in _SPREADS),
    )
}

AGGREGATE_IMPLEMENTATIONS = (
    *(AggregateImplementation(f"tsql_{name}", 1, _make_spread(name)) for name in _SPREADS),
    AggregateImplementation("tsql_sum_decimal", 2, lambda: _DecimalSum(mean=False)),
    AggregateImplementation("tsql_avg_decimal", 2, lambda: _DecimalSum(mean=True)),
    AggregateImplementation("tsql_string_agg", -1, _StringAggregate),
)
