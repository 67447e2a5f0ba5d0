"""A trained model, and data sets to measure it on: test patients with two reconstructions each."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from lungdb.database import Connection, connect, run
from tests.support.databases import copy_to, hash_vectors, rows, target_of
from tests.support.once import Once

HELD_OUT = (
    "EXECUTE dbo.CreateDataset @Name = N'held out', @Query = N'SELECT s.scan_id FROM dbo.scans AS s "
    "INNER JOIN dbo.splits AS p ON p.patient_id = s.patient_id WHERE p.part = ''test''';"
)


def add_reconstruction(connection: Connection, patient: str, kernel: str, shift: float) -> None:
    """Add a series of the patient's study whose features are shifted."""
    ((scan, vector),) = rows(
        connection,
        "SELECT s.scan_id, f.vector FROM dbo.scans AS s INNER JOIN dbo.pooled_features AS f ON f.scan_id = s.scan_id "
        "WHERE s.patient_id = ? AND s.is_primary = 1 AND f.feature_set_id = 1;",
        (patient,),
    )
    moved = json.dumps([round(value + shift, 6) for value in json.loads(vector)])
    run(
        connection,
        "INSERT INTO dbo.scans (patient_id, is_primary, series_uid, study_uid, image_rows, image_cols, number_images, "
        "content_sha256, convolution_kernel, manufacturer, spacing_z, patient_age) "
        "SELECT patient_id, 0, CONCAT(series_uid, N'.', ?), study_uid, 1, 1, 3, ?, ?, manufacturer, spacing_z, "
        "patient_age FROM dbo.scans WHERE scan_id = ?;"
        "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector) "
        "VALUES (SCOPE_IDENTITY(), 1, N'mean', ?);",
        (kernel, hashlib.sha256(f"{patient}/{kernel}".encode()).digest(), kernel, scan, moved),
    )


@pytest.fixture(scope="session")
def measurable_file(once: Once, trained_file: Path) -> Path:
    """120 patients, three models, sex, age, scanner and spacing, and a second kernel of each test patient's study."""

    def make(folder: Path) -> Path:
        file = copy_to(folder, trained_file)
        rng = np.random.default_rng(11)
        with closing(connect(target_of(file))) as connection:
            scans = rows(
                connection,
                "SELECT s.scan_id, s.patient_id, l.label, p.part FROM dbo.scans AS s "
                "INNER JOIN dbo.labels AS l ON l.patient_id = s.patient_id "
                "INNER JOIN dbo.splits AS p ON p.patient_id = s.patient_id ORDER BY s.scan_id;",
            )
            run(connection, "BEGIN TRANSACTION;")
            seen: Counter[tuple[int, str]] = Counter()
            for place, (scan, patient, label, part) in enumerate(scans):
                seen[label, part] += 1
                run(
                    connection,
                    "UPDATE dbo.scans SET study_uid = ?, convolution_kernel = N'B30f', manufacturer = ?, "
                    "spacing_z = ?, patient_age = ? WHERE scan_id = ?; "
                    "UPDATE dbo.patients SET sex = ? WHERE patient_id = ?;",
                    (
                        f"1.3.{place}",
                        "Acme" if rng.random() < 0.5 else "Other",
                        float(rng.choice([1.0, 1.25, 2.5])),
                        int(rng.integers(50, 80)) if rng.random() < 0.9 else None,
                        scan,
                        "F" if seen[label, part] % 2 else "M",
                        patient,
                    ),
                )
                if part == "test":
                    add_reconstruction(connection, patient, "B70f", float(rng.normal(0.1, 0.2)))
            run(connection, "COMMIT TRANSACTION;")
            hash_vectors(connection)
            run(connection, HELD_OUT)
            run(
                connection, "EXECUTE dbo.CreateDataset @Name = N'everybody', @Query = N'SELECT scan_id FROM dbo.scans';"
            )
            run(
                connection,
                "CREATE VIEW dbo.told AS SELECT s.scan_id, s.manufacturer, s.patient_age, p.sex, s.convolution_kernel, "
                "s.scan_id % 40 AS rare FROM dbo.scans AS s "
                "INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id;",
            )
        return file

    return once("measurable", make)


@pytest.fixture
def measurable(measurable_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a copy of it."""
    with closing(connect(target_of(copy_to(tmp_path, measurable_file)))) as connection:
        yield connection
