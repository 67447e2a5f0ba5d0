"""The process that runs external scripts: a fork a call from a warm parent, or one call and out where forks are unsafe.

Scripts that are known to keep nothing of each other share a fork, which stays for as long as the engine wants it.

Started by `lungdb.embedded.satellite.processes`. A parent has the socket by which it is told to fork on standard input,
a process for one call has the wire on standard input and output.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import pkgutil
import select
import shutil
import signal
import socket
import sys
import tempfile
import threading
import traceback
import warnings
from collections.abc import Sequence

from lungdb.embedded.satellite.process_state import reseed
from lungdb.embedded.satellite.script import serve, serve_many
from lungdb.embedded.satellite.wire import BEGIN, STAY, Wire, WireClosedError

# A gap between two calls of one procedure is shorter, and is not for importing what they may not need.
_IDLE_MILLISECONDS = 500
_LONGEST = 32  # bytes of what the engine says to a parent
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)


def main() -> None:
    """Serve calls until the engine lets go; only one where ``sys.argv`` says ``once``."""
    _, mode, first, later = sys.argv
    sys.argv[1:] = []
    incoming, outgoing = os.dup(0), os.dup(1)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    # Nothing that a script or a library prints may reach the wire.
    os.dup2(2, 1)
    _import(_names(first))
    if mode == "once":
        _serve_once(incoming, outgoing, _names(later))
        return
    os.close(outgoing)
    _Parent(socket.socket(fileno=incoming), _names(later)).serve()
    # An engine that was killed leaves its parent's directory behind.
    shutil.rmtree(os.getcwd(), ignore_errors=True)


def _names(joined: str) -> list[str]:
    return joined.split(",") if joined else []


def _import(names: Sequence[str]) -> None:
    for name in names:
        # A package that is missing or broken is the business of the script that imports it.
        with contextlib.suppress(Exception):
            module = importlib.import_module(name.removesuffix(".*"))
            if name.endswith(".*"):
                for each in pkgutil.iter_modules(module.__path__):
                    importlib.import_module(f"{module.__name__}.{each.name}")
    gc.collect()
    gc.freeze()


def _import_while_idle(descriptor: int, later: list[str]) -> None:
    """Import one name after the other, taking it from the list, until there is none or something arrives."""
    milliseconds = _IDLE_MILLISECONDS
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    while later and not poll.poll(milliseconds):
        _import([later.pop(0)])
        milliseconds = 0


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


def _forget_errors() -> None:
    """Empty the file that standard error goes to, lest a script be said to have written what its libraries did."""
    with contextlib.suppress(OSError):
        os.ftruncate(2, 0)
        os.lseek(2, 0, os.SEEK_SET)


def _serve_once(incoming: int, outgoing: int, later: list[str]) -> None:
    if hasattr(select, "poll"):
        _import_while_idle(incoming, later)
    else:  # Windows cannot tell whether something has arrived in a pipe
        _import(later)
    os.chdir(tempfile.mkdtemp(dir=os.getcwd()))
    _watch(incoming)
    _forget_errors()
    wire = Wire(os.fdopen(incoming, "rb"), os.fdopen(outgoing, "wb"))
    serve(wire)
    wire.flush()


class _Parent:
    """Forks a child for each call, or one that stays for several, and imports what is left to import in between.

    Parameters
    ----------
    control : socket
        On which the engine says when to fork, and is told how each child ended.
    later : list of str
        What to import while no call comes.
    """

    def __init__(self, control: socket.socket, later: list[str]) -> None:
        self._control = control
        self._later = later
        self._call: int | None = None
        self._megabytes: int | None = None  # of a child that stays
        self._child_ends, self._wakes = os.pipe()
        for end in (self._child_ends, self._wakes):
            os.set_blocking(end, False)
        # Only where there is a handler is the descriptor written to.
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self._wakes, warn_on_full_buffer=False)

    def serve(self) -> None:
        """Serve calls until the engine closes its end."""
        while True:
            if self._call is None:
                _import_while_idle(self._control.fileno(), self._later)
                if not self._receive():
                    return
            else:
                used = self._serve_in_fork(self._call)
                # The next call is likely to need what this one has had to import by itself.
                if used:
                    _import([name for name in self._later if name in used])
                    self._later = [name for name in self._later if name not in used]

    def _receive(self) -> bytes:
        """Return what the engine says, nothing where it is gone; keep the wire of the call that it begins."""
        try:
            message, descriptors, _, _ = socket.recv_fds(self._control, _LONGEST, 1)
        except OSError:
            return b""
        if descriptors:
            (self._call,) = descriptors
            self._megabytes = int(message[1:]) if message[:1] == STAY else None
        return message

    def _serve_in_fork(self, call: int) -> list[str]:
        """Fork for a call, see it to its end and return what it has imported of what is still to be imported here."""
        self._call = None
        directory = tempfile.mkdtemp(dir=os.getcwd())
        reader, writer = os.pipe()
        _forget_errors()
        parent = os.getpid()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            child = os.fork()
        if child == 0:
            self._be_child(parent, call, directory, writer)
        os.close(call)
        os.close(writer)
        with contextlib.suppress(OSError):
            os.setpgid(child, child)
        self._await(child)
        _kill_group(child)  # what the script has started and left behind
        _, status = os.waitpid(child, 0)
        shutil.rmtree(directory, ignore_errors=True)
        os.set_blocking(reader, False)
        with os.fdopen(reader, "rb") as used:
            names = (used.read() or b"").decode()
        with contextlib.suppress(OSError):
            self._control.send(str(os.waitstatus_to_exitcode(status)).encode())
        return _names(names)

    def _await(self, child: int) -> None:
        """Wait for a child to end, and end it where the engine says so or is gone."""
        events = select.poll()
        events.register(self._child_ends, select.POLLIN)
        events.register(self._control, select.POLLIN)
        # Not reaped yet, so that its number stays that of its group.
        while os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            ready = [descriptor for descriptor, _ in events.poll()]
            if self._child_ends in ready:
                os.read(self._child_ends, 512)
            if self._control.fileno() in ready:
                if self._receive()[:1] not in (BEGIN, STAY):
                    _kill_group(child)
                # A next call begins when this one has said all, and waits for it to be gone.
                events.unregister(self._control)

    def _be_child(self, parent: int, call: int, directory: str, writer: int) -> None:
        """Serve the call in the process that was forked for it, which ends here."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._control.close()
            os.close(self._child_ends)
            os.close(self._wakes)
            # A group of its own, so that all that the script starts can be ended; the kernel ends it with the parent.
            os.setpgid(0, 0)
            ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
            if os.getppid() == parent:
                os.chdir(directory)
                _watch(call)
                reseed()
                wire = Wire(os.fdopen(call, "rb"), os.fdopen(os.dup(call), "wb"))
                if self._megabytes is None:
                    serve(wire)
                else:
                    serve_many(wire, self._megabytes)
                imported = [name for name in self._later if name.removesuffix(".*") in sys.modules]
                os.write(writer, ",".join(imported).encode())
                wire.flush()  # after which the engine closes its end, and that may end this process at once
                status = 0
        except WireClosedError:
            pass
        except BaseException:
            traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(status)


def _kill_group(child: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(child, signal.SIGKILL)
