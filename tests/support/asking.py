"""A database with lungdb's tables on the embedded engine for the tests of loaders, and a look into it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lungdb.database import connect, run
from lungdb.imaging.codecs import content_sha256, encode_slice
from tests.support.databases import copy_to, target_of

Query = Callable[..., list[tuple[Any, ...]]]
Store = Callable[[Sequence[int]], None]


@pytest.fixture
def target(installed_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the target of an installed database; no setting of the developer's own reaches the test."""
    for name in ("LUNGDB_CONFIG", "LUNGDB_DATABASE", "LUNGDB_ID_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return target_of(copy_to(tmp_path, installed_file))


@pytest.fixture
def query(target: str) -> Query:
    """Give a function that runs one batch on a connection of its own and returns the last result's rows."""

    def rows(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with closing(connect(target)) as connection:
            results = run(connection, sql, parameters)
        return results[-1].rows if results else []

    return rows


@pytest.fixture
def contents(query: Query) -> Callable[[], dict[str, list[tuple[Any, ...]]]]:
    """Give a function that returns every row of the tables that loaders write."""
    tables = {
        "patients": "patient_id",
        "scans": "scan_id",
        "scan_images": "scan_id, slice_index",
        "rejected_files": "rejected_id",
        "labels": "patient_id",
        "settings": "name",
        "networks": "network_id",
    }
    return lambda: {table: query(f"SELECT * FROM dbo.{table} ORDER BY {key};") for table, key in tables.items()}


@pytest.fixture
def store(target: str) -> Store:
    """Give a function that stores scans of so many slices of 96 × 96: blobs of tissue in air, others in every scan."""

    def make(slices: int, chance: np.random.Generator) -> np.ndarray:
        coarse = chance.uniform(-1300, 200, (slices, 12, 12))
        return np.kron(coarse, np.ones((1, 8, 8))).astype(np.int16)

    def store_scans(numbers: Sequence[int]) -> None:
        with closing(connect(target)) as connection:
            for number, slices in enumerate(numbers, start=1):
                encoded = [encode_slice(hu) for hu in make(slices, np.random.default_rng(number))]
                run(connection, "INSERT INTO dbo.patients (patient_id, idx) VALUES (?, ?);", (f"p{number}", number - 1))
                run(
                    connection,
                    "INSERT INTO dbo.scans (patient_id, is_primary, series_uid, study_uid, image_rows, image_cols, "
                    "number_images, content_sha256) VALUES (?, 1, ?, N's', 96, 96, ?, ?);",
                    (f"p{number}", f"u{number}", slices, content_sha256(sha256 for _, sha256 in encoded)),
                )
                for index, (pixels, sha256) in enumerate(encoded):
                    run(
                        connection,
                        "INSERT INTO dbo.scan_images (scan_id, slice_index, instance_uid, rescale_slope, "
                        "rescale_intercept, pixels, pixels_sha256) VALUES (?, ?, N'i', 1, -1024, ?, ?);",
                        (number, index, pixels, sha256),
                    )

    return store_scans
