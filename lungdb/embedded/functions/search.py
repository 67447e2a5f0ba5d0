"""Searching and replacing in text: LIKE, PATINDEX, CHARINDEX, REPLACE, TRANSLATE. Case is ignored."""

from __future__ import annotations

import re

from lungdb.embedded.functions.base import Function, TypedCall, Types, call_text
from lungdb.embedded.functions.text import ASTRAL, cut_call, fold, longest, mixed, slice_units, text_kind, upper
from lungdb.embedded.values.implementation import Implementation
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.patterns import read_pattern
from lungdb.embedded.values.stored import utf16_length
from lungdb.embedded.values.types import BIGINT, BIT, INT, MAX, nvarchar, varchar


def _find(wanted: str, text: str, start: int = 1) -> int:
    if not wanted:
        return 0
    begin = max(start - 1, 0)
    if not text.isascii() and ASTRAL.search(text):
        begin = len(slice_units(text, 0, begin))
    index = fold(text).find(fold(wanted), begin)
    return 0 if index < 0 else utf16_length(text[:index]) + 1


def _find_rule(types: Types) -> TypedCall:
    text = text_kind(types[1])
    result = BIGINT if text.length == MAX else INT
    return TypedCall((text_kind(types[0]), text, BIGINT)[: len(types)], result, call_text("charindex", len(types)))


def _replace(text: str, wanted: str, replacement: str) -> str:
    if not wanted:
        return text
    if wanted.lower() == wanted.upper():
        return text.replace(wanted, replacement)
    folded, sought = fold(text), fold(wanted)
    parts, begin = [], 0
    while (index := folded.find(sought, begin)) >= 0:
        parts += [text[begin:index], replacement]
        begin = index + len(sought)
    return "".join([*parts, text[begin:]])


def _replace_rule(types: Types) -> TypedCall:
    sought = mixed(types, 0, 1, 2)
    make = nvarchar if sought.is_unicode else varchar
    # Only the text that is searched makes the result a (max): a long replacement does not.
    result = make() if text_kind(types[0]).length == MAX else make(4000 if sought.is_unicode else 8000)
    most = longest(types[0]) * max(1, longest(types[2]))
    return TypedCall((result, make(), make()), result, cut_call(call_text("replace", 3), result, most))


def _translate(text: str, wanted: str, replacement: str) -> str:
    if len(wanted) != len(replacement):
        raise numbered_error(9828)
    table: dict[int, str] = {}
    for old, new in zip(wanted, replacement, strict=True):
        for each in (old, fold(old), upper(old)):
            table.setdefault(ord(each), new)
    return text.translate(table)


# SQLite's LIKE takes time with the product of the lengths, so longer patterns are not for it.
_LONGEST_NATIVE = 100
# The letters beyond ASCII that are equal to one of ASCII when case and width are ignored.
FOLD_TO_ASCII = "\u0130\u0131\u017f\u212a\u3000\uff01-\uff5e"
_FOLDS_TO_ASCII = re.compile(f"[{FOLD_TO_ASCII}]")
_HAS_CASE_BEYOND_ASCII = re.compile("[iksIKS]|[^\\x00-\\x7f]")


def like(text: str, pattern: str, escape: str | None = None) -> int:
    """Return 1 where the text is LIKE the pattern, else 0."""
    return int(read_pattern(pattern, escape).position(text) >= 0)


def native_like(pattern: str, escape: str | None = None) -> str | None:
    """Return a pattern for SQLite's LIKE with the escape character ``\\``; None where it cannot be written.

    SQLite ignores the case of ASCII letters only: what it finds `like` finds too, and of an ASCII text all.
    """
    if len(pattern) > _LONGEST_NATIVE or "\0" in pattern or _FOLDS_TO_ASCII.search(pattern):
        return None
    if escape is not None and (len(escape) != 1 or escape in "%_["):
        return None
    parts: list[str] = []
    characters = iter(pattern)
    for character in characters:
        if character == "[":
            return None
        is_wild = character in "%_" and character != escape
        literal = next(characters, character) if character == escape else character
        parts.append(literal if is_wild or literal not in "%_\\" else f"\\{literal}")
    return "".join(parts)


def loose_like(pattern: str, escape: str | None = None) -> str | None:
    """Return a pattern for SQLite's LIKE that finds what `like` finds and more; None where `native_like` finds all."""
    native = native_like(pattern, escape)
    if native is None or not _HAS_CASE_BEYOND_ASCII.search(native):
        return None
    return _HAS_CASE_BEYOND_ASCII.sub("_", native)


def _pattern_index(pattern: str, text: str) -> int:
    if not pattern.lstrip("%"):
        return 1 if pattern and text else 0
    found = read_pattern(pattern, None).position(text)
    return 0 if found < 0 else utf16_length(text[:found]) + 1


def _pattern_index_rule(types: Types) -> TypedCall:
    text = text_kind(types[1])
    return TypedCall((text_kind(types[0]), text), BIGINT if text.length == MAX else INT, call_text("patindex", 2))


def _like_rule(types: Types) -> TypedCall:
    return TypedCall(tuple(text_kind(each) for each in types), BIT, call_text("like", len(types)))


def _translate_rule(types: Types) -> TypedCall:
    result = mixed(types, 0)
    return TypedCall((result, *(text_kind(each) for each in types[1:])), result, call_text("translate", 3))


LIKE = Function("LIKE", (2, 3), _like_rule)

FUNCTIONS = (
    Function("CHARINDEX", (2, 3), _find_rule),
    Function("PATINDEX", (2, 2), _pattern_index_rule),
    Function("REPLACE", (3, 3), _replace_rule),
    Function("TRANSLATE", (3, 3), _translate_rule),
)

IMPLEMENTATIONS = (
    Implementation("tsql_charindex", 2, _find),
    Implementation("tsql_charindex", 3, _find),
    Implementation("tsql_patindex", 2, _pattern_index),
    Implementation("tsql_replace", 3, _replace),
    Implementation("tsql_translate", 3, _translate),
    Implementation("tsql_like", 2, like),
    Implementation("tsql_like", 3, like),
    Implementation("tsql_native_like", 1, native_like),
    Implementation("tsql_native_like", 2, native_like),
    Implementation("tsql_loose_like", 1, loose_like),
    Implementation("tsql_loose_like", 2, loose_like),
)
