"""Running batches to their end, for the tests of the engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from lungdb.database import split_batches
from lungdb.embedded.running.connection import Connection
from lungdb.errors import SqlError


@dataclass
class Said:
    """Everything that a script had to say, each kind in order, and the kinds in order."""

    results: list[list[tuple[Any, ...]]] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    errors: list[SqlError] = field(default_factory=list)
    order: list[str] = field(default_factory=list)


def say(connection: Connection, script: str, *parameters: object) -> Said:
    """Run a script, going on after errors as far as its batches do."""
    said = Said()
    for batch, _ in split_batches(script):
        cursor = connection.cursor()
        step = lambda: cursor.execute(batch, parameters)  # noqa: B023, E731 called before the next round
        while True:
            try:
                more = step()
                if more is None:
                    break
                if cursor.messages:
                    said.messages += [message.text for message in cursor.messages]
                    said.order.append("message")
                elif cursor.description is not None:
                    said.order.append("result")
                    said.results.append(cursor.fetchall())
                elif cursor.rowcount >= 0:
                    said.counts.append(cursor.rowcount)
                    said.order.append("count")
            except SqlError as error:
                said.errors.append(error)
                said.order.append("error")
            step = cursor.nextset
    return said


def rows(connection: Connection, script: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Run a script without errors and return its last result set."""
    said = say(connection, script, *parameters)
    assert [str(each) for each in said.errors] == []
    return said.results[-1] if said.results else []


def value(connection: Connection, script: str, *parameters: object) -> Any:
    """Run a script without errors and return the one value that it gives."""
    ((only,),) = rows(connection, script, *parameters)
    return only


def error(connection: Connection, script: str, *parameters: object) -> SqlError:
    """Run a script that has one error, and return it."""
    said = say(connection, script, *parameters)
    if len(said.errors) != 1:
        pytest.fail(f"{script}: {len(said.errors)} errors {said.errors}")
    return said.errors[0]
