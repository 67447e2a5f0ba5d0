"""A database whose scans have features of four triples of slices, and scored by models of every kind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from lungdb.database import Connection, connect, run
from lungdb.imaging.codecs import encode_array, encode_vector
from lungdb.learning.pooling import pool
from tests.support.databases import copy_to, hash_vectors, rows, target_of
from tests.support.fixtures import PATIENTS, WIDTH, numbers_of
from tests.support.once import Once

TRIPLES, SLICES = 4, 11
MODELS = {
    "lightgbm_sql": "",
    "steps": "@Pooling = N'max', @MaxIterations = 15",
    "forest": "@Pooling = N'mean_max_std', @Algorithm = N'random_forest', @MaxIterations = 10",
    "component": "@Pooling = N'pca1', @Algorithm = N'extra_trees', @MaxIterations = 10",
    "linear": "@Algorithm = N'logistic'",
    "linear thirds": "@Pooling = N'thirds', @Algorithm = N'logistic'",
    "network": "@Algorithm = N'network', @MaxIterations = 15",
    "several": "@Features = N'mean; max', @Columns = N'slices, age', @MaxIterations = 15",
    "number": "@Task = N'regression', @MaxIterations = 15",
}


def arrays() -> list[np.ndarray[tuple[int, int], np.dtype[np.float32]]]:
    """Draw the features of each scan's triples; the first feature of those with cancer is higher in one triple."""
    rng = np.random.default_rng(8)
    labels = np.random.default_rng(5).permutation(np.arange(PATIENTS) % 3 == 0)  # those of `featured`
    drawn = rng.normal(size=(PATIENTS, TRIPLES, WIDTH)).astype(np.float32)
    drawn[:, 2, 0] += 5 * labels.astype(np.float32)
    return list(drawn)


@pytest.fixture(scope="session")
def explained_file(once: Once, featured_file: Path) -> Path:
    """The patients of `featured` with arrays of their own, a model of each kind, and the scores of two scans by all."""

    def make(folder: Path) -> Path:
        file = copy_to(folder, featured_file)
        with closing(connect(target_of(file))) as connection:
            run(connection, "BEGIN TRANSACTION;")
            run(connection, "DELETE FROM dbo.pooled_features;")
            means = []
            for scan, array in enumerate(arrays(), start=1):
                blob, sha256 = encode_array(array)
                run(
                    connection,
                    "UPDATE dbo.features SET array_rows = ?, array_cols = ?, array = ?, sha256 = ? WHERE scan_id = ?; "
                    "UPDATE dbo.scans SET number_images = ? WHERE scan_id = ?; "
                    "UPDATE dbo.scan_images SET position_z = 2.5 * slice_index WHERE scan_id = ?;",
                    (*array.shape, blob, sha256, scan, SLICES, scan, scan),
                )
                for pooling in ("mean", "max", "mean_max_std", "thirds", "pca1"):
                    vector = encode_vector(pool(array, pooling))
                    means += [vector] if pooling == "mean" else []
                    run(
                        connection,
                        "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector) "
                        "VALUES (?, 1, ?, ?);",
                        (scan, pooling, vector),
                    )
            for index, number in enumerate(numbers_of(means)):
                sql = "INSERT INTO dbo.numeric_labels (patient_id, value, source) VALUES (?, ?, N'ages.csv');"
                run(connection, sql, (f"patient {index:04}", number))
            run(connection, "UPDATE dbo.patients SET birth_year = 1950;")
            run(connection, "UPDATE dbo.scans SET patient_age = CASE WHEN scan_id % 3 > 0 THEN 50 + scan_id % 20 END;")
            run(connection, "COMMIT TRANSACTION;")
            hash_vectors(connection)
            for name, parameters in MODELS.items():
                given = f", {parameters}" if parameters else ""
                run(connection, f"EXECUTE dbo.TrainLungCancerModel @ModelName = N'{name}'{given};")
            run(
                connection,
                "EXECUTE dbo.CreateEnsemble @ModelName = N'ensemble', @Members = N'forest, linear';",
            )
            for name in (*MODELS, "ensemble"):
                for scan in (1, 2):
                    run(connection, "EXECUTE dbo.PredictLungCancer @ScanId = ?, @ModelName = ?;", (scan, name))
        return file

    return once("explained", make)


@pytest.fixture
def explained(explained_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a copy of it."""
    with closing(connect(target_of(copy_to(tmp_path, explained_file)))) as connection:
        yield connection


@pytest.fixture(scope="module")
def explained_once(explained_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A connection to a copy of it in which the scores of the first scan are explained; for tests that only read."""
    with closing(connect(target_of(copy_to(tmp_path_factory.mktemp("explained"), explained_file)))) as connection:
        for name in (*MODELS, "ensemble"):
            run(connection, "EXECUTE dbo.ExplainScans @ScanId = 1, @ModelName = ?, @Permutations = 16;", (name,))
        yield connection


def vector_of(connection: Connection, scan: int, name: str) -> list[float | None]:
    """Read the vector of a scan that a model reads."""
    sql = (
        "SELECT v.vector FROM dbo.pooled_features AS v INNER JOIN dbo.classifiers AS c "
        "ON c.feature_set_id = v.feature_set_id AND c.pooling = v.pooling WHERE v.scan_id = ? AND c.name = ?;"
    )
    [(text,)] = rows(connection, sql, (scan, name))
    return list(json.loads(text))
