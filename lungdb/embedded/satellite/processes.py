"""The processes that external scripts run in, as the engine's process sees them.

Where forks are safe, a warm parent forks a child for each call, or one that stays for the calls of trusted scripts;
elsewhere a process serves one call and ends.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from lungdb.embedded.satellite.folders import errors_of, new_folder
from lungdb.embedded.satellite.trusted import Trusted
from lungdb.embedded.satellite.wire import ABORT, ASK, BEGIN, STAY, Wire, WireClosedError

_PACKAGE_ROOT = Path(__file__).resolve().parents[3]
# Forking a process that has loaded numerical libraries is safe on Linux only.
_FORKS = sys.platform == "linux"
# The path goes to the end, so that nothing beside the package hides a module of Python's own.
_START = "import sys; sys.path.append(sys.argv.pop()); from lungdb.embedded.satellite.worker import main; main()"
# How long a parent may take to say that a child is gone. It says so at once, but where it is importing meanwhile.
_PATIENCE = 5.0
# What a call with a model and its parameters takes goes in one piece.
_BUFFER = 1 << 18
_SENT_AHEAD = 1 << 20
# pytest renames the running test here at every step; a script has no use for it.
_NOT_HANDED_ON = "PYTEST_CURRENT_TEST"


@dataclass(frozen=True)
class Preload:
    """What a process imports before it is given a call.

    A name that ends in ``.*`` stands for a package and the modules in it. What cannot be imported is left out: that
    is the business of the script that asks for it.

    Attributes
    ----------
    first : tuple of str
        A call waits for these.
    later : tuple of str
        A parent imports these one by one while no call comes, or after a call whose script has imported them.
    """

    first: tuple[str, ...] = ("numpy", "pandas")
    later: tuple[str, ...] = ()


PLAIN = Preload()
"""What any script needs that is given rows."""


@dataclass(frozen=True)
class ProcessKind:
    """What a process was started with; a call takes one that was started with what would be used now.

    Attributes
    ----------
    executable : str
        The interpreter.
    environment : tuple of (name, value)
        All that it inherits, sorted.
    preload : Preload
    forks : bool
        Whether it forks for each call.
    """

    executable: str
    environment: tuple[tuple[str, str], ...]
    preload: Preload
    forks: bool


def present_kind(preload: Preload) -> ProcessKind:
    """Return what a process would be started with now."""
    environment = {name: value for name, value in os.environ.items() if name != _NOT_HANDED_ON}
    environment["PYTHONUTF8"] = "1"
    return ProcessKind(sys.executable, tuple(sorted(environment.items())), preload, _FORKS)


class Process(ABC):
    """A process that takes one call at a time.

    Attributes
    ----------
    kind : ProcessKind
        What it was started with.
    """

    def __init__(self, kind: ProcessKind, mode: str, stdin: int, stdout: int) -> None:
        self.kind = kind
        self._is_ours = True
        self._directory, errors = new_folder()
        self._errors = errors_of(self._directory)
        self._read_errors = 0
        preload = (",".join(kind.preload.first), ",".join(kind.preload.later))
        try:
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter and module
                [kind.executable, "-c", _START, mode, *preload, str(_PACKAGE_ROOT)],
                stdin=stdin,
                stdout=stdout,
                stderr=errors,
                cwd=self._directory,
                env=dict(kind.environment),
                # Ctrl-C is for the engine, which then ends the script.
                start_new_session=True,
            )
        except BaseException:
            shutil.rmtree(self._directory, ignore_errors=True)
            raise
        finally:
            os.close(errors)

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    @abstractmethod
    def is_ready(self) -> bool:
        """True while it can take another call."""

    @property
    def stays(self) -> bool:
        """True while a process of trusted scripts waits for its next call."""
        return False

    @abstractmethod
    def begin(self, trusted: Trusted | None = None) -> Wire:
        """Begin a call and return the wire on which to send it.

        Parameters
        ----------
        trusted : Trusted or None
            Given where the script is one of them.

        Raises
        ------
        OSError
            The process is gone.
        """

    @abstractmethod
    def wait(self) -> int | None:
        """Wait for the end of a call's process that is on its way out; None where its exit code is not to be had."""

    @abstractmethod
    def end(self, finished: bool) -> None:
        """End the call: nothing of it is left when this returns, unless it has said all and is on its way out."""

    @abstractmethod
    def stop(self) -> None:
        """End the call's process; any thread may ask, while the call runs."""

    @abstractmethod
    def _descriptors(self) -> list[int]:
        """Return the ends of pipes and sockets that it is reached by."""

    def new_errors(self) -> str:
        """Return what the call has written to standard error since the last time."""
        with contextlib.suppress(OSError), self._errors.open("rb") as errors:
            errors.seek(self._read_errors)
            content = errors.read()
            self._read_errors += len(content)
            return content.decode(errors="replace").strip()
        return ""

    def kill(self) -> None:
        """End the process, and a call with it, now."""
        if not self._is_ours:
            return
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                if sys.platform == "win32":
                    self._process.kill()
                else:
                    os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        shutil.rmtree(self._directory, ignore_errors=True)

    def forget(self) -> None:
        """Let go of it, after a fork, in the process that has not started it.

        The descriptors are not closed but lead nowhere: what still refers to one may write what it has buffered.
        """
        with open(os.devnull, "r+b", buffering=0) as nowhere:
            for descriptor in self._descriptors():
                os.dup2(nowhere.fileno(), descriptor, inheritable=False)
        self._is_ours = False
        # Of a process that is not this one's child nothing more is to be learnt.
        self._process.returncode = 0


class ForkingParent(Process):
    """A warm parent, which forks a child for each call and outlives it, however the call ends.

    It is sent one end of a pair of sockets of the child's own, over a socket on which it then tells the child's exit
    code. A child of trusted scripts takes one call after the other on that pair.
    """

    def __init__(self, kind: ProcessKind) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._call: tuple[socket.socket, Wire] | None = None
        self._begun = 0
        self._ended = 0
        self._calls_left = 0
        self._is_lost = False
        with theirs:
            super().__init__(kind, "fork", theirs.fileno(), subprocess.DEVNULL)

    @property
    def is_ready(self) -> bool:
        """True while it lives and answers."""
        return not self._is_lost and self._process.poll() is None

    @property
    def stays(self) -> bool:
        """True while a child of trusted scripts waits for its next call."""
        return self._call is not None

    def begin(self, trusted: Trusted | None = None) -> Wire:
        """Begin a call; the parent forks when what it is importing is imported."""
        self._read_errors = 0
        if self._call is not None:
            connection, wire = self._call
            if trusted is not None and self._calls_left > 0 and _is_ready(connection, wire):
                self._calls_left -= 1
                return wire
            self._end_child()
        # Exit codes that nobody reads would fill the socket in the end, and stop the parent.
        self._control.settimeout(0)
        while self._ended < self._begun and self._next_exit_code() is not None:
            pass
        self._control.settimeout(_PATIENCE)
        ours, theirs = socket.socketpair()
        # A model fits in, and is written without waiting for who reads it.
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SENT_AHEAD)
        with theirs:
            message = BEGIN if trusted is None else STAY + str(trusted.megabytes).encode()
            socket.send_fds(self._control, [message], [theirs.fileno()])
        wire = Wire(os.fdopen(os.dup(ours.fileno()), "rb"), os.fdopen(os.dup(ours.fileno()), "wb", _BUFFER))
        self._call = (ours, wire)
        self._begun += 1
        self._calls_left = 0 if trusted is None else trusted.calls - 1
        return wire

    def wait(self) -> int | None:
        """Wait for the parent to tell the exit code of the call's child."""
        code = None
        while self._ended < self._begun and not self._is_lost:
            code = self._next_exit_code()
            self._is_lost = code is None
        return code

    def _next_exit_code(self) -> int | None:
        try:
            code = self._control.recv(16)
        except OSError:
            return None
        if not code:
            return None
        self._ended += 1
        return int(code)

    def end(self, finished: bool) -> None:
        """End the child, and what it started, unless it has said all; one that may take another call waits for it."""
        if finished and self._calls_left > 0:
            return
        self._close_call()
        if not finished:
            self._end_child()

    def stop(self) -> None:
        """End the child, from another thread than the one whose call it serves, which then finds it gone."""
        with contextlib.suppress(OSError):
            self._control.send(ABORT)

    def _end_child(self) -> None:
        self._close_call()
        if self._ended < self._begun:
            with contextlib.suppress(OSError):
                self._control.send(ABORT)
            self.wait()

    def _close_call(self) -> None:
        if self._call is not None:
            connection, wire = self._call
            self._call = None
            # First, because closing a wire hands on what it holds, and waits for a script that does not read.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
            wire.close()

    def kill(self) -> None:
        """End the parent and, since it ends with it, a child."""
        super().kill()
        self._close_call()
        self._control.close()

    def _descriptors(self) -> list[int]:
        own = [self._control.fileno()]
        if self._call is None:
            return own
        connection, wire = self._call
        return [*own, connection.fileno(), *wire.descriptors()]


class SingleProcess(Process):
    """A process that serves one call and ends."""

    def __init__(self, kind: ProcessKind) -> None:
        super().__init__(kind, "once", subprocess.PIPE, subprocess.PIPE)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._wire = Wire(self._process.stdout, self._process.stdin)
        self._is_used = False

    @property
    def is_ready(self) -> bool:
        """True until it is given its call."""
        return not self._is_used and self._process.poll() is None

    def begin(self, trusted: Trusted | None = None) -> Wire:
        """Begin the one call, whatever its script."""
        self._is_used = True
        return self._wire

    def wait(self) -> int | None:
        """Wait for the process to end by itself."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout=_PATIENCE)
        return None

    def end(self, finished: bool) -> None:
        """End the process."""
        self.kill()

    def stop(self) -> None:
        """End the process."""
        self._process.kill()

    def kill(self) -> None:
        """End the process and what it started, now."""
        super().kill()
        self._wire.close()

    def _descriptors(self) -> list[int]:
        return self._wire.descriptors()


def _is_ready(connection: socket.socket, wire: Wire) -> bool:
    """Ask a child that stays whether it is done with its last call; one that has ended, or does not say, is not."""
    try:
        wire.send(ASK)
        wire.flush()
    except WireClosedError:
        return False
    answers = select.poll()
    answers.register(connection, select.POLLIN)
    return answers.poll(1000 * _PATIENCE) == [(connection.fileno(), select.POLLIN)]


def start(kind: ProcessKind) -> Process:
    """Start a process, without waiting for it."""
    return ForkingParent(kind) if kind.forks else SingleProcess(kind)
