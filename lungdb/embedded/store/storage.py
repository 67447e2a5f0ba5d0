"""The SQLite file: opening it, executing SQLite text, and telling its errors as SQL Server would."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from lungdb.embedded.functions.registry import register
from lungdb.embedded.syntax.statement_tree import ForeignKey, TableDefinition
from lungdb.embedded.values.conversions import column_converter
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
        self.connection.create_collation(TEXT_COLLATION, compare_text)
        self.connection.set_progress_handler(lambda: 0, _STEPS)
        self._failure = register(self.connection)
        for name, arity, body in (("store", 5, _store), ("single", 1, _single), ("recursion", 1, _recursion)):
            self.create_function(f"tsql_{name}", arity, body)
        self.create_function("tsql_rows", 1, _row_limit)

    def create_function(self, name: str, arity: int, body: Callable[..., Value]) -> None:
        """Make a Python function callable from SQLite text; its errors come out of `execute`."""
        failure = self._failure

        def call(*arguments: Value) -> Value:
            try:
                return body(*arguments)
            except BaseException as exception:
                failure.keep(exception)
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
        except (sqlite3.Error, OverflowError) as error:
            raise self.translated(error) from None

    def rows(self, cursor: sqlite3.Cursor) -> Iterator[tuple[Value, ...]]:
        """Yield the rows of a cursor."""
        try:
            yield from cursor
        except sqlite3.Error as error:
            raise self.translated(error) from None
        finally:
            cursor.close()

    def translated(self, error: Exception) -> BaseException:
        """Return the error that SQL Server would report; Ctrl-C stays what it is."""
        kept = self._failure.take()
        text = str(error)
        if isinstance(kept, SqlError | KeyboardInterrupt):
            return kept
        if kept is not None:
            return SqlError(
                8630, f"The embedded engine failed inside a function ({type(kept).__name__}). Report this statement."
            )
        # Ctrl-C shows so where it meets a function before its first line, or SQLite between two steps.
        if text in ("interrupted", "user-defined function raised exception"):
            return KeyboardInterrupt()
        if isinstance(error, sqlite3.IntegrityError) and "constraint failed" in text:
            return ConstraintError(text)
        if "stack overflow" in text or "tree is too large" in text:
            return too_deep()
        if "locked" in text or "busy" in text:
            return SqlError(
                1222, f"Lock request time out period exceeded: another process has been writing for {BUSY_SECONDS} "
                "seconds. Try again when it is done."
            )  # fmt: skip
        if "full" in text:
            return SqlError(
                1105, "Could not allocate space in the database: the disk is full. Free some space.", severity=17
            )
        if "too big" in text:
            return SqlError(8115, "A value is larger than 1,000,000,000 bytes, the embedded engine's limit. Split it.")
        if "readonly" in text or "read-only" in text:
            return SqlError(3906, "The database file cannot be written. Change its permissions or open a copy.")
        return SqlError(
            8630, f"The embedded engine could not run what the statement became ({text}). Write it another way."
        )

    def close(self) -> None:
        """Close the file; an open transaction is lost."""
        self.connection.close()


def too_deep() -> SqlError:
    """Return error 191."""
    return SqlError(
        191, "Some part of your SQL statement is nested too deeply. Break it into smaller ones.", severity=15
    )


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
            return SqlError(
                515, f"Cannot insert the value NULL into column '{column}', table '{table.name}'; column does not "
                f"allow nulls. {verb} fails."
            )  # fmt: skip
        if kind == "UNIQUE":
            return _duplicate(table, physical, what)
        if kind == "CHECK":
            return SqlError(
                547, f"The {verb} statement conflicted with the CHECK constraint \"{what}\" of table "
                f"\"dbo.{table.name}\". Give values that it allows."
            )  # fmt: skip
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
            return SqlError(
                2627, f"Violation of {word} constraint '{constraint.name}'. Cannot insert duplicate key in object "
                f"'dbo.{table.name}'.", severity=14
            )  # fmt: skip
    for each in table.indexes:
        if matches(each.name, [column for column, _ in each.columns]):
            return SqlError(
                2601, f"Cannot insert duplicate key row in object 'dbo.{table.name}' with unique index '{each.name}'.",
                severity=14,
            )  # fmt: skip
    return SqlError(2627, f"Cannot insert duplicate key in object 'dbo.{table.name}'.", severity=14)


def _conflict(verb: str, table: TableDefinition, referencing: list[tuple[TableDefinition, ForeignKey]]) -> SqlError:
    own = [f'"{each.name}" to table "dbo.{each.table}"' for each in table.foreign_keys] if verb != "DELETE" else []
    others = [f'"{each.name}" of table "dbo.{other.name}"' for other, each in referencing] if verb != "INSERT" else []
    # SQLite does not say which one it was.
    word = "FOREIGN KEY" if own and not others else "REFERENCE"
    return SqlError(
        547, f"The {verb} statement conflicted with the {word} constraint {' or '.join([*own, *others])}. "
        "Change the rows on the other side first."
    )  # fmt: skip


@lru_cache(maxsize=1024)
def _converter(source: str, target: str, table: str, column: str) -> Callable[[Value], Value]:
    return column_converter(parse_type(source), parse_type(target), table, column)


def _store(value: Value, source: str, target: str, table: str, column: str) -> Value:
    return _converter(source, target, table, column)(value)


def _single(count: int) -> None:
    raise SqlError(
        512, f"Subquery returned more than 1 value ({count}). This is not permitted when the subquery follows =, !=, "
        "<, <= , >, >= or when the subquery is used as an expression. Use TOP (1) with ORDER BY, or an aggregate."
    )  # fmt: skip


def _recursion(level: int) -> None:
    raise SqlError(
        530, f"The statement terminated. The maximum recursion {level} has been exhausted before statement completion. "
        "Use OPTION (MAXRECURSION n)."
    )  # fmt: skip


def _row_limit(count: int | None) -> int:
    if count is None or count < 0:
        raise SqlError(
            1014, f"A TOP, OFFSET or FETCH clause contains an invalid value ({'NULL' if count is None else count}). "
            "Use 0 or more."
        )  # fmt: skip
    return count
