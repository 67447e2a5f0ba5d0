"""Work on files that may be hostile, in processes of its own with a time and a memory limit.

A worker is started afresh (spawn), so that it inherits no threads and no locks. One that dies or hangs costs the file
that it was reading; the next file gets a new one.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from threading import Event
from typing import Any, TypeVar

from lungdb.dicom.limits import MEGABYTE, Limits
from lungdb.dicom.rejection import RejectedError
from lungdb.errors import LungdbError

Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD = 64  # items under way: enough to keep the workers busy while a scan is stored
_START_SECONDS = 120.0
_ORPHAN_SECONDS = 30.0  # a worker whose parent was killed while it hung ends itself this long after its limit


class Workers:
    """Processes that apply functions to items, a few ahead of the results that are taken; a context manager.

    Parameters
    ----------
    count : int
        Processes, at least 1; each is started when it is first needed.
    limits : Limits
        `task_seconds` and `worker_megabytes` hold for every item.
    """

    def __init__(self, count: int, limits: Limits) -> None:
        self._limits = limits
        self._ended = Event()
        self._workers = [_Worker(limits, self._ended) for _ in range(count)]
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)
        self._threads = ThreadPoolExecutor(count)

    def __enter__(self) -> Workers:
        """Return self; processes start when they are needed."""
        return self

    def __exit__(self, *error: object) -> None:
        """End the processes, whatever they are at."""
        self._ended.set()
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.interrupt()
        self._threads.shutdown(wait=True)
        for worker in self._workers:
            worker.kill()

    def map(
        self, function: Callable[[Item, Limits], Result], items: Iterable[Item]
    ) -> Iterator[tuple[Item, Result | RejectedError]]:
        """Apply a function to items, in the workers; results come in the order of the items.

        Items are drawn and results kept for a bounded number ahead, so memory does not grow with their number.

        Parameters
        ----------
        function : callable
            A module's function of an item and the limits. A RejectedError that it raises is given back as its result.
        items : iterable
            What can be sent to another process.

        Raises
        ------
        LungdbError
            The processes cannot be started.
        """
        pending: deque[tuple[Item, Future[Result | RejectedError]]] = deque()
        ahead = max(_AHEAD, 16 * len(self._workers))
        for item in items:
            pending.append((item, self._threads.submit(self._apply, function, item)))
            if len(pending) >= ahead:
                yield _first(pending)
        while pending:
            yield _first(pending)

    def _apply(self, function: Callable[[Item, Limits], Result], item: Item) -> Result | RejectedError:
        worker = self._idle.get()
        try:
            return worker.apply(function, item)
        except RejectedError as error:
            return error
        finally:
            self._idle.put(worker)


def _first(pending: deque[tuple[Item, Future[Result]]]) -> tuple[Item, Result]:
    item, future = pending.popleft()
    return item, future.result()


class _Worker:
    def __init__(self, limits: Limits, ended: Event) -> None:
        self._limits = limits
        self._ended = ended
        self._process: Any = None
        self._connection: Any = None

    def apply(self, function: Callable[[Item, Limits], Result], item: Item) -> Result:
        if self._process is None:
            self._start()
        try:
            self._connection.send((function, item))
            if not self._connection.poll(self._limits.task_seconds):
                raise RejectedError("time_limit", f"more than {self._limits.task_seconds:g} s")
            result = self._connection.recv()
        except (EOFError, OSError) as error:
            self.kill()
            raise RejectedError("reader_crashed") from error
        except RejectedError:
            self.kill()
            raise
        if isinstance(result, RejectedError):
            raise result
        value: Result = result
        return value

    def interrupt(self) -> None:
        # Called while another thread waits for the process, which then finds it gone and tidies up.
        process = self._process
        if process is not None:
            process.kill()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._connection.close()
            self._process = None

    def _start(self) -> None:
        if self._ended.is_set():
            raise LungdbError("Reading has ended. Run the command again.")
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self._limits), daemon=True)
        process.start()
        theirs.close()
        self._process = process
        try:
            is_ready = self._connection.poll(_START_SECONDS) and self._connection.recv()
        except (EOFError, OSError):
            is_ready = False
        if not is_ready:
            self.kill()
            raise LungdbError("The process that reads files could not be started. Check memory and the installation.")


def _serve(connection: Connection, limits: Limits) -> None:
    """Be a worker: apply what comes until the other side is gone."""
    # Ctrl-C is the parent's to handle; it ends the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import lungdb.dicom.tasks  # noqa: F401  before the memory limit, which counts from here

    _limit_memory(limits.worker_megabytes * MEGABYTE)
    # Libraries in C and Rust write what they like, header values too.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    with suppress(EOFError, OSError):
        connection.send(True)
        while True:
            function, item = connection.recv()
            _set_alarm(limits.task_seconds + _ORPHAN_SECONDS)
            try:
                result = function(item, limits)
            except RejectedError as error:
                result = error
            except MemoryError:
                result = RejectedError("memory_limit", f"more than {limits.worker_megabytes} MB")
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
