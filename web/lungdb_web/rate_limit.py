"""How often something may be tried: a count for each key that starts again after a while, in bounded memory."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from flask import current_app

MOST_KEYS = 10_000


class RateLimit:
    """Allows so many attempts in so many seconds for each key. Safe to use from several threads.

    Parameters
    ----------
    attempts : int
        How many are allowed.
    seconds : float
        The time that they are counted in, from the first on.
    clock : callable
        Seconds that only go forward.
    """

    def __init__(self, attempts: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._attempts = attempts
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def attempt(self, key: str) -> int:
        """Count an attempt; returns 0 when it is allowed, else the seconds to wait."""
        with self._lock:
            now = self._clock()
            started, count = self._counts.get(key, (now, 0))
            if now - started >= self._seconds:
                started, count = now, 0
            if count >= self._attempts:
                return max(1, math.ceil(started + self._seconds - now))
            self._counts[key] = (started, count + 1)
            self._counts.move_to_end(key)
            if len(self._counts) > MOST_KEYS:
                self._counts.popitem(last=False)
            return 0

    def take_back(self, key: str) -> None:
        """Count one attempt less."""
        with self._lock:
            if key in self._counts:
                started, count = self._counts[key]
                self._counts[key] = (started, max(0, count - 1))

    def forget(self, key: str) -> None:
        """Start again for a key."""
        with self._lock:
            self._counts.pop(key, None)


@dataclass(frozen=True)
class Limits:
    """The limits of an application, each counted in this process.

    Attributes
    ----------
    people : RateLimit
        Sign-ins by account and network. A person who mistypes stays below; who guesses does not.
    networks : RateLimit
        Failed sign-ins by network, whatever the account: many people may share one.
    names : RateLimit
        Sign-ins by account from everywhere: so many that no single stranger can lock its owner out.
    refusals : RateLimit
        Rows of the audit about requests of one network that nobody signed in for, so that strangers cannot fill it.
    views : RateLimit
        Rows of the audit about one scan in one session, which is read in many requests.
    listed : RateLimit
        Patients of lists that a session was shown and the audit has, whose small pictures it then asks for.
    """

    people: RateLimit = field(default_factory=lambda: RateLimit(10, 600))
    networks: RateLimit = field(default_factory=lambda: RateLimit(50, 600))
    names: RateLimit = field(default_factory=lambda: RateLimit(200, 600))
    refusals: RateLimit = field(default_factory=lambda: RateLimit(10, 600))
    views: RateLimit = field(default_factory=lambda: RateLimit(1, 600))
    listed: RateLimit = field(default_factory=lambda: RateLimit(1, 600))


def limits() -> Limits:
    """Give the limits of the present application."""
    found: Limits = current_app.extensions["lungdb.limits"]
    return found
