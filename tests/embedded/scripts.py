"""Runs an external script to its end, as a stored procedure does, and looks after processes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
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


def run_python(script: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a Python process that holds a satellite of its own."""
    head = "import os, sys\nfrom lungdb.embedded.satellite.calls import *\nfrom lungdb.embedded.values.types import *\n"
    return subprocess.Popen(
        [sys.executable, "-c", head + textwrap.dedent(script), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


def wait_for_end(process: int) -> bool:
    """Return True once a process is gone, False after ten seconds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                time.sleep(0.05)
                continue
        return True
    return False


def execution(script: str) -> str:
    """Return the T-SQL that runs a script, whose parameter `note` is the ``?``."""
    quoted = script.replace("'", "''")
    return (
        "DECLARE @note NVARCHAR(400) = ?; EXECUTE sp_execute_external_script @language = N'Python', "
        f"@script = N'{quoted}', @params = N'@note NVARCHAR(400)', @note = @note;"
    )
