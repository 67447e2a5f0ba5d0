"""Databases of phantoms to measure on."""

from __future__ import annotations

import io
from contextlib import closing, redirect_stdout
from pathlib import Path

from sizes import Scans

from lungdb.cli import load_labels, load_network, load_scans
from lungdb.database import connect, install
from lungdb.phantoms.dataset import make_dataset

DEMO_NETWORK = Path(__file__).resolve().parents[2] / "lungdb" / "networks" / "data" / "demo_resnet.onnx"


def database(folder: Path, network: Path, scans: Scans) -> str:
    """Make a database of phantoms with a network called bench; returns its target. The files stay in `folder`/scans."""
    folder.mkdir()
    target = target_of(folder / "lung_cancer_database.db")
    labels = make_dataset(folder / "scans", patients=scans.patients, slices=scans.slices, size=scans.size)
    with closing(connect(target)) as connection:
        install(connection)
    with redirect_stdout(io.StringIO()):
        succeed(load_scans.main(["-d", target, "--keep-ids", str(folder / "scans")]))
        succeed(load_labels.main(["-d", target, str(labels)]))
        succeed(load_network.main(["-d", target, str(network), "--name", "bench"]))
    return target


def target_of(file: Path) -> str:
    """Name a file of the embedded engine."""
    return f"sqlite:///{file.as_posix()}"


def succeed(status: int) -> None:
    """End with a command's exit status unless it is 0."""
    if status:
        raise SystemExit(status)
