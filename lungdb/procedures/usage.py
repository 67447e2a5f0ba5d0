"""What a call has cost: processor time, and memory of the process it ran in."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_MEGABYTE = 10**6


def measured(function: Callable[..., tuple[Any, ...]], *arguments: Any) -> tuple[Any, ...]:
    """Call a procedure's function, and return what it gives with two numbers behind it.

    Returns
    -------
    tuple
        What the function gives; CPU seconds of this process and its threads during the call, user and system; and the
        most memory that the process has had so far, in megabytes of 10**6 bytes, 0.0 where the system does not tell.
        A process that serves several calls keeps the most of them.
    """
    before = _cpu_seconds()
    given = function(*arguments)
    return (*given, _cpu_seconds() - before, peak_megabytes())


if sys.platform == "win32":
    import ctypes
    import time
    from ctypes import wintypes

    class _Counters(ctypes.Structure):
        # PROCESS_MEMORY_COUNTERS of psapi.h.
        _fields_ = (
            ("cb", wintypes.DWORD),
            ("PageFaultCount", wintypes.DWORD),
            ("PeakWorkingSetSize", ctypes.c_size_t),
            ("WorkingSetSize", ctypes.c_size_t),
            ("QuotaPeakPagedPoolUsage", ctypes.c_size_t),
            ("QuotaPagedPoolUsage", ctypes.c_size_t),
            ("QuotaPeakNonPagedPoolUsage", ctypes.c_size_t),
            ("QuotaNonPagedPoolUsage", ctypes.c_size_t),
            ("PagefileUsage", ctypes.c_size_t),
            ("PeakPagefileUsage", ctypes.c_size_t),
        )

    def _cpu_seconds() -> float:
        return time.process_time()

    def peak_megabytes() -> float:
        """The most memory that this process has had so far, in megabytes of 10**6 bytes, 0.0 where it is not told."""
        counters = _Counters()
        counters.cb = ctypes.sizeof(counters)
        kernel = ctypes.WinDLL("kernel32")
        kernel.GetCurrentProcess.restype = wintypes.HANDLE
        kernel.K32GetProcessMemoryInfo.argtypes = (wintypes.HANDLE, ctypes.POINTER(_Counters), wintypes.DWORD)
        told = kernel.K32GetProcessMemoryInfo(kernel.GetCurrentProcess(), ctypes.byref(counters), counters.cb)
        return counters.PeakWorkingSetSize / _MEGABYTE if told else 0.0

else:
    import resource

    # getrusage(2): ru_maxrss is in kilobytes on Linux and the BSDs, in bytes on macOS.
    _UNIT = 1 if sys.platform == "darwin" else 1024

    def _cpu_seconds() -> float:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return used.ru_utime + used.ru_stime

    def peak_megabytes() -> float:
        """The most memory that this process has had so far, in megabytes of 10**6 bytes."""
        # Linux hands ru_maxrss on to what a process starts, which then reports more than it ever had
        # (fs/exec.c: setmax_mm_hiwater_rss); VmHWM is the process's own, in units of 1024 bytes (proc(5)).
        try:
            status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
            return int(status.split("VmHWM:")[1].split()[0]) * 1024 / _MEGABYTE
        except (OSError, IndexError):
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT / _MEGABYTE
