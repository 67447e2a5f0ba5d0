"""PRINT, RAISERROR and THROW."""

from __future__ import annotations

from collections.abc import Iterator

from lungdb.embedded.functions.compose import format_message
from lungdb.embedded.running.events import Event, RaisedError, ThrownError, thrown
from lungdb.embedded.running.frames import Frame
from lungdb.embedded.running.session import Session
from lungdb.embedded.syntax.statement_tree import Print, RaiseError, Throw
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.refusals import refused
from lungdb.embedded.values.types import INT, Family, nvarchar

_PRINT_LIMIT = 4000


def print_text(session: Session, frame: Frame, statement: Print) -> Iterator[Event]:
    """PRINT."""
    text = session.text(frame, statement, statement.value, "text")
    session.row_count = 0
    yield session.message(frame, statement.line, (text if text is not None else " ")[:_PRINT_LIMIT] or " ")


def raise_error(session: Session, frame: Frame, statement: RaiseError) -> Iterator[Event]:
    """RAISERROR: a message up to severity 10, an error above."""
    value, kind = session.scalar(frame, statement, statement.message, "message")
    severity, _ = session.scalar(frame, statement, statement.severity, "severity", INT)
    state, _ = session.scalar(frame, statement, statement.state, "state", INT)
    arguments = [session.scalar(frame, statement, each, number) for number, each in enumerate(statement.arguments)]
    for argument, given in arguments:
        if given.family not in (Family.INTEGER, Family.CHARACTER, Family.BINARY) and argument is not None:
            raise numbered_error(2748, type=given.name)
    if kind.family != Family.CHARACTER:
        raise refused("RAISERROR with a message number", "Give the message's text.")
    level = int(severity or 0)
    if level > 18:
        raise numbered_error(2754)
    text = format_message(str(value), [argument for argument, _ in arguments])
    place = min(max(int(state or 0), 0), 255)
    if level > 10:
        session.row_count = 0
        raise RaisedError(50000, text, severity=level, state=place)
    yield session.message(frame, statement.line, text, max(level, 0), place, 50000 if level else 0)


def throw(session: Session, frame: Frame, statement: Throw) -> Iterator[Event]:
    """THROW, with its three arguments or the error that is being handled."""
    if statement.arguments is None:
        if not session.caught:
            raise thrown(numbered_error(10704))
        raise thrown(session.caught[-1], placed=True)
    number, _ = session.scalar(frame, statement, statement.arguments[0], "number", INT)
    message, _ = session.scalar(frame, statement, statement.arguments[1], "message", nvarchar(2048))
    state, _ = session.scalar(frame, statement, statement.arguments[2], "state", INT)
    if int(number or 0) < 50000:
        raise thrown(numbered_error(35100, number=int(number or 0)))
    text = format_message(str(message or ""), [])
    raise ThrownError(int(number or 0), text, state=min(max(int(state or 0), 0), 255))
