"""External scripts: each call of sp_execute_external_script is a conversation with a process of its own."""

from __future__ import annotations

import contextlib
import json
import signal
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from lungdb.embedded.satellite.pool import POOL
from lungdb.embedded.satellite.processes import PLAIN, Preload, Process
from lungdb.embedded.satellite.trusted import NOBODY, Trusted
from lungdb.embedded.satellite.wire import (
    BYTES,
    CALL,
    END,
    ERROR,
    MESSAGE,
    READY,
    RESULT,
    TEXTS,
    ScriptFailedError,
    Wire,
    WireClosedError,
    wire_kind,
)
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.stored import Value
from lungdb.embedded.values.types import Family, SqlType, parse_type
from lungdb.errors import SqlError

_BLOCK_ROWS = 4096
_BLOCK_BYTES = 4 << 20
_STDERR_TAIL = 2000


@dataclass(frozen=True)
class ScriptParameter:
    """A parameter of the call.

    Attributes
    ----------
    name : str
        Without the @.
    kind : SqlType
        Its declared type.
    value : Value
        The stored value that goes in.
    is_output : bool
        The script's value comes back.
    """

    name: str
    kind: SqlType
    value: Value
    is_output: bool


@dataclass(frozen=True)
class ScriptResult:
    """What a script returned.

    Attributes
    ----------
    columns : tuple of (name, type)
        Of the output data set; none if the script left it empty.
    rows : iterator of tuple
        Stored values, read from the process as they are asked for; take them all, or close the iterator of the call.
    outputs : dict
        Stored values of the OUTPUT parameters by name.
    """

    columns: tuple[tuple[str, SqlType], ...]
    rows: Iterator[tuple[Value, ...]]
    outputs: dict[str, Value]


class Satellite:
    """The external scripts of one connection; their processes are those of `pool.POOL`.

    Parameters
    ----------
    preload : Preload
        What the processes import before they are given a call.
    trusted : Trusted
        Which scripts run in processes that stay.
    """

    def __init__(self, preload: Preload = PLAIN, trusted: Trusted = NOBODY) -> None:
        self._preload = preload
        self._trusted = trusted
        self._calls: set[_Call] = set()

    def trusts(self, script: str) -> bool:
        """Tell whether a script is one of those that run in processes that stay."""
        return self._trusted.holds(script)

    def warm(self) -> None:
        """See to it that a process is ready, or on its way, for the next call, without waiting for it."""
        POOL.warm(self._preload)

    def close(self) -> None:
        """End the calls that have not ended."""
        while self._calls:
            self._calls.pop().end()

    def run(
        self,
        script: str,
        columns: Sequence[tuple[str, SqlType]],
        rows: Iterable[tuple[Value, ...]],
        parameters: Sequence[ScriptParameter] = (),
        *,
        as_bytes: Collection[int] = (),
        input_name: str = "InputDataSet",
        output_name: str = "OutputDataSet",
        language: str = "Python",
    ) -> Iterator[str | ScriptResult]:
        """Run a script and yield the text of each message, then its result.

        Closing the iterator before the rows are taken ends the script.

        Parameters
        ----------
        script : str
            Its text.
        columns, rows
            Of the input.
        parameters : sequence of ScriptParameter
            In order.
        as_bytes : collection of int
            Places of the columns of hexadecimal text whose rows hold the bytes themselves, and come so.
        input_name, output_name, language : str
            As they were given.

        Raises
        ------
        SqlError
            39004 when the script fails or returns what SQL Server would not take, with the reason; 39012 when its
            process ends by itself; 39017 for input that no script is given.
        """
        _check_input(columns, parameters)
        trusted = self._trusted if self.trusts(script) else None
        given = _InputRows(columns, _wire_kinds(columns, as_bytes), rows)
        call = _Call(*POOL.begin(self._preload, trusted), language, trusted)
        self._calls.add(call)
        try:
            with _reported(call):
                yield from _converse(call, script, given, parameters, (input_name, output_name))
        finally:
            self._calls.discard(call)
            call.end()


class _Call:
    """A call and the process that is lent to it until it has ended, or for so many seconds at most."""

    def __init__(self, process: Process, wire: Wire, language: str, trusted: Trusted | None) -> None:
        self.stays = process.stays and trusted is not None
        self.process = process
        self.wire = wire
        self.language = language
        self.finished = False
        self._has_ended = False
        self._took_too_long = False
        self._seconds = None if trusted is None else trusted.seconds
        self._lock = threading.RLock()
        self._timer = threading.Timer(self._seconds or 0, self._stop)
        self._timer.daemon = True

    def limit(self) -> None:
        """Count the seconds from now on, if there is a limit."""
        if self._seconds is not None:
            self._timer.start()

    def end(self) -> None:
        """Give the process back, once."""
        with self._lock:
            if self._has_ended:
                return
            self._has_ended = True
        self._timer.cancel()
        POOL.give_back(self.process, self.finished)

    def _stop(self) -> None:
        # After the call the process may be another's.
        with self._lock:
            if not self._has_ended:
                self._took_too_long = True
                self.process.stop()

    def death(self) -> SqlError:
        """Return the error for a process that has ended before it had said all."""
        last_words: list[str] = []
        # After the call the process may be another's.
        if not self._has_ended:
            code = self.process.wait()
            last_words.append(self.process.new_errors()[-_STDERR_TAIL:])
            if self._took_too_long:
                last_words.append(f"It took longer than {self._seconds:g} s, which is the limit for a script here.")
            if code is not None:
                last_words.append(f"The process of the script {_described_end(code)}.")
        words = "".join(f"\n{each}" for each in last_words if each)
        return numbered_error(39012, language=self.language, last_words=words)


def _described_end(code: int) -> str:
    if code >= 0:
        return f"ended with exit status {code}"
    return f"was ended by {next((each.name for each in signal.Signals if each == -code), f'signal {-code}')}"


def _converse(
    running: _Call,
    script: str,
    given: _InputRows,
    parameters: Sequence[ScriptParameter],
    names: tuple[str, str],
) -> Iterator[str | ScriptResult]:
    wire = running.wire
    call = {
        "script": script,
        "input_name": names[0],
        "output_name": names[1],
        "columns": [[name, str(kind)] for name, kind in given.columns],
        "kinds": given.kinds,
        "parameters": [[each.name, str(each.kind), each.is_output] for each in parameters],
    }
    wire.send(CALL, json.dumps(call).encode())
    for each in parameters:
        wire.send_value(each.value)
    _send_rows(wire, given)
    if running.stays:
        wire.expect(READY)  # a process that has just been started may first have had to import
    running.limit()
    printed = []
    while (frame := wire.receive())[0] == MESSAGE:
        printed.append(frame[1].decode(errors="replace"))
    tag, content = frame
    if tag == ERROR:
        raise ScriptFailedError(content.decode(errors="replace"))
    if tag != RESULT:
        raise WireClosedError
    yield from _messages("".join(printed).strip("\n"), running.process.new_errors())
    titles = tuple((name, parse_type(kind)) for name, kind in json.loads(content))
    outputs = {each.name: wire.receive_value() for each in parameters if each.is_output}
    kinds = "".join(wire_kind(kind) for _, kind in titles)
    taken = _rows(running, kinds)
    yield ScriptResult(titles, taken, outputs)
    for _ in taken:
        pass


def _rows(call: _Call, kinds: str) -> Iterator[tuple[Value, ...]]:
    # An error here is raised where the rows are read, which is outside of the call's own iterator.
    try:
        with _reported(call):
            for block in call.wire.receive_blocks(kinds):
                yield from zip(*block, strict=True)
            call.finished = True
    finally:
        call.end()


@contextlib.contextmanager
def _reported(call: _Call) -> Iterator[None]:
    """Turn what goes wrong on the wire into SQL Server's errors."""
    try:
        yield
    except ScriptFailedError as error:
        # A refusal is the last that the process of a call says.
        call.finished = True
        raise numbered_error(39004, state=20, language=call.language, reason=error) from None
    except WireClosedError:
        raise call.death() from None


def _messages(printed: str, errors: str) -> Iterator[str]:
    if printed:
        yield f"STDOUT message(s) from external script: \n{printed}"
    if errors:
        yield f"STDERR message(s) from external script: \n{errors}"


@dataclass(frozen=True)
class _InputRows:
    """Rows for a script: names and types of the columns, how each travels, and the rows."""

    columns: Sequence[tuple[str, SqlType]]
    kinds: str
    rows: Iterable[tuple[Value, ...]]


def _wire_kinds(columns: Sequence[tuple[str, SqlType]], as_bytes: Collection[int]) -> str:
    return "".join(BYTES if place in as_bytes else wire_kind(kind) for place, (_, kind) in enumerate(columns))


def _send_rows(wire: Wire, given: _InputRows) -> None:
    texts = [position for position, kind in enumerate(given.kinds) if kind == TEXTS]
    contents = [position for position, kind in enumerate(given.kinds) if kind == BYTES]
    if not texts and not contents:
        rows = iter(given.rows)
        while numbers := list(islice(rows, _BLOCK_ROWS)):
            wire.send_block(given.kinds, list(zip(*numbers, strict=True)))
        wire.send(END)
        wire.flush()
        return
    ascii_only = [position for position in texts if given.columns[position][1].name in ("char", "varchar")]
    block: list[tuple[Value, ...]] = []
    size = 0
    for row in given.rows:
        block.append(row)
        for position in texts:
            size += len(str(row[position] or ""))
        for position in contents:
            size += len(row[position] or b"")  # type: ignore[arg-type]
        for position in ascii_only:
            if not str(row[position] or "").isascii():
                name, kind = given.columns[position]
                what = f"more than ASCII in column {name!r} of type {kind}, which reaches a script damaged"
                raise numbered_error(39017, what=what, advice="CAST it to nvarchar.")
        if len(block) == _BLOCK_ROWS or size > _BLOCK_BYTES:
            wire.send_block(given.kinds, list(zip(*block, strict=True)))
            block, size = [], 0
    if block:
        wire.send_block(given.kinds, list(zip(*block, strict=True)))
    wire.send(END)
    wire.flush()


_TEXT_ADVICE = {
    Family.BINARY: "Send hex text: CONVERT(VARCHAR(MAX), x, 2).",
    Family.DECIMAL: "CAST it to float.",
    Family.UNIQUEIDENTIFIER: "CAST it to nvarchar(36).",
    Family.VARIANT: "CAST it to its own type.",
}


def _check_input(columns: Sequence[tuple[str, SqlType]], parameters: Sequence[ScriptParameter]) -> None:
    taken: set[str] = set()
    for position, (name, kind) in enumerate(columns, 1):
        advice = (
            "CAST it to datetime or nvarchar." if kind.name in ("datetime2", "time") else _TEXT_ADVICE.get(kind.family)
        )
        if advice is not None:
            what = f"column #{position} of type '{kind}' which is not supported by the runtime for 'Python' script"
            raise numbered_error(39017, what=what, advice=advice)
        if name in taken:
            raise numbered_error(39017, what=f"two columns named '{name}'", advice="Give each an alias of its own.")
        taken.add(name)
    for each in parameters:
        advice = (
            "Declare it as datetime." if each.kind.name in ("datetime2", "time") else _TEXT_ADVICE.get(each.kind.family)
        )
        if advice is not None and each.kind.family != Family.BINARY:
            fault = f"uses the data type {each.kind}, which is not supported by the runtime for 'Python' script"
            raise numbered_error(39018, name=f"@{each.name}", fault=fault, advice=advice)
