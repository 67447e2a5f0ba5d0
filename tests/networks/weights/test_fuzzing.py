"""Damaged weights files are read or refused in a sentence, never more."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.skipif(sys.platform == "win32", reason="measures memory with the resource module, which Windows lacks")
@pytest.mark.parametrize(("count", "seed"), [(300, 1), pytest.param(5_000, 2, marks=pytest.mark.slow, id="many")])
def test_damaged_files_never_crash_hang_or_eat_memory(data, count, seed):
    """Bytes changed, moved and dropped, in containers and in descriptions with a right checksum; files of 1 to 5 KB."""
    script = Path(__file__).with_name("fuzzing.py")
    command = [sys.executable, "-X", "faulthandler", str(script), str(data), str(count), str(seed)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=20 + count / 20, check=False, env=environment
    )
    assert (done.returncode, done.stderr) == (0, "")
    read, refused, megabytes = map(int, done.stdout.split())
    assert read + refused == 5 * count
    assert refused > count
    assert read > count / 10
    assert megabytes < 50
