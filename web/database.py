"""The page's connections: many for reading, few for what runs external scripts."""

from __future__ import annotations

from typing import Any

from lungdb.database import DatabaseUnavailable, Pool, ResultSet, run

__all__ = ["Database", "DatabaseUnavailable"]

READERS = 8


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
            The database cannot be reached.
        SqlError
            A procedure refuses.
        """
        pool = self._computing if computes else self._reading
        with pool.connection(user) as connection:
            return run(connection, sql, parameters)

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._reading.close()
        self._computing.close()
