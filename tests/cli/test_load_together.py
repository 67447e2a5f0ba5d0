"""Loaders that run at the same time, and loaders that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lungdb.cli.load_scans import main
from tests.cli.test_load_scans import ROOT, write_patient
from tests.support.asking import Query

PATIENTS = [f"patient-{number:02}" for number in range(30)]


def start(folder: Path, target: str) -> subprocess.Popen[str]:
    """Start a loader in a process of its own."""
    command = [sys.executable, str(ROOT / "scripts" / "load_scans.py"), str(folder), "-d", target, "--keep-ids"]
    return subprocess.Popen(
        command,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        preexec_fn=_heed_interrupts if os.name == "posix" else None,
    )


def _heed_interrupts() -> None:
    # A test run in the background ignores SIGINT, and its children would, too.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_for_scans(query: Query, least: int) -> None:
    """Return when the database holds at least so many scans."""
    deadline = time.monotonic() + 60
    while query("SELECT COUNT(*) AS n FROM dbo.scans;")[0][0] < least:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def assert_complete(query: Query, expected: int) -> None:
    """Check that every scan has all of its slices, and that patients count 0, 1, 2, … without gaps."""
    patients = query("SELECT patient_id, idx FROM dbo.patients ORDER BY idx;")
    assert sorted(row[0] for row in patients) == PATIENTS[:expected]
    assert [row[1] for row in patients] == list(range(expected))
    slices = query(
        "SELECT s.number_images, COUNT(i.slice_index) AS n, MAX(i.slice_index) AS last FROM dbo.scans AS s "
        "LEFT JOIN dbo.scan_images AS i ON i.scan_id = s.scan_id GROUP BY s.scan_id, s.number_images;"
    )
    assert slices == [(3, 3, 2)] * expected


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write 30 patients of three slices."""
    for name in PATIENTS:
        write_patient(tmp_path / "archive", name)
    return tmp_path / "archive"


def test_two_loaders_at_once_neither_fail_nor_double(folder: Path, target: str, query: Query) -> None:
    """Both load the same 30 patients into one database."""
    loaders = [start(folder, target), start(folder, target)]
    for loader in loaders:
        _, errors = loader.communicate(timeout=120)
        assert loader.returncode == 0, errors
    assert_complete(query, 30)


def test_a_killed_loader_leaves_whole_scans_and_the_next_run_completes_them(
    folder: Path, target: str, query: Query
) -> None:
    """SIGKILL somewhere in the middle; what is there then is complete, and running again adds the rest."""
    loader = start(folder, target)
    wait_for_scans(query, 1)
    loader.kill()
    loader.communicate(timeout=60)
    there = query("SELECT COUNT(*) AS n FROM dbo.scans;")[0][0]
    assert 1 <= there < 30, "it must be killed before it has finished"
    assert_complete(query, there)
    assert main([str(folder), "-d", target, "--keep-ids"]) == 0
    assert_complete(query, 30)


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_ctrl_c_ends_with_status_130_and_whole_scans(folder: Path, target: str, query: Query) -> None:
    """SIGINT is what Ctrl-C sends; there is a sentence and no traceback."""
    loader = start(folder, target)
    wait_for_scans(query, 1)
    loader.send_signal(signal.SIGINT)
    _, errors = loader.communicate(timeout=60)
    assert loader.returncode == 130, errors
    assert "Interrupted" in errors
    assert "Traceback" not in errors
    assert_complete(query, query("SELECT COUNT(*) AS n FROM dbo.scans;")[0][0])


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_sigterm_ends_with_status_143_and_whole_scans(folder: Path, target: str, query: Query) -> None:
    """As a service manager ends what it runs; there is a sentence and no traceback."""
    loader = start(folder, target)
    wait_for_scans(query, 1)
    loader.terminate()
    _, errors = loader.communicate(timeout=60)
    assert loader.returncode == 143, errors
    assert "Terminated" in errors
    assert "Traceback" not in errors
    assert_complete(query, query("SELECT COUNT(*) AS n FROM dbo.scans;")[0][0])


def test_scans_labels_and_a_network_are_loaded_at_the_same_time(
    folder: Path, target: str, query: Query, tmp_path: Path
) -> None:
    """Each waits for the others' transactions only, and all of them come to their end."""
    labels = tmp_path / "labels.csv"
    labels.write_text("id,cancer\n" + "".join(f"{name},{number % 2}\n" for number, name in enumerate(PATIENTS)))
    network = ROOT / "tests" / "data" / "onnx" / "resnet_legacy.onnx"
    scans = start(folder, target)
    wait_for_scans(query, 1)
    others = [
        subprocess.Popen(
            [sys.executable, "-m", "lungdb.cli.main", *arguments, "-d", target],
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        for arguments in (["load-labels", str(labels)], ["load-network", str(network), "--name", "small"])
    ]
    for process in (*others, scans):
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    assert_complete(query, 30)
    assert query("SELECT name FROM dbo.networks;") == [("small",)]
    assert main([str(folder), "-d", target, "--keep-ids"]) == 0
    labelled = query("SELECT patient_id, label FROM dbo.labels;")
    assert labelled
    assert {PATIENTS.index(patient) % 2 == int(label) for patient, label in labelled} == {True}
