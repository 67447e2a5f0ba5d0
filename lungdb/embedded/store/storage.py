"""The SQLite file: opening it, executing SQLite text, and telling its errors as SQL Server would."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from lungdb.embedded.functions.registry import interrupt_behind, register
from lungdb.embedded.syntax.statement_tree import ForeignKey, TableDefinition
from lungdb.embedded.values.conversions import column_converter
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.names import TEXT_COLLATION, compare_text, key
from lungdb.embedded.values.stored import Value
from lungdb.embedded.values.types import parse_type
from lungdb.errors import LungdbError, SqlError

BUSY_SECONDS = 30
# How many steps of SQLite's machine pass before Ctrl-C is looked for.
_STEPS = 200_000


class Storage:
    """A SQLite database file with T-SQL's functions.

    Parameters
    ----------
    path : Path
        The file.
    create : bool
        Whether the file is made if it is not there.

    Raises
    ------
    LungdbError
        The file is missing or cannot be opened, or is no SQLite database, or SQLite is too old.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        if sqlite3.sqlite_version_info < (3, 37):
            raise LungdbError(
                f"The embedded engine needs SQLite 3.37 or later, and this Python has {sqlite3.sqlite_version}. "
                "Install a later Python."
            )
        try:
            self.connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}",
                uri=True,
                timeout=BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=1000,
            )
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "cache_size = -65536"):
                self.connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error as error:
            raise LungdbError(
                f"The database file '{path}' cannot be opened ({error}). Check that the folder exists, that it may be "
                "written, and that the file is a database of the embedded engine."
            ) from error
        self._kept = register(self.connection)
        self.connection.create_collation(TEXT_COLLATION, self._compare)
        self.connection.set_progress_handler(lambda: 0, _STEPS)
        for name, arity, body in (("store", 5, _store), ("single", 1, _single), ("recursion", 1, _recursion)):
            self.create_function(f"tsql_{name}", arity, body)
        for name, check in (("rows", _row_limit), ("tiles", _tiles), ("distance", _distance)):
            self.create_function(f"tsql_{name}", 1, check)

    def _compare(self, a: str, b: str) -> int:
        """Compare texts; an exception ends the statement, which SQLite would go on with after a collation raised."""
        try:
            return compare_text(a, b)
        except BaseException as exception:
            self._kept.keep(exception)
            self.connection.interrupt()
            return 0

    def create_function(self, name: str, arity: int, body: Callable[..., Value]) -> None:
        """Make a Python function callable from SQLite text; its errors come out of `execute`."""
        kept = self._kept

        def call(*arguments: Value) -> Value:
            try:
                return body(*arguments)
            except BaseException as exception:
                kept.keep(exception)
                raise

        self.connection.create_function(name, arity, call)

    def execute(self, sql: str, values: Mapping[str, Value] | Sequence[Value] = ()) -> sqlite3.Cursor:
        """Execute SQLite text.

        Raises
        ------
        SqlError
            What went wrong, as SQL Server would say it; `ConstraintError` for a constraint.
        """
        try:
            return self.connection.execute(sql, values)
        except (sqlite3.Error, OverflowError, SystemError) as error:
            raise self.translated(error) from None

    def rows(self, cursor: sqlite3.Cursor) -> Iterator[tuple[Value, ...]]:
        """Yield the rows of a cursor."""
        try:
            yield from cursor
        except (sqlite3.Error, SystemError) as error:
            raise self.translated(error) from None
        finally:
            cursor.close()

    def translated(self, error: Exception) -> BaseException:
        """Return the error that SQL Server would report; Ctrl-C stays what it is."""
        kept = self._kept.take() or interrupt_behind(error)
        text = str(error)
        if isinstance(kept, SqlError | KeyboardInterrupt):
            return kept
        if kept is not None:
            return numbered_error(
                8630, reason=f"{type(kept).__name__} inside a function", advice="Report this statement."
            )
        # Ctrl-C shows so where it meets a function before its first line, or SQLite between two steps.
        if text == "interrupted" or text.startswith(("user-defined function", "user-defined aggregate")):
            return KeyboardInterrupt()
        if isinstance(error, sqlite3.IntegrityError) and "constraint failed" in text:
            return ConstraintError(text)
        if "stack overflow" in text or "tree is too large" in text:
            return too_deep()
        if "locked" in text or "busy" in text:
            return numbered_error(1222, seconds=BUSY_SECONDS)
        if "full" in text:
            return numbered_error(1105)
        if "too big" in text:
            return numbered_error(
                8115,
                source="expression",
                target="varchar, nvarchar or varbinary",
                advice="A value is larger than 1,000,000,000 bytes, the embedded engine's limit: split it.",
            )
        if "readonly" in text or "read-only" in text:
            return numbered_error(3906)
        return numbered_error(8630, reason=text, advice="Write it another way.")

    def close(self) -> None:
        """Close the file; an open transaction is lost."""
        self.connection.close()


def too_deep() -> SqlError:
    """Return error 191."""
    return numbered_error(191)


class ConstraintError(SqlError):
    """A violated constraint, in SQLite's words, until `explained` knows the statement."""

    def __init__(self, text: str) -> None:
        super().__init__(547, text)

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


@lru_cache(maxsize=1024)
def _converter(source: str, target: str, table: str, column: str) -> Callable[[Value], Value]:
    return column_converter(parse_type(source), parse_type(target), table, column)


def _store(value: Value, source: str, target: str, table: str, column: str) -> Value:
    return _converter(source, target, table, column)(value)


def _single(count: int) -> None:
    raise numbered_error(512, count=count)


def _recursion(level: int) -> None:
    raise numbered_error(530, level=level)


def _row_limit(count: int | None) -> int:
    if count is None or count < 0:
        raise numbered_error(1014, value="NULL" if count is None else count)
    return count


def _tiles(count: int | None) -> int:
    if count is None or count < 1:
        raise numbered_error(4116)
    return count


def _distance(rows: int | None) -> int | None:
    if rows is not None and rows < 0:
        raise numbered_error(8730)
    return rows
