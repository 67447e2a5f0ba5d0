"""The refusal of T-SQL that the embedded engine does not have, and how large a statement may be.

SQL Server's limits have numbers; SQLite's are refusals.
"""

from __future__ import annotations

from lungdb.embedded.values.messages import numbered_error
from lungdb.errors import SqlError

REFUSED = 40517
_PLACE = "the embedded engine."

MOST_COLUMNS = 1024
"""Of a table or view (Microsoft's "Maximum capacity specifications for SQL Server")."""

MOST_KEY_COLUMNS = 32
"""Of an index."""

MOST_ROWS = 1000
"""Of the VALUES of an INSERT."""

MOST_TABLES = 256
"""Of a statement, those of its views counted."""

JOINED = 64
"""SQLite joins so many tables; a query over more may still be one of several joins."""

_SELECTED = 4096
_TERMS = 2000


def refused(what: str, advice: str) -> SqlError:
    """Return the error that names what is not supported and says what to do instead."""
    return SqlError(REFUSED, f"{what} is not supported by {_PLACE} {advice}", severity=15)


def with_line(message: str, line: int) -> str:
    """Return the message of a refusal with the line that it is about."""
    return message.replace(_PLACE, f"{_PLACE[:-1]} (line {line}).", 1)


def check_selected(count: int) -> None:
    """Refuse a select list that is too long.

    Raises
    ------
    SqlError
        1056 for more than SQL Server takes, a refusal for more than SQLite takes.
    """
    if count > _SELECTED:
        raise numbered_error(1056, limit=_SELECTED, count=count)
    check_terms(count, "A select list")


def check_terms(count: int, clause: str) -> None:
    """Refuse a clause of more terms than SQLite takes."""
    if count > _TERMS:
        raise refused(f"{clause} of {count} terms", f"Write at most {_TERMS}.")


def too_many_joined(count: int) -> Exception:
    """Return the refusal of a query that SQLite cannot join."""
    return refused(
        f"A query over {count} tables, those of its views counted,",
        f"One of more than {JOINED} may be too much: put a part of it into a #temp table first.",
    )
