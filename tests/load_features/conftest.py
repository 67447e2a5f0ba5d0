"""Features that GenerateFeatures made, the folder of them, and a database without scans that has their network."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lungdb.cli.main import main
from lungdb.database import connect, run
from tests.support.databases import copy_to, rows, target_of
from tests.support.feature_folders import write_folder
from tests.support.fixtures import DEMO_NETWORK, Once

CALL = (
    "EXECUTE dbo.GenerateFeatures @ModelName = N'ResNet_152.model', @Layer = N'penultimate,layer3', "
    "@Pooling = N'mean,max,thirds';"
)
FEATURES = """
SELECT s.series_uid, s.patient_id, n.name, t.layer, t.preprocessing, f.array_rows, f.array_cols, f.array, f.sha256,
    f.patient_id
FROM dbo.features AS f
INNER JOIN dbo.scans AS s ON s.scan_id = f.scan_id
INNER JOIN dbo.feature_sets AS t ON t.feature_set_id = f.feature_set_id
INNER JOIN dbo.networks AS n ON n.network_id = t.network_id
ORDER BY s.series_uid, t.layer;
"""
VECTORS = """
SELECT s.series_uid, t.layer, p.pooling, p.vector, p.vector_sha256
FROM dbo.pooled_features AS p
INNER JOIN dbo.scans AS s ON s.scan_id = p.scan_id
INNER JOIN dbo.feature_sets AS t ON t.feature_set_id = p.feature_set_id
ORDER BY s.series_uid, t.layer, p.pooling;
"""
_NUMBERS = ("scan_id", "source_uri")


def featured(file: Path) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Give the features and vectors of a database, known by series."""
    with closing(connect(target_of(file))) as connection:
        return rows(connection, FEATURES), rows(connection, VECTORS)


def scans(file: Path) -> list[dict[str, Any]]:
    """Give the scans of a database without their numbers and where their pixels lie."""
    with closing(connect(target_of(file))) as connection:
        found = run(connection, "SELECT * FROM dbo.scans ORDER BY series_uid;")[-1].records()
    return [{name: value for name, value in scan.items() if name not in _NUMBERS} for scan in found]


@pytest.fixture(scope="session")
def made_file(once: Once, loaded_file: Path) -> Path:
    """Forty patients with features of two layers and three poolings."""

    def make(folder: Path) -> Path:
        file = copy_to(folder, loaded_file)
        with closing(connect(target_of(file))) as connection:
            run(connection, CALL)
        return file

    return once("made_features", make)


@pytest.fixture(scope="session")
def network_file(once: Once, installed_file: Path) -> Path:
    """A database with the demo network, begun for ids as they are, and nothing else."""

    def make(folder: Path) -> Path:
        file = copy_to(folder, installed_file)
        call = ["load-network", str(DEMO_NETWORK), "--name", "ResNet_152.model", "-d", target_of(file)]
        assert main(call) == 0
        with closing(connect(target_of(file))) as connection:
            run(connection, "EXECUTE dbo.StoreIdentity @Mode = N'kept';")
        return file

    return once("network_alone", make)


@pytest.fixture
def fresh(network_file: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return copy_to(tmp_path, network_file)


@pytest.fixture(scope="session")
def folder(once: Once, made_file: Path) -> Path:
    """The folder of its features; nobody changes it."""
    return once("features_folder", lambda place: write_folder(made_file, place) / "lungdb.json").parent


Writer = Callable[..., Path]


@pytest.fixture
def small(made_file: Path, tmp_path: Path) -> Writer:
    """Write a folder of the first few rows, changed as a test asks for it."""

    def write(change: Callable[[list[dict[str, Any]]], Any] | None = None, **described: Any) -> Path:
        def few(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
            chosen = found[:6]
            return (change(chosen) if change is not None else None) or chosen

        return write_folder(made_file, tmp_path / "small", few, files=1, **described)

    return write


@pytest.fixture
def load(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Run lungdb load-features; gives the exit status and all that it said."""

    def call(folder: Path | str, file: Path, *options: str) -> tuple[int, str]:
        capsys.readouterr()
        status = main(["load-features", str(folder), "-d", target_of(file), *options])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return status, out + err

    return call


def edited(folder: Path, **changes: Any) -> Path:
    """Change lungdb.json of a folder."""
    description = json.loads((folder / "lungdb.json").read_text())
    (folder / "lungdb.json").write_text(json.dumps({**description, **changes}))
    return folder
