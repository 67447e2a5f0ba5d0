"""A model that reads what a network pooled is trained, scored and explained, and sees the order of rows."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from lungdb.cli.main import main
from lungdb.database import Connection, connect, run
from tests.ordered.conftest import label_of, rows_of, store_rows
from tests.support.databases import copy_to, refused, rows, target_of

POOL = "EXECUTE dbo.PoolFeatures @ModelName = N'my_gru';"
TRAIN = "EXECUTE dbo.TrainLungCancerModel @ModelName = N'{}', @Pooling = N'{}', @Algorithm = N'logistic';"
PREDICT_SQL = "EXECUTE dbo.PredictLungCancerSql @PatientIndex = 3, @ModelName = N'ordered';"


def auc(connection: Connection, name: str) -> float:
    """Give the area under the curve of the test patients."""
    ((value,),) = rows(
        connection,
        "SELECT m.value FROM dbo.experiment_metrics AS m INNER JOIN dbo.experiments AS e "
        "ON e.experiment_id = m.experiment_id INNER JOIN dbo.classifiers AS c ON c.classifier_id = e.classifier_id "
        f"WHERE c.name = N'{name}' AND m.part = 'test' AND m.metric = 'auc';",
    )
    return float(value)


def test_a_model_of_the_order_tells_what_one_of_the_mean_cannot(scans: Connection) -> None:
    """The label is where in the scan the bump lies; a scan has no score until it is pooled, and then the right one."""
    run(scans, POOL)
    run(scans, TRAIN.format("ordered", "my_gru:1"))
    run(scans, TRAIN.format("mean", "mean"))
    assert auc(scans, "ordered") > 0.95
    assert auc(scans, "mean") < 0.8
    ((pooling, width),) = rows(
        scans, "SELECT pooling, JSON_VALUE(details, '$.width') FROM dbo.classifiers WHERE name = N'ordered';"
    )
    assert (pooling, int(width)) == ("my_gru:1", 4)

    run(scans, "DELETE FROM dbo.pooled_features WHERE scan_id IN (1, 2) AND pooling = N'my_gru:1';")
    predict = "EXECUTE dbo.PredictLungCancer @PatientIndex = {}, @ModelName = N'ordered';"
    message = refused(scans, predict.format(0), 50109)
    assert "Call EXECUTE dbo.PoolFeatures @ModelName = N'my_gru', @Version = 1, @FeatureSetId = 1;" in message
    assert "GenerateFeatures and PoolFeatures" in refused(
        scans, "EXECUTE dbo.PredictPatients @ModelName = N'ordered';", 50140
    )
    run(scans, "EXECUTE dbo.PoolFeatures @ModelName = N'my_gru', @Version = 1, @FeatureSetId = 1;")
    scores = [float(rows(scans, predict.format(patient))[0][0]) for patient in (0, 1)]
    assert [label_of(patient) for patient in (0, 1)] == [1, 0]
    assert scores[0] > 50 > scores[1]
    turned = rows_of(0)[::-1].copy()  # the same rows, the same mean, the other way round
    store_rows(scans, 1, turned)
    run(scans, "DELETE FROM dbo.pooled_features WHERE scan_id = 1 AND pooling = N'my_gru:1';" + POOL)
    assert float(rows(scans, predict.format(0))[0][0]) < 50


def test_the_nightly_call_pools_what_the_served_model_reads(scans: Connection) -> None:
    """GenerateNewFeatures finds the network that pools behind a model, beside features that are there."""
    run(scans, POOL)
    run(scans, TRAIN.format("ordered", "my_gru:1"))
    made = rows(scans, "SELECT vector FROM dbo.pooled_features WHERE pooling = N'my_gru:1' ORDER BY scan_id;")
    run(scans, "DELETE FROM dbo.pooled_features WHERE scan_id < 9 AND pooling = N'my_gru:1';")
    run(scans, "EXECUTE dbo.GenerateNewFeatures @ModelName = N'ordered';")
    assert rows(scans, "SELECT vector FROM dbo.pooled_features WHERE pooling = N'my_gru:1' ORDER BY scan_id;") == made


def test_a_score_is_explained_by_its_features_alone(scans: Connection) -> None:
    """Contributions sum to the margin, and are named; no triple and no map says more than is known."""
    run(scans, POOL)
    run(scans, TRAIN.format("ordered", "my_gru:1"))
    run(scans, "EXECUTE dbo.PredictPatients @ModelName = N'ordered';")
    run(scans, "EXECUTE dbo.ExplainScans @ScanId = 1, @ModelName = N'ordered';")
    ((prediction, margin),) = rows(scans, "SELECT prediction_id, margin FROM dbo.score_explanations;")
    found = rows(scans, "SELECT name, contribution FROM dbo.explained_features ORDER BY feature;")
    assert [name for name, _ in found] == [
        "expected margin", *(f"made up/penultimate/lung my_gru:1 {feature}" for feature in range(4)),
    ]  # fmt: skip
    assert sum(float(value) for _, value in found) == pytest.approx(float(margin), abs=1e-6)
    assert rows(scans, "SELECT COUNT(*) FROM dbo.score_slices;") == [(0,)]
    message = refused(scans, f"EXECUTE dbo.ExplainRegions @PredictionId = {prediction};", 50384)
    assert "a network has pooled" in message


def test_what_a_network_pooled_stands_beside_other_features(scans: Connection) -> None:
    """A combined vector is that of the GRU and the mean, one after the other."""
    run(scans, POOL)
    run(
        scans,
        "EXECUTE dbo.TrainLungCancerModel @ModelName = N'both', @Algorithm = N'logistic', "
        "@Features = N'made up/penultimate/lung/my_gru:1; made up/penultimate/lung/mean';",
    )
    parts = rows(scans, "SELECT pooling, first_index, width FROM dbo.feature_parts ORDER BY position;")
    assert parts == [("mean", 0, 5), ("my_gru:1", 5, 4)]
    ((vector,),) = rows(scans, "SELECT vector FROM dbo.pooled_features WHERE pooling = N'combined' AND scan_id = 1;")
    own = dict(rows(scans, "SELECT pooling, vector FROM dbo.pooled_features WHERE scan_id = 1;"))
    numbers = [np.float32(each) for name in ("mean", "my_gru:1") for each in own[name].strip("[]").split(",")]
    assert [np.float32(each) for each in vector.strip("[]").split(",")] == numbers


def test_a_model_is_copied_with_what_its_pooling_is_called_by(
    rows_file: Path, sql_only_file: Path, tmp_path: Path
) -> None:
    """The copy scores alike with T-SQL alone, and a database where the name is another network's is refused."""
    source, bare = copy_to(tmp_path, rows_file), tmp_path / "bare.db"
    shutil.copy(sql_only_file, bare)
    with closing(connect(target_of(source))) as connection:
        run(connection, POOL + TRAIN.format("ordered", "my_gru:1"))
        (expected,) = rows(connection, PREDICT_SQL)
    command = ["copy", "--from", target_of(source), "--to", target_of(bare), "--model", "ordered", "--patients", "3"]
    assert main(command) == 0
    with closing(connect(target_of(bare))) as connection:
        assert rows(connection, PREDICT_SQL)[0] == expected
        assert rows(connection, "SELECT pooling, width FROM dbo.poolings WHERE network_id IS NOT NULL;") == [
            ("my_gru:1", 4)
        ]
        run(connection, "UPDATE dbo.networks SET sha256 = 0x00 WHERE name = N'my_gru';")
    assert main(command) == 1
