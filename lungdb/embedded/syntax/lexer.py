"""T-SQL text to tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.stored import HALF_CHARACTER, utf16_length
from lungdb.errors import SqlError


class Kind(Enum):
    """What a token is."""

    NAME = "name"
    QUOTED = "quoted name"
    VARIABLE = "variable"
    GLOBAL = "global"
    STRING = "string"
    UNICODE = "unicode string"
    INTEGER = "integer"
    DECIMAL = "decimal"
    FLOAT = "float"
    MONEY = "money"
    BINARY = "binary"
    PARAMETER = "parameter"
    SYMBOL = "symbol"
    END = "end"


@dataclass(frozen=True)
class Token:
    """A piece of T-SQL text.

    Attributes
    ----------
    kind : Kind
        What it is.
    text : str
        As written, for error messages.
    value : str
        Upper case for names, which T-SQL compares without case; the content of quoted names and strings; the text of
        the others.
    word : str
        The value of a name that is not quoted, or of a symbol; empty for the others, which are never a word of T-SQL.
    line : int
        Line of the text, from 1.
    start, end : int
        The token is ``text[start:end]`` of the whole.
    """

    kind: Kind
    text: str
    value: str
    word: str
    line: int
    start: int
    end: int


_TOKEN = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*)
  | (?P<comment>/\*)
  | (?P<unicode>[Nn]')
  | (?P<string>')
  | (?P<bracket>\[)
  | (?P<double>")
  | (?P<binary>0[xX][0-9A-Fa-f]*)
  | (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d*)?)
  | (?P<money>\$(?:\d+\.?\d*|\.\d+))
  | (?P<global>@@\w[\w@$\#]*)
  | (?P<variable>@[\w@$\#]+)
  | (?P<name>[^\W\d][\w@$\#]*|\#{1,2}[\w@$\#]*)
  | (?P<parameter>\?)
  | (?P<symbol><>|<=|>=|!=|!<|!>|\+=|-=|\*=|/=|%=|&=|\|=|\^=|::|[-+*/%=<>(),.;&|^~:])
    """,
    re.VERBOSE,
)
_KINDS = {
    "unicode": Kind.UNICODE,
    "string": Kind.STRING,
    "bracket": Kind.QUOTED,
    "double": Kind.QUOTED,
    "binary": Kind.BINARY,
    "float": Kind.FLOAT,
    "decimal": Kind.DECIMAL,
    "integer": Kind.INTEGER,
    "money": Kind.MONEY,
    "global": Kind.GLOBAL,
    "variable": Kind.VARIABLE,
    "name": Kind.NAME,
    "parameter": Kind.PARAMETER,
    "symbol": Kind.SYMBOL,
}
_CLOSING = {"unicode": "'", "string": "'", "bracket": "]", "double": '"'}
# The tokens of larger texts are not kept: they hold a literal that hardly comes again.
_LARGE = 100_000
_NAMES = frozenset(("name", "bracket", "double", "variable"))
_LONGEST = 128
_COMMENT_EDGE = re.compile(r"/\*|\*/")


def tokenize(text: str) -> tuple[Token, ...]:
    """Return the tokens of T-SQL text, the last of kind END.

    Raises
    ------
    SqlError
        105 for a string or quoted name that is not closed, 113 for a comment that is not, 102 for a character that
        T-SQL does not know.
    """
    return _kept_tokens(text) if len(text) < _LARGE else _tokens(text)


@lru_cache(maxsize=512)
def _kept_tokens(text: str) -> tuple[Token, ...]:
    return _tokens(text)


def _tokens(text: str) -> tuple[Token, ...]:
    half = None if text.isascii() else HALF_CHARACTER.search(text)
    if half is not None:
        at = text.count("\n", 0, half.start()) + 1
        advice = "The text holds bytes that are no UTF-8: write it as UTF-8."
        raise numbered_error(102, line=at, near=ascii(half.group())[1:-1], advice=advice)
    tokens: list[Token] = []
    position, line = 0, 1
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _unreadable(text, position, line)
        group = match.lastgroup
        assert group is not None
        end = match.end()
        if group == "comment":
            end = _comment_end(text, position, line)
        elif group in _CLOSING:
            end = _closing_end(text, end, _CLOSING[group])
            if end < 0:
                raise _unreadable(text, position, line)
        written = text[position:end]
        if group == "number":
            group = _number_kind(written)
        if group not in ("space", "comment"):
            value = _value(group, written)
            if group in _NAMES and len(value) > _LONGEST:
                check_length(value, line)
            word = value if group in ("name", "symbol") else ""
            tokens.append(Token(_KINDS[group], written, value, word, line, position, end))
        line += written.count("\n")
        position = end
    tokens.append(Token(Kind.END, "", "", "", tokens[-1].line if tokens else 1, position, position))
    return tuple(tokens)


def _value(group: str, written: str) -> str:
    if group == "unicode":
        return written[2:-1].replace("''", "'")
    if group == "string":
        return written[1:-1].replace("''", "'")
    if group == "bracket":
        return written[1:-1].replace("]]", "]")
    if group == "double":
        return written[1:-1].replace('""', '"')
    if group in ("name", "global"):
        return written.upper()
    return written


def _closing_end(text: str, position: int, quote: str) -> int:
    """Return where what began before a position ends, past its closing quote, or -1; a doubled one closes nothing."""
    while (end := text.find(quote, position)) >= 0:
        if not text.startswith(quote, end + 1):
            return end + 1
        position = end + 2
    return -1


def _number_kind(written: str) -> str:
    if "e" in written or "E" in written:
        return "float"
    return "decimal" if "." in written else "integer"


def check_length(name: str, line: int) -> None:
    """Refuse a name of more than 128 UTF-16 code units."""
    if utf16_length(name) > _LONGEST:
        raise numbered_error(103, line=line, start=name[:_LONGEST], kind="identifier", limit=_LONGEST)


def _comment_end(text: str, position: int, line: int) -> int:
    depth = 0
    for edge in _COMMENT_EDGE.finditer(text, position):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    raise numbered_error(113, line=line)


def _unreadable(text: str, position: int, line: int) -> SqlError:
    if text[position] in "'\"[" or text[position : position + 2] in ("N'", "n'"):
        return numbered_error(105, line=line, rest=text[position + 1 : position + 41])
    return numbered_error(102, line=line, near=text[position])
