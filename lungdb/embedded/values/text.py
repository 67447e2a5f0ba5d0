"""Conversions of every type into the character types."""

from __future__ import annotations

import codecs
from collections.abc import Callable

from lungdb.embedded.values.datetimes import format_style, to_ticks
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.stored import MakeConverter, decode_decimal, round_half_up, utf16_length
from lungdb.embedded.values.types import MAX, Family, SqlType
from lungdb.errors import SqlError

# Code page 1252 as Windows has it: the five bytes without a character stand for the control codes of that number.
_UNDEFINED = (0x81, 0x8D, 0x8F, 0x90, 0x9D)
_CODE_PAGE = "".join(chr(byte) if byte in _UNDEFINED else bytes([byte]).decode("cp1252") for byte in range(256))
_CODE_PAGE_ENCODING = {ord(character): byte for byte, character in enumerate(_CODE_PAGE)}


def encode_code_page(text: str) -> bytes:
    """Return the bytes of a varchar: code page 1252, ``?`` for a character that it lacks."""
    return text.encode() if text.isascii() else codecs.charmap_encode(text, "replace", _CODE_PAGE_ENCODING)[0]


def decode_code_page(content: bytes) -> str:
    """Return the varchar that these bytes are."""
    return codecs.charmap_decode(content, "strict", _CODE_PAGE)[0]


def cut_text(text: str, length: int) -> str:
    """Return at most `length` UTF-16 code units of a text, never half a character."""
    if text.isascii() or len(text) * 2 <= length:
        return text[:length]
    taken = 0
    for index, character in enumerate(text):
        taken += 2 if character > "\uffff" else 1
        if taken > length:
            return text[:index]
    return text


def fit_text(target: SqlType) -> Callable[[str], str]:
    """Return the function that fits a text into a character type: code page, cut, padding."""
    length = target.length
    assert length is not None
    code_page = not target.is_unicode

    def fit(text: str) -> str:
        if code_page and not text.isascii():
            text = decode_code_page(encode_code_page(text))
        if length == MAX:
            return text
        text = cut_text(text, length)
        return text + " " * (length - utf16_length(text)) if target.is_fixed_length else text

    return fit


def _from_text(source: SqlType, target: SqlType, style: int | None) -> Callable[[str], str]:
    return fit_text(target)


def _from_integer(source: SqlType, target: SqlType, style: int | None) -> Callable[[int], str]:
    fit = _number_fitter(source, target)
    return lambda value: fit(str(value))


def _number_fitter(source: SqlType, target: SqlType) -> Callable[[str], str]:
    fit = fit_text(target)
    # SQL Server shows an asterisk for an integer that a varchar has no room for, and refuses everything else.
    starred = source.name in ("tinyint", "smallint", "int") and not target.is_unicode

    def fit_number(text: str) -> str:
        if target.length != MAX and len(text) > (target.length or 0):
            if starred:
                return fit("*")
            raise numbered_error(
                8115, source=source.name, target=target.name, advice=f"Use {target.name}({len(text)}) or longer."
            )
        return fit(text)

    return fit_number


def _from_decimal(source: SqlType, target: SqlType, style: int | None) -> Callable[[str], str]:
    fit = _number_fitter(source, target)
    scale = source.as_decimal[1]
    money = source.name != "decimal"
    if money and style not in (None, 0, 1, 2):
        raise _bad_style(style, source)
    digits = 2 if money and style != 2 else scale
    comma = "," if money and style == 1 else ""
    return lambda value: fit(format(round_half_up(decode_decimal(value), digits), f"{comma}.{digits}f"))


def float_text(value: float, style: int | None) -> str:
    """Return a float as CONVERT writes it: six digits, or 8, 16, 17 in scientific notation for style 1, 2, 3."""
    text = f"{value:.6g}" if style in (None, 0) else format(value, {1: ".7e", 2: ".15e", 3: ".16e"}[style or 0])
    mantissa, mark, exponent = text.partition("e")
    return f"{mantissa}e{exponent[0]}{int(exponent[1:]):03d}" if mark else text


def _from_float(source: SqlType, target: SqlType, style: int | None) -> Callable[[float], str]:
    if style not in (None, 0, 1, 2, 3):
        raise _bad_style(style, source)
    fit = _number_fitter(source, target)
    return lambda value: fit(float_text(value, style))


def _from_binary(source: SqlType, target: SqlType, style: int | None) -> Callable[[bytes], str]:
    fit = fit_text(target)
    if style in (1, 2):
        prefix = "0x" if style == 1 else ""

        def hexadecimal(value: bytes) -> str:
            text = prefix + value.hex().upper()
            # Half a byte means nothing, so what does not fit whole is left out.
            limit = len(text) if target.length == MAX else (target.length or 0) // 2 * 2
            return fit(text[:limit])

        return hexadecimal
    if style not in (None, 0):
        raise _bad_style(style, source)
    if not target.is_unicode:
        return lambda value: fit(decode_code_page(value))

    def unicode_text(value: bytes) -> str:
        try:
            return fit((value + b"\0" * (len(value) % 2)).decode("utf-16-le"))
        except UnicodeDecodeError:
            raise numbered_error(
                8114, source="varbinary", target=target.name, advice="The bytes are no UTF-16: use style 2."
            ) from None

    return unicode_text


def _from_guid(source: SqlType, target: SqlType, style: int | None) -> Callable[[str], str]:
    if target.length != MAX and (target.length or 0) < 36:
        raise numbered_error(8170, target=target.name)
    return fit_text(target)


def _from_datetime(source: SqlType, target: SqlType, style: int | None) -> Callable[[str], str]:
    fit = fit_text(target)
    # datetime and smalldatetime keep their old default; the newer types show the ISO form.
    shown = style if style is not None else 0 if source.name in ("datetime", "smalldatetime") else 121
    scale = source.scale if source.scale is not None else 3
    kind = source.name
    return lambda value: fit(format_style(to_ticks(value), shown, kind, scale))


def _bad_style(style: int | None, source: SqlType) -> SqlError:
    return numbered_error(281, style=style, source=source.name, target="a character string", advice="Use 0.")


TEXT_CONVERTERS: dict[tuple[Family, Family], MakeConverter] = {
    (Family.CHARACTER, Family.CHARACTER): _from_text,
    (Family.INTEGER, Family.CHARACTER): _from_integer,
    (Family.BIT, Family.CHARACTER): _from_integer,
    (Family.DECIMAL, Family.CHARACTER): _from_decimal,
    (Family.FLOAT, Family.CHARACTER): _from_float,
    (Family.BINARY, Family.CHARACTER): _from_binary,
    (Family.UNIQUEIDENTIFIER, Family.CHARACTER): _from_guid,
    (Family.DATETIME, Family.CHARACTER): _from_datetime,
}
