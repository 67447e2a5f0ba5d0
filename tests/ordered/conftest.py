"""Patients whose features tell a label by their order alone, and a GRU of random weights that sees it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lungdb.cli.load_network import main as load_network
from lungdb.database import Connection, connect, run
from lungdb.imaging.codecs import encode_vector
from tests.support.databases import copy_to, fill, hash_vectors, target_of
from tests.support.once import Once

RECORDED = Path(__file__).parents[1] / "data" / "pooling"
PATIENTS = 60
WIDTH = 5


def rows_of(patient: int) -> NDArray[np.float32]:
    """Make float32[9 to 12, 5]: a bump at the scan's end where the label is 1, at its beginning otherwise."""
    chance = np.random.default_rng(patient)
    features = chance.normal(scale=0.3, size=(9 + patient % 4, WIDTH)).astype(np.float32)
    features[-3 if label_of(patient) else 0 :][:3] += 2
    return features


def label_of(patient: int) -> int:
    """Give every third patient cancer."""
    return int(patient % 3 == 0)


def store_rows(connection: Connection, scan_id: int, features: NDArray[np.float32]) -> None:
    """Write the features of a scan, and their mean."""
    content = features.astype("<f4").tobytes()
    run(
        connection,
        "UPDATE dbo.features SET array = ?, sha256 = ?, array_rows = ?, array_cols = ? WHERE scan_id = ?;"
        "UPDATE dbo.pooled_features SET vector = ? WHERE scan_id = ?;",
        (content, hashlib.sha256(content).digest(), *features.shape, scan_id,
         encode_vector(features.mean(axis=0, dtype=np.float64).astype(np.float32)), scan_id),
    )  # fmt: skip


@pytest.fixture(scope="session")
def rows_file(once: Once, installed_file: Path) -> Path:
    """Sixty patients with features, and the recorded GRU as my_gru."""

    def make(folder: Path) -> Path:
        file = copy_to(folder, installed_file)
        with closing(connect(target_of(file))) as connection:
            fill(connection, ["[0]"] * PATIENTS, [label_of(each) for each in range(PATIENTS)], WIDTH)
            run(connection, "BEGIN TRANSACTION;")
            for patient in range(PATIENTS):
                store_rows(connection, patient + 1, rows_of(patient))
            run(connection, "UPDATE dbo.settings SET value = N'40' WHERE name = N'test_percent'; COMMIT TRANSACTION;")
            hash_vectors(connection)
        command = [str(RECORDED / "gru.onnx"), "--pooling", "--name", "my_gru", "-d", target_of(file)]
        assert load_network(command) == 0
        return file

    return once("rows", make)


@pytest.fixture
def scans(rows_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a copy of the database with features and the GRU."""
    with closing(connect(target_of(copy_to(tmp_path, rows_file)))) as connection:
        yield connection
