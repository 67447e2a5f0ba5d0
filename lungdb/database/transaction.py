"""A block of Python as one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from lungdb.database.connection import Connection
from lungdb.database.run import run
from lungdb.errors import SqlError


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Commit what the block does, or roll all of it back when it raises or is interrupted."""
    run(connection, "BEGIN TRANSACTION;")
    try:
        yield
        run(connection, "COMMIT TRANSACTION;")
    except BaseException:
        with suppress(SqlError):  # the error that led here is the one to report
            run(connection, "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;")
        raise
