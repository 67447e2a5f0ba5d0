"""The operators ``+ - * / % & | ^ ~`` with T-SQL's overflow and division by zero, as SQLite text.

Whole numbers are computed by SQLite in 64 bits and checked once; ``+ - *`` of floats stay with SQLite unchecked, so put
`finite` around the outermost float expression.
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable

from lungdb.embedded.functions.base import TypedCall
from lungdb.embedded.values.datetime import stored_datetime
from lungdb.embedded.values.datetimes import BASE_DAY, TICKS_A_DAY, to_ticks
from lungdb.embedded.values.implementation import Implementation
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.numeric import fit_decimal, overflow, round_to_real
from lungdb.embedded.values.rules import arithmetic_type, combined_type
from lungdb.embedded.values.stored import EXACT, decode_decimal
from lungdb.embedded.values.types import INTEGER_RANGE, SMALLINT, Family, SqlType, decimal_type, parse_type
from lungdb.errors import SqlError

# So long may a text be that is written twice, though computed once: it doubles with every query inside another.
_TWICE = 1000
# The smallest normal and the largest number of single precision.
_LEAST_SINGLE, _MOST_SINGLE = 2.0**-126, (2.0 - 2.0**-23) * 2.0**127

_DECIMAL_OPERATIONS: dict[str, Callable[[decimal.Decimal, decimal.Decimal], decimal.Decimal]] = {
    "+": EXACT.add,
    "-": EXACT.subtract,
    "*": EXACT.multiply,
    "/": EXACT.divide,
    "%": EXACT.remainder,
}


def arithmetic(operator: str, a: SqlType, b: SqlType) -> TypedCall:
    """Return how ``a operator b`` is computed, for ``+ - * / % & | ^``.

    For an integer literal beside a decimal pass decimal(digits, 0) as its type, as SQL Server does.

    Raises
    ------
    SqlError
        402, 8117 or 206 where the operator is not defined for the types.
    """
    if operator in "&|^":
        return _bitwise(operator, a, b)
    result = arithmetic_type(operator, a, b)
    if result.family == Family.CHARACTER:
        return TypedCall((a, b), result, _concatenation(a, b, result))
    if result.family == Family.BINARY:
        return TypedCall((a, b), result, "tsql_binary_concat({0}, {1})")
    if result.family == Family.DATETIME:
        return TypedCall((result, result), result, f"tsql_datetime_arithmetic('{operator}', {{0}}, {{1}}, '{result}')")
    if result.family == Family.DECIMAL:
        parameters = tuple(_decimal_operand(each, result) for each in (a, b))
        return TypedCall(parameters, result, f"tsql_decimal('{operator}', {{0}}, {{1}}, '{result}')")
    return TypedCall((result, result), result, _number_template(operator, result))


def finite(text: str) -> str:
    """Return SQLite text with the value of a float expression, which raises error 8115 where that is infinite.

    A finite number, which is neither of the two, stays with SQLite; the function sees an infinity or NULL only.
    """
    if len(text) > _TWICE:
        return f"tsql_finite({text})"
    return f"coalesce(nullif(nullif({text}, 9e999), -9e999), tsql_finite({text}))"


def single(text: str) -> str:
    """Return SQLite text that rounds a float expression to single precision, most values without a call into Python.

    Veltkamp's splitting rounds x to 24 bits, c - (c - x) where c is x * (2**29 + 1), but may take the wrong neighbour
    of a tie (S. Boldo, "Pitfalls of a full floating-point proof", 2006). A tie is a number of 25 bits, which the same
    with 2**28 + 1 leaves as it is; such numbers and what is no normal single go to the function.
    """
    wide = "x * 268435457.0"
    narrow = "x * 536870913.0"
    return (
        "(SELECT CASE WHEN x = 0 THEN x "
        f"WHEN abs(x) BETWEEN {_LEAST_SINGLE!r} AND {_MOST_SINGLE!r} AND {wide} - ({wide} - x) <> x "
        f"THEN {narrow} - ({narrow} - x) ELSE tsql_real(x) END FROM (SELECT {text} AS x))"
    )


def _number_template(operator: str, result: SqlType) -> str:
    if operator == "/":
        core = "tsql_divide({0}, {1})"
    elif operator == "%":
        core = "tsql_modulo({0}, {1})"
    else:
        core = f"({{0}} {operator} {{1}})"
    if result.name == "float":
        return core
    return f"tsql_{result.name}({core})"


def _decimal_operand(operand: SqlType, result: SqlType) -> SqlType:
    if not operand.is_numeric:
        return result
    return operand if operand.family == Family.DECIMAL else decimal_type(*operand.as_decimal)


def _concatenation(a: SqlType, b: SqlType, result: SqlType) -> str:
    assert a.length is not None
    assert b.length is not None
    assert result.length is not None
    # Two texts that are not (max) give at most 8000 bytes: the rest is cut without a word.
    cut = result.length > 0 and a.length + b.length > result.length
    return f"tsql_left({{0}} || {{1}}, {result.length})" if cut else "({0} || {1})"


def _bitwise(operator: str, a: SqlType, b: SqlType) -> TypedCall:
    result = combined_type((a, b))
    if result.family not in (Family.INTEGER, Family.BIT):
        raise numbered_error(402, first=a.name, second=b.name, operator=f"'{operator}'", advice="CAST them to int.")
    template = "tsql_xor({0}, {1})" if operator == "^" else f"({{0}} {operator} {{1}})"
    return TypedCall((result, result), result, template)


def unary(operator: str, a: SqlType) -> TypedCall:
    """Return how ``- a`` or ``~ a`` is computed.

    Raises
    ------
    SqlError
        8117 where the operator is not defined for the type.
    """
    if operator == "~" and a.family in (Family.INTEGER, Family.BIT):
        ones = {"bit": 1, "tinyint": 255}.get(a.name)
        return TypedCall((a,), a, "(~{0})" if ones is None else f"({ones} - {{0}})")
    if operator == "-" and a.family == Family.DECIMAL:
        return TypedCall((a,), a, f"tsql_decimal('-', 'P01:0', {{0}}, '{a}')")
    if operator == "-" and a.family in (Family.INTEGER, Family.FLOAT):
        result = SMALLINT if a.name == "tinyint" else a
        return TypedCall((a,), result, f"tsql_{result.name}(-{{0}})" if a.family == Family.INTEGER else "(-{0})")
    raise numbered_error(8117, type=a.name, operator=f"'{operator}'", advice="CAST it to a number.")


def _checked(name: str) -> Callable[[int], int]:
    low, high = INTEGER_RANGE[name]

    def check(value: int) -> int:
        # SQLite goes over to a float where 64 bits do not suffice.
        if type(value) is int and low <= value <= high:
            return value
        raise overflow(name)

    return check


def _finite(value: float) -> float:
    if math.isfinite(value):
        return value
    raise overflow("float")


def divided_by_zero() -> SqlError:
    """Return error 8134."""
    return numbered_error(8134)


def _divide(a: float, b: float) -> float:
    if b == 0:
        raise divided_by_zero()
    if type(a) is int and type(b) is int:
        return a // b if (a < 0) == (b < 0) else -(-a // b)
    return _finite(a / b)


def _modulo(a: int, b: int) -> int:
    if b == 0:
        raise divided_by_zero()
    # The remainder has the sign of the dividend, where Python's has the divisor's.
    rest = abs(a) % abs(b)
    return -rest if a < 0 else rest


def _decimal(operator: str, a: str, b: str, result: str) -> str:
    divisor = decode_decimal(b)
    if operator in "/%" and not divisor:
        raise divided_by_zero()
    target = parse_type(result)
    number = _DECIMAL_OPERATIONS[operator](decode_decimal(a), divisor)
    if operator == "/":
        # SQL Server cuts a quotient where it rounds a product: 2 / 3.0 is 0.666666.
        unit = decimal.Decimal(1).scaleb(-target.as_decimal[1])
        number = number.quantize(unit, rounding=decimal.ROUND_DOWN, context=EXACT)
    return fit_decimal(number, target)


def _datetime_arithmetic(operator: str, a: str, b: str, result: str) -> str:
    offset = to_ticks(b) - BASE_DAY * TICKS_A_DAY
    ticks = to_ticks(a) + (offset if operator == "+" else -offset)
    return stored_datetime(ticks, parse_type(result), result)


IMPLEMENTATIONS = (
    *(Implementation(f"tsql_{name}", 1, _checked(name)) for name in INTEGER_RANGE if name != "bit"),
    Implementation("tsql_real", 1, round_to_real),
    Implementation("tsql_finite", 1, _finite),
    Implementation("tsql_divide", 2, _divide),
    Implementation("tsql_modulo", 2, _modulo),
    Implementation("tsql_xor", 2, lambda a, b: a ^ b),
    Implementation("tsql_decimal", 4, _decimal),
    Implementation("tsql_binary_concat", 2, lambda a, b: a + b),
    Implementation("tsql_datetime_arithmetic", 4, _datetime_arithmetic),
)
