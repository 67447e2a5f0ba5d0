"""The embedded engine: T-SQL over a SQLite file, with external Python scripts. DB-API 2.0."""

from pathlib import Path

from lungdb.embedded.batches import split_batches
from lungdb.embedded.connection import Connection, Cursor
from lungdb.embedded.events import Message
from lungdb.errors import SqlError

apilevel = "2.0"
threadsafety = 1
paramstyle = "qmark"
Error = SqlError

__all__ = ["Connection", "Cursor", "Error", "Message", "connect", "split_batches"]


def connect(path: str | Path, *, create: bool = True) -> Connection:
    """Open a database file, made if it is not there unless `create` is False; the database's name is the file's stem.

    Raises
    ------
    LungdbError
        The file cannot be opened.
    """
    return Connection(Path(path), create=create)
