"""Functions that give rows: OPENJSON and STRING_SPLIT, both over SQLite's json_each.

A Python function writes the rows as one JSON array or object of texts, which json_each reads without loss: numbers,
arrays and objects keep the text that they had. Where a query wants numbers in single precision only, and not their
text, numbers stay numbers, which SQLite reads far quicker.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from lungdb.embedded.functions.json import Span, elements, find, parse_json, parse_path
from lungdb.embedded.values.implementation import Implementation
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.types import INT, SqlType, nvarchar


@dataclass(frozen=True)
class RowColumn:
    """A column of a row function.

    Attributes
    ----------
    name : str
        As T-SQL knows it.
    kind : SqlType
        Its type.
    template : str
        SQLite text with ``{alias}`` for the alias of the source.
    """

    name: str
    kind: SqlType
    template: str


@dataclass(frozen=True)
class RowFunction:
    """A function in FROM.

    Attributes
    ----------
    source : str
        SQLite table-valued call with ``{0}`` and ``{1}`` for the arguments, of nvarchar(max).
    columns : tuple of RowColumn
        What a row has.
    """

    source: str
    columns: tuple[RowColumn, ...]


OPENJSON = RowFunction(
    "json_each(tsql_openjson({0}, {1}))",
    (
        RowColumn("key", nvarchar(4000), "CAST({alias}.key AS TEXT)"),
        RowColumn("value", nvarchar(), "CASE WHEN {alias}.value <> '0' THEN substr({alias}.value, 2) END"),
        RowColumn("type", INT, "CAST(substr({alias}.value, 1, 1) AS INTEGER)"),
    ),
)
# The same where nothing reads the text of a number; the last argument says whether the text is JSON, NULL if not asked.
OPENJSON_NUMBERS = RowFunction(
    "json_each(tsql_openjson_numbers({0}, {1}, {2}))",
    (
        *OPENJSON.columns[:2],
        RowColumn(
            "type",
            INT,
            "CASE {alias}.type WHEN 'real' THEN 2 WHEN 'integer' THEN 2 WHEN 'null' THEN 0 "
            "WHEN 'text' THEN CAST(substr({alias}.value, 1, 1) AS INTEGER) END",
        ),
    ),
)
# OPENJSON … WITH (columns): `ELEMENT` is the JSON of the row, to take by tsql_json_value or tsql_json_query.
OPENJSON_WITH = "json_each(tsql_openjson_rows({0}, {1}))"
ELEMENT = "{alias}.value"

STRING_SPLIT = RowFunction("json_each(tsql_string_split({0}, {1}))", (RowColumn("value", nvarchar(), "{alias}.value"),))

_NUMBER = r"\s*-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?\s*"
_NUMBERS = re.compile(rf"\s*\[{_NUMBER}(?:,{_NUMBER})*\]\s*")
# What stands in an array of numbers and nulls besides its two brackets; a text that is JSON is one if it has no more.
_OF_NUMBERS = b"0123456789+-.eE, \t\n\rnul"
# SQLite reads a whole zero without its sign.
_NEGATIVE_ZERO = re.compile(r"(?<![eE])-0(?![.eE])")


def _open_json(text: str | None, path: str | None) -> str:
    """Return a JSON array or object whose values are texts: the digit of OPENJSON's type, then the value."""
    if text is None:
        return "[]"
    if path is None and _NUMBERS.fullmatch(text):
        numbers = "".join(text.split()).replace(",", '","2')
        return f'["2{numbers[1:-1]}"]'
    target = _target(text, path)
    if target is None:
        return "[]"
    rows = [(key, f"{value.kind}{value.scalar or ''}") for key, value in elements(target)]
    if target.kind == 4:
        return json.dumps([value for _, value in rows])
    # A key may stand twice, so this is no dict.
    return "{" + ",".join(f"{json.dumps(key)}:{json.dumps(value)}" for key, value in rows) + "}"


def _open_json_numbers(text: str | None, path: str | None, is_json: int | None) -> str:
    """Return what `_open_json` does, but with numbers as numbers and null as null."""
    if text is None:
        return "[]"
    if path is None and text.isascii():
        rest = text.encode().translate(None, _OF_NUMBERS)
        if (is_json and rest == b"[]") or (is_json is None and _NUMBERS.fullmatch(text)):
            return _NEGATIVE_ZERO.sub("-0.0", text) if "-0" in text else text
    target = _target(text, path)
    if target is None:
        return "[]"
    rows = [(key, _number_or_text(value)) for key, value in elements(target)]
    if target.kind == 4:
        return f"[{','.join(value for _, value in rows)}]"
    return "{" + ",".join(f"{json.dumps(key)}:{value}" for key, value in rows) + "}"


def _number_or_text(value: Span) -> str:
    if value.kind in (0, 2):
        return _NEGATIVE_ZERO.sub("-0.0", value.raw)
    return json.dumps(f"{value.kind}{value.scalar}")


def _target(text: str, path: str | None) -> Span | None:
    """Return the array or object that OPENJSON opens, None where the path leads to neither."""
    shown = "$" if path is None else path
    target = find(parse_json(text), shown)
    if target is None or target.kind > 3:
        return target
    if parse_path(shown).strict:
        raise numbered_error(13611, path=shown)
    return None


def _open_json_rows(text: str | None, path: str | None) -> str:
    """Return a JSON array of the rows' JSON texts: the elements of an array, or one object."""
    target = None if text is None else _target(text, path)
    if target is None:
        return "[]"
    return json.dumps([value.raw for _, value in elements(target)] if target.kind == 4 else [target.raw])


def _string_split(text: str | None, separator: str | None) -> str:
    if separator is None or len(separator) != 1:
        raise numbered_error(214, parameter="separator", type="nchar(1)/nvarchar(1)", advice="Pass one character.")
    return "[]" if text is None else json.dumps(text.split(separator))


IMPLEMENTATIONS = (
    # Given the text of a JSON number. SQLite's own reading of one may be off in the last place.
    Implementation("tsql_json_number", 1, float, never_fails=True),
    Implementation("tsql_openjson", 2, _open_json, takes_null=True),
    Implementation("tsql_openjson_numbers", 3, _open_json_numbers, takes_null=True),
    Implementation("tsql_openjson_rows", 2, _open_json_rows, takes_null=True),
    Implementation("tsql_string_split", 2, _string_split, takes_null=True),
)
