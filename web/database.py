"""The page's connections: many for reading, few for what runs external scripts."""

from __future__ import annotations

from typing import Any

from lungdb.database import DatabaseUnavailable, Pool, ResultSet, run
from lungdb.errors import SqlError

__all__ = ["Database", "DatabaseUnavailable"]

READERS = 8
LOCKED = (1205, 1222)
"""The error numbers of a deadlock and of a lock that was waited for too long."""


class Database:
    """Two pools, because a connection that ran an external script may keep a Python process warm.

    Parameters
    ----------
    target : str
        As `lungdb.database.connect` takes it.
    workers : int
        How many scripts may run at a time.
    """

    def __init__(self, target: str, workers: int) -> None:
        self._reading = Pool(target, READERS)
        self._computing = Pool(target, workers)

    def call(self, sql: str, parameters: tuple[Any, ...], user: str | None, *, computes: bool) -> list[ResultSet]:
        """Run a batch as a user.

        Raises
        ------
        DatabaseUnavailable
            The database cannot be reached, or somebody else keeps it locked.
        SqlError
            A procedure refuses.
        """
        pool = self._computing if computes else self._reading
        try:
            with pool.connection(user) as connection:
                return run(connection, sql, parameters)
        except SqlError as error:
            if error.number in LOCKED:
                raise DatabaseUnavailable("Something else kept what was asked for locked for too long.") from error
            raise

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._reading.close()
        self._computing.close()
