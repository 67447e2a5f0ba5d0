"""`lungdb demo` from its first line to its last."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.fixtures import DEMO_NETWORK, Archive

DEMO = [sys.executable, "-m", "lungdb.cli.main", "demo"]


def test_it_takes_ones_own_data(archive: Archive, tmp_path: Path) -> None:
    """Scans, labels and network from the command line end in a table of the held-out patients."""
    folder = tmp_path / "own"
    done = subprocess.run(
        [*DEMO, "--folder", folder, "--scans", archive.scans, "--labels", archive.labels, "--network", DEMO_NETWORK],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    table = re.findall(r"^ +(\d+)  +(\d+\.\d) % +(cancer|no cancer)$", done.stdout, re.MULTILINE)
    assert len(table) == 8
    assert [float(percent) for _, percent, _ in table] == sorted((float(row[1]) for row in table), reverse=True)
    assert re.search(r"^AUC on 8 held-out patients: \d\.\d{3} \(95 % interval", done.stdout, re.MULTILINE)


def test_a_step_that_fails_ends_it_with_a_reason(archive: Archive, tmp_path: Path) -> None:
    """A network that is none: exit status 1, the reason, and no step after it."""
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"\x08\x07")
    done = subprocess.run(
        [*DEMO, "--folder", tmp_path / "x", "--scans", archive.scans, "--labels", archive.labels, "--network", broken],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Loading the network failed" in done.stderr
    assert "01_generate_features" not in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_the_synthetic_job_tells_cancer_from_no_cancer(tmp_path: Path) -> None:
    """What make demo runs: 40 or more held-out patients, and an interval of the AUC that leaves 0.5 well below."""
    done = subprocess.run([*DEMO, "--folder", tmp_path / "demo"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = re.search(r"^AUC on (\d+) held-out patients: (\S+) \(95 % interval (\S+) to", done.stdout, re.MULTILINE)
    assert found is not None
    assert int(found[1]) >= 40
    assert float(found[2]) >= 0.8
    assert float(found[3]) >= 0.6
