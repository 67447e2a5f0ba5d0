"""Conversions of every type into date, time, datetime, smalldatetime and datetime2."""

from __future__ import annotations

import decimal
from collections.abc import Callable

from lungdb.embedded.values.datetimes import (
    BASE_DAY,
    READ_STYLES,
    TICKS_A_DAY,
    DateRangeError,
    NotADateError,
    date_text,
    datetime_text,
    parse,
    rounded,
    rounded_to_datetime,
    time_text,
    to_ticks,
)
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.stored import MakeConverter, decode_decimal
from lungdb.embedded.values.types import Family, SqlType
from lungdb.errors import SqlError

_TICKS_A_MINUTE = TICKS_A_DAY // 1440
# The first and the last stored text that a type holds.
_LIMITS = {
    "datetime": ("1753-01-01 00:00:00.0000000", "9999-12-31 23:59:59.9999999"),
    "smalldatetime": ("1900-01-01 00:00:00.0000000", "2079-06-06 23:59:59.9999999"),
}


def stored_datetime(ticks: int, target: SqlType, source: str) -> str:
    """Return the stored form of ticks in a date or time type, rounded to what it holds.

    Raises
    ------
    SqlError
        242 outside the range of datetime and smalldatetime, 517 outside the years 1 to 9999.
    """
    if target.name == "date":
        return date_text(ticks)
    if target.name == "time":
        return time_text(rounded(ticks, _scale(target)))
    if target.name == "datetime2":
        return datetime_text(rounded(ticks, _scale(target)))
    if target.name == "datetime":
        text = datetime_text(rounded_to_datetime(ticks))
    else:
        text = datetime_text((ticks + _TICKS_A_MINUTE // 2) // _TICKS_A_MINUTE * _TICKS_A_MINUTE)
    first, last = _LIMITS[target.name]
    if not first <= text <= last:
        raise _out_of_range(source, target)
    return text


def _scale(target: SqlType) -> int:
    return 7 if target.scale is None else target.scale


def _out_of_range(source: str, target: SqlType) -> SqlError:
    return numbered_error(242, source=source, target=target.name)


def _from_text(source: SqlType, target: SqlType, style: int | None) -> Callable[[str], str]:
    if style is not None and style not in READ_STYLES:
        raise numbered_error(281, style=style, source=source.name, target=target.name, advice="Use 121.")

    def convert(value: str) -> str:
        try:
            ticks = parse(value, style or 0)
        except NotADateError:
            raise _not_a_date() from None
        except DateRangeError:
            if target.name in _LIMITS:
                raise _out_of_range(source.name, target) from None
            raise _not_a_date() from None
        return stored_datetime(ticks, target, source.name)

    return convert


def _not_a_date() -> SqlError:
    return numbered_error(241)


def _from_datetime(source: SqlType, target: SqlType, style: int | None) -> Callable[[str], str]:
    name = source.name
    return lambda value: stored_datetime(to_ticks(value), target, name)


def _from_days(days: decimal.Decimal, source: SqlType, target: SqlType) -> str:
    if abs(days) > 4_000_000:
        raise numbered_error(8115, source="expression", target=target.name, advice="Use fewer days.")
    ticks = int((days * TICKS_A_DAY).to_integral_value(decimal.ROUND_HALF_UP))
    return stored_datetime(BASE_DAY * TICKS_A_DAY + ticks, target, source.name)


def _from_number(source: SqlType, target: SqlType, style: int | None) -> Callable[[float], str]:
    return lambda value: _from_days(decimal.Decimal(value), source, target)


def _from_decimal(source: SqlType, target: SqlType, style: int | None) -> Callable[[str], str]:
    return lambda value: _from_days(decode_decimal(value), source, target)


DATETIME_CONVERTERS: dict[tuple[Family, Family], MakeConverter] = {
    (Family.CHARACTER, Family.DATETIME): _from_text,
    (Family.DATETIME, Family.DATETIME): _from_datetime,
    (Family.BIT, Family.DATETIME): _from_number,
    (Family.INTEGER, Family.DATETIME): _from_number,
    (Family.FLOAT, Family.DATETIME): _from_number,
    (Family.DECIMAL, Family.DATETIME): _from_decimal,
}
