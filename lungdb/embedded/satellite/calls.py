"""External scripts: each call of sp_execute_external_script runs in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lungdb.embedded.satellite.wire import (
    CALL,
    END,
    ERROR,
    MESSAGE,
    RESULT,
    TEXTS,
    ScriptFailedError,
    Wire,
    WireClosedError,
    wire_kind,
)
from lungdb.embedded.values.stored import Value
from lungdb.embedded.values.types import Family, SqlType, parse_type
from lungdb.errors import SqlError

_PACKAGE_ROOT = Path(__file__).resolve().parents[3]
_BLOCK_ROWS = 4096
_BLOCK_BYTES = 4 << 20
_STDERR_TAIL = 2000
# Forking a process that has loaded numerical libraries is safe on Linux only.
_FORKS = sys.platform == "linux"
# The path goes to the end, so that nothing beside the package hides a module of Python's own.
_START = "import sys; sys.path.append(sys.argv.pop()); from lungdb.embedded.satellite.worker import main; main()"


@dataclass(frozen=True)
class Parameter:
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


class _Worker:
    """A running satellite process and its wire."""

    def __init__(self) -> None:
        self._directory = tempfile.mkdtemp(prefix="lungdb-satellite-")
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  kill() closes it
        self._forks = _FORKS
        command = [sys.executable, "-c", _START, "fork" if self._forks else "once", str(_PACKAGE_ROOT)]
        self._process = subprocess.Popen(  # noqa: S603  our own interpreter and module
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=self._directory,
            env={**os.environ, "PYTHONUTF8": "1"},
            # Ctrl-C is for the engine, which then ends the script.
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.wire = Wire(self._process.stdout, self._process.stdin)
        self._read_errors = 0
        self._begun = False
        self.finished = False

    def begin(self) -> None:
        """Ask for a process for one call; `finished` tells when it has said all."""
        self.finished = False
        self._begun = True
        if self._forks:
            assert self._process.stdin is not None
            with contextlib.suppress(OSError):
                self._process.stdin.write(b"+")
        self.new_errors()

    @property
    def is_ready(self) -> bool:
        """True while it can take a call; where it does not fork, it takes one."""
        return self._process.poll() is None and (self._forks or not self._begun)

    def new_errors(self) -> str:
        """Return what was written to standard error since the last time."""
        self._errors.seek(self._read_errors)
        content = self._errors.read()
        self._read_errors += len(content)
        return content.decode(errors="replace").strip()

    def wait(self) -> None:
        """Wait for the end of a process that is on its way out."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)

    def kill(self) -> None:
        """End the process and what it started, now."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                if sys.platform == "win32":
                    self._process.kill()
                else:
                    os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()
        self._errors.close()
        shutil.rmtree(self._directory, ignore_errors=True)


class Satellite:
    """The external scripts of one connection, with a warm process ready for the next call."""

    def __init__(self) -> None:
        self._spare: _Worker | None = None
        self._busy: set[_Worker] = set()

    def warm(self) -> None:
        """Start the process that the next call takes, without waiting for it."""
        if self._spare is None or not self._spare.is_ready:
            self._drop_spare()
            self._spare = _Worker()

    def close(self) -> None:
        """End every process."""
        self._drop_spare()
        for worker in tuple(self._busy):
            self._busy.discard(worker)
            worker.kill()

    def _drop_spare(self) -> None:
        if self._spare is not None:
            self._spare.kill()
            self._spare = None

    def run(
        self,
        script: str,
        columns: Sequence[tuple[str, SqlType]],
        rows: Iterable[tuple[Value, ...]],
        parameters: Sequence[Parameter] = (),
        *,
        input_name: str = "InputDataSet",
        output_name: str = "OutputDataSet",
        language: str = "Python",
    ) -> Iterator[str | ScriptResult]:
        """Run a script and yield the text of each message, then its result.

        Closing the iterator before the rows are taken ends the script.

        Raises
        ------
        SqlError
            39004 when the script fails or returns what SQL Server would not take, with the reason; 39012 when its
            process ends by itself; 39017 for input that no script is given.
        """
        _check_input(columns, parameters)
        self.warm()
        worker = self._spare
        assert worker is not None
        self._spare = None
        self._busy.add(worker)
        try:
            worker.begin()
            with _reported(language, worker):
                yield from _converse(worker, script, columns, rows, parameters, (input_name, output_name), language)
        finally:
            self._busy.discard(worker)
            if worker.finished and self._spare is None and worker.is_ready:
                self._spare = worker
            else:
                worker.kill()
                if worker.finished:
                    self.warm()


def _converse(
    worker: _Worker,
    script: str,
    columns: Sequence[tuple[str, SqlType]],
    rows: Iterable[tuple[Value, ...]],
    parameters: Sequence[Parameter],
    names: tuple[str, str],
    language: str,
) -> Iterator[str | ScriptResult]:
    wire = worker.wire
    call = {
        "script": script,
        "input_name": names[0],
        "output_name": names[1],
        "columns": [[name, str(kind)] for name, kind in columns],
        "parameters": [[each.name, str(each.kind), each.is_output] for each in parameters],
    }
    wire.send(CALL, json.dumps(call).encode())
    for each in parameters:
        wire.send_value(each.value)
    _send_rows(wire, columns, rows)
    printed = []
    while (frame := wire.receive())[0] == MESSAGE:
        printed.append(frame[1].decode(errors="replace"))
    tag, content = frame
    if tag == ERROR:
        raise ScriptFailedError(content.decode(errors="replace"))
    if tag != RESULT:
        raise WireClosedError
    yield from _messages("".join(printed).strip("\n"), worker.new_errors())
    titles = tuple((name, parse_type(kind)) for name, kind in json.loads(content))
    outputs = {each.name: wire.receive_value() for each in parameters if each.is_output}
    kinds = "".join(wire_kind(kind) for _, kind in titles)
    taken = _rows(worker, kinds, language)
    yield ScriptResult(titles, taken, outputs)
    for _ in taken:
        pass


def _rows(worker: _Worker, kinds: str, language: str) -> Iterator[tuple[Value, ...]]:
    # An error here is raised where the rows are read, which is outside of the call's own iterator.
    with _reported(language, worker):
        for block in worker.wire.receive_blocks(kinds):
            yield from zip(*block, strict=True)
        worker.finished = True


@contextlib.contextmanager
def _reported(language: str, worker: _Worker) -> Iterator[None]:
    """Turn what goes wrong on the wire into SQL Server's errors."""
    try:
        yield
    except ScriptFailedError as error:
        # A refusal is the last that the process of a call says.
        worker.finished = True
        raise _script_error(language, str(error)) from None
    except WireClosedError:
        worker.wait()
        raise _death(language, worker) from None


def _messages(printed: str, errors: str) -> Iterator[str]:
    if printed:
        yield f"STDOUT message(s) from external script: \n{printed}"
    if errors:
        yield f"STDERR message(s) from external script: \n{errors}"


def _send_rows(wire: Wire, columns: Sequence[tuple[str, SqlType]], rows: Iterable[tuple[Value, ...]]) -> None:
    kinds = "".join(wire_kind(kind) for _, kind in columns)
    texts = [position for position, kind in enumerate(kinds) if kind == TEXTS]
    ascii_only = [position for position in texts if columns[position][1].name in ("char", "varchar")]
    block: list[tuple[Value, ...]] = []
    size = 0
    for row in rows:
        block.append(row)
        for position in texts:
            size += len(str(row[position] or ""))
        for position in ascii_only:
            if not str(row[position] or "").isascii():
                raise SqlError(
                    39017,
                    f"Input column {columns[position][0]!r} of type {columns[position][1]} holds more than ASCII, "
                    "which reaches a script damaged. CAST it to nvarchar.",
                )
        if len(block) == _BLOCK_ROWS or size > _BLOCK_BYTES:
            wire.send_block(kinds, list(zip(*block, strict=True)))
            block, size = [], 0
    if block:
        wire.send_block(kinds, list(zip(*block, strict=True)))
    wire.send(END)
    wire.flush()


_TEXT_ADVICE = {
    Family.BINARY: "Send hex text: CONVERT(VARCHAR(MAX), x, 2).",
    Family.DECIMAL: "CAST it to float.",
    Family.UNIQUEIDENTIFIER: "CAST it to nvarchar(36).",
    Family.VARIANT: "CAST it to its own type.",
}


def _check_input(columns: Sequence[tuple[str, SqlType]], parameters: Sequence[Parameter]) -> None:
    taken: set[str] = set()
    for position, (name, kind) in enumerate(columns, 1):
        advice = (
            "CAST it to datetime or nvarchar." if kind.name in ("datetime2", "time") else _TEXT_ADVICE.get(kind.family)
        )
        if advice is not None:
            raise SqlError(
                39017,
                f"Input data query returned column #{position} of type '{kind}' which is not supported by the runtime "
                f"for 'Python' script. {advice}",
            )
        if name in taken:
            raise SqlError(
                39017, f"Input data query returned two columns named '{name}'. Give each an alias of its own."
            )
        taken.add(name)
    for each in parameters:
        advice = (
            "Declare it as datetime." if each.kind.name in ("datetime2", "time") else _TEXT_ADVICE.get(each.kind.family)
        )
        if advice is not None and each.kind.family != Family.BINARY:
            raise SqlError(
                39018,
                f"Parameter '@{each.name}' uses the data type {each.kind}, which is not supported by the runtime for "
                f"'Python' script. {advice}",
            )


def _script_error(language: str, reason: str) -> SqlError:
    return SqlError(
        39004,
        f"A '{language}' script error occurred during execution of 'sp_execute_external_script' with HRESULT "
        f"0x80004004.\nAn external script error occurred: \n{reason}",
        state=20,
    )


def _death(language: str, worker: _Worker) -> SqlError:
    last_words = worker.new_errors()[-_STDERR_TAIL:]
    return SqlError(
        39012,
        f"Unable to communicate with the runtime for '{language}' script: its process is gone. Look for a crash, a "
        f"lack of memory or os._exit in the script.\n{last_words}".rstrip(),
    )
