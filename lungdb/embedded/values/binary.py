"""Conversions of every type into binary, varbinary and uniqueidentifier."""

from __future__ import annotations

import re
import struct
import uuid
from collections.abc import Callable

from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.stored import MakeConverter
from lungdb.embedded.values.text import encode_code_page
from lungdb.embedded.values.types import MAX, Family, SqlType

_BYTES = {"bit": 1, "tinyint": 1, "smallint": 2, "int": 4, "bigint": 8}
_GUID = re.compile(r"\{?([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})")


def fit_bytes(target: SqlType) -> Callable[[bytes], bytes]:
    """Return the function that cuts bytes to a binary type, or pads them with zeros on the right."""
    length = target.length
    assert length is not None
    if length == MAX:
        return bytes
    if target.is_fixed_length:
        return lambda value: value[:length].ljust(length, b"\0")
    return lambda value: value[:length]


def _from_binary(source: SqlType, target: SqlType, style: int | None) -> Callable[[bytes], bytes]:
    return fit_bytes(target)


def _from_text(source: SqlType, target: SqlType, style: int | None) -> Callable[[str], bytes]:
    fit = fit_bytes(target)
    if style in (1, 2):
        return lambda value: fit(_from_hex(value, style, source))
    if style not in (None, 0):
        raise numbered_error(281, style=style, source=source.name, target=target.name, advice="Use 0, 1 or 2.")
    if source.is_unicode:
        return lambda value: fit(value.encode("utf-16-le"))
    return lambda value: fit(encode_code_page(value))


def _from_hex(text: str, style: int, source: SqlType) -> bytes:
    try:
        if style == 1:
            if text[:2].lower() != "0x":
                raise ValueError
            text = text[2:]
        # bytes.fromhex takes spaces between the digits, and CONVERT does not.
        if " " in text or len(text) % 2:
            raise ValueError
        return bytes.fromhex(text)
    except ValueError:
        form = "0x and an even number" if style == 1 else "an even number"
        raise numbered_error(
            8114, source=source.name, target="varbinary", advice=f"Style {style} takes {form} of hex digits."
        ) from None


def _from_integer(source: SqlType, target: SqlType, style: int | None) -> Callable[[int], bytes]:
    size = _BYTES[source.name]
    length = target.length

    def convert(value: int) -> bytes:
        content = (value % (1 << 8 * size)).to_bytes(size, "big")
        if length == MAX or length is None:
            return content
        # A number keeps its low bytes, where a text keeps its first ones.
        content = content[-length:]
        return content.rjust(length, b"\0") if target.is_fixed_length else content

    return convert


def _from_float(source: SqlType, target: SqlType, style: int | None) -> Callable[[float], bytes]:
    fit = fit_bytes(target)
    form = ">f" if source.name == "real" else ">d"
    return lambda value: fit(struct.pack(form, value))


def _from_guid(source: SqlType, target: SqlType, style: int | None) -> Callable[[str], bytes]:
    fit = fit_bytes(target)
    return lambda value: fit(uuid.UUID(value).bytes_le)


def _text_to_guid(source: SqlType, target: SqlType, style: int | None) -> Callable[[str], str]:
    def convert(value: str) -> str:
        match = _GUID.match(value.strip())
        if match is None:
            raise numbered_error(8169)
        return match[1].upper()

    return convert


def _binary_to_guid(source: SqlType, target: SqlType, style: int | None) -> Callable[[bytes], str]:
    return lambda value: str(uuid.UUID(bytes_le=value[:16].ljust(16, b"\0"))).upper()


def _guid_to_guid(source: SqlType, target: SqlType, style: int | None) -> Callable[[str], str]:
    return str


BINARY_CONVERTERS: dict[tuple[Family, Family], MakeConverter] = {
    (Family.BINARY, Family.BINARY): _from_binary,
    (Family.CHARACTER, Family.BINARY): _from_text,
    (Family.BIT, Family.BINARY): _from_integer,
    (Family.INTEGER, Family.BINARY): _from_integer,
    (Family.FLOAT, Family.BINARY): _from_float,
    (Family.UNIQUEIDENTIFIER, Family.BINARY): _from_guid,
    (Family.CHARACTER, Family.UNIQUEIDENTIFIER): _text_to_guid,
    (Family.BINARY, Family.UNIQUEIDENTIFIER): _binary_to_guid,
    (Family.UNIQUEIDENTIFIER, Family.UNIQUEIDENTIFIER): _guid_to_guid,
}
