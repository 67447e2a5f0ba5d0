"""What leaves Python for T-SQL: messages that every runtime brings over unharmed, and numbers that it takes.

Microsoft's language extension damages text in result columns that is not ASCII and characters beyond U+FFFF anywhere;
a value longer than its parameter or column is cut without a word. So rows carry numbers as keys, and messages are made
plain here and nowhere else.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any, ParamSpec, TypeVar

from lungdb.errors import ErrorNumber, ProcedureError

MESSAGE = 2000
"""Characters of a message, in a parameter as in a column."""

NAME = 128
"""Characters of a name."""

LARGEST = 2**30
"""Bytes of a result's column at most: above twice as many the runtime gives wrong data without a word."""

P = ParamSpec("P")
R = TypeVar("R")

_CUT = " ..."
# Our own sentences hold these.
_ALIKE = str.maketrans(
    {"×": "x", "−": "-", "–": "-", "…": "...", "‘": "'", "’": "'", "“": '"', "”": '"', "≤": "<=", "≥": ">=", "±": "+/-"}
)


def plain(text: str, length: int = MESSAGE) -> str:
    """Return a text in printable ASCII, at most so many characters long.

    Typographic signs become their like on a keyboard; any other character becomes its escape as Python writes it,
    such as ``\\xfc`` or ``\\u60a3``. White space of any kind becomes one blank.
    """
    joined = " ".join(text.translate(_ALIKE).split())
    if not (joined.isascii() and joined.isprintable()):
        escaped = (each if each.isascii() and each.isprintable() else ascii(each)[1:-1] for each in joined)
        joined = "".join(escaped)
    return joined if len(joined) <= length else joined[: length - len(_CUT)] + _CUT


def for_t_sql(
    outputs: Mapping[int, int], columns: Mapping[str, int] | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make what a procedure's function returns fit to leave Python.

    Parameters
    ----------
    outputs : mapping of int to int
        Places in the returned tuple that hold messages, and how many characters T-SQL declares for each.
    columns : mapping of str to int, optional
        The same for columns of a returned data frame.

    Returns
    -------
    decorator
        The function that it makes has both mappings as its attributes `outputs` and `columns`. Error numbers leave as
        plain int.
    """
    lengths = dict(columns or {})

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def fitted(*arguments: P.args, **named: P.kwargs) -> R:
            result: Any = function(*arguments, **named)
            if isinstance(result, tuple):
                return tuple(_fit(value, outputs.get(place), lengths) for place, value in enumerate(result))  # type: ignore[return-value]
            return _fit(result, None, lengths)  # type: ignore[no-any-return]

        fitted.outputs, fitted.columns = dict(outputs), lengths  # type: ignore[attr-defined]
        return fitted

    return decorate


def check_size(bytes_sent: int, what: str, advice: str) -> None:
    """Refuse a result of which a column would be larger than `LARGEST` with ProcedureError 50231."""
    if bytes_sent > LARGEST:
        raise ProcedureError(
            ErrorNumber.TOO_LARGE,
            f"The {what} of this call are {bytes_sent / 1e6:.0f} MB as they are sent, more than the 1 GB that a script "
            f"gives back unharmed. {advice}",
        )


def _fit(value: Any, length: int | None, columns: Mapping[str, int]) -> Any:
    if isinstance(value, str):
        return value if length is None else plain(value, length)
    if isinstance(value, IntEnum):
        return int(value)
    if columns:
        import pandas as pd  # what has no data frame needs no pandas

        if not isinstance(value, pd.DataFrame):
            return value
        changed = {
            name: pd.Series([plain(text, most) for text in value[name].tolist()], dtype=object)
            for name, most in columns.items()
            if name in value.columns
        }
        return value.assign(**changed)
    return value
