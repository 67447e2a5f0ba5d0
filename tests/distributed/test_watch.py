"""A worker that waits for others which say nothing ends itself; one that goes on does not."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import sys, time
from lungdb.distributed.boosting import Watch
watch = Watch({first}, {later})
for pause in {pauses}:
    time.sleep(pause)
    watch(None)
watch.stop()
time.sleep(2)
print("went on")
"""


@pytest.mark.parametrize(
    ("first", "later", "pauses", "goes_on"),
    [(60, 60, [0.1, 0.1], True), (0.2, 60, [30], False), (60, 0.2, [0.01, 30], False), (60, 30, [1.5, 0.1], True)],
)
def test_a_worker_that_goes_no_further_ends_itself(
    first: float, later: float, pauses: list[float], goes_on: bool
) -> None:
    """The first tree has its own limit, and nothing is watched after the last."""
    script = SCRIPT.format(first=first, later=later, pauses=pauses)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == ((0, "went on\n") if goes_on else (1, ""))
