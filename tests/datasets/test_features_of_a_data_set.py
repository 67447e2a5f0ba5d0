"""GenerateFeatures on a data set, and the pooling that keeps order as it is stored."""

from __future__ import annotations

import json

import numpy as np

from lungdb.database import Connection, run
from lungdb.imaging.codecs import decode_array
from tests.sql import small_database
from tests.support.databases import refused, rows

PATIENTS = 8


def test_only_the_scans_of_the_data_set_get_features(installed: Connection) -> None:
    """Called again without it the others follow; thirds are those of the stored triples."""
    small_database.fill(installed, PATIENTS, 0)
    run(
        installed,
        "EXECUTE dbo.CreateDataset @Name = N'd', @Query = N'SELECT scan_id FROM dbo.scans WHERE scan_id IN (2, 5)';",
    )
    call = "EXECUTE dbo.GenerateFeatures @ModelName = N'demo_resnet', @Pooling = N'thirds, mean'"
    assert "@DatasetVersion" in refused(installed, f"{call}, @DatasetVersion = 1;", 50101)
    refused(installed, f"{call}, @Dataset = N'e';", 50171)
    run(installed, f"{call}, @Dataset = N'd', @DatasetVersion = 1;")
    assert rows(installed, "SELECT scan_id FROM dbo.features ORDER BY scan_id;") == [(2,), (5,)]
    run(installed, f"{call};")
    assert rows(installed, "SELECT COUNT(*) FROM dbo.features;") == [(PATIENTS,)]
    for scan, triples, width, array, sha256, vector in rows(
        installed, "SELECT f.scan_id, f.array_rows, f.array_cols, f.array, f.sha256, p.vector FROM dbo.features AS f "
        "INNER JOIN dbo.pooled_features AS p ON p.scan_id = f.scan_id WHERE p.pooling = N'thirds';"
    ):  # fmt: skip
        features = decode_array(bytes(array), triples, width, bytes(sha256)).astype(np.float64)
        repeated = np.repeat(features, 3, axis=0).reshape(3, triples, width).mean(axis=1)
        np.testing.assert_allclose(json.loads(vector), repeated.reshape(-1), rtol=1e-5, atol=1e-6, err_msg=str(scan))
    assert rows(installed, "SELECT width FROM dbo.pooled_sets WHERE pooling = N'thirds';") == [(3 * width,)]
