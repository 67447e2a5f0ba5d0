"""Making text: CONCAT, QUOTENAME, STR, CHAR, STRING_ESCAPE, FORMATMESSAGE and the formats of RAISERROR."""

from __future__ import annotations

import decimal
import re
from collections.abc import Sequence

from lungdb.embedded.functions.base import Function, TypedCall, Types, call_text, wrong_type
from lungdb.embedded.functions.text import cut_call, longest, mixed, text_kind
from lungdb.embedded.values.implementation import Implementation
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.stored import Value, utf16_length
from lungdb.embedded.values.text import decode_code_page, encode_code_page
from lungdb.embedded.values.types import FLOAT, INT, Family, nvarchar, varchar

_MESSAGE_LIMIT = 2047
_NUMBER_FLAGS = str.maketrans("", "", "0+#")


def _concat_rule(types: Types) -> TypedCall:
    kinds = tuple(text_kind(each) for each in types)
    result = mixed(types, *range(len(types)))
    parts = " || ".join(f"coalesce({{{index}}}, '')" for index in range(len(types)))
    return TypedCall(kinds, result, cut_call(f"({parts})", result, sum(map(longest, types))))


def _concat_with(separator: str | None, *parts: str | None) -> str:
    return (separator or "").join(part for part in parts if part is not None)


def _concat_with_rule(types: Types) -> TypedCall:
    kinds = tuple(text_kind(each) for each in types)
    result = mixed(types, *range(len(types)))
    most = sum(map(longest, types)) + max(0, len(types) - 3) * longest(types[0])
    return TypedCall(kinds, result, cut_call(call_text("concat_ws", len(types)), result, most))


def _quote_name(name: str, quote: str = "[") -> str | None:
    pairs = {"[": "[]", "]": "[]", '"': '""', "'": "''", "`": "``", "(": "()", ")": "()", "<": "<>", ">": "<>"}
    pairs |= {"{": "{}", "}": "{}"}
    if utf16_length(name) > 128 or quote[:1] not in pairs:
        return None
    opening, closing = pairs[quote[:1]][0], pairs[quote[:1]][1]
    return f"{opening}{name.replace(closing, closing * 2)}{closing}"


def _quote_name_rule(types: Types) -> TypedCall:
    parameters = (nvarchar(), nvarchar(1))[: len(types)]
    return TypedCall(parameters, nvarchar(258), call_text("quotename", len(types)))


def _character(code: int) -> str | None:
    return decode_code_page(bytes([code])) if 0 <= code <= 255 else None


def _unicode_character(code: int) -> str | None:
    if not 0 <= code <= 0xFFFF:
        return None
    if 0xD800 <= code <= 0xDFFF:
        raise numbered_error(9833, what=f"NCHAR({code})")
    return chr(code)


def _first_byte(text: str) -> int | None:
    return encode_code_page(text[0])[0] if text else None


def _first_unit(text: str) -> int | None:
    return int.from_bytes(text[0].encode("utf-16-le")[:2], "little") if text else None


def _number_text(value: float, length: int = 10, digits: int = 0) -> str | None:
    if length < 1 or digits < 0:
        return None
    unit = decimal.Decimal(1).scaleb(-min(digits, 16))
    text = f"{decimal.Decimal(repr(value)).quantize(unit, context=decimal.Context(400, decimal.ROUND_HALF_UP)):f}"
    integral, _, fraction = text.partition(".")
    if len(integral) > length:
        return "*" * length
    room = length - len(integral) - 1
    if fraction and room > 0:
        unit = decimal.Decimal(1).scaleb(-min(room, len(fraction)))
        text = f"{decimal.Decimal(repr(value)).quantize(unit, context=decimal.Context(400, decimal.ROUND_HALF_UP)):f}"
    else:
        text = integral
    return text.rjust(length)


def _number_text_rule(types: Types) -> TypedCall:
    return TypedCall((FLOAT, INT, INT)[: len(types)], varchar(8000), call_text("str", len(types)))


_ESCAPES = {'"': '\\"', "\\": "\\\\", "/": "\\/", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ESCAPES |= {chr(code): f"\\u{code:04x}" for code in range(32) if chr(code) not in _ESCAPES}
_ESCAPE_TABLE = str.maketrans(_ESCAPES)


def escape_json(text: str) -> str:
    """Return the text as it stands between the quotes of a JSON string."""
    return text.translate(_ESCAPE_TABLE)


def _escape(text: str, kind: str) -> str:
    if kind.lower() != "json":
        raise numbered_error(13600, type=kind)
    return escape_json(text)


_SPECIFICATION = re.compile(
    r"%(?P<flags>[-+0# ]*)(?P<width>\*|\d+)?(?:\.(?P<precision>\*|\d+))?(?P<size>I64|l|h)?(?P<kind>.)"
)


def format_message(text: str, arguments: Sequence[Value]) -> str:
    """Return a message of RAISERROR or FORMATMESSAGE with its arguments filled in.

    Parameters
    ----------
    text : str
        With ``%d %i %u %o %x %X %s`` of an optional width and precision, ``%I64d`` and ``%%``.
    arguments : sequence
        Integers and texts; NULL and one that is missing show as ``(null)``.

    Raises
    ------
    SqlError
        2786 for an argument that does not fit its place, 2787 for a specification that does not exist.
    """
    remaining = iter(arguments)
    position = 0

    def take() -> Value:
        nonlocal position
        position += 1
        return next(remaining, None)

    def show(match: re.Match[str]) -> str:
        if match["kind"] == "%" and match.end() - match.start() == 2:
            return "%"
        width, precision = (take() if match[name] == "*" else match[name] for name in ("width", "precision"))
        value = take()
        kind = match["kind"]
        if kind not in "diuoxXs":
            raise numbered_error(2787, specification=match[0])
        if value is not None and not isinstance(value, str if kind == "s" else int):
            raise numbered_error(2786, position=position, specification=match[0])
        if value is None:
            value, kind = "(null)", "s"
        if kind in "uoxX" and isinstance(value, int) and value < 0:
            value += 1 << (64 if match["size"] == "I64" else 32)
        if kind == "o" and "#" in match["flags"]:
            # C marks an octal number by 0, Python by 0o.
            value, kind = f"0{value:o}", "s"
        flags = match["flags"] if kind != "s" else match["flags"].translate(_NUMBER_FLAGS)
        size = f"{'' if width is None else width!s}{'' if precision is None else f'.{precision!s}'}"
        return f"%{flags}{size}{'d' if kind in 'iu' else kind}" % value

    shown = _SPECIFICATION.sub(show, text)
    return shown if len(shown) <= _MESSAGE_LIMIT else shown[: _MESSAGE_LIMIT - 3] + "..."


def _format_message(text: str | None, *arguments: Value) -> str | None:
    return None if text is None else format_message(text, arguments)


def _format_message_rule(types: Types) -> TypedCall:
    for position, each in enumerate(types[1:], 2):
        if each.family not in (Family.INTEGER, Family.CHARACTER, Family.BIT):
            raise wrong_type("FORMATMESSAGE", position, each, "CAST it to int or nvarchar.")
    return TypedCall((nvarchar(), *types[1:]), nvarchar(2048), call_text("formatmessage", len(types)))


FUNCTIONS = (
    Function("CONCAT", (2, 254), _concat_rule),
    Function("CONCAT_WS", (3, 100), _concat_with_rule),
    Function("QUOTENAME", (1, 2), _quote_name_rule),
    Function("CHAR", (1, 1), lambda types: TypedCall((INT,), varchar(1), "tsql_char({0})")),
    Function("NCHAR", (1, 1), lambda types: TypedCall((INT,), nvarchar(1), "tsql_nchar({0})")),
    Function("ASCII", (1, 1), lambda types: TypedCall((text_kind(types[0]),), INT, "tsql_ascii({0})")),
    Function("UNICODE", (1, 1), lambda types: TypedCall((nvarchar(),), INT, "tsql_unicode({0})")),
    Function("STR", (1, 3), _number_text_rule),
    Function(
        "STRING_ESCAPE", (2, 2), lambda types: TypedCall((nvarchar(), nvarchar()), nvarchar(), "tsql_escape({0}, {1})")
    ),
    Function("FORMATMESSAGE", (1, 21), _format_message_rule),
)

IMPLEMENTATIONS = (
    Implementation("tsql_concat_ws", -1, _concat_with, takes_null=True),
    Implementation("tsql_quotename", 1, _quote_name),
    Implementation("tsql_quotename", 2, _quote_name),
    Implementation("tsql_char", 1, _character),
    Implementation("tsql_nchar", 1, _unicode_character),
    Implementation("tsql_ascii", 1, _first_byte),
    Implementation("tsql_unicode", 1, _first_unit),
    Implementation("tsql_str", -1, _number_text),
    Implementation("tsql_escape", 2, _escape),
    Implementation("tsql_formatmessage", -1, _format_message, takes_null=True),
)
