"""The number of processors is what the process may use, not what the machine has."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lungdb.networks.running.processors import allowed_processors, quota

COUNT = "from lungdb.networks.running.processors import allowed_processors; print(allowed_processors())"


def test_there_is_at_least_one_and_no_more_than_the_machine_has():
    """Whatever limits the process that runs the tests."""
    assert 1 <= allowed_processors() <= (os.cpu_count() or 1)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system binds no process to processors")
def test_affinity_counts():
    """A process bound to one processor has one."""
    one = min(os.sched_getaffinity(0))
    code = f"import os; os.sched_setaffinity(0, [{one}]); {COUNT}"
    assert subprocess.check_output([sys.executable, "-c", code], text=True, cwd=Path(__file__).parents[2]) == "1\n"


def write(folder: Path, files: dict[str, str]) -> None:
    """Write files with their folders."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/pool\n", {"pool/cpu.max": "max 100000\n", "cpu.max": "400000 100000\n"}, 4),
        ("0::/a/b\n", {"a/b/cpu.max": "300000 100000\n", "a/cpu.max": "50000 100000\n"}, 0.5),
        ("0::/on/the/host\n", {"cpu.max": "200000 100000\n"}, 2),
        (
            "4:cpu,cpuacct:/pool\n0::/\n",
            {"cpu,cpuacct/pool/cpu.cfs_quota_us": "250000\n", "cpu,cpuacct/pool/cpu.cfs_period_us": "100000\n"},
            2.5,
        ),
        ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, math.inf),
        ("3:memory:/\n", {"cpu.max": "100000 100000\n"}, math.inf),
        ("0::/\n", {}, math.inf),
    ],
)
def test_quotas_are_read_as_the_kernel_writes_them(tmp_path, groups, files, expected):
    """Version 2 and 1, the least of a group and its parents, in a container that sees only its own root."""
    write(tmp_path, {"cgroup": groups} | {f"fs/{name}": text for name, text in files.items()})
    assert quota(tmp_path / "fs", tmp_path / "cgroup") == expected


def test_without_control_groups_there_is_no_quota(tmp_path):
    """As on Windows."""
    assert quota(tmp_path, tmp_path / "none") == math.inf
