"""Databases for the worklist: made-up patients in every state, and models that have scored some."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.database import Connection, connect, install, run
from tests.models.conftest import fill, target_of, vectors_and_labels

NAMES = (
    "Anthony Okafor", "Ana Lindqvist", "ana lindqvist", None, "Ünal Demir", "ünal demir", "100% Müller", "a_b [c]",
    "O'Neil", "back\\slash", "😀 Grin", None, "Zoë", "ZOË", "izmir", "İzmir",
)  # fmt: skip
WIDTH = 5


@pytest.fixture(scope="session")
def listed_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen patients: dates and slices that repeat, two models, scores of some, several of a few, failures."""
    file = tmp_path_factory.mktemp("listed") / "lung_cancer_database.db"
    with closing(connect(target_of(file))) as connection:
        install(connection)
        fill(connection, *vectors_and_labels(len(NAMES), WIDTH, signal=1.0, seed=1), WIDTH)
        for index, name in enumerate(NAMES):
            run(
                connection,
                "UPDATE dbo.patients SET display_name = ?, birth_year = ? WHERE idx = ?;"
                "UPDATE dbo.scans SET study_date = ?, number_images = ? WHERE scan_id = ?;",
                (name, 1950 + index, index, None if index % 5 == 4 else f"2020-01-{1 + index % 3:02}", 80 + index % 4,
                 index + 1),
            )  # fmt: skip
        run(
            connection,
            "INSERT INTO dbo.classifiers (name, version, library, feature_set_id, pooling, model, sha256, details) "
            "VALUES (N'm', 1, N'logistic', 1, N'mean', 0x00, 0x00, N'{}'), "
            "(N'm', 2, N'logistic', 1, N'mean', 0x00, 0x00, N'{}');",
        )
        for scan, classifier, probability in (
            *((scan, 1, 0.07 * scan) for scan in (9, 2, 5, 3)),
            *((scan, 2, 0.5) for scan in (2, 7, 11, 12)),
        ):
            run(
                connection,
                "INSERT INTO dbo.predictions (scan_id, classifier_id, probability) VALUES (?, ?, ?);",
                (scan, classifier, probability),
            )
        run(
            connection,
            "DELETE FROM dbo.pooled_features WHERE scan_id > 13; DELETE FROM dbo.features WHERE scan_id > 13;"
            "INSERT INTO dbo.scan_failures (scan_id, message) VALUES (7, N'damaged'), (14, N'damaged');"
            "EXECUTE dbo.RefreshWorklist;",
        )
    return file


@pytest.fixture
def listed(listed_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a copy of it."""
    with closing(connect(target_of(Path(shutil.copy(listed_file, tmp_path))))) as connection:
        yield connection


@pytest.fixture(scope="session")
def scored_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 patients, a model trained on them."""
    file = tmp_path_factory.mktemp("scored") / "lung_cancer_database.db"
    with closing(connect(target_of(file))) as connection:
        install(connection)
        fill(connection, *vectors_and_labels(120, 12, signal=2.0, seed=5), 12)
        run(connection, "UPDATE dbo.settings SET value = N'40' WHERE name = N'test_percent';")
        run(connection, "EXECUTE dbo.TrainLungCancerModel; EXECUTE dbo.RefreshWorklist;")
    return file


@pytest.fixture
def scored(scored_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a copy of it."""
    with closing(connect(target_of(Path(shutil.copy(scored_file, tmp_path))))) as connection:
        yield connection
