"""The SQLite file: opening it, executing SQLite text, and telling its errors as SQL Server would."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from lungdb.embedded.functions.registry import interrupt_behind, register
from lungdb.embedded.store.applocks import AppLocks
from lungdb.embedded.store.failures import FAILURES, damaged, is_busy, is_damage, translated
from lungdb.embedded.store.turns import Patience
from lungdb.embedded.values.collation import compare_text
from lungdb.embedded.values.conversions import column_converter
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.names import TEXT_COLLATION
from lungdb.embedded.values.stored import Value
from lungdb.embedded.values.types import parse_type
from lungdb.errors import LungdbError, SqlError

BUSY_MILLISECONDS = 30_000
"""How long a statement waits for another process, unless SET LOCK_TIMEOUT says otherwise."""

# What a checkpoint leaves of the file of a journal that had grown.
_JOURNAL_BYTES = 16 * 2**20
_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "cache_size = -65536",
    # SQLite's own bound of 2 MB writes larger #temp tables to a file and reads them again.
    "temp.cache_size = -65536",
    f"journal_size_limit = {_JOURNAL_BYTES}",
)
# How many steps of SQLite's machine pass before Ctrl-C is looked for.
_STEPS = 200_000


def _cursor_class(translated: Callable[[Exception], BaseException]) -> type[sqlite3.Cursor]:
    class TranslatedCursor(sqlite3.Cursor):
        """A cursor whose rows come with the errors of SQL Server; one that is iterated over needs `Storage.rows`."""

        def fetchone(self) -> Any:
            try:
                return super().fetchone()
            except FAILURES as error:
                raise translated(error) from error

        def fetchall(self) -> list[Any]:
            try:
                return super().fetchall()
            except FAILURES as error:
                raise translated(error) from error

    return TranslatedCursor


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
        self.busy_milliseconds = BUSY_MILLISECONDS
        self.applocks = AppLocks(path.absolute())
        self._journal = path.with_name(f"{path.name}-wal")
        self._cursor = _cursor_class(self.translated)
        try:
            self.connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}",
                uri=True,
                timeout=0,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=1000,
            )
            for pragma in _PRAGMAS:
                self._patiently(f"PRAGMA {pragma}")
        except FAILURES as error:
            if is_damage(error):
                raise damaged(path) from error
            raise LungdbError(
                f"The database file '{path}' cannot be opened ({error}). Check that the folder exists, that it may be "
                "written, and that the file is a database of the embedded engine."
            ) from error
        self._kept = register(self.connection)
        # lru_cache that keeps nothing counts the calls in C, those too that Ctrl-C ends before their first line.
        self._comparing = lru_cache(maxsize=0)(self._compare)
        self._compared = 0
        self.connection.create_collation(TEXT_COLLATION, self._comparing)
        self.connection.set_progress_handler(lambda: 0, _STEPS)
        for name, arity, body in (("store", 5, _store), ("single", 1, _single), ("recursion", 1, _recursion)):
            self.create_function(f"tsql_{name}", arity, body)
        for name, check in (("rows", _row_limit), ("tiles", _tiles), ("distance", _distance)):
            self.create_function(f"tsql_{name}", 1, check)

    def _compare(self, a: str, b: str) -> int:
        """Compare texts; an exception ends the statement, which SQLite would go on with after a collation raised."""
        try:
            order = compare_text(a, b)
        except BaseException as exception:
            self._kept.keep(exception)
            self.connection.interrupt()
            order = 0
        self._compared += 1
        return order

    def _interrupted(self) -> KeyboardInterrupt | None:
        """Return the Ctrl-C that ended a comparison before its first line.

        sqlite3 takes such texts for equal and forgets the exception, so the error is one of a key or none at all.
        """
        lost = self._comparing.cache_info().misses - self._compared
        self._compared += lost
        return KeyboardInterrupt() if lost else None

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
            return self._patiently(sql, values)
        except FAILURES as error:
            raise self.translated(error) from error

    def execute_many(self, sql: str, rows: Iterable[Mapping[str, Value]]) -> int:
        """Execute SQLite text that changes rows once for each row of values, and return how many it has changed.

        It is for those who hold the lock already: nothing is waited for.

        Raises
        ------
        SqlError
            As `execute`, and whatever is raised where the rows come from.
        """
        try:
            return self.connection.cursor(self._cursor).executemany(sql, rows).rowcount
        except FAILURES as error:
            raise self.translated(error) from error

    def _patiently(self, sql: str, values: Mapping[str, Value] | Sequence[Value] = ()) -> sqlite3.Cursor:
        """Execute SQLite text, again and again while another process has the lock."""
        patience: Patience | None = None
        while True:
            try:
                return self.connection.cursor(self._cursor).execute(sql, values)
            except sqlite3.OperationalError as error:
                patience = patience or Patience(self.busy_milliseconds)
                if not (is_busy(error) and patience.pause()):
                    raise

    def rows(self, cursor: sqlite3.Cursor) -> Iterator[tuple[Value, ...]]:
        """Yield the rows of a cursor."""
        try:
            # Not `yield from`, which would close the cursor itself when nobody wants more rows.
            for row in cursor:  # noqa: UP028
                yield row
        except FAILURES as error:
            raise self.translated(error) from error
        finally:
            with suppress(sqlite3.ProgrammingError):  # the database was closed before
                cursor.close()

    def translated(self, error: Exception) -> BaseException:
        """Return the error that SQL Server would report; Ctrl-C stays what it is."""
        lost = self._interrupted()
        kept = self._kept.take() or interrupt_behind(error) or lost
        if isinstance(kept, SqlError | KeyboardInterrupt):
            return kept
        if isinstance(kept, UnicodeError):
            return numbered_error(9833, what="A text such as JSON writes as \\ud800")
        if kept is not None:
            return numbered_error(8630, advice=f"Report this statement: {type(kept).__name__} inside a function.")
        return translated(error, self.busy_milliseconds)

    def close(self) -> None:
        """Close the file; an open transaction is lost."""
        if self.connection.in_transaction:
            self.connection.rollback()
        self.shorten_journal()
        self.applocks.close()
        self.connection.close()

    def shorten_journal(self) -> None:
        """Write what the journal holds into the database and cut it off, where it has grown and nobody reads it.

        SQLite itself begins it anew when a transaction comes, but leaves the file as long as it was.
        """
        try:
            if self._journal.stat().st_size > _JOURNAL_BYTES:
                self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except (OSError, *FAILURES):
            # Somebody is reading or writing, and will do it.
            return


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
