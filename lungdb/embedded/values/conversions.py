"""CAST, CONVERT, TRY_CAST and the implicit conversions, on stored values.

Rules, styles and what is allowed follow Microsoft's "CAST and CONVERT (Transact-SQL)"; error numbers are SQL Server's.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from lungdb.embedded.values.binary import BINARY_CONVERTERS
from lungdb.embedded.values.datetime import DATETIME_CONVERTERS
from lungdb.embedded.values.implementation import Implementation
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.numeric import NUMERIC_CONVERTERS
from lungdb.embedded.values.stored import Value, utf16_length
from lungdb.embedded.values.text import TEXT_CONVERTERS
from lungdb.embedded.values.types import (
    BIGINT,
    FLOAT,
    INTEGER_RANGE,
    MAX,
    Family,
    SqlType,
    nvarchar,
    parse_type,
    varbinary,
)
from lungdb.errors import SqlError

Converter = Callable[[Value], Value]

_CONVERTERS = TEXT_CONVERTERS | NUMERIC_CONVERTERS | BINARY_CONVERTERS | DATETIME_CONVERTERS
_EXPLICIT_ONLY = {
    (Family.CHARACTER, Family.BINARY),
    (Family.DATETIME, Family.INTEGER),
    (Family.DATETIME, Family.BIT),
    (Family.DATETIME, Family.DECIMAL),
    (Family.DATETIME, Family.FLOAT),
    (Family.FLOAT, Family.BINARY),
}


def convert(value: Value, source: SqlType, target: SqlType, style: int | None = None, *, explicit: bool) -> Value:
    """Convert a stored value from one T-SQL type to another.

    A text or binary value longer than the target is cut, as CAST and the assignment of a variable do; see
    `column_converter` for what a column does.

    Raises
    ------
    SqlError
        257 or 529 where the conversion is not allowed; 220, 232, 241, 242, 244, 245, 248, 281, 8114, 8115, 8169, 8170
        where the value does not convert.
    """
    return converter(source, target, style, explicit)(value)


@functools.lru_cache(maxsize=4096)
def converter(source: SqlType, target: SqlType, style: int | None, explicit: bool) -> Converter:
    """Return the function that converts values of one type to another; it passes NULL on.

    Raises
    ------
    SqlError
        257 or 529 where the conversion is not allowed.
    """
    check_allowed(source, target, explicit)
    if source == target or target.family == Family.VARIANT:
        return _unchanged
    if source.family == Family.VARIANT:
        return functools.partial(_from_variant, target, style)
    make = _CONVERTERS[source.family, target.family]
    body = make(source, target, style)

    def convert_value(value: Value) -> Value:
        return None if value is None else body(value)

    return convert_value


def check_allowed(source: SqlType, target: SqlType, explicit: bool) -> None:
    """Refuse a conversion that SQL Server refuses whatever the value.

    Raises
    ------
    SqlError
        529 where no conversion exists, 257 where it must be written as CAST or CONVERT.
    """
    pair = (source.family, target.family)
    if (Family.VARIANT not in pair and pair not in _CONVERTERS) or _without_days(source, target):
        raise numbered_error(529, source=source.name, target=target.name)
    money_to_text = source.name in ("money", "smallmoney") and target.family == Family.CHARACTER
    from_variant = source.family == Family.VARIANT and target.family != Family.VARIANT
    if not explicit and (pair in _EXPLICIT_ONLY or money_to_text or from_variant):
        raise numbered_error(257, source=source.name, target=target.name)


def _without_days(source: SqlType, target: SqlType) -> bool:
    kinds = {source.name, target.name}
    if kinds == {"date", "time"}:
        return True
    dates = [each for each in (source, target) if each.family == Family.DATETIME]
    numbers = [each for each in (source, target) if each.is_numeric]
    return len(dates) == len(numbers) == 1 and dates[0].name not in ("datetime", "smalldatetime")


def _unchanged(value: Value) -> Value:
    return value


def _from_variant(target: SqlType, style: int | None, value: Value) -> Value:
    if value is None:
        return None
    source = {int: BIGINT, float: FLOAT, bytes: varbinary()}.get(type(value), nvarchar())
    return converter(source, target, style, True)(value)


def column_converter(source: SqlType, target: SqlType, table: str, column: str) -> Converter:
    """Return the function that converts a value for a column, where a text or binary value must fit.

    Raises
    ------
    SqlError
        2628 from the returned function for a value that is too long; spaces at the end are cut in silence.
    """
    if target.length in (None, MAX) or source.family not in (Family.CHARACTER, Family.BINARY):
        return converter(source, target, None, False)
    limit = target.length
    assert limit is not None
    narrow = converter(source, target, None, False)
    whole = converter(source, nvarchar() if target.is_unicode else SqlType(_whole(target), length=MAX), None, False)

    def convert_for_column(value: Value) -> Value:
        full = whole(value)
        length = (
            utf16_length(full.rstrip(" ")) if isinstance(full, str) else len(full) if isinstance(full, bytes) else 0
        )
        if length > limit:
            raise numbered_error(2628, table=table, column=column, limit=limit, length=length)
        return narrow(value)

    return convert_for_column


def _whole(target: SqlType) -> str:
    return "varbinary" if target.family == Family.BINARY else "varchar"


def conversion_template(
    source: SqlType, target: SqlType, *, style: str = "NULL", explicit: bool, attempt: bool = False
) -> str:
    """Return SQLite text, with ``{0}`` for the value, that converts it.

    Parameters
    ----------
    style : str
        SQLite text of the style.
    attempt : bool
        TRY_CAST or TRY_CONVERT: NULL where the value does not convert.

    Raises
    ------
    SqlError
        257 or 529 where the conversion is not allowed.
    """
    check_allowed(source, target, explicit)
    native = _native(source, target) if style == "NULL" else None
    if style == "2" and source.family == Family.BINARY and target.family == Family.CHARACTER and target.length == MAX:
        # Slices travel to external scripts so; SQLite's hex() alone would make '' of NULL.
        native = "CASE WHEN {0} IS NULL THEN NULL ELSE hex({0}) END"
    if native is not None:
        return native
    return f"tsql_convert({{0}}, '{source}', '{target}', {style}, {int(explicit)}, {int(attempt)})"


def _native(source: SqlType, target: SqlType) -> str | None:
    if source == target:
        return "{0}"
    whole_number = source.name in INTEGER_RANGE
    if whole_number and target.name in INTEGER_RANGE and target.name != "bit":
        (low, high), (least, most) = INTEGER_RANGE[source.name], INTEGER_RANGE[target.name]
        return "{0}" if least <= low and high <= most else None
    if whole_number and target.name == "float":
        return "CAST({0} AS REAL)"
    if source.name == "real" and target.name == "float":
        return "{0}"
    if whole_number and target.name in ("varchar", "nvarchar") and (target.length == MAX or (target.length or 0) >= 20):
        return "CAST({0} AS TEXT)"
    widens = target.length == MAX or (source.length != MAX and (source.length or 0) <= (target.length or 0))
    if source.family == target.family == Family.CHARACTER and widens and not target.is_fixed_length:
        # A varchar in an nvarchar is the same text; the other way a character may have no place in the code page.
        return "{0}" if target.is_unicode or not source.is_unicode else None
    if source.family == target.family == Family.BINARY and widens and not target.is_fixed_length:
        return "{0}"
    return None


@functools.lru_cache(maxsize=4096)
def _by_text(source: str, target: str, style: int | None, explicit: bool) -> Converter:
    return converter(parse_type(source), parse_type(target), style, explicit)


def _convert(value: Value, source: str, target: str, style: int | None, explicit: bool, attempt: bool) -> Value:
    if value is None:
        return None
    body = _by_text(source, target, style, explicit)
    if not attempt:
        return body(value)
    try:
        return body(value)
    except SqlError as error:
        if error.number == 281:
            raise
        return None


IMPLEMENTATIONS = (Implementation("tsql_convert", 6, _convert, takes_null=True),)
