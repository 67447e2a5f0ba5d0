"""ExplainScans of vectors of many parts, and of parts that went while it ran."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lungdb.database import Connection, run
from lungdb.errors import SqlError
from lungdb.imaging.codecs import encode_array, encode_vector
from lungdb.learning import logistic
from lungdb.procedures import explain_scans
from tests.support.databases import rows


def test_a_vector_of_many_parts_is_planned_and_named(explained: Connection) -> None:
    """What is told of 200 parts is more than 8,000 bytes, and stays the refusal that it is."""
    run(
        explained,
        "INSERT INTO dbo.feature_parts (feature_set_id, position, part_feature_set_id, pooling, first_index, width) "
        "SELECT c.feature_set_id, 100 + s.scan_id, 1, N'max', 0, 12 FROM dbo.classifiers AS c "
        "CROSS JOIN (SELECT TOP (200) a.scan_id + 1000 * b.scan_id AS scan_id FROM dbo.scans AS a "
        "CROSS JOIN dbo.scans AS b WHERE b.scan_id <= 5) AS s WHERE c.name = N'several'; "
        "DELETE FROM dbo.features WHERE scan_id = 1;",
    )
    call = "EXECUTE dbo.ExplainScans @ScanId = 1, @ModelName = N'several';"
    with pytest.raises(SqlError, match=r"Make them again: EXECUTE dbo\.GenerateFeatures") as caught:
        run(explained, call)
    assert caught.value.number == 50374


PLANNED = """
CREATE TABLE #asked (prediction_id INT NOT NULL, scan_id INT NOT NULL);
CREATE TABLE #parts (position INT NOT NULL, feature_set_id INT NOT NULL, pooling NVARCHAR(32) NOT NULL,
    first_index INT NOT NULL,
    width INT NOT NULL);
CREATE TABLE #todo (prediction_id INT NOT NULL, scan_id INT NOT NULL, bytes BIGINT NOT NULL,
    vector_sha256 VARBINARY(32),
    array_sha256 VARBINARY(32));
CREATE TABLE #failed (prediction_id INT, number INT, error NVARCHAR(2000));
DECLARE @Model INT = (SELECT MAX(classifier_id) FROM dbo.classifiers WHERE name = N'several');
EXECUTE internal.PlanExplanations @Model, 1, 1, 1, 0, NULL, NULL;
SELECT position FROM #parts ORDER BY position;
DROP TABLE #asked; DROP TABLE #parts; DROP TABLE #todo; DROP TABLE #failed;
"""


@pytest.mark.parametrize("reads", ['{"input": {"dimensions": 3}}', '{"input": {"channels": 1}}'])
def test_parts_whose_rows_are_no_triples_stay_as_they_are(explained: Connection, reads: str) -> None:
    """Tiles, single slices and scores of nodules stand beside triples like columns: no row is left out of them."""
    before = rows(explained, PLANNED)
    assert before
    run(
        explained,
        "INSERT INTO dbo.networks (name, version, library, model, sha256, details) "
        "VALUES (N'other', 1, N'onnx', 0x, 0x, ?);"
        "INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width) "
        "SELECT network_id, N'other', N'lung', 5 FROM dbo.networks WHERE name = N'other';"
        "INSERT INTO dbo.feature_parts (feature_set_id, position, part_feature_set_id, pooling, first_index, width) "
        "SELECT c.feature_set_id, k.place, k.part, k.pooling, 0, 5 FROM dbo.classifiers AS c CROSS JOIN ("
        "SELECT 900 AS place, N'mean' AS pooling, feature_set_id AS part FROM dbo.feature_sets WHERE layer = N'other' "
        "UNION ALL SELECT 901, N'top5', 1) AS k WHERE c.name = N'several';",
        (reads,),
    )
    assert rows(explained, PLANNED) == before


def test_parts_that_went_between_plan_and_script_are_refused_and_others_explained() -> None:
    """A scan of two parts of which one has no row any more, and one that has both, without its own wrong values."""
    array = np.arange(6, dtype=np.float32).reshape(3, 2)
    blob, sha256 = encode_array(array)
    vector = encode_vector(np.concatenate([array.max(axis=0), array.mean(axis=0)]))
    line = logistic.Logistic(np.zeros(4), np.ones(4), np.ones(4), 1.0).to_json().encode()

    def row(prediction: int, position: int, text: str) -> tuple[Any, ...]:
        return prediction, position, text, math.nan, 3, 2, blob.hex(), sha256.hex()

    names = ("prediction_id", "position", "vector", "raw", "array_rows", "array_cols", "array", "sha256")
    sent = [row(1, 1, vector), row(2, 0, vector), row(2, 1, ""), row(3, 0, vector)]
    found, number, _ = explain_scans(
        pd.DataFrame(sent, columns=list(names)),
        line,
        hashlib.sha256(line).hexdigest(),
        "logistic",
        '{"width": 4}',
        '[[0, "max", 0, 2], [1, "mean", 2, 2]]',
        "[]",
        True,
        2,
        0,
    )
    assert number == 0
    errors = found[found["kind"] == "error"]
    assert list(zip(errors["prediction_id"], errors["place"], strict=True)) == [(1, 50373), (3, 50373)]
    assert set(found.loc[found["kind"] == "head", "prediction_id"]) == {2}


def test_a_scan_whose_features_went_meanwhile_does_not_stop_the_others(explained: Connection) -> None:
    """What came is stored, and the scan that was left out on the way is named, not taken for a fault of the script."""
    run(
        explained,
        "CREATE TABLE #parts (position INT NOT NULL, feature_set_id INT NOT NULL);"
        "CREATE TABLE #chunk (prediction_id INT, scan_id INT, vector_sha256 VARBINARY(32), array_sha256 VARBINARY(32));"
        "CREATE TABLE #failed (prediction_id INT NOT NULL PRIMARY KEY, number INT NOT NULL, error NVARCHAR(2000));"
        "CREATE TABLE #result (prediction_id INT, kind VARCHAR(16), member INT, place INT, x FLOAT, value FLOAT, "
        "standard_error FLOAT, error NVARCHAR(2000));"
        "CREATE TABLE #queue (item NVARCHAR(128), position INT, attempts INT, state VARCHAR(10), error_number INT, "
        "error NVARCHAR(2000));"
        "CREATE TABLE #todo (prediction_id INT NOT NULL PRIMARY KEY);"
        "INSERT INTO #parts (position, feature_set_id) VALUES (0, 1);"
        "INSERT INTO #chunk (prediction_id, scan_id, vector_sha256) SELECT p.prediction_id, p.scan_id, p.vector_sha256 "
        "FROM dbo.predictions AS p WHERE p.prediction_id IN (1, 2);"
        "INSERT INTO #result (prediction_id, kind, member, place, x) VALUES (1, 'head', 0, 0, 0.5);"
        "DELETE FROM dbo.features WHERE scan_id = 2;"
        "DECLARE @RunId INT; EXECUTE internal.StartRun N'ExplainScans', @RunId OUTPUT;"
        "EXECUTE internal.StoreExplanations @RunId, 0, N'', 1, N'mean', 2, 0, 1;",
    )
    assert rows(explained, "SELECT prediction_id, number FROM #failed;") == [(2, 50232)]
    assert rows(explained, "SELECT prediction_id, margin FROM dbo.score_explanations;") == [(1, 0.5)]
