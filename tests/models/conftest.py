"""A database with a model of every algorithm and an ensemble of some."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.database import Connection, connect, run
from tests.support.databases import copy_to, hash_vectors, target_of, vectors_and_labels
from tests.support.fixtures import PATIENTS, WIDTH
from tests.support.once import Once

ALGORITHMS = ("random_forest", "extra_trees", "network")


@pytest.fixture(scope="session")
def many_algorithms_file(once: Once, featured_file: Path) -> Path:
    """The patients of `featured` with another pooling beside, a model of each newer algorithm, a logistic on it."""

    def make(folder: Path) -> Path:
        file = copy_to(folder, featured_file)
        with closing(connect(target_of(file))) as connection:
            run(connection, "BEGIN TRANSACTION;")
            for scan, vector in enumerate(vectors_and_labels(PATIENTS, WIDTH, signal=1.5, seed=5)[0], start=1):
                run(
                    connection,
                    "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector) "
                    "VALUES (?, 1, N'max', ?);",
                    (scan, vector),
                )
            run(connection, "COMMIT TRANSACTION;")
            hash_vectors(connection)
            for algorithm in ALGORITHMS:
                trees = "" if algorithm == "network" else ", @MaxIterations = 20"
                named = f"@ModelName = N'{algorithm}', @Algorithm = N'{algorithm}'"
                run(connection, f"EXECUTE dbo.TrainLungCancerModel {named}{trees};")
            run(
                connection,
                "EXECUTE dbo.TrainLungCancerModel @ModelName = N'of: max', @Pooling = N'max', "
                "@Algorithm = N'logistic', @Calibration = N'isotonic';",
            )
        return file

    return once("many_algorithms", make)


@pytest.fixture
def many_algorithms(many_algorithms_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a copy of it."""
    with closing(connect(target_of(copy_to(tmp_path, many_algorithms_file)))) as connection:
        yield connection
