"""Databases that exports are made of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.database import Connection, connect, run
from tests.support.databases import copy_to, target_of
from tests.support.once import Once


@pytest.fixture(scope="session")
def exported_file(once: Once, done_file: Path) -> Path:
    """Forty scans with features and a model: data sets, labels of scans, numbers, scores, and an explained one."""

    def make(folder: Path) -> Path:
        file = copy_to(folder, done_file)
        with closing(connect(target_of(file))) as connection:
            for name, query in (
                ("some", "SELECT scan_id FROM dbo.scans WHERE scan_id < 9"),
                ("some", "SELECT scan_id FROM dbo.scans WHERE scan_id < 6"),
                ("all", "SELECT scan_id FROM dbo.scans"),
            ):
                run(connection, "EXECUTE dbo.CreateDataset @Name = ?, @Query = ?;", (name, query))
            run(
                connection,
                "INSERT INTO dbo.scan_labels (scan_id, horizon_days, label, source) "
                "VALUES (3, 365, 1, N'a, \"b\".csv'), (2, 365, 0, NULL), (3, 700, 1, N'c');"
                "INSERT INTO dbo.numeric_labels (patient_id, value, source) "
                "SELECT patient_id, idx / CAST(3 AS FLOAT), N'ages' FROM dbo.patients WHERE idx < 5;"
                "EXECUTE dbo.PredictPatients;"
                "EXECUTE dbo.PredictLungCancer @ScanId = 1, @Prevalence = 0.01;"
                "EXECUTE dbo.ExplainScans @PredictionId = 1, @Permutations = 0;",
            )
        return file

    return once("exported", make)


@pytest.fixture
def exported(exported_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a copy of it."""
    with closing(connect(target_of(copy_to(tmp_path, exported_file)))) as connection:
        yield connection
