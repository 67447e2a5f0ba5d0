"""The folders of external scripts: gone with their processes, however those end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from lungdb.embedded.satellite.folders import errors_of, new_folder, remove_stale_folders

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the locks are POSIX's, and the processes Linux's")
ENGINE = """
import sys
from lungdb.embedded.running.connection import connect
script = "import time\\nopen('begun', 'w').close()\\ntime.sleep(120)"
connect(sys.argv[1]).execute(
    "EXECUTE sp_execute_external_script @language = N'Python', @script = ?", (script,)
)
"""


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for temporary folders that is this test's own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def grow_old(folder: Path) -> None:
    """Date a folder back by an hour."""
    os.utime(folder, (time.time() - 3600,) * 2)


def test_a_folder_is_removed_when_nobody_has_its_file_open(folders: Path) -> None:
    """And not before, nor while it is new, nor where something else has made it."""
    (living, open_file), (left, closed_file), (new, new_file) = (new_folder() for _ in range(3))
    foreign = folders / "lungdb-satellite-of-an-earlier-version"
    foreign.mkdir()
    (foreign / "errors").touch()
    for each in (closed_file, new_file):
        os.close(each)
    for each in (living, left, foreign):
        grow_old(each)
    remove_stale_folders()
    assert [each.exists() for each in (living, left, new, foreign)] == [True, False, True, True]
    os.close(open_file)
    remove_stale_folders()
    assert not living.exists()


def test_a_child_keeps_the_folder_of_its_standard_error(folders: Path) -> None:
    """Also when the process that made the folder has closed the file."""
    folder, errors = new_folder()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=errors, cwd=folder)
    os.close(errors)
    grow_old(folder)
    remove_stale_folders()
    assert errors_of(folder).exists()
    child.communicate(b"\n")
    remove_stale_folders()
    assert not folder.exists()


def children(process: int) -> list[int]:
    """Return the numbers of a process's children."""
    return [int(each) for each in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def test_what_a_killed_engine_leaves_is_removed_later(folders: Path) -> None:
    """SIGKILL for the engine and for the warm parent of its scripts at once."""
    engine = subprocess.Popen(
        [sys.executable, "-c", ENGINE, str(folders / "clinic.db")], env=os.environ | {"TMPDIR": str(folders)}
    )
    deadline = time.monotonic() + 60
    while not list(folders.glob("lungdb-satellite-*/*/begun")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    for process in (*children(engine.pid), engine.pid):
        os.kill(process, signal.SIGKILL)
    engine.wait()
    (left,) = folders.glob("lungdb-satellite-*")
    grow_old(left)
    while left.exists():
        # The kernel ends the script itself a moment after its parent.
        assert time.monotonic() < deadline
        remove_stale_folders()
        time.sleep(0.05)
