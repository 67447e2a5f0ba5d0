"""What a call may change of the process that it runs in, and how a process that stays gets it back."""

from __future__ import annotations

import contextlib
import copy
import ctypes
import decimal
import gc
import locale
import os
import random
import shutil
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

_MEGABYTE = 1_000_000
# A call that leaves this much more than the one before it is followed by a collection of garbage.
_GROWTH = 32 * _MEGABYTE


def reseed() -> None:
    """Give a call random numbers of its own, as a process started for it has."""
    random.seed()
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()


class ProcessState:
    """The state of a process as a call finds it, taken when this is made, with an empty working directory.

    Modules stay imported, and what they keep they keep: only scripts whose modules are known to keep nothing of a call
    may follow one another.
    """

    def __init__(self) -> None:
        import numpy as np

        self._directory = os.getcwd()
        self._environment = dict(os.environ)
        self._path = list(sys.path)
        self._arguments = list(sys.argv)
        self._streams = sys.stdin, sys.stdout, sys.stderr
        self._locale = locale.setlocale(locale.LC_ALL)
        self._umask = _umask()
        self._recursion = sys.getrecursionlimit()
        self._threads = threading.active_count()
        self._decimal = decimal.getcontext().copy()
        self._numpy = np.geterr(), np.get_printoptions()
        self._pandas = copy.deepcopy(_pandas_options())
        self._resident = resident_bytes()

    @contextlib.contextmanager
    def for_one_call(self) -> Iterator[None]:
        """Run a call; what it has changed is undone after it, and the next one has other random numbers."""
        try:
            # A warning that is shown once in a process is shown once in each of its calls.
            with warnings.catch_warnings():
                yield
        finally:
            self._restore()

    def _restore(self) -> None:
        os.chdir(self._directory)
        _empty(self._directory)
        if dict(os.environ) != self._environment:
            os.environ.clear()
            os.environ.update(self._environment)
        sys.path[:] = self._path
        sys.argv[:] = self._arguments
        sys.stdin, sys.stdout, sys.stderr = self._streams
        if locale.setlocale(locale.LC_ALL) != self._locale:
            locale.setlocale(locale.LC_ALL, self._locale)
        os.umask(self._umask)
        sys.setrecursionlimit(self._recursion)
        decimal.setcontext(self._decimal.copy())
        self._restore_libraries()
        reseed()

    def _restore_libraries(self) -> None:
        import numpy as np
        import pandas as pd

        errors, printing = self._numpy
        np.seterr(**errors)
        if np.get_printoptions() != printing:
            np.set_printoptions(**printing)
        if _pandas_options() != self._pandas:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # setting one that will go away says so
                for name, value in _flat(self._pandas):
                    pd.set_option(name, value)

    def is_clean(self, megabytes: int) -> bool:
        """Tell whether the process is fit for another call: nothing of the last one runs, and its memory is bounded."""
        if threading.active_count() > self._threads or _has_children():
            return False
        resident = resident_bytes()
        if resident > min(self._resident + _GROWTH, megabytes * _MEGABYTE):
            gc.collect()
            _give_memory_back()
            resident = resident_bytes()
        self._resident = max(self._resident, resident)
        return resident <= megabytes * _MEGABYTE


def resident_bytes() -> int:
    """Return how much memory this process holds."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _umask() -> int:
    found = os.umask(0o077)
    os.umask(found)
    return found


def _has_children() -> bool:
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return False
    return True


def _give_memory_back() -> None:
    """Give the system what C code has freed and keeps, where its library can."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _empty(directory: str) -> None:
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                os.unlink(entry.path)


def _pandas_options() -> dict[str, Any]:
    import pandas as pd

    return cast("dict[str, Any]", pd.options.d)


def _flat(options: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in options.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
