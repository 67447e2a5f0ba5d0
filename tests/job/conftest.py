"""A small database in which the whole job has been done, and copies of it to change."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from lungdb.cli import load_labels, load_network, load_scans
from lungdb.database import Connection, connect, install, run
from lungdb.phantoms.dataset import make_dataset

NETWORK = Path(__file__).parents[2] / "lungdb" / "networks" / "data" / "demo_resnet.onnx"
PATIENTS = 40


@dataclass(frozen=True)
class Archive:
    """Scans on disk with their labels."""

    scans: Path
    labels: Path


def target_of(file: Path) -> str:
    """Name the embedded engine's database in a file."""
    return f"sqlite:///{file.as_posix()}"


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """Forty patients of nine slices of 64 × 64, half of them with cancer."""
    scans = tmp_path_factory.mktemp("archive") / "scans"
    labels = make_dataset(scans, patients=PATIENTS, seed=2_000_000, slices=9, size=64)
    return Archive(scans, labels)


@pytest.fixture(scope="session")
def loaded_file(archive: Archive, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with scans, labels and the demo network, under the original project's name."""
    file = tmp_path_factory.mktemp("loaded") / "lung_cancer_database.db"
    database = ["-d", target_of(file)]
    with closing(connect(target_of(file))) as connection:
        install(connection)
    assert load_scans.main([*database, "--keep-ids", str(archive.scans)]) == 0
    assert load_labels.main([*database, str(archive.labels)]) == 0
    assert load_network.main([*database, str(NETWORK), "--name", "ResNet_152.model"]) == 0
    return file


@pytest.fixture(scope="session")
def trained_file(loaded_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with features and a trained model."""
    file = copy_to(tmp_path_factory.mktemp("trained"), loaded_file)
    with closing(connect(target_of(file))) as connection:
        run(connection, "EXECUTE dbo.GenerateFeatures @ModelName = N'ResNet_152.model', @Pooling = N'mean,max';")
        run(connection, "EXECUTE dbo.TrainLungCancerModel;")
    return file


@pytest.fixture
def loaded(loaded_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a copy of the loaded database."""
    with closing(connect(target_of(copy_to(tmp_path, loaded_file)))) as connection:
        yield connection


@pytest.fixture
def trained(trained_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a copy of the trained database."""
    with closing(connect(target_of(copy_to(tmp_path, trained_file)))) as connection:
        yield connection


def copy_to(folder: Path, file: Path) -> Path:
    """Copy a closed database file into a folder."""
    return Path(shutil.copy(file, folder / file.name))


@pytest.fixture
def row_counts() -> Callable[[Connection], dict[str, int]]:
    """Count the rows of every table."""

    def count(connection: Connection) -> dict[str, int]:
        (tables,) = run(connection, "SELECT name FROM sys.tables ORDER BY name;")
        return {name: run(connection, f"SELECT COUNT(*) FROM dbo.[{name}];")[0].scalar() for (name,) in tables.rows}

    return count
