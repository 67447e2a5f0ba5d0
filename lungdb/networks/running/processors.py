"""How many processors this process may use."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUPS = Path("/proc/self/cgroup")


def allowed_processors() -> int:
    """Count the processors that the affinity of the process and the quotas of its control groups leave it.

    A SQL Server's external resource pool, a container and `taskset` all limit in one of these two ways on Linux.
    Elsewhere every processor counts.
    """
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, round(min(processors, quota(_CGROUPS, _OWN_CGROUPS))))


def quota(groups: Path, own: Path) -> float:
    """Give the processors' worth of time that the control groups of a process allow, versions 1 and 2."""
    try:
        lines = [line.split(":", 2) for line in own.read_text().splitlines()]
    except OSError:
        return math.inf
    limits = [math.inf]
    for _, controllers, path in lines:
        if not controllers:
            limits += [_limit(folder) for folder in _upwards(groups, path)]
        elif "cpu" in controllers.split(","):
            limits += [_limit(folder) for name in ("cpu", controllers) for folder in _upwards(groups / name, path)]
    return min(limits)


def _upwards(root: Path, path: str) -> list[Path]:
    """List a group's folder and those of its parents; in a container the path may be the host's, the root its own."""
    folder = root / path.lstrip("/")
    return [folder, *(parent for parent in folder.parents if parent.is_relative_to(root))]


def _limit(folder: Path) -> float:
    for quota, period in (("cpu.max", None), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            words = (folder / quota).read_text().split()
            if period:
                words += (folder / period).read_text().split()
            allowed, every = words
            return math.inf if int(allowed) < 0 else int(allowed) / int(every)
        except (OSError, ValueError, ZeroDivisionError):  # no such file, or `max`
            continue
    return math.inf
