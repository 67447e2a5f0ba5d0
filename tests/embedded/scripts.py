"""Runs an external script to its end, as a stored procedure does."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

import pytest

from lungdb.embedded.satellite.calls import Satellite, ScriptParameter, ScriptResult
from lungdb.embedded.values.stored import Value
from lungdb.embedded.values.types import SqlType
from lungdb.errors import SqlError


def call(
    satellite: Satellite,
    script: str,
    columns: list[tuple[str, SqlType]] | None = None,
    rows: Any = (),
    parameters: list[ScriptParameter] | None = None,
) -> tuple[list[str], list[tuple[str, SqlType]], list[tuple[Value, ...]], dict[str, Value]]:
    """Run a script and return its messages, columns, rows and OUTPUT values."""
    events = list_events(satellite.run(textwrap.dedent(script), columns or [], rows, parameters or []))
    messages = [event for event in events if isinstance(event, str)]
    result, taken = events[-1]
    return messages, list(result.columns), taken, result.outputs


def list_events(events: Iterator[str | ScriptResult]) -> list[Any]:
    """Return the events, the result together with its rows."""
    return [event if isinstance(event, str) else (event, list(event.rows)) for event in events]


def reason(satellite: Satellite, script: str, *arguments: Any, number: int = 39004) -> str:
    """Return the message of the error that a script ends in."""
    with pytest.raises(SqlError) as caught:
        call(satellite, script, *arguments)
    assert caught.value.number == number
    return caught.value.message


def printed(messages: list[str]) -> str:
    """Return what a script printed, without SQL Server's heading."""
    if not messages:
        return ""
    heading, _, text = messages[0].partition("\n")
    assert heading == "STDOUT message(s) from external script: "
    return text
