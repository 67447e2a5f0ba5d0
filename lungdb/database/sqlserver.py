"""SQL Server through pyodbc: its messages and errors take the form that the embedded engine's have.

ODBC keeps of an error or message only its number and text; severity, state, procedure and line stay unknown and are
given as 16, 1, None and 1 for errors, and as 0 for messages. An error that tells of a lost connection has severity 20,
that of errors with which SQL Server itself ends a connection.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from lungdb.errors import LungdbError, Message, SqlError

_PREFIX = re.compile(r"^(\[[^\]]*\])+")
_FATAL = 20
# That of class 08, a time-out of the connection, and what Microsoft's driver says of one that it found broken.
_LOST_STATES = re.compile(r"08...|HYT01|IMC06")
# They come as HY000: the session was killed; the server is shutting down.
_LOST_NUMBERS = (596, 6005)
# As sqlcmd waits; without it a page waits for a server that is not there as long as the driver likes.
LOGIN_SECONDS = 8
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
        return SqlServerConnection(pyodbc.connect(target, autocommit=True, timeout=LOGIN_SECONDS))
    except pyodbc.Error as error:
        raise sql_error(error) from error


def sql_error(error: Exception) -> SqlError:
    """Turn a pyodbc error, whose arguments are SQLSTATE and text, into SqlError."""
    state = str(error.args[0]) if error.args else ""
    text = str(error.args[1]) if len(error.args) > 1 else str(error)
    # pyodbc joins all diagnostics with "; [SQLSTATE] "; the first is the error itself.
    first = re.split(r"; \[\w{5}\] ", text.removeprefix(f"[{state}] "))[0]
    found = _NUMBER.search(first)
    number = int(found.group(1)) if found else 0
    is_lost = _LOST_STATES.fullmatch(state) is not None or number in _LOST_NUMBERS
    message = _PREFIX.sub("", _NUMBER.sub("", first)).strip()
    return SqlError(number, message, severity=_FATAL if is_lost else 16)


class SqlServerConnection:
    """A pyodbc connection whose cursors raise SqlError and speak Message."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def cursor(self) -> SqlServerCursor:
        """Return a new cursor."""
        return SqlServerCursor(_translated(self._connection.cursor))

    def close(self) -> None:
        """Close the connection; an open transaction is rolled back by the server."""
        self._connection.close()


class SqlServerCursor:
    """A pyodbc cursor whose errors are SqlError and whose messages are Message."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

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
        """Messages of the present step."""
        found = []
        for kind, text in self._cursor.messages or []:
            number = _NUMBER.search(kind)
            found.append(
                Message(
                    number=int(number.group(1)) if number else 0,
                    severity=0,
                    state=1,
                    procedure=None,
                    line=1,
                    text=_PREFIX.sub("", text),
                )
            )
        return found

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> SqlServerCursor:
        """Run one batch."""
        _translated(self._cursor.execute, sql, *parameters)
        return self

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> SqlServerCursor:
        """Run one batch for each row of parameters."""
        rows = list(parameters)
        if rows:
            _translated(self._cursor.executemany, sql, rows)
        return self

    def fetchone(self) -> Any:
        """Return the next row or None."""
        return _translated(self._cursor.fetchone)

    def fetchmany(self, size: int = 1) -> list[Any]:
        """Return up to `size` rows."""
        return list(_translated(self._cursor.fetchmany, size))

    def fetchall(self) -> list[Any]:
        """Return the rest of the rows."""
        return list(_translated(self._cursor.fetchall))

    def nextset(self) -> bool:
        """Step to the next message or result; False when there is none."""
        return bool(_translated(self._cursor.nextset))

    def close(self) -> None:
        """Close the cursor; that of a lost connection, too, so that the error that told of it is the one raised."""
        with suppress(SqlError):
            _translated(self._cursor.close)


def _translated(call: Any, *arguments: Any) -> Any:
    import pyodbc

    try:
        return call(*arguments)
    except pyodbc.Error as error:
        raise sql_error(error) from error
