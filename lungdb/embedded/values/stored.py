"""How a value of each T-SQL type is held: in SQLite, in variables, and while it is worked on.

=================  ==========  ==========================================================================
T-SQL              stored as   form
=================  ==========  ==========================================================================
bit, integers      int
real, float        float       always finite; real rounded to single precision
decimal, money     str         `encode_decimal`: exact, and sorts as text in the order of the numbers
character          str
binary             bytes
date               str         2024-02-29
datetime…          str         2024-02-29 23:59:59.1234567, seven digits whatever the type's scale
time               str         23:59:59.1234567
uniqueidentifier   str         upper case with hyphens; sorts as text, not in SQL Server's byte order
=================  ==========  ==========================================================================

NULL is None everywhere.
"""

from __future__ import annotations

import datetime
import decimal
import math
import re
import uuid
from collections.abc import Callable
from typing import Any

from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.types import (
    BIGINT,
    BIT,
    DATE,
    FLOAT,
    INT,
    INTEGER_RANGE,
    MAX_PRECISION,
    UNIQUEIDENTIFIER,
    Family,
    SqlType,
    datetime2,
    decimal_type,
    nvarchar,
    time_type,
    varbinary,
)

Value = int | float | str | bytes | None
# From (source, target, style) to the function that converts a value that is not NULL.
MakeConverter = Callable[[SqlType, SqlType, int | None], Callable[[Any], Value]]
ClientValue = (
    bool | int | float | str | bytes | decimal.Decimal | datetime.datetime | datetime.date | datetime.time | None
)

# Enough for the exact product of two numbers of 38 digits.
EXACT = decimal.Context(prec=100, rounding=decimal.ROUND_HALF_UP, traps=[decimal.InvalidOperation])

# A number beyond it comes from a float, whose 17 digits end far before the point.
_LARGEST_DIGIT = 60
_COMPLEMENT = str.maketrans("0123456789", "9876543210")


def encode_decimal(number: decimal.Decimal) -> str:
    """Return the text that holds a decimal number, in an order that equals the numbers'.

    ``P``, the number of digits before the point, ``:``, the digits without zeros at the end; a negative number has
    ``N``, every digit complemented to nine, and ``~`` at the end.
    """
    sign = "-" if number < 0 else ""
    integral, _, fraction = f"{number.copy_abs():f}".partition(".")
    integral = integral.lstrip("0") or "0"
    fraction = fraction.rstrip("0")
    text = f"{len(integral):02d}:{integral}{'.' + fraction if fraction else ''}"
    return f"N{text.translate(_COMPLEMENT)}~" if sign else f"P{text}"


def decode_decimal(text: str) -> decimal.Decimal:
    """Return the number that `encode_decimal` wrote."""
    if text[0] == "N":
        return decimal.Decimal(text[4:-1].translate(_COMPLEMENT)).copy_negate()
    return decimal.Decimal(text[4:])


def round_half_up(number: decimal.Decimal, scale: int) -> decimal.Decimal:
    """Return the number rounded to `scale` digits after the point, halves away from zero."""
    if number.adjusted() > _LARGEST_DIGIT:
        return number
    return number.quantize(decimal.Decimal(1).scaleb(-scale), context=EXACT)


def utf16_length(text: str) -> int:
    """Return the number of UTF-16 code units, which is what nvarchar(n) counts."""
    if text.isascii():
        return len(text)
    # The largest character tells for most texts, quicker than counting those of two code units.
    return len(text) if max(text) <= "\uffff" else len(text.encode("utf-16-le", "surrogatepass")) // 2


def to_client(value: Value, kind: SqlType) -> ClientValue:
    """Return a stored value as the client sees it: bool, int, float, str, bytes, Decimal, datetime, date, time.

    Digits of a second beyond the microsecond are cut, as ODBC drivers do.
    """
    if value is None:
        return None
    family = kind.family
    if family == Family.BIT:
        return bool(value)
    if family == Family.DECIMAL:
        return round_half_up(decode_decimal(str(value)), kind.as_decimal[1])
    if family == Family.DATETIME:
        text = str(value)
        if kind.name == "date":
            return datetime.date.fromisoformat(text)
        if kind.name == "time":
            return datetime.time.fromisoformat(text[:15])
        return datetime.datetime.fromisoformat(text[:26])
    return value


HALF_CHARACTER = re.compile("[\ud800-\udfff]")
"""What Python reads for a byte that is no UTF-8, and what no text of a database may hold."""


def from_client(value: object) -> tuple[Value, SqlType]:
    """Return a parameter that a client passed as (stored value, type).

    Raises
    ------
    SqlError
        206 for a Python type that has no counterpart, 8023 for infinity and NaN, and for half a character.
    """
    match value:
        case None:
            return None, nvarchar(1)
        case bool():
            return int(value), BIT
        case int():
            return _integer(value)
        case float():
            if not math.isfinite(value):
                raise numbered_error(8023, value=value, type="float", advice="Pass a finite number or None.")
            return value, FLOAT
        case str():
            if not value.isascii() and HALF_CHARACTER.search(value):
                advice = "It holds bytes that are no UTF-8: write it as UTF-8."
                raise numbered_error(8023, value=ascii(value[:40]), type="nvarchar", advice=advice)
            return value, nvarchar(max(1, utf16_length(value)))
        case bytes() | bytearray() | memoryview():
            content = bytes(value)
            return content, varbinary(max(1, len(content)))
        case decimal.Decimal():
            return _decimal(value)
        case datetime.datetime() if value.tzinfo is None:
            return value.isoformat(" ", "microseconds") + "0", datetime2()
        case datetime.date() if not isinstance(value, datetime.datetime):
            return value.isoformat(), DATE
        case datetime.time() if value.tzinfo is None:
            return value.isoformat("microseconds") + "0", time_type()
        case uuid.UUID():
            return str(value).upper(), UNIQUEIDENTIFIER
    raise numbered_error(
        206,
        first=f"the Python type {type(value).__name__}",
        second="sql_variant",
        advice="Pass None, bool, int, float, str, bytes, Decimal, UUID, or a date, time or datetime without time zone.",
    )


def _integer(value: int) -> tuple[Value, SqlType]:
    for kind in (INT, BIGINT):
        low, high = INTEGER_RANGE[kind.name]
        if low <= value <= high:
            return value, kind
    return _decimal(decimal.Decimal(value))


def _decimal(value: decimal.Decimal) -> tuple[Value, SqlType]:
    if not value.is_finite():
        raise numbered_error(8023, value=value, type="decimal")
    integral, _, fraction = f"{value.copy_abs():f}".partition(".")
    precision = max(1, len(integral.lstrip("0")) + len(fraction))
    if precision > MAX_PRECISION:
        raise numbered_error(
            8115,
            source="expression",
            target="decimal",
            advice=f"The number {value} has more than 38 digits: pass a float or fewer digits.",
        )
    return encode_decimal(value), decimal_type(precision, len(fraction))
