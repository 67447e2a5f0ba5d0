"""Conversions of every type into bit, the integers, decimal, money and the floating point types."""

from __future__ import annotations

import decimal
import math
import re
import struct
from collections.abc import Callable

from lungdb.embedded.values.datetimes import BASE_DAY, TICKS_A_DAY, to_ticks
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.stored import EXACT, MakeConverter, decode_decimal, encode_decimal, round_half_up
from lungdb.embedded.values.types import INTEGER_RANGE, Family, SqlType
from lungdb.errors import SqlError

_WHOLE = re.compile(r"[+-]?\d+")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)")
_ENDS = frozenset("0123456789.")
_MONEY = re.compile(r"(?P<sign>[+-]?)\s*\$?\s*(?P<digits>[\d,]*\.?\d*)")
_pack_single, _unpack_single = struct.Struct("f").pack, struct.Struct("f").unpack
_INFINITE = (math.inf, -math.inf)
_BYTES = {"bit": 1, "tinyint": 1, "smallint": 2, "int": 4, "bigint": 8}
_MONEY_LIMIT = {"money": 2**63 - 1, "smallmoney": 2**31 - 1}


def round_to_real(value: float) -> float:
    """Return the float nearest to `value` in single precision.

    Raises
    ------
    SqlError
        8115 beyond the range of real.
    """
    try:
        result: float = _unpack_single(_pack_single(value))[0]
    except OverflowError:
        raise overflow("real") from None
    if result in _INFINITE:
        raise overflow("real")
    return result


def overflow(name: str) -> SqlError:
    """Return error 8115 for a value that a type does not hold."""
    return numbered_error(8115, source="expression", target=name, advice="Use a larger type or a smaller value.")


def fit_decimal(number: decimal.Decimal, target: SqlType) -> str:
    """Return the stored form of a number rounded to a decimal or money type.

    Raises
    ------
    SqlError
        8115 where it has too many digits before the point.
    """
    precision, scale = target.as_decimal
    fitted = round_half_up(number, scale)
    limit = decimal.Decimal(10) ** (precision - scale)
    if target.name in _MONEY_LIMIT:
        limit = decimal.Decimal(_MONEY_LIMIT[target.name] + 1).scaleb(-4)
    if fitted.copy_abs() >= limit:
        raise overflow(str(target))
    return encode_decimal(fitted)


def _fit_integer(target: SqlType, source: SqlType) -> Callable[[int], int]:
    if target.name == "bit":
        return lambda value: int(value != 0)
    low, high = INTEGER_RANGE[target.name]

    def fit(value: int) -> int:
        if low <= value <= high:
            return value
        if source.family == Family.FLOAT:
            raise numbered_error(232, type=target.name, value=value)
        if source.family == Family.INTEGER and target.name in ("tinyint", "smallint"):
            raise numbered_error(220, type=target.name, value=value)
        raise overflow(target.name)

    return fit


def _unconvertible(source: SqlType, target: SqlType, text: str) -> SqlError:
    if target.name in ("bit", "tinyint", "smallint", "int"):
        return numbered_error(245, source=source.name, value=text, target=target.name)
    return numbered_error(8114, source=source.name, target=target.name, advice="Pass a number, or use TRY_CAST.")


def _text_to_integer(source: SqlType, target: SqlType, style: int | None) -> Callable[[str], int]:
    fit = _fit_integer(target, source)

    def convert(value: str) -> int:
        text = value.strip(" ")
        if target.name == "bit" and text.lower() in ("true", "false"):
            return int(text.lower() == "true")
        if not text:
            return 0
        if not (_WHOLE.fullmatch(text) and text.isascii()):
            raise _unconvertible(source, target, value)
        try:
            return fit(int(text))
        except SqlError:
            if target.name == "bigint":
                raise
            raise numbered_error(
                248 if target.name == "int" else 244, source=source.name, value=value, target=target.name
            ) from None

    return convert


def _text_to_float(source: SqlType, target: SqlType, style: int | None) -> Callable[[str], float]:
    fit = _fit_float(target)

    def convert(value: str) -> float:
        text = value.strip(" ")
        if not text:
            return 0.0
        # What float() takes beyond T-SQL ends in a letter (nan, infinity) or has an underscore.
        if not (text.isascii() and text[-1] in _ENDS and "_" not in text):
            raise _unconvertible(source, target, value)
        try:
            return fit(float(text))
        except ValueError:
            raise _unconvertible(source, target, value) from None

    return convert


def _text_to_decimal(source: SqlType, target: SqlType, style: int | None) -> Callable[[str], str]:
    def convert(value: str) -> str:
        text = value.strip(" ")
        if target.name in _MONEY_LIMIT:
            match = _MONEY.fullmatch(text)
            digits = match["digits"].replace(",", "") if match else ""
            if match is None or not (_NUMBER.fullmatch(digits) or not text):
                raise numbered_error(235, source=source.name, target=target.name)
            return fit_decimal(decimal.Decimal(match["sign"] + (digits or "0")), target)
        if not (_NUMBER.fullmatch(text) and text.isascii()):
            raise _unconvertible(source, target, value)
        return fit_decimal(decimal.Decimal(text), target)

    return convert


def _fit_float(target: SqlType) -> Callable[[float], float]:
    if target.name == "real":
        return round_to_real

    def fit(value: float) -> float:
        if not math.isfinite(value):
            raise overflow("float")
        return value

    return fit


def _integer_to_integer(source: SqlType, target: SqlType, style: int | None) -> Callable[[int], int]:
    return _fit_integer(target, source)


def _float_to_integer(source: SqlType, target: SqlType, style: int | None) -> Callable[[float], int]:
    fit = _fit_integer(target, source)
    if target.name == "bit":
        return lambda value: int(value != 0)
    return lambda value: fit(math.trunc(value))


def _decimal_to_integer(source: SqlType, target: SqlType, style: int | None) -> Callable[[str], int]:
    fit = _fit_integer(target, source)
    if target.name == "bit":
        return lambda value: int(decode_decimal(value) != 0)
    if source.name != "decimal":
        return lambda value: fit(int(round_half_up(decode_decimal(value), 0)))
    return lambda value: fit(int(decode_decimal(value)))


def _number_to_float(source: SqlType, target: SqlType, style: int | None) -> Callable[[float], float]:
    fit = _fit_float(target)
    return lambda value: fit(float(value))


def _decimal_to_float(source: SqlType, target: SqlType, style: int | None) -> Callable[[str], float]:
    fit = _fit_float(target)
    return lambda value: fit(float(decode_decimal(value)))


def _integer_to_decimal(source: SqlType, target: SqlType, style: int | None) -> Callable[[int], str]:
    return lambda value: fit_decimal(decimal.Decimal(value), target)


def _float_to_decimal(source: SqlType, target: SqlType, style: int | None) -> Callable[[float], str]:
    return lambda value: fit_decimal(decimal.Decimal(repr(value)), target)


def _decimal_to_decimal(source: SqlType, target: SqlType, style: int | None) -> Callable[[str], str]:
    return lambda value: fit_decimal(decode_decimal(value), target)


def _binary_to_integer(source: SqlType, target: SqlType, style: int | None) -> Callable[[bytes], int]:
    size = _BYTES[target.name]
    fit = _fit_integer(target, source)

    def convert(value: bytes) -> int:
        # Bytes on the left that the integer has no room for fall away, missing ones are zero.
        signed = target.name not in ("bit", "tinyint")
        return fit(int.from_bytes(value[-size:].rjust(size, b"\0"), "big", signed=signed))

    return convert


def _days(stored: str) -> decimal.Decimal:
    return EXACT.divide(decimal.Decimal(to_ticks(stored) - BASE_DAY * TICKS_A_DAY), decimal.Decimal(TICKS_A_DAY))


def _datetime_to_integer(source: SqlType, target: SqlType, style: int | None) -> Callable[[str], int]:
    fit = _fit_integer(target, source)
    return lambda value: fit(math.floor(_days(value) + decimal.Decimal("0.5")))


def _datetime_to_float(source: SqlType, target: SqlType, style: int | None) -> Callable[[str], float]:
    fit = _fit_float(target)
    return lambda value: fit(float(_days(value)))


def _datetime_to_decimal(source: SqlType, target: SqlType, style: int | None) -> Callable[[str], str]:
    return lambda value: fit_decimal(_days(value), target)


_TO_INTEGER: dict[Family, MakeConverter] = {
    Family.CHARACTER: _text_to_integer,
    Family.BIT: _integer_to_integer,
    Family.INTEGER: _integer_to_integer,
    Family.DECIMAL: _decimal_to_integer,
    Family.FLOAT: _float_to_integer,
    Family.BINARY: _binary_to_integer,
    Family.DATETIME: _datetime_to_integer,
}
_TO_FLOAT: dict[Family, MakeConverter] = {
    Family.CHARACTER: _text_to_float,
    Family.BIT: _number_to_float,
    Family.INTEGER: _number_to_float,
    Family.DECIMAL: _decimal_to_float,
    Family.FLOAT: _number_to_float,
    Family.DATETIME: _datetime_to_float,
}
_TO_DECIMAL: dict[Family, MakeConverter] = {
    Family.CHARACTER: _text_to_decimal,
    Family.BIT: _integer_to_decimal,
    Family.INTEGER: _integer_to_decimal,
    Family.DECIMAL: _decimal_to_decimal,
    Family.FLOAT: _float_to_decimal,
    Family.DATETIME: _datetime_to_decimal,
}
NUMERIC_CONVERTERS: dict[tuple[Family, Family], MakeConverter] = {
    (source, target): make
    for target, makers in (
        (Family.BIT, _TO_INTEGER),
        (Family.INTEGER, _TO_INTEGER),
        (Family.FLOAT, _TO_FLOAT),
        (Family.DECIMAL, _TO_DECIMAL),
    )
    for source, make in makers.items()
}
