"""The process that runs external scripts: a fork a call from a warm parent, or one call and out where forks are unsafe.

Started by `lungdb.embedded.satellite.calls` with the wire on standard input and output.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import linecache
import os
import pkgutil
import random
import select
import shutil
import signal
import sys
import tempfile
import threading
import traceback
import warnings
from typing import Any, BinaryIO

from lungdb.embedded.satellite.wire import (
    CALL,
    END,
    ERROR,
    MESSAGE,
    RESULT,
    ScriptFailedError,
    Wire,
    WireClosedError,
    wire_kind,
)
from lungdb.embedded.values.types import parse_type

# What scripts of this package need; importing it takes seconds, which a call need not wait for.
_PRELOAD = ("numpy", "pandas", "lungdb.procedures", "onnxruntime", "lightgbm")
_MESSAGE_BYTES = 1 << 20


class _Namespace(dict[str, Any]):
    """The globals of a script, in which an OUTPUT parameter reads as None before it is assigned."""

    def __init__(self, unassigned: set[str]) -> None:
        super().__init__(__name__="__main__", __builtins__=__builtins__)
        self._unassigned = unassigned

    def __missing__(self, name: str) -> Any:
        if name in self._unassigned:
            return None
        raise KeyError(name)


def _preload() -> None:
    for name in _PRELOAD:
        # A package that is missing or broken is the business of the script that imports it.
        with contextlib.suppress(Exception):
            module = importlib.import_module(name)
            if name.startswith("lungdb."):
                for each in pkgutil.iter_modules(module.__path__):
                    importlib.import_module(f"{name}.{each.name}")
    gc.collect()
    gc.freeze()


def _watch(descriptor: int) -> None:
    """End this process when the engine's end of the wire closes, whatever the script is doing."""
    if not hasattr(select, "poll"):
        return
    poll = select.poll()
    poll.register(descriptor, 0)

    def wait() -> None:
        poll.poll()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    """Serve calls until the engine closes the wire; only one where ``sys.argv`` says ``once``."""
    once = sys.argv.pop() == "once"
    incoming, outgoing = os.dup(0), os.dup(1)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    # Nothing that a script or a library prints may reach the wire.
    os.dup2(2, 1)
    _preload()
    if once:
        _watch(incoming)
        _serve(Wire(os.fdopen(incoming, "rb"), os.fdopen(outgoing, "wb")))
        return
    # Read without a buffer: what belongs to the call is for the fork to read.
    while os.read(incoming, 1):
        _serve_in_fork(incoming, outgoing)
    # An engine that was killed leaves its worker's directory behind.
    shutil.rmtree(os.getcwd(), ignore_errors=True)


def _serve_in_fork(incoming: int, outgoing: int) -> None:
    directory = tempfile.mkdtemp(dir=os.getcwd())
    done_reader, done_writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        child = os.fork()
    if child == 0:
        status = 1
        try:
            os.chdir(directory)
            _watch(incoming)
            _reseed()
            _serve(Wire(os.fdopen(incoming, "rb"), os.fdopen(outgoing, "wb")))
            os.write(done_writer, b"1")
            status = 0
        except WireClosedError:
            pass
        finally:
            os._exit(status)
    os.close(done_writer)
    _, status = os.waitpid(child, 0)
    os.set_blocking(done_reader, False)
    with os.fdopen(done_reader, "rb") as reader:
        completed = bool(reader.read())
    shutil.rmtree(directory, ignore_errors=True)
    if not completed:
        code = os.waitstatus_to_exitcode(status)
        reason = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit status {code}"
        sys.stderr.write(f"\nThe process of the script {reason}.\n")
        sys.stderr.flush()
        # With what the script may have started: as long as one of them holds the wire, the engine would wait.
        os.killpg(0, signal.SIGKILL)


def _reseed() -> None:
    """Give each call random numbers of its own, as a process started for it has."""
    random.seed()
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()


def _serve(wire: Wire) -> None:
    call = json.loads(wire.expect(CALL))
    try:
        _run(wire, call)
    except ScriptFailedError as error:
        wire.send(ERROR, str(error).encode(errors="replace"))
    wire.flush()


def _run(wire: Wire, call: dict[str, Any]) -> None:
    # Here and not above, so that a process without pandas can still say so.
    from lungdb.embedded.satellite import data

    parameters = [(name, parse_type(kind), output) for name, kind, output in call["parameters"]]
    values = [data.python_value(kind, wire.receive_value()) for _, kind, _ in parameters]
    names = [name for name, _ in call["columns"]]
    kinds = [parse_type(kind) for _, kind in call["columns"]]
    columns: list[list[Any]] = [[] for _ in names]
    for block in wire.receive_blocks("".join(wire_kind(kind) for kind in kinds)):
        for column, part in zip(columns, block, strict=True):
            column += part
    outputs = {name for name, _, output in parameters if output}
    supplied = {name: value for (name, _, _), value in zip(parameters, values, strict=True)}
    namespace = _Namespace({name for name in outputs if supplied[name] is None})
    namespace.update({name: value for name, value in supplied.items() if name not in outputs or value is not None})
    namespace[call["input_name"]] = data.input_frame(names, kinds, columns)
    namespace[call["output_name"]] = data.input_frame([], [], [])
    del columns
    with tempfile.TemporaryFile() as printed:
        _execute(call["script"], namespace, printed)
        try:
            frame = namespace[call["output_name"]]
            titles, wire_kinds = data.check_frame(frame, call["output_name"])
            results = [(name, data.output_value(name, kind, namespace)) for name, kind, output in parameters if output]
        except data.RefusedError as error:
            raise ScriptFailedError(str(error)) from None
        _send_printed(wire, printed)
    wire.send(RESULT, json.dumps([[title, str(kind)] for title, kind in titles]).encode())
    for _, value in results:
        wire.send_value(value)
    wire.flush()
    if wire_kinds:
        for rows in data.blocks(frame, wire_kinds):
            try:
                wire.send_block(wire_kinds, rows)
            except UnicodeEncodeError:
                raise ScriptFailedError(
                    f"A text in {call['output_name']} holds half a character (a lone surrogate). Return valid Unicode."
                ) from None
    wire.send(END)


def _execute(script: str, namespace: _Namespace, printed: BinaryIO) -> None:
    """Run the script with file descriptor 1 going to `printed`."""
    os.dup2(printed.fileno(), 1)
    sys.stdout = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
    linecache.cache["<string>"] = (len(script), None, script.splitlines(keepends=True), "<string>")
    try:
        exec(compile(script, "<string>", "exec"), namespace)  # noqa: S102  running the script is the purpose
    except BaseException as error:
        raise ScriptFailedError(_traceback(error)) from None
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        _flush_native_output()
        os.dup2(2, 1)


def _traceback(error: BaseException) -> str:
    # The first entry is this module's call of exec.
    frames = error.__traceback__.tb_next if error.__traceback__ else None
    return "".join(traceback.format_exception(type(error), error, frames)).rstrip()


def _flush_native_output() -> None:
    """Write out what C code has printed and still holds."""
    with contextlib.suppress(Exception):
        ctypes.CDLL(None).fflush(None)


def _send_printed(wire: Wire, printed: BinaryIO) -> None:
    printed.seek(0)
    while part := printed.read(_MESSAGE_BYTES):
        wire.send(MESSAGE, part)
