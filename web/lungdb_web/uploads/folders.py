"""The folder of a running page for files that were handed in; what an earlier page left is deleted."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO

PREFIX = "lungdb-uploads-"
_LOCK = "in-use"


class OwnFolder:
    """A folder that nobody else may read, in the system's folder for temporary files, made when it is first needed.

    While the page runs it keeps a lock in it, by which another page tells it from what a killed one has left. What
    cleans the folder for temporary files may delete either while the page runs: they are made anew.
    """

    def __init__(self) -> None:
        self._path: Path | None = None
        self._lock: IO[bytes] | None = None

    def path(self) -> Path:
        """Return it."""
        if self._path is None or not _is_folder_of_ours(self._path):
            self._path = Path(tempfile.mkdtemp(prefix=PREFIX))
        if not (self._path / _LOCK).exists():
            self._unlock()
            self._lock = _locked(self._path / _LOCK)
        return self._path

    def free_bytes(self) -> int:
        """Return how many bytes its disk has left."""
        return shutil.disk_usage(self.path()).free

    def delete(self) -> None:
        """Delete it with all that is in it."""
        self._unlock()
        if self._path is not None:
            shutil.rmtree(self._path, ignore_errors=True)
        self._path = None

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
        self._lock = None


def delete_abandoned() -> int:
    """Delete the folders of pages that run no more, and return how many there were."""
    deleted = 0
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            if not _is_folder_of_ours(folder):
                continue
            lock = _locked(folder / _LOCK)
            if lock is None:
                continue
            lock.close()
            shutil.rmtree(folder, ignore_errors=True)
            deleted += 1
    return deleted


def _is_folder_of_ours(path: Path) -> bool:
    """Tell whether it is there, and nobody else has put it, or a link, in its place."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and (not hasattr(os, "getuid") or found.st_uid == os.getuid())


def _locked(path: Path) -> IO[bytes] | None:
    """Open a file and lock it until it is closed; None where another process has it."""
    file = path.open("ab")
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows, where a file in use cannot be deleted
        return file
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file
