"""The page's connections: many for reading, some for scorers alone, few for what runs external scripts."""

from __future__ import annotations

from typing import Any, Literal

from lungdb.database import DatabaseUnavailable, Pool, ResultSet, run
from lungdb.errors import SqlError

__all__ = ["Database", "DatabaseUnavailable"]

Lane = Literal["pages", "scorers", "scores", "comparisons"]
READERS = 4  # of the embedded engine more would only share one processor, and take it from those who score
SCORERS = 4
SCORES = 2
COMPARISONS = 2
LOCKED = (1205, 1222)
"""The error numbers of a deadlock and of a lock that was waited for too long."""


class Database:
    """A pool for each lane, because a connection that ran an external script may keep a Python process warm.

    What is asked around a score, such as that the audit is told of it, has a lane of its own, so that it does not wait
    behind those who read.

    Parameters
    ----------
    target : str
        As `lungdb.database.connect` takes it.
    """

    def __init__(self, target: str) -> None:
        self._pools: dict[Lane, Pool] = {
            "pages": Pool(target, READERS),
            "scorers": Pool(target, SCORERS),
            "scores": Pool(target, SCORES),
            "comparisons": Pool(target, COMPARISONS),
        }

    def call(self, sql: str, parameters: tuple[Any, ...], user: str | None, lane: Lane) -> list[ResultSet]:
        """Run a batch as a user.

        Raises
        ------
        DatabaseUnavailable
            The database cannot be reached, or somebody else keeps it locked.
        SqlError
            A procedure refuses.
        """
        try:
            with self._pools[lane].connection(user) as connection:
                return run(connection, sql, parameters)
        except SqlError as error:
            if error.number in LOCKED:
                raise DatabaseUnavailable("Something else kept what was asked for locked for too long.") from error
            raise

    def close(self) -> None:
        """Close the connections that are not in use."""
        for pool in self._pools.values():
            pool.close()
