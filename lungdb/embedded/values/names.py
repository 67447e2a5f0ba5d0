"""Names, and text for SQLite."""

from __future__ import annotations

from lungdb.embedded.values.stored import Value

TEXT_COLLATION = "tsql_text"
"""Compares as `values.collation` says."""


def key(name: str) -> str:
    """Return what two spellings of one name have in common."""
    return name.casefold()


def quoted(name: str) -> str:
    """Return a name in SQLite's quotes."""
    return '"' + name.replace('"', '""') + '"'


def text_literal(text: str) -> str:
    """Return a text in SQLite's quotes."""
    return "'" + text.replace("'", "''") + "'"


def literal(value: Value) -> str | None:
    """Return a value as SQLite text, or None for one that is better bound."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return text_literal(value) if len(value) < 1000 and "\0" not in value else None
    if isinstance(value, bytes):
        return f"X'{value.hex()}'" if len(value) < 500 else None
    # Without parentheses -1 in "a-" + "-1" would begin a comment.
    return repr(value) if value >= 0 else f"({value!r})"
