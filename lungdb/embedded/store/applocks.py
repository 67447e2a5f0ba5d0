"""Locks of applications, by name: a connection holds one until it gives it back, is closed, or its process dies.

Each is a file beside the database, there while it is held, with a lock of the operating system on it. The system takes
that from a process however it ends; the file that a killed one leaves goes when somebody next looks.
"""

from __future__ import annotations

import hashlib
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lungdb.embedded.store.turns import Patience
from lungdb.embedded.values.names import key
from lungdb.embedded.values.refusals import refused
from lungdb.embedded.values.stored import Value

# Who looks whether a lock is free has it for a moment, which whoever wants it at that moment waits for.
_LOOK_MILLISECONDS = 100

if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _take(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


@dataclass
class _Held:
    descriptor: int
    times: int


class AppLocks:
    """The locks of one connection, each exclusive.

    Parameters
    ----------
    database : Path
        The database's file.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._held: dict[str, _Held] = {}

    def take(self, name: str, milliseconds: int) -> bool:
        """Take a lock, waiting at most so long; tell whether it is held now. Who takes it twice gives it back twice.

        Raises
        ------
        OSError
            No file can be made beside the database.
        """
        held = self._held.get(name)
        if held is not None:
            held.times += 1
            return True
        path = self._path(name)
        patience = Patience(max(milliseconds, _LOOK_MILLISECONDS))
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            # Whoever had it before may have removed the file meanwhile: then the lock is of a file nobody else finds.
            if _take(descriptor) and _is_at(descriptor, path):
                self._held[name] = _Held(descriptor, 1)
                return True
            os.close(descriptor)
            if not patience.pause():
                return False

    def give_back(self, name: str) -> bool:
        """Give a lock back; tell whether it was held."""
        held = self._held.get(name)
        if held is None:
            return False
        held.times -= 1
        if not held.times:
            self._end(name)
        return True

    def holds(self, name: str) -> bool:
        """Tell whether this connection has a lock."""
        return name in self._held

    def is_free(self, name: str) -> bool:
        """Tell whether this connection could have a lock, or has it."""
        if name in self._held:
            return True
        path = self._path(name)
        try:
            descriptor = os.open(path, os.O_RDWR)
        except OSError as error:
            # A file that may not be opened is another user's, who is there as far as can be told.
            return isinstance(error, FileNotFoundError)
        try:
            is_free = _take(descriptor)
            if is_free and _is_at(descriptor, path):
                _remove(path)
            return is_free
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Give all of them back."""
        for name in tuple(self._held):
            self._end(name)

    def _end(self, name: str) -> None:
        # Removed before it is free, so that nobody else's is; where open files cannot be removed, afterwards.
        descriptor = self._held.pop(name).descriptor
        path = self._path(name)
        _remove(path)
        os.close(descriptor)
        if sys.platform == "win32":
            _remove(path)

    def _path(self, name: str) -> Path:
        digest = hashlib.sha256(name.encode("utf-16-le", "surrogatepass")).hexdigest()[:16]
        return self._database.with_name(f"{self._database.name}-lock-{digest}")


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _remove(path: Path) -> None:
    with suppress(OSError):  # it is another's by now, or stays until the next look
        path.unlink()


def check_kind(mode: Value, owner: Value) -> None:
    """Refuse other locks than exclusive ones of a session."""
    if key(str(mode)) != "exclusive":
        raise refused(f"The mode {mode!s} of an application lock", "Take it with 'Exclusive'.")
    if key(str(owner)) != "session":
        raise refused("An application lock of a transaction", "Take it with @LockOwner = 'Session'.")
