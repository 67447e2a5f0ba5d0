"""The folders that external scripts run in, and what becomes of those whose processes were all killed.

A folder is locked as long as one of its processes lives: they share the open file of its standard error, and the
system gives a lock up with the last process that has the file.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, which keeps the files of a living process by itself
    fcntl = None  # type: ignore[assignment]

_PREFIX = "lungdb-satellite-"
_ERRORS = "standard_error"
# A folder that was made just now may not be locked yet.
_MADE_JUST_NOW = 60.0


def new_folder() -> tuple[Path, int]:
    """Make a folder; return it and the open file for the standard error of its process, which locks it."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    errors = os.open(folder / _ERRORS, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    if fcntl is not None:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(errors, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return folder, errors


def errors_of(folder: Path) -> Path:
    """Return the file that standard error goes to."""
    return folder / _ERRORS


def remove_stale_folders() -> None:
    """Remove this user's folders whose processes are gone; they were killed together with what would have done it."""
    if fcntl is None:
        return
    with suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX):
                with suppress(OSError):
                    _remove_if_stale(entry)


def _remove_if_stale(entry: os.DirEntry[str]) -> None:
    status = entry.stat(follow_symlinks=False)
    is_ours = entry.is_dir(follow_symlinks=False) and status.st_uid == os.getuid()
    if not is_ours or time.time() - status.st_mtime < _MADE_JUST_NOW:
        return
    errors = os.open(Path(entry.path) / _ERRORS, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(errors, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(entry.path, ignore_errors=True)
    finally:
        os.close(errors)
