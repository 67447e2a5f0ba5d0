"""The page's connections: many for reading, some for scorers alone, few for what runs external scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal

from lungdb.database import Connection, DatabaseBusy, DatabaseUnavailable, Pool, ResultSet, run
from lungdb.errors import Message

__all__ = ["Database", "DatabaseBusy", "DatabaseUnavailable"]

Lane = Literal["pages", "scorers", "scores", "comparisons", "audit", "health", "bulk", "background"]
READERS = 4  # of the embedded engine more would only share one processor, and take it from those who score
SCORERS = 4
SCORES = 2
COMPARISONS = 2
AUDITORS = 2
AUDIT_SECONDS = 2.0
"""How long a row of the audit waits for a lock: a reader waits for it before anything is shown."""


class Database:
    """A pool for each lane, because a connection that ran an external script may keep a Python process warm.

    What is asked around a score, such as that the audit is told of it, has a lane of its own, so that it does not wait
    behind those who read. What is to be recorded and what a probe asks have theirs, so that neither waits for anybody.

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
            "audit": Pool(target, AUDITORS, lock_seconds=AUDIT_SECONDS),
            "bulk": Pool(target, 1),
            "health": Pool(target, 1, wait=AUDIT_SECONDS, lock_seconds=AUDIT_SECONDS),
            "background": Pool(target, 1),
        }

    def call(
        self,
        sql: str,
        parameters: tuple[Any, ...],
        user: str | None,
        lane: Lane,
        on_message: Callable[[Message], None] | None = None,
    ) -> list[ResultSet]:
        """Run a batch as a user, and hand its messages on as they come.

        Raises
        ------
        DatabaseUnavailable
            The database cannot be reached.
        DatabaseBusy
            Somebody else keeps it locked, or all of the lane's connections.
        SqlError
            A procedure refuses.
        """
        with self._pools[lane].connection(user) as connection:
            return run(connection, sql, parameters, on_message)

    def busy(self) -> dict[Lane, int]:
        """Count the connections that are lent, by lane."""
        return {lane: pool.lent for lane, pool in self._pools.items()}

    def lend(self, user: str | None, lane: Lane) -> AbstractContextManager[Connection]:
        """Lend a connection to what reads by itself, such as the report about a model; raises as `call`."""
        return self._pools[lane].connection(user)

    @contextmanager
    def connection(self, user: str | None, lane: Lane) -> Iterator[Callable[[str, tuple[Any, ...]], list[ResultSet]]]:
        """Lend a connection for several batches, as what runs a batch with its parameters; raises as `call`."""
        with self._pools[lane].connection(user) as connection:
            yield lambda sql, parameters: run(connection, sql, parameters)

    def close(self) -> None:
        """Close the connections that are not in use."""
        for pool in self._pools.values():
            pool.close()
