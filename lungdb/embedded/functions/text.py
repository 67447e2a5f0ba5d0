"""String functions. Positions and lengths count UTF-16 code units; searching ignores case.

Behaviour follows each function's page in Microsoft's "String functions (Transact-SQL)".
"""

from __future__ import annotations

import re

from lungdb.embedded.functions.base import Function, Rule, TypedCall, Types, call_text, wrong_type
from lungdb.embedded.values.collation import fold_width
from lungdb.embedded.values.implementation import Implementation
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.stored import utf16_length
from lungdb.embedded.values.text import cut_text
from lungdb.embedded.values.types import (
    BIGINT,
    INT,
    MAX,
    Family,
    SqlType,
    nvarchar,
    varbinary,
    varchar,
)
from lungdb.errors import SqlError

ASTRAL = re.compile("[\U00010000-\U0010ffff]")


def fold(text: str) -> str:
    """Return the text in lower case and of ordinary width, character by character, so that positions stay."""
    text = fold_width(text)
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(each.lower() if len(each.lower()) == 1 else each for each in text)


def upper(text: str) -> str:
    """Return the text in upper case, character by character, so that positions stay."""
    upper = text.upper()
    if len(upper) == len(text):
        return upper
    return "".join(each.upper() if len(each.upper()) == 1 else each for each in text)


def text_kind(given: SqlType) -> SqlType:
    """Return the character type in which a function takes an argument: its own, or varchar for anything else."""
    if given.family == Family.CHARACTER:
        return given
    if given.family == Family.VARIANT:
        return nvarchar(4000)
    return varchar(given.length if given.length is not None else 8000)


def varying(given: SqlType, length: int | None = None) -> SqlType:
    """Return varchar or nvarchar as the type given: (max) where it is, else of `length` or the longest."""
    make = nvarchar if given.is_unicode else varchar
    if given.length == MAX:
        return make()
    return make(length if length is not None else 4000 if given.is_unicode else 8000)


def slice_units(text: str, start: int, stop: int) -> str:
    """Return ``text[start:stop]`` counted in UTF-16 code units; half a character falls away."""
    if text.isascii() or not ASTRAL.search(text):
        return text[start:stop]
    return text.encode("utf-16-le")[2 * start : 2 * stop].decode("utf-16-le", "ignore")


def _bad_length(name: str) -> SqlError:
    return numbered_error(537, function=name)


def _substring(text: str | bytes, start: int, length: int) -> str | bytes:
    if length < 0:
        raise _bad_length("SUBSTRING")
    stop = max(start - 1 + length, 0)
    begin = max(start - 1, 0)
    return slice_units(text, begin, stop) if isinstance(text, str) else text[begin:stop]


def _substring_rule(types: Types) -> TypedCall:
    if types[0].family == Family.BINARY:
        length = types[0].length
        return TypedCall(
            (types[0], BIGINT, BIGINT), varbinary(8000 if length is None else length), call_text("substring", 3)
        )
    kind = text_kind(types[0])
    return TypedCall((kind, BIGINT, BIGINT), varying(kind, kind.length), call_text("substring", 3))


def _left(text: str, length: int) -> str:
    if length < 0:
        raise _bad_length("LEFT")
    return slice_units(text, 0, length)


def _right(text: str, length: int) -> str:
    if length < 0:
        raise _bad_length("RIGHT")
    total = utf16_length(text)
    return slice_units(text, max(total - length, 0), total)


def _length_rule(types: Types) -> TypedCall:
    kind = text_kind(types[0])
    result = BIGINT if kind.length == MAX else INT
    if types[0].family == Family.BINARY:
        return TypedCall(types, result, "length({0})")
    return TypedCall((kind,), result, call_text("len", 1))


def _data_length_rule(types: Types) -> TypedCall:
    given = types[0]
    result = BIGINT if given.length == MAX else INT
    if given.family == Family.BINARY:
        return TypedCall(types, result, "length({0})")
    if given.family == Family.CHARACTER:
        name = "datalength_unicode" if given.is_unicode else "len_all"
        return TypedCall(types, result, call_text(name, 1))
    sizes = {"bit": 1, "tinyint": 1, "smallint": 2, "int": 4, "bigint": 8, "real": 4, "float": 8, "date": 3}
    sizes |= {"datetime": 8, "smalldatetime": 4, "money": 8, "smallmoney": 4, "uniqueidentifier": 16}
    if given.name not in sizes:
        raise wrong_type("DATALENGTH", 1, given, "CAST it to a text or binary type.")
    return TypedCall(types, INT, f"CASE WHEN {{0}} IS NULL THEN NULL ELSE {sizes[given.name]} END")


def mixed(types: Types, *indices: int) -> SqlType:
    """Return the longest varchar or nvarchar over some of the arguments: nvarchar if one is, (max) if one is."""
    kinds = [text_kind(types[index]) for index in indices]
    make = nvarchar if any(kind.is_unicode for kind in kinds) else varchar
    return make() if any(kind.length == MAX for kind in kinds) else make(4000 if make is nvarchar else 8000)


def cut_call(template: str, result: SqlType, most: int) -> str:
    """Return a call of which SQL Server cuts what 8,000 bytes do not hold, without a word.

    Parameters
    ----------
    template : str
        The call; it gives a text.
    result : SqlType
        Its type; (max) holds all.
    most : int
        How long the text is at most, as the types of the arguments tell.
    """
    assert result.length is not None
    return template if result.length == MAX or most <= result.length else f"tsql_left({template}, {result.length})"


def longest(given: SqlType) -> int:
    """Return how long a value of a type is at most as a text; that of a (max), 8,000."""
    length = text_kind(given).length
    return 8000 if length is None or length == MAX else length


def _replicate(text: str, count: int, limit: int) -> str | None:
    if count < 0:
        return None
    repeated = text * (count if limit == MAX or not text else min(count, limit // max(1, len(text)) + 1))
    return repeated if limit == MAX else cut_text(repeated, limit)


def _replicate_rule(types: Types) -> TypedCall:
    kind = text_kind(types[0])
    result = varying(kind)
    return TypedCall((kind, BIGINT), result, call_text("replicate", 2, str(result.length)))


def _space(count: int) -> str | None:
    return None if count < 0 else " " * min(count, 8000)


def _stuff(text: str, start: int, length: int, replacement: str | None) -> str | None:
    total = utf16_length(text)
    if start <= 0 or start > total or length < 0:
        return None
    return slice_units(text, 0, start - 1) + (replacement or "") + slice_units(text, start - 1 + length, total)


def _stuff_rule(types: Types) -> TypedCall:
    result = mixed(types, 0, 3)
    return TypedCall((result, BIGINT, BIGINT, result), result, "tsql_stuff({0}, {1}, {2}, coalesce({3}, ''))")


def _count(name: str) -> Rule:
    def rule(types: Types) -> TypedCall:
        kind = text_kind(types[0])
        return TypedCall((kind, BIGINT), varying(kind, kind.length), call_text(name, 2))

    return rule


def _trimmed(template: str) -> Rule:
    def rule(types: Types) -> TypedCall:
        kind = text_kind(types[0])
        return TypedCall((kind,), varying(kind, kind.length), template)

    return rule


FUNCTIONS = (
    Function("LEN", (1, 1), _length_rule),
    Function("DATALENGTH", (1, 1), _data_length_rule),
    Function("LEFT", (2, 2), _count("left")),
    Function("RIGHT", (2, 2), _count("right")),
    Function("SUBSTRING", (3, 3), _substring_rule),
    Function("UPPER", (1, 1), _trimmed("tsql_upper({0})")),
    Function("LOWER", (1, 1), _trimmed("tsql_lower({0})")),
    Function("REVERSE", (1, 1), _trimmed("tsql_reverse({0})")),
    Function("LTRIM", (1, 1), _trimmed("ltrim({0}, ' ')")),
    Function("RTRIM", (1, 1), _trimmed("rtrim({0}, ' ')")),
    Function("TRIM", (1, 1), _trimmed("trim({0}, ' ')")),
    Function("REPLICATE", (2, 2), _replicate_rule),
    Function("SPACE", (1, 1), lambda types: TypedCall((BIGINT,), varchar(8000), "tsql_space({0})")),
    Function("STUFF", (4, 4), _stuff_rule),
)

IMPLEMENTATIONS = (
    Implementation("tsql_len", 1, lambda text: utf16_length(text.rstrip(" "))),
    Implementation("tsql_len_all", 1, utf16_length),
    Implementation("tsql_datalength_unicode", 1, lambda text: 2 * utf16_length(text)),
    Implementation("tsql_left", 2, _left),
    Implementation("tsql_right", 2, _right),
    Implementation("tsql_substring", 3, _substring),
    Implementation("tsql_upper", 1, upper),
    Implementation("tsql_lower", 1, fold),
    Implementation("tsql_reverse", 1, lambda text: text[::-1]),
    Implementation("tsql_replicate", 3, _replicate),
    Implementation("tsql_space", 1, _space),
    Implementation("tsql_stuff", 4, _stuff),
)
