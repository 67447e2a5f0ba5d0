"""The processes that external scripts run in: one pool for all connections of this process."""

from __future__ import annotations

import atexit
import os
import threading
from contextlib import suppress

from lungdb.embedded.satellite.folders import remove_stale_folders
from lungdb.embedded.satellite.processes import Preload, Process, ProcessKind, present_kind, start
from lungdb.embedded.satellite.trusted import Trusted
from lungdb.embedded.satellite.wire import Wire

# Calls of one connection follow one another, so two processes serve most of what runs here, and the readers of a web
# page who ask at the same moment gain nothing by more than there are processors. Each holds some hundred megabytes.
IDLE = max(2, min(4, os.cpu_count() or 1))


class Pool:
    """Processes of several kinds, each lent to one call at a time; any thread may ask."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        # A collection of garbage may end a call, which gives its process back, in the midst of anything here.
        self._lock = threading.RLock()
        self._idle: list[Process] = []  # the one that has waited longest first
        self._all: set[Process] = set()

    def warm(self, preload: Preload) -> None:
        """See to it that a process is ready, or on its way, for the next call."""
        self._warm(present_kind(preload))

    def _warm(self, kind: ProcessKind) -> None:
        with self._lock:
            if not any(each.kind == kind and each.is_ready for each in self._idle):
                self._idle.append(self._start(kind))
        self._end_surplus()

    def begin(self, preload: Preload, trusted: Trusted | None = None) -> tuple[Process, Wire]:
        """Begin a call in a process that nobody else has until it is given back; return it and the call's wire.

        One that was started with another environment is not lent, and of two the one that has waited less.

        Parameters
        ----------
        preload : Preload
            What the process has imported.
        trusted : Trusted or None
            Given where the script is one of them: a process that stays for such is lent then, and to no other.
        """
        kind = present_kind(preload)
        while (found := self._take(kind, trusted is not None)) is not None:
            try:
                # One that was killed while it waited is found out here.
                with suppress(OSError):
                    if found.is_ready:
                        return found, found.begin(trusted)
            except BaseException:
                self._drop(found)
                raise
            self._drop(found)
        with self._lock:
            started = self._start(kind)
        return started, started.begin(trusted)

    def _take(self, kind: ProcessKind, is_trusted: bool) -> Process | None:
        with self._lock:
            fitting = [each for each in reversed(self._idle) if each.kind == kind and is_trusted >= each.stays]
            found = next((each for each in fitting if each.stays), fitting[0] if fitting else None)
            if found is not None:
                self._idle.remove(found)
            return found

    def _start(self, kind: ProcessKind) -> Process:
        # The caller holds the lock, so that no fork happens before the process is noted.
        if not self._all:
            remove_stale_folders()
        started = start(kind)
        self._all.add(started)
        return started

    def give_back(self, process: Process, finished: bool) -> None:
        """Take a process back; its call, if that has not said all, ends here, and nothing else does."""
        try:
            process.end(finished)
        except BaseException:
            self._drop(process)
            raise
        with self._lock:
            is_known = process in self._all  # not after a fork, nor at the end of the interpreter
            is_kept = is_known and process.is_ready
            if is_kept:
                self._idle.append(process)
        if is_kept:
            self._end_surplus()
            return
        self._drop(process)
        if is_known and finished and not process.kind.forks:
            self._warm(process.kind)

    def _end_surplus(self) -> None:
        while True:
            with self._lock:
                if len(self._idle) <= IDLE:
                    return
                surplus = self._idle.pop(0)
            self._drop(surplus)

    def _drop(self, process: Process) -> None:
        with self._lock:
            self._all.discard(process)
        process.kill()

    def close(self) -> None:
        """End every process."""
        with self._lock:
            processes = tuple(self._all)
            self._idle.clear()
            self._all.clear()
        for process in processes:
            process.kill()

    def before_fork(self) -> None:
        """Let no thread be in the midst of something that the copy of this process could not go on with."""
        self._lock.acquire()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """Be empty: the processes are those of the process that has forked, and end with it."""
        processes = self._all
        self._reset()
        for process in processes:
            process.forget()


POOL = Pool()
"""That of this process."""

atexit.register(POOL.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=POOL.before_fork, after_in_parent=POOL.after_fork_in_parent, after_in_child=POOL.after_fork_in_child
    )
