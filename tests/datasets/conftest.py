"""Databases for the tests of data sets and of combined features."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from lungdb.database import Connection, connect, run
from tests.support.databases import copy_to, fill, hash_vectors, target_of, vectors_and_labels
from tests.support.fixtures import MakeDatabase

PATIENTS = 60
WIDTH = 4


def fill_visits(connection: Connection) -> None:
    """Give every patient three scans, with a second pooling and properties, and labels of every scan within a year."""
    vectors, labels = vectors_and_labels(PATIENTS, WIDTH, signal=2.0, seed=5)
    fill(connection, vectors, labels, WIDTH)
    run(connection, "UPDATE dbo.settings SET value = N'40' WHERE name = N'test_percent';")
    for visit in (1, 2):
        later, _ = vectors_and_labels(PATIENTS, WIDTH, signal=2.0, seed=5 + visit)
        for index, vector in enumerate(later):
            run(
                connection,
                "INSERT INTO dbo.scans (patient_id, is_primary, series_uid, study_uid, image_rows, image_cols, "
                "number_images, content_sha256) SELECT patient_id, 0, ?, N'1.3', 1, 1, 3, HASHBYTES('SHA2_256', ?) "
                "FROM dbo.patients WHERE idx = ?;"
                "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector) "
                "VALUES (SCOPE_IDENTITY(), 1, N'mean', ?);",
                (f"1.2.{index}.{visit}", f"{index}/{visit}", index, vector),
            )
    rng = np.random.default_rng(1)
    for (scan,) in run(connection, "SELECT scan_id FROM dbo.scans ORDER BY scan_id;")[-1].rows:
        thickness, age = float(rng.choice([1.0, 1.25, 2.5])), int(rng.integers(50, 90))
        run(
            connection,
            "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector) VALUES (?, 1, N'max', ?);"
            "UPDATE dbo.scans SET slice_thickness = ?, patient_age = ?, manufacturer = N'SIEMENS' WHERE scan_id = ?;",
            (scan, f"[{','.join(f'{value:.3f}' for value in rng.normal(size=WIDTH))}]", thickness,
             None if scan % 7 == 0 else age, scan),
        )  # fmt: skip
    run(
        connection,
        "INSERT INTO dbo.scan_labels (scan_id, horizon_days, label) SELECT s.scan_id, 365, l.label FROM dbo.scans AS s "
        "INNER JOIN dbo.labels AS l ON l.patient_id = s.patient_id WHERE s.scan_id % 5 <> 0;"
        "UPDATE dbo.patients SET sex = CASE idx % 3 WHEN 0 THEN N'F' WHEN 1 THEN N'M' END;",
    )
    hash_vectors(connection)


@pytest.fixture(scope="session")
def visits_file(make_database: MakeDatabase) -> Path:
    """Sixty patients with three scans each, a third of them with cancer, and labels of four scans in five."""
    return make_database("visits", fill_visits)


@pytest.fixture
def visits(visits_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a copy of it."""
    with closing(connect(target_of(copy_to(tmp_path, visits_file)))) as connection:
        yield connection
