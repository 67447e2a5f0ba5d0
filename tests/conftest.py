"""For all tests: the databases that they start from, and the interrupt that several send reaches what they start."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

pytest_plugins = ["tests.support.asking", "tests.support.fixtures"]

# A shell that runs the tests in the background ignores Ctrl-C for them, and every process started here would do so too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A database commits hundreds of times while it is installed, and at each of them a disk lets one wait. What the tests
# write lies in memory where there is plenty of it; what a killed process leaves there is what it leaves on a disk.
_MEMORY, _PLENTY = Path("/dev/shm"), 8 << 30
if (
    _MEMORY.is_dir()
    and min(shutil.disk_usage(_MEMORY).free, os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")) > _PLENTY
):
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))

# Files with few tests that take long: begun last, one of them would keep a single process busy at the end of a run.
FIRST = (
    "sql/test_killed.py", "sql/test_killed_upgrades.py", "job/test_demo.py", "job/test_original_calls.py",
    "search/test_workers.py", "web/test_api_contract.py",
    "cli/test_load_together.py", "models/test_upgrade.py", "test_python310.py", "phantoms/test_demo_network.py",
    "sql/test_files_run.py", "web/test_access.py", "web/test_worklist.py", "web/test_headers.py",
    "embedded/test_satellite_pool.py", "distributed/test_features.py", "operating/test_watch.py",
    "documents/test_manual.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put those files first; within a file nothing changes."""
    places = {Path(__file__).parent / file: place for place, file in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))
