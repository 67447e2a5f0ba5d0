"""A connection that is lost, or whose transaction is a deadlock's victim, at a statement that a test chooses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from lungdb.database import Connection, connect, run
from lungdb.errors import SqlError

KINDS = {"deadlock": 1205, "lost": 10054}
"""What happens -> the error's number: the victim's transaction is rolled back instead of the statement, and its session
goes on; or the statement is done, and the session ends without an answer: what it committed stays."""
_OF_OPENING = (
    "SET NOCOUNT ON; SET XACT_ABORT ON;",
    "SELECT OBJECT_ID(N'dbo.",
    "DECLARE @RunId INT; EXECUTE dbo.StartL",
)
_OF_THE_LOG = "EXECUTE dbo.EndLoad"


@dataclass
class Faults:
    """What is to happen, at which of the statements that come after opening and beside the log.

    Attributes
    ----------
    kind : str
        One of `KINDS`, or nothing.
    place : int
        The statement, from 0.
    for_ever : bool
        It happens at each statement from there on.
    seen : list of str
        The statements, of all connections.
    logged : int
        How many of them came before the log was begun.
    """

    kind: str = ""
    place: int = -1
    for_ever: bool = False
    seen: list[str] = field(default_factory=list)
    logged: int = 0

    def now(self, sql: str) -> str:
        """Tell what happens at a statement."""
        if sql.startswith(_OF_OPENING[-1]):
            self.logged = len(self.seen)
        if sql.startswith((*_OF_OPENING, _OF_THE_LOG)) or sql.startswith("IF @@TRANCOUNT"):
            return ""
        self.seen.append(sql)
        place = len(self.seen) - 1
        return self.kind if place == self.place or (self.for_ever and place > self.place >= 0) else ""


class FaultyConnection:
    """A connection to the embedded engine that fails as one to a server does, and can be opened again as that can."""

    def __init__(self, target: str, faults: Faults) -> None:
        self.target = target
        self.faults = faults
        self.real: Connection = connect(target)
        self.is_lost = False

    @property
    def says_at_once(self) -> bool:
        """As the engine."""
        return self.real.says_at_once

    def cursor(self) -> FaultyCursor:
        """Return a cursor that fails with it."""
        return FaultyCursor(self)

    def lose(self) -> SqlError:
        """End the session; what it had not committed is rolled back and what it had locked is free."""
        self.real.close()
        self.is_lost = True
        return SqlError(10054, "The connection was lost.", severity=20)

    def renew(self) -> None:
        """Connect again."""
        self.real = connect(self.target)
        self.is_lost = False

    def close(self) -> None:
        """Close it."""
        if not self.is_lost:
            self.real.close()


class FaultyCursor:
    """A cursor of the engine's that is made when it executes."""

    def __init__(self, connection: FaultyConnection) -> None:
        self.connection = connection
        self.real: Any = None

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> FaultyCursor:
        """Run one batch, or fail."""
        self._fail(sql, [parameters])
        self.real = self.connection.real.cursor()
        self.real.execute(sql, parameters)
        return self

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> FaultyCursor:
        """Run one batch for each row of parameters, or fail."""
        rows = list(parameters)
        self._fail(sql, rows)
        self.real = self.connection.real.cursor()
        self.real.executemany(sql, rows)
        return self

    def close(self) -> None:
        """Close it."""
        if self.real is not None and not self.connection.is_lost:
            self.real.close()

    def __getattr__(self, name: str) -> Any:
        """Give what the engine's has."""
        if self.real is None:  # as `messages` is asked for after an error
            return []
        return getattr(self.real, name)

    def _fail(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        connection = self.connection
        if connection.is_lost:
            raise SqlError(10054, "The connection is lost.", severity=20)
        kind = connection.faults.now(sql)
        if kind == "deadlock":
            run(connection.real, "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;")
            raise SqlError(1205, "Rerun the transaction.", severity=13)
        if kind == "lost" and len(rows) == 1:
            run(connection.real, sql, rows[0])
        elif kind == "lost":
            with closing(connection.real.cursor()) as cursor:
                cursor.executemany(sql, rows)
        if kind:
            raise connection.lose()
