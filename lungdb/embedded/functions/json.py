"""ISJSON, JSON_VALUE and JSON_QUERY. Numbers, arrays and objects come out as they are written in the text.

Paths and modes follow Microsoft's "JSON path expressions".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from json.decoder import scanstring  # type: ignore[attr-defined]  # its stub leaves it out
from typing import NoReturn

from lungdb.embedded.functions.base import Function, Rule, TypedCall, Types, wrong_type
from lungdb.embedded.values.implementation import Implementation
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.stored import HALF_CHARACTER, utf16_length
from lungdb.embedded.values.types import INT, MAX, Family, SqlType, nvarchar
from lungdb.errors import SqlError

_BLANK = re.compile(r"[ \t\n\r]*")
_VALUE_LIMIT = 4000
# What a function returns that JSON_MODIFY takes as JSON and not as a text.
JSON_TEXT = SqlType("nvarchar", length=MAX, is_json=True)


class _MalformedError(Exception):
    """A text that is no JSON, at a position."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


_decoder = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=str, parse_float=str)
# Its stub leaves the attribute out.
_scan = _decoder.scan_once  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Span:
    """A JSON value inside a text, from `start` to before `end`."""

    text: str
    start: int
    end: int

    @property
    def raw(self) -> str:
        """The value as it is written."""
        return self.text[self.start : self.end]

    @property
    def kind(self) -> int:
        """0 null, 1 string, 2 number, 3 true or false, 4 array, 5 object: the type column of OPENJSON."""
        return {"n": 0, '"': 1, "t": 3, "f": 3, "[": 4, "{": 5}.get(self.text[self.start], 2)

    @property
    def scalar(self) -> str | None:
        """The value as text, NULL for null."""
        if self.kind == 0:
            return None
        return _string(self.text, self.start + 1)[0] if self.kind == 1 else self.raw


def _string(text: str, index: int) -> tuple[str, int]:
    """Return the string that begins behind a quotation mark, and where it ends.

    Raises
    ------
    SqlError
        9833 where an escape such as ``\\ud800`` stands for half a character only.
    """
    found, end = scanstring(text, index)
    if not found.isascii() and HALF_CHARACTER.search(found):
        raise numbered_error(9833, what="An escape of the JSON text")
    return found, end


def _skip(text: str, index: int) -> int:
    match = _BLANK.match(text, index)
    assert match is not None
    return match.end()


def _end(text: str, index: int) -> int:
    try:
        return int(_scan(text, index)[1])
    except StopIteration as stop:
        raise _MalformedError(stop.value) from None
    except json.JSONDecodeError as error:
        raise _MalformedError(error.pos) from None
    except (ValueError, RecursionError):
        raise _MalformedError(index) from None


def parse_json(text: str) -> Span:
    """Return the span of a JSON text: an array or object, as ISJSON asks.

    Raises
    ------
    SqlError
        13609 for a text that is not JSON.
    """
    start = _skip(text, 0)
    try:
        end = _end(text, start)
        if _skip(text, end) != len(text) or text[start] not in "[{":
            raise _MalformedError(end if text[start] in "[{" else start)
    except _MalformedError as error:
        where = error.position
        raise numbered_error(13609, position=where) from None
    return Span(text, start, end)


def elements(container: Span) -> Iterator[tuple[str, Span]]:
    """Yield (key, value) of an object, or (index, value) of an array, of a text that `parse_json` took."""
    text = container.text
    index = _skip(text, container.start + 1)
    is_object = container.kind == 5
    count = 0
    while text[index] not in "]}":
        if is_object:
            key, index = _string(text, index + 1)
            index = _skip(text, _skip(text, index) + 1)
        else:
            key = str(count)
        end = _scan(text, index)[1]
        yield key, Span(text, index, end)
        count += 1
        index = _skip(text, end)
        if text[index] == ",":
            index = _skip(text, index + 1)


_STEP = re.compile(r'\.\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<name>[A-Za-z_$][\w$]*))|\[\s*(?P<index>\d+)\s*\]')


@dataclass(frozen=True)
class Path:
    """A JSON path: object keys (str) and array indices (int), strict or lax, with or without append."""

    steps: tuple[str | int, ...]
    strict: bool
    append: bool


@lru_cache(maxsize=512)
def parse_path(text: str) -> Path:
    """Read a JSON path.

    Raises
    ------
    SqlError
        13607 for a path that is not well formed.
    """
    match = re.fullmatch(r"\s*(?P<append>append\s+)?(?:(?P<mode>lax|strict)\s+)?\$(?P<rest>.*)", text, re.DOTALL)
    rest = match["rest"].rstrip() if match else ""
    steps: list[str | int] = []
    index = 0
    while match and index < len(rest):
        step = _STEP.match(rest, index)
        if step is None:
            match = None
            break
        if step["index"] is not None:
            steps.append(int(step["index"]))
        else:
            steps.append(step["name"] if step["quoted"] is None else re.sub(r"\\(.)", r"\1", step["quoted"]))
        index = step.end()
    if match is None:
        raise numbered_error(13607, path=text)
    return Path(tuple(steps), match["mode"] == "strict", match["append"] is not None)


def step_into(container: Span, step: str | int) -> Span | None:
    """Return the value under a key or index, None where there is none."""
    if container.kind != (4 if isinstance(step, int) else 5):
        return None
    wanted = str(step)
    return next((value for key, value in elements(container) if key == wanted), None)


def not_found(path: str) -> SqlError:
    """Return error 13608, which a strict path raises."""
    return numbered_error(13608, path=path)


def find(root: Span, path: str) -> Span | None:
    """Return the value at a path, None where there is none.

    Raises
    ------
    SqlError
        13607 for a path that is not well formed, 13608 for a strict path that leads nowhere.
    """
    parsed = parse_path(path)
    value: Span | None = root
    for step in parsed.steps:
        value = None if value is None else step_into(value, step)
    if value is None and parsed.strict:
        raise not_found(path)
    return value


def _json_value(text: str, path: str = "$") -> str | None:
    value = find(parse_json(text), path)
    if value is None:
        return None
    if value.kind > 3:
        if parse_path(path).strict:
            raise numbered_error(13623, path=path)
        return None
    shown = value.scalar
    if shown is not None and utf16_length(shown) > _VALUE_LIMIT:
        if parse_path(path).strict:
            raise numbered_error(13625, path=path)
        return None
    return shown


def _json_query(text: str, path: str = "$") -> str | None:
    value = find(parse_json(text), path)
    if value is None or value.kind > 3:
        return None if value is None else value.raw
    if parse_path(path).strict:
        raise numbered_error(13624, path=path)
    return None


def json_argument(name: str, given: SqlType) -> SqlType:
    """Return nvarchar(max), the type in which JSON is taken.

    Raises
    ------
    SqlError
        8116 for a type that holds no text.
    """
    if given.family not in (Family.CHARACTER, Family.INTEGER):
        raise wrong_type(name, 1, given, "Pass a text.")
    return nvarchar()


def _rule(name: str, result: SqlType, template: str) -> Rule:
    def rule(types: Types) -> TypedCall:
        parameters = (json_argument(name, types[0]), nvarchar())[: len(types)]
        arguments = ", ".join(f"{{{index}}}" for index in range(len(types)))
        return TypedCall(parameters, result, template.format(arguments))

    return rule


def _is_json_rule(types: Types) -> TypedCall:
    # Releases of SQLite differ on json_valid(NULL).
    template = (
        "CASE WHEN {0} IS NULL THEN NULL WHEN json_valid({0}) THEN json_type({0}) IN ('array', 'object') ELSE 0 END"
    )
    return TypedCall((json_argument("ISJSON", types[0]),), INT, template)


FUNCTIONS = (
    Function("ISJSON", (1, 1), _is_json_rule),
    Function("JSON_VALUE", (2, 2), _rule("JSON_VALUE", nvarchar(_VALUE_LIMIT), "tsql_json_value({})")),
    Function("JSON_QUERY", (1, 2), _rule("JSON_QUERY", JSON_TEXT, "tsql_json_query({})")),
)

IMPLEMENTATIONS = (
    Implementation("tsql_json_value", 2, _json_value),
    Implementation("tsql_json_query", 1, _json_query),
    Implementation("tsql_json_query", 2, _json_query),
)
