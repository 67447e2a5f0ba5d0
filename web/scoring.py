"""ScoringPool: how many requests may run external scripts, and how many may wait for that."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from lungdb.errors import LungdbError

WORKERS = 2
WAITING = 8


class TooBusy(LungdbError):  # noqa: N818 - it says what is, as DatabaseUnavailable does
    """As many requests wait as may.

    Attributes
    ----------
    retry_after : int
        Seconds after which it is worth to try again.
    """

    retry_after = 5


class ScoringPool:
    """Bounds the work of external scripts, so that threads are left for everything else.

    Parameters
    ----------
    workers, waiting : int
        How many requests are at work and how many wait at most.
    """

    def __init__(self, workers: int = WORKERS, waiting: int = WAITING) -> None:
        self._places = threading.BoundedSemaphore(workers + waiting)
        self._workers = threading.BoundedSemaphore(workers)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Wait for a turn.

        Raises
        ------
        TooBusy
            The queue is full.
        """
        if not self._places.acquire(blocking=False):
            raise TooBusy("The server is computing as many scores as it may. Try again in a few seconds.")
        try:
            with self._workers:
                yield
        finally:
            self._places.release()
