"""Turns: how many requests may do something at a time, and how many may wait for that, and how long."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from lungdb.errors import LungdbError


class TooBusy(LungdbError):  # noqa: N818 - it says what is, as DatabaseUnavailable does
    """As many requests wait as may, or one has waited for its turn as long as it may.

    Attributes
    ----------
    retry_after : int
        Seconds after which it is worth to try again.
    """

    retry_after = 5


class Turns:
    """Bounds work that takes long, so that threads are left for everything else.

    Parameters
    ----------
    workers, waiting : int
        How many requests are at work and how many wait at most.
    wait : float
        Seconds that one waits at most.

    Attributes
    ----------
    places : int
        How many requests are at work or wait at most.
    """

    def __init__(self, workers: int, waiting: int, wait: float = 20.0) -> None:
        self.places = workers + waiting
        self._free = threading.BoundedSemaphore(self.places)
        self._workers = threading.BoundedSemaphore(workers)
        self._wait = wait

    @contextmanager
    def take(self) -> Iterator[None]:
        """Wait for a turn.

        Raises
        ------
        TooBusy
            The queue is full, or does not move.
        """
        busy = TooBusy("The server is doing as much of this as it may. Try again in a few seconds.")
        if not self._free.acquire(blocking=False):
            raise busy
        try:
            if not self._workers.acquire(timeout=self._wait):
                raise busy
            try:
                yield
            finally:
                self._workers.release()
        finally:
            self._free.release()
