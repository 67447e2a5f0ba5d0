"""Work on input that may be hostile, in processes of its own with a time and a memory limit.

A worker inherits no threads and no locks of ours. On Linux it is forked from a process that was started afresh and has
done nothing but import what workers need, so that the first alone waits for that; elsewhere, and where that process
cannot be reached, each is started afresh. One that dies or hangs costs the item that it was at; the next one gets a
new worker.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import Pipe, get_context, resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from threading import Event
from typing import Any, Generic, TypeVar

from lungdb.errors import LungdbError

Item = TypeVar("Item")
Result = TypeVar("Result")
Refusal = TypeVar("Refusal", bound=LungdbError)

_MEGABYTE = 1_000_000
_NOT_STARTED = "The process that reads files could not be started. Check memory and the installation."

_AHEAD = 64  # items under way: enough to keep the workers busy while a scan is stored
_START_SECONDS = 120.0
_ORPHAN_SECONDS = 30.0  # a worker whose parent was killed while it hung ends itself this long after its limit
# How processes are started, the best first. A fork server is reached over a socket in the folder for temporary files,
# which may be gone by now, or lie so deep that no socket can have its path.
_METHODS = ("forkserver", "spawn") if sys.platform == "linux" else ("spawn",)


@dataclass(frozen=True)
class Bounds(Generic[Refusal]):
    """What a worker may use for an item, and what becomes of an item that takes more.

    Attributes
    ----------
    seconds : float
        Wall time.
    megabytes : int
        Address space beyond what the process has when it starts; on POSIX.
    refusal : type
        The error that stands for an item: called with a reason, ``time_limit``, ``memory_limit`` or ``reader_crashed``,
        and a detail, the limit with its unit. One that the work itself raises is passed on.
    preload : str
        A module that every process imports before its memory is limited.
    """

    seconds: float
    megabytes: int
    refusal: type[Refusal]
    preload: str


class Workers(Generic[Refusal]):
    """Processes that apply functions to items, a few ahead of the results that are taken; a context manager.

    Parameters
    ----------
    count : int
        Processes, at least 1; each is started when it is first needed.
    bounds : Bounds
        They hold for every item.
    at_first : int, optional
        How many of them work until `admit` lets in more; at least 1, and all by default.
    """

    def __init__(self, count: int, bounds: Bounds[Refusal], *, at_first: int | None = None) -> None:
        self._refusal = bounds.refusal
        self._ended = Event()
        self._workers = [_Worker(bounds, self._ended) for _ in range(count)]
        self._idle: SimpleQueue[_Worker[Refusal]] = SimpleQueue()
        self._admitted = 0
        self.admit(count if at_first is None else at_first)
        self._threads = ThreadPoolExecutor(count)

    def __enter__(self) -> Workers[Refusal]:
        """Return self; processes start when they are needed."""
        return self

    def admit(self, number: int) -> None:
        """Let this many of the processes work, or all if there are fewer; only one thread may call it."""
        for worker in self._workers[self._admitted : number]:
            self._idle.put(worker)
            self._admitted += 1

    def begin(self) -> None:
        """Start a process already, without waiting for it; what hinders that is told by the first item."""
        self._threads.submit(self._begin)

    def _begin(self) -> None:
        worker = self._idle.get()
        try:
            with suppress(LungdbError):
                worker.begin()
        finally:
            self._idle.put(worker)

    def __exit__(self, *error: object) -> None:
        """End the processes, whatever they are at."""
        self._ended.set()
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.interrupt()
        self._threads.shutdown(wait=True)
        for worker in self._workers:
            worker.kill()

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[tuple[Item, Result | Refusal]]:
        """Apply a function to items, in the workers; results come in the order of the items.

        Items are drawn and results kept for a bounded number ahead, so memory does not grow with their number.

        Parameters
        ----------
        function : callable
            A module's function of an item, or a partial of one. A refusal that it raises is given back as its result.
        items : iterable
            What can be sent to another process.

        Raises
        ------
        LungdbError
            The processes cannot be started.
        """
        pending: deque[tuple[Item, Future[Result | Refusal]]] = deque()
        ahead = max(_AHEAD, 16 * len(self._workers))
        for item in items:
            pending.append((item, self._threads.submit(self._apply, function, item)))
            if len(pending) >= ahead:
                yield _first(pending)
        while pending:
            yield _first(pending)

    def _apply(self, function: Callable[[Item], Result], item: Item) -> Result | Refusal:
        worker = self._idle.get()
        try:
            return worker.apply(function, item)
        except self._refusal as error:
            return error
        finally:
            self._idle.put(worker)


def _first(pending: deque[tuple[Item, Future[Result]]]) -> tuple[Item, Result]:
    item, future = pending.popleft()
    return item, future.result()


class _Worker(Generic[Refusal]):
    def __init__(self, bounds: Bounds[Refusal], ended: Event) -> None:
        self._bounds = bounds
        self._ended = ended
        self._process: Any = None
        self._connection: Any = None

    def apply(self, function: Callable[[Item], Result], item: Item) -> Result:
        refusal = self._bounds.refusal
        self.begin()
        try:
            self._connection.send((function, item))
            if not self._connection.poll(self._bounds.seconds):
                raise refusal("time_limit", f"more than {self._bounds.seconds:g} s")
            result = self._connection.recv()
        except (EOFError, OSError) as error:
            self.kill()
            raise refusal("reader_crashed") from error
        except refusal:
            self.kill()
            raise
        if isinstance(result, refusal):
            raise result
        value: Result = result
        return value

    def begin(self) -> None:
        if self._process is None:
            self._start()

    def interrupt(self) -> None:
        # Called while another thread waits for the process, which then finds it gone and tidies up.
        process = self._process
        if process is not None:
            _end(process)

    def kill(self) -> None:
        if self._process is not None:
            _end(self._process)
            self._process.join()
            self._connection.close()
            self._process = None

    def _start(self) -> None:
        if self._ended.is_set():
            raise LungdbError("Reading has ended. Run the command again.")
        self._connection, theirs = Pipe()
        try:
            self._process = _start_process(theirs, self._bounds)
        except LungdbError:
            self._connection.close()
            raise
        finally:
            theirs.close()
        try:
            is_ready = self._connection.poll(_START_SECONDS) and self._connection.recv()
        except (EOFError, OSError):
            is_ready = False
        if not is_ready:
            self.kill()
            raise LungdbError(_NOT_STARTED)


def _start_process(connection: Connection, bounds: Bounds[Any]) -> Any:
    for method in _METHODS:
        context: Any = get_context(method)
        if method == "forkserver":
            # What another one has imported already stays; a worker imports what is missing.
            context.set_forkserver_preload([bounds.preload])
        process = context.Process(target=_serve, args=(connection, bounds), daemon=True)
        try:
            with _without_interrupts():
                process.start()
        except (EOFError, OSError) as error:
            failure = error
        else:
            return process
    raise LungdbError(_NOT_STARTED) from failure


def _end(process: Any) -> None:
    # The fork server takes leave of its children itself, after which their numbers may be those of other processes.
    if process.is_alive():
        process.kill()


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Let processes that this thread starts hear nothing of Ctrl-C, which is the parent's to handle."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Where it still had to start the tracker, multiprocessing would let them in again on the way.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(connection: Connection, bounds: Bounds[Any]) -> None:
    """Be a worker: apply what comes until the other side is gone."""
    # Ctrl-C is the parent's to handle; it ends the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import_module(bounds.preload)  # before the memory limit, which counts from here
    _limit_memory(bounds.megabytes * _MEGABYTE)
    # Libraries in C and Rust write what they like, header values too.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    with suppress(EOFError, OSError):
        connection.send(True)
        while True:
            function, item = connection.recv()
            _set_alarm(bounds.seconds + _ORPHAN_SECONDS)
            try:
                result = function(item)
            except bounds.refusal as error:
                result = error
            except MemoryError:
                result = bounds.refusal("memory_limit", f"more than {bounds.megabytes} MB")
            _set_alarm(0)
            connection.send(result)


def _limit_memory(size: int) -> None:
    try:
        import resource
    except ModuleNotFoundError:  # Windows has no such limit
        return
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        used = pages * resource.getpagesize()
    except OSError:
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (used + size, used + size))


def _set_alarm(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)
