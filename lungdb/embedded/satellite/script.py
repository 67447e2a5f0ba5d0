"""One call, inside the process that runs its script: what is received, the run, and what is sent back."""

from __future__ import annotations

import contextlib
import ctypes
import json
import linecache
import os
import sys
import tempfile
import traceback
from typing import Any, BinaryIO

from lungdb.embedded.satellite.process_state import ProcessState
from lungdb.embedded.satellite.wire import (
    ASK,
    CALL,
    END,
    ERROR,
    MESSAGE,
    READY,
    RESULT,
    ScriptFailedError,
    Wire,
)
from lungdb.embedded.values.types import parse_type

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


def serve(wire: Wire) -> bool:
    """Receive one call, run its script and send what comes of it; the end of that is for the caller to flush.

    Returns
    -------
    bool
        Whether the script has done its work; False where it failed.

    Raises
    ------
    WireClosedError
        The engine has lost interest.
    """
    call = json.loads(wire.expect(CALL))
    try:
        _run(wire, call)
    except ScriptFailedError as error:
        wire.send(ERROR, str(error).encode(errors="replace"))
        return False
    return True


def serve_many(wire: Wire, megabytes: int) -> None:
    """Serve calls that are known to keep nothing of each other until the engine closes its end or one spoils this.

    A script that fails, leaves something running or keeps more memory than `megabytes` is the last.

    Raises
    ------
    WireClosedError
        The engine has lost interest.
    """
    _keep_text_as_objects()
    state = ProcessState()
    is_clean = True
    while is_clean:
        wire.send(READY)
        wire.flush()
        with state.for_one_call():
            is_clean = serve(wire)
            wire.flush()
        is_clean = is_clean and state.is_clean(megabytes)
        if is_clean:
            wire.expect(ASK)
            # Now that the engine has read it, lest the next script be said to have written it.
            os.ftruncate(2, 0)


def _run(wire: Wire, call: dict[str, Any]) -> None:
    # Here and not above, so that a process without pandas can still say so.
    from lungdb.embedded.satellite import data

    _keep_text_as_objects()
    parameters = [(name, parse_type(kind), output) for name, kind, output in call["parameters"]]
    values = [data.python_value(kind, wire.receive_value()) for _, kind, _ in parameters]
    names = [name for name, _ in call["columns"]]
    kinds = [parse_type(kind) for _, kind in call["columns"]]
    columns: list[list[Any]] = [[] for _ in names]
    for block in wire.receive_blocks(call["kinds"]):
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
            wire.send_block(wire_kinds, rows)
    wire.send(END)
    # Functions of the script refer to their names and these to them; the rows among them are not to wait for a
    # collection of garbage.
    namespace.clear()


def _keep_text_as_objects() -> None:
    """Let pandas 3 make of text what pandas 1 and 2 on a server do: columns of dtype object, not of its own `str`."""
    import pandas as pd

    if hasattr(pd.options, "future") and hasattr(pd.options.future, "infer_string"):
        pd.options.future.infer_string = False


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
