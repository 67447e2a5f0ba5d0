"""The type of an expression over values of several types.

The rules are those of Microsoft's Transact-SQL reference: "Data type precedence", "Precision, scale, and length".
"""

from __future__ import annotations

from collections.abc import Iterable

from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.types import (
    INT,
    LENGTH_LIMIT,
    MAX,
    MAX_PRECISION,
    PRECEDENCE,
    VARYING,
    Family,
    SqlType,
    decimal_type,
)


def combined_type(types: Iterable[SqlType]) -> SqlType:
    """Return the type of CASE, COALESCE, UNION, or a comparison over values of these types.

    Leave the types of bare NULLs out; of none at all the result is int.

    Raises
    ------
    SqlError
        206 for types that never mix, such as date and int.
    """
    result: SqlType | None = None
    for each in types:
        result = each if result is None else _combine(result, each)
    return INT if result is None else result


def _combine(a: SqlType, b: SqlType) -> SqlType:
    low, high = sorted((a, b), key=lambda each: PRECEDENCE[each.name])
    if low.family == high.family or Family.VARIANT in (a.family, b.family):
        return _same_family(low, high)
    if high.family == Family.DECIMAL and low.family in (Family.BIT, Family.INTEGER):
        return _same_family(low, high)
    if not _mixes(low, high):
        raise numbered_error(206, first=low.name, second=high.name)
    return high


def _mixes(low: SqlType, high: SqlType) -> bool:
    if high.family == Family.DATETIME:
        return low.family == Family.CHARACTER or (low.is_numeric and high.name in ("datetime", "smalldatetime"))
    if high.family == Family.UNIQUEIDENTIFIER:
        return low.family in (Family.CHARACTER, Family.BINARY)
    if low.family == Family.UNIQUEIDENTIFIER:
        return False
    return not (low.family == Family.BINARY and high.family == Family.FLOAT)


def _same_family(low: SqlType, high: SqlType) -> SqlType:
    if high.length is not None and low.length is not None:
        length = MAX if MAX in (low.length, high.length) else max(low.length, high.length)
        return SqlType(VARYING.get(high.name, high.name) if length == MAX else high.name, length=length)
    if high.name == "decimal":
        (p1, s1), (p2, s2) = low.as_decimal, high.as_decimal
        scale = max(s1, s2)
        integral = max(p1 - s1, p2 - s2)
        precision = min(MAX_PRECISION, integral + scale)
        return decimal_type(precision, min(scale, max(0, precision - integral)))
    if high.name == low.name and high.scale is not None and low.scale is not None:
        return SqlType(high.name, scale=max(high.scale, low.scale))
    if {low.name, high.name} == {"time", "date"}:
        raise numbered_error(206, first=low.name, second=high.name)
    return high


_OPERATOR_NAMES = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "%": "modulo"}


def arithmetic_type(operator: str, a: SqlType, b: SqlType) -> SqlType:
    """Return the type of ``a operator b`` for ``+ - * / %``.

    For an integer literal beside a decimal pass decimal(digits, 0) instead of int, as SQL Server does.

    Raises
    ------
    SqlError
        402, 8117 or 206 where the operator is not defined for the types.
    """
    families = {a.family, b.family}
    if Family.VARIANT in families:
        raise numbered_error(
            402, first=a.name, second=b.name, operator=_OPERATOR_NAMES[operator], advice="CAST the sql_variant first."
        )
    if families <= {Family.CHARACTER} or families <= {Family.BINARY}:
        return _concatenation_type(operator, a, b)
    result = combined_type((a, b))
    if result.family == Family.DATETIME:
        _check_date_arithmetic(operator, a, b, result)
        return result
    unfit = not result.is_numeric or (operator == "%" and result.family == Family.FLOAT)
    if unfit or result.family == Family.BIT:
        raise numbered_error(402, first=a.name, second=b.name, operator=_OPERATOR_NAMES[operator])
    if result.name == "decimal":
        first, second = ((each if each.is_numeric else result).as_decimal for each in (a, b))
        return decimal_arithmetic_type(operator, first, second)
    return result


def _concatenation_type(operator: str, a: SqlType, b: SqlType) -> SqlType:
    if operator != "+":
        raise numbered_error(8117, type=b.name, operator=_OPERATOR_NAMES[operator], advice="CAST it first.")
    name = combined_type((a, b)).name
    assert a.length is not None
    assert b.length is not None
    if MAX in (a.length, b.length):
        return SqlType(VARYING.get(name, name), length=MAX)
    return SqlType(name, length=min(a.length + b.length, LENGTH_LIMIT[name]))


def _check_date_arithmetic(operator: str, a: SqlType, b: SqlType, result: SqlType) -> None:
    if operator in "+-" and result.name in ("datetime", "smalldatetime"):
        return
    if a.family == b.family or Family.CHARACTER in (a.family, b.family):
        raise numbered_error(
            8117, type=result.name, operator=_OPERATOR_NAMES[operator], advice="Use DATEADD or DATEDIFF."
        )
    raise numbered_error(206, first=a.name, second=b.name, advice="Use DATEADD or DATEDIFF.")


def decimal_arithmetic_type(operator: str, first: tuple[int, int], second: tuple[int, int]) -> SqlType:
    """Return the decimal type of an operation on decimals of these (precision, scale).

    From "Precision, scale, and length (Transact-SQL)".
    """
    (p1, s1), (p2, s2) = first, second
    if operator in "+-":
        integral, scale = max(p1 - s1, p2 - s2), max(s1, s2)
        precision = min(MAX_PRECISION, integral + scale + 1)
        return decimal_type(precision, min(scale, max(0, precision - integral)))
    if operator == "*":
        precision, scale = p1 + p2 + 1, s1 + s2
    elif operator == "/":
        scale = max(6, s1 + p2 + 1)
        precision = p1 - s1 + s2 + scale
    else:
        scale = max(s1, s2)
        precision = min(p1 - s1, p2 - s2) + scale
    if precision > MAX_PRECISION:
        integral = precision - scale
        scale = min(scale, MAX_PRECISION - integral) if integral < 32 else min(scale, 6)
        precision = MAX_PRECISION
    return decimal_type(precision, max(scale, 0))
