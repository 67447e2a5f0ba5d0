"""Scripts that may follow one another in one process, because whoever opens the connection knows what they do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass


def _none() -> frozenset[bytes]:
    return frozenset()


@dataclass(frozen=True)
class Trusted:
    """Which scripts run in processes that stay, and how long such a process stays.

    Any other script has a process of its own. Who opens a connection says which they are; nothing in a database file
    does.

    Attributes
    ----------
    hashes : callable
        Gives the SHA-256 of the UTF-8 text of every such script. It is asked when the first script of a connection
        runs.
    calls : int
        A process that has served so many ends.
    megabytes : int
        One whose resident memory is larger when a call has ended ends too.
    seconds : float or None
        A call that takes longer is ended with its process; None lets it take as long as it does.
    """

    hashes: Callable[[], frozenset[bytes]] = _none
    calls: int = 1000
    megabytes: int = 2048
    seconds: float | None = None

    def holds(self, script: str) -> bool:
        """Tell whether a script is one of them, to the letter."""
        return hashlib.sha256(script.encode(errors="surrogatepass")).digest() in self.hashes()


NOBODY = Trusted()
"""No script: each has a process of its own."""
