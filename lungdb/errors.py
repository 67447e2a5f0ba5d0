"""The errors that lungdb raises on purpose.

Each message is one sentence of what is wrong, with the value, and one of what to do.
"""

from __future__ import annotations

from dataclasses import dataclass


class LungdbError(Exception):
    """Something a user can put right: bad input, a missing package, a refused value."""


class ProcedureError(LungdbError):
    """A refusal that a stored procedure passes on as THROW.

    Attributes
    ----------
    number : int
        The error number, 50100 and up, as listed in sql/README.md.
    """

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number
        self.message = message


class SqlError(LungdbError):
    """An error that a T-SQL engine reports.

    Attributes
    ----------
    number, severity, state : int
        As SQL Server numbers them; severity 11 to 20 for errors.
    procedure : str or None
        The stored procedure that was running.
    line : int
        Line in the batch or procedure, from 1.
    message : str
        The text alone, without numbers.
    """

    def __init__(
        self,
        number: int,
        message: str,
        *,
        severity: int = 16,
        state: int = 1,
        procedure: str | None = None,
        line: int = 1,
    ) -> None:
        super().__init__(message)
        self.number = number
        self.message = message
        self.severity = severity
        self.state = state
        self.procedure = procedure
        self.line = line

    def __str__(self) -> str:
        """Say it as SQL Server's clients do."""
        where = f", Procedure {self.procedure}" if self.procedure else ""
        return f"Msg {self.number}, Level {self.severity}, State {self.state}{where}, Line {self.line}\n{self.message}"


@dataclass(frozen=True)
class Message:
    """What a T-SQL engine says that is no error, by PRINT or RAISERROR; severity 10 and below."""

    number: int
    severity: int
    state: int
    procedure: str | None
    line: int
    text: str
