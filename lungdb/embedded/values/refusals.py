"""The refusal of T-SQL that the embedded engine does not have."""

from __future__ import annotations

from lungdb.errors import SqlError

REFUSED = 40517
_PLACE = "the embedded engine."


def refused(what: str, advice: str) -> SqlError:
    """Return the error that names what is not supported and says what to do instead."""
    return SqlError(REFUSED, f"{what} is not supported by {_PLACE} {advice}", severity=15)


def with_line(message: str, line: int) -> str:
    """Return the message of a refusal with the line that it is about."""
    return message.replace(_PLACE, f"{_PLACE[:-1]} (line {line}).", 1)
