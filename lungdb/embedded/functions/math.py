"""Mathematical functions. A result that is no number is error 3623, an infinite one 8115.

Result types are those of each function's page in Microsoft's "Mathematical functions (Transact-SQL)".
"""

from __future__ import annotations

import decimal
import math
import random
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import cache

from lungdb.embedded.functions.arithmetic import divided_by_zero
from lungdb.embedded.functions.base import Function, Rule, TypedCall, Types, call_text, wrong_type
from lungdb.embedded.values.implementation import Implementation
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.numeric import fit_decimal, overflow
from lungdb.embedded.values.stored import EXACT, Value, decode_decimal, encode_decimal
from lungdb.embedded.values.types import (
    BIGINT,
    FLOAT,
    INT,
    INTEGER_RANGE,
    MAX_PRECISION,
    MONEY,
    Family,
    SqlType,
    decimal_type,
    parse_type,
    varchar,
)
from lungdb.errors import SqlError


def invalid_operation() -> SqlError:
    """Return error 3623."""
    return numbered_error(3623)


def _float_function(body: Callable[..., float]) -> Callable[..., float]:
    def compute(*arguments: float) -> float:
        try:
            result = body(*arguments)
        except ZeroDivisionError:
            raise divided_by_zero() from None
        except ValueError:
            raise invalid_operation() from None
        except OverflowError:
            raise overflow("float") from None
        if not math.isfinite(result):
            raise overflow("float")
        return result

    return compute


def _to_power(base: float, exponent: float) -> float:
    if base == 0 and exponent < 0:
        raise divided_by_zero()
    return math.pow(base, exponent)


def _logarithm(value: float, base: float) -> float:
    if base == 1:
        raise ValueError
    return math.log(value) / math.log(base)


def _cotangent(value: float) -> float:
    return 1 / math.tan(value)


_FLOAT_BODIES: dict[str, tuple[int, Callable[..., float]]] = {
    "SQRT": (1, math.sqrt),
    "SQUARE": (1, lambda value: value * value),
    "EXP": (1, math.exp),
    "LOG10": (1, math.log10),
    "SIN": (1, math.sin),
    "COS": (1, math.cos),
    "TAN": (1, math.tan),
    "COT": (1, _cotangent),
    "ASIN": (1, math.asin),
    "ACOS": (1, math.acos),
    "ATAN": (1, math.atan),
    "ATN2": (2, math.atan2),
}


# SQLite calls the C library as Python does. What has no value is NULL there, and the function is told of it, of an
# infinite result and of an EXP of 0, which is that of minus infinity too, to raise the error.
_INLINE = {
    "EXP": "coalesce(nullif(nullif(exp({0}), 9e999), 0.0), tsql_exp({1}))",
    "LOG": "coalesce(nullif(ln({0}), 9e999), tsql_log({1}))",
    "SQRT": "coalesce(nullif(sqrt({0}), 9e999), tsql_sqrt({1}))",
}


@cache
def _has_math_functions() -> bool:
    """Tell whether SQLite was built with its mathematical functions."""
    with closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.execute("SELECT exp(0), ln(1), sqrt(1)")
        except sqlite3.OperationalError:
            return False
    return True


def _float_rule(name: str) -> Rule:
    def rule(types: Types) -> TypedCall:
        for position, each in enumerate(types, 1):
            _check_number(name, position, each)
        inline = _INLINE.get(name, "") if _has_math_functions() else ""
        return TypedCall((FLOAT,) * len(types), FLOAT, call_text(name.lower(), len(types)), inline)

    return rule


def _check_number(name: str, position: int, given: SqlType) -> None:
    if not given.is_numeric and given.family != Family.CHARACTER:
        raise wrong_type(name, position, given, "Pass a number.")


def _numeric_kind(name: str, given: SqlType) -> SqlType:
    """Return the type that ABS, SIGN, FLOOR, CEILING, ROUND and POWER work in."""
    _check_number(name, 1, given)
    if given.family in (Family.CHARACTER, Family.FLOAT, Family.BIT):
        return FLOAT
    if given.family == Family.INTEGER:
        return BIGINT if given.name == "bigint" else INT
    return given if given.name == "decimal" else MONEY


def _numeric_rule(name: str, *further: SqlType) -> Rule:
    def rule(types: Types) -> TypedCall:
        kind = _numeric_kind(name, types[0])
        for position, each in enumerate(types[1:], 2):
            _check_number(name, position, each)
        result = kind
        if kind.name == "decimal":
            scale = kind.as_decimal[1]
            if name in ("SIGN", "POWER"):
                result = decimal_type(MAX_PRECISION, scale)
            elif name in ("FLOOR", "CEILING"):
                result = decimal_type(kind.as_decimal[0], 0)
        if name == "ABS" and kind == FLOAT:
            return TypedCall((kind,), result, "abs({0})")
        return TypedCall((kind, *further[: len(types) - 1]), result, call_text(name.lower(), len(types), f"'{result}'"))

    return rule


def _on_decimals(body: Callable[[decimal.Decimal], decimal.Decimal]) -> Callable[[Value, str], Value]:
    """Return a body that serves every numeric type: decimals exactly, integers with a check, floats as they are."""

    def compute(value: Value, result: str) -> Value:
        if isinstance(value, str):
            return encode_decimal(body(decode_decimal(value)))
        if isinstance(value, int):
            low, high = INTEGER_RANGE[result]
            number = int(body(decimal.Decimal(value)))
            if not low <= number <= high:
                raise overflow(result)
            return number
        assert isinstance(value, float)
        return float(body(decimal.Decimal(value)))

    return compute


def _sign(number: decimal.Decimal) -> decimal.Decimal:
    return decimal.Decimal((number > 0) - (number < 0))


def _floor(number: decimal.Decimal) -> decimal.Decimal:
    return number.to_integral_value(decimal.ROUND_FLOOR)


def _ceiling(number: decimal.Decimal) -> decimal.Decimal:
    return number.to_integral_value(decimal.ROUND_CEILING)


def _absolute(number: decimal.Decimal) -> decimal.Decimal:
    return number.copy_abs()


def _round(value: Value, digits: int, *rest: Value) -> Value:
    cut, result = (rest[0], str(rest[1])) if len(rest) == 2 else (0, str(rest[0]))
    rounding = decimal.ROUND_DOWN if cut else decimal.ROUND_HALF_UP
    # repr, so that 2.675 is rounded as it is read and not as the nearest binary fraction.
    number = decode_decimal(value) if isinstance(value, str) else decimal.Decimal(repr(value))
    # A finite number's exponent is an int; only NaN and infinity, which T-SQL has not, have a letter.
    if digits > -350 and (number.as_tuple().exponent < -digits):  # type: ignore[operator]
        number = number.quantize(decimal.Decimal(1).scaleb(-digits), rounding=rounding, context=EXACT)
    elif digits <= -350:
        number = decimal.Decimal(0)
    if isinstance(value, str):
        return fit_decimal(number, parse_type(result))
    if isinstance(value, float):
        return float(number)
    low, high = INTEGER_RANGE[result]
    if not low <= number <= high:
        raise overflow(result)
    return int(number)


_power = _float_function(_to_power)


def _raise_to_power(value: Value, exponent: float, result: str) -> Value:
    if isinstance(value, str):
        raised = _power(float(decode_decimal(value)), exponent)
        return fit_decimal(decimal.Decimal(repr(raised)), parse_type(result))
    assert isinstance(value, (int, float))
    if isinstance(value, float):
        return _power(value, exponent)
    low, high = INTEGER_RANGE[result]
    if exponent == int(exponent) and 0 <= exponent <= 63:
        number: int = value ** int(exponent)
    else:
        number = math.trunc(_power(float(value), exponent))
    if not low <= number <= high:
        raise overflow(result)
    return number


_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_CURRENCY = re.compile(r"[+-]?\s*[$£€¥]?\s*[+-]?(?:\d[\d,]*\.?\d*|\.\d+)")


def _is_numeric(text: str) -> int:
    stripped = text.strip()
    return int(bool(stripped.isascii() and _PLAIN.fullmatch(stripped)) or bool(_CURRENCY.fullmatch(stripped)))


def _is_numeric_rule(types: Types) -> TypedCall:
    if types[0].is_numeric:
        return TypedCall(types, INT, "({0} IS NOT NULL)")
    return TypedCall((varchar(),), INT, "coalesce(tsql_isnumeric({0}), 0)")


def _logarithm_rule(types: Types) -> TypedCall:
    if len(types) == 1:
        return _float_rule("LOG")(types)
    for position, each in enumerate(types, 1):
        _check_number("LOG", position, each)
    return TypedCall((FLOAT, FLOAT), FLOAT, call_text("log_base", 2))


def _constant(result: SqlType, template: str) -> Rule:
    return lambda types: TypedCall((), result, template)


FUNCTIONS = (
    *(Function(name, (count, count), _float_rule(name)) for name, (count, _) in _FLOAT_BODIES.items()),
    *(Function(name, (1, 1), _numeric_rule(name)) for name in ("ABS", "SIGN", "FLOOR", "CEILING")),
    Function("ROUND", (2, 3), _numeric_rule("ROUND", INT, INT)),
    Function("POWER", (2, 2), _numeric_rule("POWER", FLOAT)),
    Function("LOG", (1, 2), _logarithm_rule),
    Function("DEGREES", (1, 1), _float_rule("DEGREES")),
    Function("RADIANS", (1, 1), _float_rule("RADIANS")),
    Function("PI", (0, 0), _constant(FLOAT, repr(math.pi))),
    # SQLite evaluates a subquery that refers to nothing once a statement, as SQL Server does with RAND().
    Function("RAND", (0, 0), _constant(FLOAT, "(SELECT tsql_rand())")),
    Function("ISNUMERIC", (1, 1), _is_numeric_rule),
)

IMPLEMENTATIONS = (
    *(
        Implementation(f"tsql_{name.lower()}", count, _float_function(body))
        for name, (count, body) in _FLOAT_BODIES.items()
    ),
    Implementation("tsql_log", 1, _float_function(math.log)),
    Implementation("tsql_log_base", 2, _float_function(_logarithm)),
    Implementation("tsql_degrees", 1, _float_function(math.degrees)),
    Implementation("tsql_radians", 1, _float_function(math.radians)),
    Implementation("tsql_abs", 2, _on_decimals(_absolute)),
    Implementation("tsql_sign", 2, _on_decimals(_sign)),
    Implementation("tsql_floor", 2, _on_decimals(_floor)),
    Implementation("tsql_ceiling", 2, _on_decimals(_ceiling)),
    Implementation("tsql_round", -1, _round),
    Implementation("tsql_power", 3, _raise_to_power),
    Implementation("tsql_rand", 0, random.random, deterministic=False),
    Implementation("tsql_isnumeric", 1, _is_numeric),
)
