"""What SQLite reports, as SQL Server would say it.

Python has SQLite's result codes since 3.11. Before, an error of a class of its own tells some of them, and for the
others the text is that of SQLite's function sqlite3_errstr, one for each code.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lungdb.embedded.syntax.statement_tree import ForeignKey, TableDefinition
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.names import key
from lungdb.errors import SqlError

FAILURES = (sqlite3.Error, OverflowError, SystemError, UnicodeError, MemoryError)
"""What sqlite3 raises. UnicodeError is raised for bytes in the file that are no text, MemoryError for a full memory."""

# The result codes of SQLite (https://www.sqlite.org/rescode.html) and what sqlite3_errstr says of them.
_ERROR, _BUSY, _LOCKED, _NO_MEMORY, _READ_ONLY, _INTERRUPT, _IO_ERROR = 1, 5, 6, 7, 8, 9, 10
_CORRUPT, _FULL, _CANNOT_OPEN, _TOO_BIG, _CONSTRAINT, _NOT_A_DATABASE = 11, 13, 14, 18, 19, 26
_BUSY_SNAPSHOT = 517
_CODES = {
    "database is locked": _BUSY,
    "database table is locked": _LOCKED,
    "out of memory": _NO_MEMORY,
    "attempt to write a readonly database": _READ_ONLY,
    "interrupted": _INTERRUPT,
    "disk I/O error": _IO_ERROR,
    "database disk image is malformed": _CORRUPT,
    "database or disk is full": _FULL,
    "unable to open database file": _CANNOT_OPEN,
    "string or blob too big": _TOO_BIG,
    "file is not a database": _NOT_A_DATABASE,
}
_DAMAGE = (_IO_ERROR, _CORRUPT, _NOT_A_DATABASE)


def result_code(error: Exception) -> int:
    """Return SQLite's primary result code of an error; -1 for one that Python itself has found."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return int(code) & 0xFF
    if isinstance(error, UnicodeDecodeError):
        return _CORRUPT
    if type(error) is sqlite3.DatabaseError:
        return _CORRUPT
    if isinstance(error, sqlite3.IntegrityError):
        return _CONSTRAINT
    if isinstance(error, MemoryError):
        return _NO_MEMORY
    # Python's own error, which has no code of SQLite: a text of the file is no UTF-8.
    if str(error).startswith("Could not decode to UTF-8"):
        return _CORRUPT
    return _CODES.get(str(error), -1)


def is_damage(error: Exception) -> bool:
    """Tell whether an error says that the file is not as SQLite wrote it, or cannot be read from its disk."""
    return result_code(error) in _DAMAGE


def is_busy(error: Exception) -> bool:
    """Tell whether another process has the lock, and asking again may help."""
    # An extended code says why waiting would not: somebody has written since this connection's query began.
    return result_code(error) == _BUSY and getattr(error, "sqlite_errorcode", _BUSY) != _BUSY_SNAPSHOT


def damaged(path: Path) -> SqlError:
    """Return the error of opening a file that is damaged."""
    return numbered_error(824, advice=f"It is '{path}'.")


@contextmanager
def reading_catalog() -> Iterator[None]:
    """Say of rows of the catalog that are not as they were written that the file is damaged."""
    try:
        yield
    except SqlError as error:
        # The queries are always the same: where SQLite takes them no longer, the catalog's own tables are not as made.
        raise numbered_error(824) if error.number == 8630 else error from error
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise numbered_error(824) from error


def translated(error: Exception, busy_milliseconds: int) -> BaseException:
    """Return the error that SQL Server would report.

    Parameters
    ----------
    error : Exception
        One of `FAILURES`.
    busy_milliseconds : int
        How long was waited for another process.
    """
    text = str(error)
    if isinstance(error, UnicodeEncodeError):
        return numbered_error(9833, what="A text or name")
    match result_code(error):
        case 5 | 6:
            return numbered_error(1222, seconds=f"{busy_milliseconds / 1000:g}")
        case 7:
            return numbered_error(701)
        case 8 | 14:
            return numbered_error(3906)
        case 10 | 11 | 26:
            return numbered_error(824)
        case 13:
            return numbered_error(1105)
        case 18:
            return numbered_error(
                8115,
                source="expression",
                target="varchar, nvarchar or varbinary",
                advice="A value is larger than 1,000,000,000 bytes, the embedded engine's limit: split it.",
            )
        case 19:
            # The values that are written are of their columns' types, so one that is not was there before.
            return ConstraintError(text) if "constraint failed" in text else numbered_error(824)
    # Ctrl-C shows so where it meets a function before its first line, or SQLite between two steps.
    if text == "interrupted" or text.startswith(("user-defined function", "user-defined aggregate")):
        return KeyboardInterrupt()
    if "stack overflow" in text or "tree is too large" in text:
        return too_deep()
    return numbered_error(8630, advice="Write it another way, and report this statement.")


def too_deep() -> SqlError:
    """Return error 191."""
    return numbered_error(191)


class ConstraintError(SqlError):
    """A violated constraint, in SQLite's words, until `explained` knows the statement."""

    def __init__(self, text: str) -> None:
        super().__init__(547, text)

    @property
    def columns(self) -> str:
        """The columns, or the index, whose values are not unique."""
        return self.message.rpartition(": ")[2]

    def explained(
        self, verb: str, table: TableDefinition, physical: str, referencing: list[tuple[TableDefinition, ForeignKey]]
    ) -> SqlError:
        """Return the error of an INSERT, UPDATE or DELETE on a table.

        Parameters
        ----------
        verb : str
            INSERT, UPDATE or DELETE.
        table : TableDefinition
            The table that is changed.
        physical : str
            Its name in SQLite.
        referencing : list of (TableDefinition, ForeignKey)
            The foreign keys that point to it.
        """
        kind, _, what = self.message.partition(" constraint failed")
        what = what.removeprefix(": ")
        if kind == "NOT NULL":
            column = what.removeprefix(f"{physical}.")
            return numbered_error(515, column=column, table=table.name, statement=verb)
        if kind == "UNIQUE":
            return _duplicate(table, physical, what)
        if kind == "CHECK":
            return numbered_error(
                547,
                statement=verb,
                kind="CHECK",
                constraint=f'"{what}" of table "dbo.{table.name}"',
                advice="Give values that it allows.",
            )
        return _conflict(verb, table, referencing)


def _duplicate(table: TableDefinition, physical: str, what: str) -> SqlError:
    index = re.fullmatch(r"index '(.*)'", what)

    def matches(name: str, columns: Sequence[str]) -> bool:
        if index is not None:
            rest = index[1].removeprefix(f"{physical}.")
            return rest == name or re.fullmatch(re.escape(name) + r"\.\d+", rest) is not None
        return key(what) == key(", ".join(f"{physical}.{column}" for column in columns))

    for constraint in table.keys:
        if matches(constraint.name, constraint.columns):
            word = "PRIMARY KEY" if constraint.primary else "UNIQUE KEY"
            return numbered_error(2627, kind=word, constraint=constraint.name, table=f"dbo.{table.name}")
    for each in table.indexes:
        if matches(each.name, [column for column, _ in each.columns]):
            return numbered_error(2601, table=f"dbo.{table.name}", index=each.name)
    return numbered_error(2627, kind="UNIQUE KEY", constraint=what, table=f"dbo.{table.name}")


def _conflict(verb: str, table: TableDefinition, referencing: list[tuple[TableDefinition, ForeignKey]]) -> SqlError:
    own = [f'"{each.name}" to table "dbo.{each.table}"' for each in table.foreign_keys] if verb != "DELETE" else []
    others = [f'"{each.name}" of table "dbo.{other.name}"' for other, each in referencing] if verb != "INSERT" else []
    # SQLite does not say which one it was.
    word = "FOREIGN KEY" if own and not others else "REFERENCE"
    return numbered_error(
        547,
        statement=verb,
        kind=word,
        constraint=" or ".join([*own, *others]),
        advice="Change the rows on the other side first.",
    )
