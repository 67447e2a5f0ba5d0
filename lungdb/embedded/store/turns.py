"""Whose turn it is to write: one process at a time, and each soon.

SQLite waits for a lock by asking again, at last every tenth of a second, so a process that writes one transaction after
the other could keep the rest waiting for ever. Here the waiting ask often, and who has written for a while leaves a gap
that is longer than they pause.
"""

from __future__ import annotations

import time

# Seconds between two questions whether the lock is free, with something to spare for who answers late.
_ASKING = 0.004
_GAP = 0.012
# After so much writing without a gap there is one, which costs a twentieth of the time at most.
_STRETCH = 0.25


class Turns:
    """The turns of one connection."""

    def __init__(self) -> None:
        self._began = 0.0
        self._ended = 0.0
        self._written = 0.0

    def begin(self) -> None:
        """Leave others a gap, if it is time for one, before taking the lock."""
        now = time.monotonic()
        if now - self._ended >= _GAP:
            self._written = 0.0
        elif self._written >= _STRETCH:
            time.sleep(_GAP)
            self._written = 0.0

    def has_begun(self) -> None:
        """Note that the lock is held."""
        self._began = time.monotonic()

    def end(self) -> None:
        """Note that the lock was given back."""
        self._ended = time.monotonic()
        self._written += self._ended - self._began


class Patience:
    """A wait that ends.

    Parameters
    ----------
    milliseconds : int
        How long.
    """

    def __init__(self, milliseconds: int) -> None:
        self._deadline = time.monotonic() + milliseconds / 1000

    def pause(self) -> bool:
        """Wait a moment and return True, or return False where there was time enough."""
        if time.monotonic() >= self._deadline:
            return False
        time.sleep(_ASKING)
        return True
