"""SQL Server through pyodbc: its messages and errors take the form that the embedded engine's have.

ODBC keeps of an error or message only its number and text; severity, state, procedure and line stay unknown and are
given as 16, 1, None and 1 for errors, and as 0 for messages. An error that tells of a lost connection has severity 20,
that of errors with which SQL Server itself ends a connection. What the server said before an error in the same step is
lost on Linux and macOS, where pyodbc reads an error's first record only, so our procedures name in the error itself
what matters; on Windows the other records come as messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from typing import Any

from lungdb.errors import LungdbError, Message, SqlError

# "[Microsoft][ODBC Driver 18 for SQL Server][SQL Server]", "[FreeTDS][SQL Server]", "[unixODBC][Driver Manager]": who
# speaks. What follows may begin with a bracket of its own.
_SPEAKERS = re.compile(r"^\[[^\]]*\](\[ODBC [^\]]*\])?(\[(SQL Server|Driver Manager|SQLServer Native Client)\])?")
# Between two records of one error pyodbc writes "; ", the state and a space; a driver's words begin with its name.
_NEXT_RECORD = re.compile(r"; \[[0-9A-Z]{5}\] (?=\[)")
_STATE_LENGTH = 5
_FATAL = 20
# That of class 08, a time-out of the connection, and what Microsoft's driver says of one that it found broken.
_LOST_STATES = re.compile(r"08...|HYT01|IMC06")
# They come as HY000: the session was killed; the server is shutting down.
_LOST_NUMBERS = (596, 6005)
# What Windows' sockets, and with them sqlcmd, call a connection that the other side ended; for losses without a number.
_CONNECTION_RESET = 10054
# pyodbc's words where a driver has none, as after KILL.
_NO_WORDS = "The driver did not supply an error!"
# pyodbc binds longer values as ntext and image, which T-SQL's functions refuse; (type, 0, 0) is nvarchar(max) and
# varbinary(max). An ntext is a matter of more than 4,000 bytes, so of more than 2,000 characters.
_LONG_TEXT, _LONG_BYTES = 2000, 8000
# As sqlcmd waits; without it a page waits for a server that is not there as long as the driver likes.
LOGIN_SECONDS = 8
_BULK_SECONDS = 600  # for one call of a bulk copy, which otherwise ends after 30
# A word of a connection string and its value, which may hold ; in braces.
_WORD = re.compile(r"([^=;]*)=\s*(?:\{(?:[^}]|\}\})*\}|[^;]*)")
_NUMBER = re.compile(r"\((\d+)\)\s*(?:\(SQL\w+\))?\s*$")


def connect(target: str) -> SqlServerConnection:
    """Open an ODBC connection with autocommit on.

    Raises
    ------
    LungdbError
        pyodbc or the ODBC driver is not installed.
    SqlError
        The server refuses.
    """
    try:
        import pyodbc
    except ImportError as error:
        raise LungdbError(
            f"SQL Server is reached through pyodbc, which cannot be loaded ({error}). "
            'Run: pip install "lungdb[sqlserver]", and on Linux install the unixODBC library.'
        ) from error
    try:
        return SqlServerConnection(pyodbc.connect(target, autocommit=True, timeout=LOGIN_SECONDS), target)
    except pyodbc.Error as error:
        raise sql_error(error) from error


def sql_error(error: Exception) -> SqlError:
    """Turn a pyodbc error into SqlError."""
    state, _ = _state_and_text(error)
    number, message = _records(error)[0]
    has_words = bool(message) and message != _NO_WORDS
    is_lost = _LOST_STATES.fullmatch(state) is not None or number in _LOST_NUMBERS or not has_words
    if not is_lost:
        return SqlError(number, message)
    if not has_words:
        message = "The connection to the server was lost, or the session was ended (KILL); the driver does not say why."
    message = f"{message.rstrip('.')}. What was not committed is rolled back. Connect again."
    return SqlError(number or _CONNECTION_RESET, message, severity=_FATAL)


def _state_and_text(error: Exception) -> tuple[str, str]:
    """Return SQLSTATE and text; pyodbc gives them the other way round where it found the error itself."""
    if len(error.args) < 2:
        return "", str(error)
    first, second = str(error.args[0]), str(error.args[1])
    return (second, first) if len(first) > _STATE_LENGTH and len(second) == _STATE_LENGTH else (first, second)


def _records(error: Exception) -> list[tuple[int, str]]:
    """Return number and text of each record of a pyodbc error; the first is the error itself."""
    state, text = _state_and_text(error)
    found = []
    for record in _NEXT_RECORD.split(text.removeprefix(f"[{state}] ")):
        number = _NUMBER.search(record)
        found.append((int(number[1]) if number else 0, _SPEAKERS.sub("", _NUMBER.sub("", record)).strip()))
    return found


class SqlServerConnection:
    """A pyodbc connection whose cursors raise SqlError and speak Message."""

    says_at_once = False  # ODBC hands messages on with the next result

    def __init__(self, connection: Any, target: str = "") -> None:
        self._connection = connection
        self._target = target

    def cursor(self) -> SqlServerCursor:
        """Return a new cursor."""
        return SqlServerCursor(_translated(self._connection.cursor))

    def renew(self) -> None:
        """Connect again in the place of a lost connection."""
        import pyodbc

        with suppress(pyodbc.Error):
            self._connection.close()
        self._connection = connect(self._target)._connection

    def bulk_copy(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> bool:
        """Copy rows by mssql-python, over a connection of its own that commits by itself; False where it is not there.

        Raises
        ------
        LungdbError
            It fails; some of the rows may have been stored.
        """
        try:
            import mssql_python  # type: ignore[import-not-found]  # no extra brings it: it was never tried here
        except ImportError:
            return False
        try:
            with closing(mssql_python.connect(_without_driver(self._target))) as connection:
                cursor = connection.cursor()
                cursor.bulkcopy(table, rows, timeout=_BULK_SECONDS, column_mappings=list(columns))
        except Exception as error:  # the package raises its own kinds, and those of its Rust core
            raise LungdbError(
                f"The bulk copy of mssql-python has failed ({type(error).__name__}: {error}). Run it again; without "
                "that package, rows are inserted over ODBC."
            ) from error
        return True

    def insert_many(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Run one INSERT for many rows, which the driver sends together."""
        with closing(self.cursor()) as cursor:
            cursor.send_together()
            cursor.executemany(sql, rows)

    def driver(self) -> str:
        """Return the ODBC driver's name and version, such as ``msodbcsql18.so 18.04.0001``."""
        import pyodbc

        read = self._connection.getinfo
        return f"{_translated(read, pyodbc.SQL_DRIVER_NAME)} {_translated(read, pyodbc.SQL_DRIVER_VER)}"

    def close(self) -> None:
        """Close the connection; an open transaction is rolled back by the server."""
        self._connection.close()


class SqlServerCursor:
    """A pyodbc cursor whose errors are SqlError and whose messages are Message."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self._came_with_error: list[Message] = []

    @property
    def description(self) -> Any:
        """Columns of the present result set, or None."""
        return self._cursor.description

    @property
    def rowcount(self) -> int:
        """Rows touched by the present step, or -1."""
        return int(self._cursor.rowcount)

    @property
    def messages(self) -> list[Message]:
        """Messages of the present step; after an error, what came with it."""
        if self._came_with_error:
            return self._came_with_error
        found = []
        for kind, text in self._cursor.messages or []:
            number = _NUMBER.search(kind)
            found.append(_message(int(number[1]) if number else 0, _SPEAKERS.sub("", text)))
        return found

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> SqlServerCursor:
        """Run one batch."""
        self._bind([parameters])
        self._call(self._cursor.execute, sql, *parameters)
        return self

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> SqlServerCursor:
        """Run one batch for each row of parameters."""
        rows = list(parameters)
        if rows:
            self._bind(rows)
            self._call(self._cursor.executemany, sql, rows)
        return self

    def send_together(self) -> None:
        """Let `executemany` send rows together, which takes memory for the longest value of each column in each row."""
        self._cursor.fast_executemany = True

    def fetchone(self) -> Any:
        """Return the next row or None."""
        return self._call(self._cursor.fetchone)

    def fetchmany(self, size: int = 1) -> list[Any]:
        """Return up to `size` rows."""
        return list(self._call(self._cursor.fetchmany, size))

    def fetchall(self) -> list[Any]:
        """Return the rest of the rows."""
        return list(self._call(self._cursor.fetchall))

    def nextset(self) -> bool:
        """Step to the next message or result; False when there is none."""
        return bool(self._call(self._cursor.nextset))

    def close(self) -> None:
        """Close the cursor; that of a lost connection, too, so that the error that told of it is the one raised."""
        with suppress(SqlError):
            _translated(self._cursor.close)

    def _bind(self, rows: Sequence[Sequence[Any]]) -> None:
        """Say which parameters are nvarchar(max) or varbinary(max)."""
        sizes = input_sizes(rows)
        self._cursor.setinputsizes(sizes if any(sizes) else None)

    def _call(self, call: Any, *arguments: Any) -> Any:
        import pyodbc

        self._came_with_error = []
        try:
            return call(*arguments)
        except pyodbc.Error as error:
            self._came_with_error = [_message(*record) for record in _records(error)[1:]]
            raise sql_error(error) from error
        except (ValueError, ArithmeticError) as error:  # UnicodeError is a ValueError
            raise SqlError(
                0, f"A value cannot be shown in Python ({error}). Convert it to NVARCHAR or VARBINARY in the query."
            ) from error


def input_sizes(rows: Sequence[Sequence[Any]]) -> list[tuple[int, int, int] | None]:
    """Return what setinputsizes needs for rows of parameters: a size for columns with a long value, else None."""
    import pyodbc

    sizes: list[tuple[int, int, int] | None] = []
    for column in zip(*rows, strict=True):
        if any(isinstance(value, str) and _utf16_length(value) > _LONG_TEXT for value in column):
            sizes.append((pyodbc.SQL_WVARCHAR, 0, 0))
        elif any(isinstance(value, (bytes, bytearray)) and len(value) > _LONG_BYTES for value in column):
            sizes.append((pyodbc.SQL_VARBINARY, 0, 0))
        else:
            sizes.append(None)
    return sizes


def _without_driver(target: str) -> str:
    """Return a connection string of ODBC as mssql-python takes it, which names driver and program itself."""
    words = (word for word in _WORD.finditer(target) if word[1].strip().lower() not in ("driver", "app"))
    return ";".join(word.group().strip() for word in words)


def _utf16_length(text: str) -> int:
    if len(text) > _LONG_TEXT or text.isascii():
        return len(text)
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _message(number: int, text: str) -> Message:
    return Message(number=number, severity=0, state=1, procedure=None, line=1, text=text)


def _translated(call: Any, *arguments: Any) -> Any:
    import pyodbc

    try:
        return call(*arguments)
    except pyodbc.Error as error:
        raise sql_error(error) from error
