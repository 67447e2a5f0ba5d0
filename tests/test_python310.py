"""What runs inside SQL Server passes its tests with that server's Python: 3.10 with numpy 1.22.0."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".venv310"
CONSTRAINTS = ROOT / "constraints-sqlserver.txt"
PACKAGES = [
    "numpy",
    "pandas",
    "onnx",
    "onnxruntime",
    "lightgbm",
    "opencv-python-headless",
    "isal",
    "scikit-learn",
    "simpleitk",  # what volumes are compared with
    "pydicom",  # what a module of imaging is compared with
    "pytest",
]
FOLDERS = ["tests/imaging", "tests/networks", "tests/learning", "tests/procedures"]
PROBE = "import sys, numpy, pandas; print(sys.version_info[:2], numpy.__version__, pandas.__version__.split('.')[0])"


def _python310() -> Path | None:
    """Find a Python 3.10 that starts: on the path, or among pyenv's versions."""
    found = shutil.which("python3.10")
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = sorted((pyenv / "versions").glob("3.10*/bin/python"), reverse=True)
    for candidate in [*candidates, *([Path(found)] if found else [])]:
        # A shim of pyenv is on the path even where its version is not active.
        done = subprocess.run([candidate, "--version"], capture_output=True, text=True)
        if done.stdout.startswith("Python 3.10."):
            return candidate
    return None


@pytest.fixture(scope="module")
def python310() -> Path:
    """The interpreter of an environment like that of the server's, made once and kept in .venv310."""
    base = _python310()
    if base is None:
        pytest.skip("no Python 3.10 on the path or among pyenv's versions")
    python = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    finished = ENVIRONMENT / "packages.txt"
    wanted = "\n".join([*PACKAGES, CONSTRAINTS.read_text(encoding="utf-8")])
    if not finished.is_file() or finished.read_text(encoding="utf-8") != wanted:
        subprocess.run([base, "-m", "venv", "--clear", ENVIRONMENT], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-c", CONSTRAINTS, *PACKAGES], check=True)
        finished.write_text(wanted, encoding="utf-8")
    return python


@pytest.mark.slow
def test_the_environment_is_that_of_the_server(python310: Path) -> None:
    """The constraints that ship leave numpy 1.22.0 where the server has it."""
    assert subprocess.check_output([python310, "-c", PROBE], text=True).strip() == "(3, 10) 1.22.0 1"


@pytest.mark.slow
@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_of_tests_passes_with_the_servers_python(python310: Path, folder: str) -> None:
    """Every test that is not slow, with none left out."""
    done = subprocess.run(
        [python310, "-m", "pytest", "-p", "no:cacheprovider", folder], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-2000:]}"


def _reason(done: subprocess.CompletedProcess[str]) -> str | None:
    """Say why pip found no registry, or nothing where it ended otherwise."""
    lost = ("NewConnectionError", "ConnectTimeoutError", "Temporary failure in name resolution")
    return "no registry of packages can be reached" if any(text in done.stderr for text in lost) else None


@pytest.mark.slow
def test_the_constraints_resolve_on_a_fresh_python_of_the_server(python310: Path, tmp_path: Path) -> None:
    """`pip install -c constraints-sqlserver.txt ".[cpu]"` from nothing takes these releases and moves none of them."""
    report = tmp_path / "report.json"
    command = ["pip", "install", "--dry-run", "--ignore-installed", "-q", "--report", report, "-c", CONSTRAINTS]
    done = subprocess.run(
        [python310, "-m", *command, f"{ROOT}[cpu]"], cwd=tmp_path, capture_output=True, text=True
    )  # fmt: skip
    if reason := _reason(done):
        pytest.skip(reason)
    assert done.returncode == 0, done.stderr[-2000:]
    installed = json.loads(report.read_text(encoding="utf-8"))["install"]
    taken = {item["metadata"]["name"].lower().replace("_", "-"): item["metadata"]["version"] for item in installed}
    pinned = _pins()
    assert pinned["numpy"] == "1.22.0"
    assert {name: taken[name] for name in pinned if name != "onnxruntime-gpu"} == {
        name: version for name, version in pinned.items() if name != "onnxruntime-gpu"
    }


def _pins() -> dict[str, str]:
    """Give the releases by the names of their packages as registries write them."""
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {name.replace("_", "-"): version for name, version in pairs}


def test_the_constraints_let_every_lower_bound_of_ours_hold() -> None:
    """What pyproject.toml asks for at least is there at most: else pip refuses the line of the documentation."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    bounds = dict(re.findall(r'"([\w-]+)(?:\[[\w,]+\])?>=([\d.]+)"', text))
    pins = _pins()
    shared = set(bounds) & set(pins)
    assert {"numpy", "pandas", "onnx", "onnxruntime", "lightgbm", "opencv-python-headless", "isal"} <= shared
    assert [name for name in shared if _numbers(pins[name]) < _numbers(bounds[name])] == []


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
