"""Names out of files in messages: a few of them, and nothing that a terminal would obey."""

from __future__ import annotations

from collections.abc import Iterable

from lungdb.errors import escaped

MOST_NAMES = 10
_LONGEST = 80


def printable(text: object) -> str:
    """Write a text on one line, what cannot be printed (escape codes, marks that turn the writing around) escaped."""
    return escaped(" ".join(str(text).split()))


def shortened(name: object, longest: int = _LONGEST) -> str:
    """Write a name of a file for a message: printable, and of a length that leaves room for the message."""
    text = printable(name)
    return text if len(text) <= longest else f"{text[:longest]}…"


def listed(names: Iterable[object], most: int = MOST_NAMES) -> str:
    """List names for a message, the first ones and how many more there are."""
    every = list(names)
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(shortened(name) for name in every[:most]) + more
