"""The calls of the original project, as they stand."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from pathlib import Path

import numpy as np

from lungdb.cli import load_network
from lungdb.database import Connection, connect, run
from tests.support.databases import copy_to, target_of

CNTK = Path(__file__).parents[1] / "data" / "cntk" / "resnet_tiny_ops_with_criterion.model"


def test_features_are_made_from_the_bytes_of_a_model(loaded: Connection) -> None:
    """The network is found by its bytes, selected from dbo.model as the original does."""
    run(
        loaded,
        "DECLARE @Model VARBINARY(MAX) = (SELECT TOP(1) model FROM dbo.model WHERE name = 'ResNet_152.model' "
        "ORDER BY date DESC);\nEXECUTE dbo.GenerateFeatures @Model = @Model;",
    )
    (result,) = run(loaded, "SELECT COUNT(*), MIN(pooling), MAX(pooling) FROM dbo.pooled_features;")
    assert result.rows == [(40, "mean", "mean")]


def test_the_whole_job_runs_on_a_cntk_file(loaded_file: Path, tmp_path: Path) -> None:
    """ResNet_152.model, as CNTK wrote it: its z.x becomes the features, a model is trained and a patient scored."""
    file = copy_to(tmp_path, loaded_file)
    named = shutil.copy(CNTK, tmp_path / "ResNet_152.model")
    with closing(connect(target_of(file))) as connection:
        run(connection, "DELETE FROM dbo.networks;")
    assert load_network.main(["-d", target_of(file), str(named)]) == 0
    with closing(connect(target_of(file))) as connection:
        run(
            connection,
            "DECLARE @Model VARBINARY(MAX) = (SELECT TOP(1) model FROM dbo.model WHERE name = 'ResNet_152.model' "
            "ORDER BY date DESC);\nEXECUTE dbo.GenerateFeatures @Model = @Model;",
        )
        run(connection, "EXECUTE dbo.GenerateFeatures @ModelName = N'ResNet_152.model', @Layer = N'z.x';")
        (vectors,) = run(
            connection,
            "SELECT s.layer, p.scan_id, p.vector FROM dbo.pooled_features AS p INNER JOIN dbo.feature_sets AS s "
            "ON s.feature_set_id = p.feature_set_id ORDER BY s.layer, p.scan_id;",
        )
        values = {
            layer: [json.loads(row[2]) for row in vectors.rows if row[0] == layer] for layer in ("penultimate", "z.x")
        }
        assert np.shape(values["z.x"]) == (40, 16)
        assert np.ptp(values["z.x"], axis=0).max() > 0
        np.testing.assert_allclose(values["penultimate"], values["z.x"], rtol=1e-5)
        run(connection, "EXECUTE lung_cancer_database.dbo.TrainLungCancerModel;")
        (percent,) = run(
            connection,
            "DECLARE @PredictionResultSP FLOAT;\nEXECUTE lung_cancer_database.dbo.PredictLungCancer @PatientIndex = 0, "
            "@PredictionResult = @PredictionResultSP;",
        )
        assert 0 < percent.scalar() < 100


def test_a_model_is_trained_by_a_three_part_name(trained: Connection) -> None:
    """A second training adds a second version."""
    run(trained, "EXECUTE lung_cancer_database.dbo.TrainLungCancerModel;")
    (result,) = run(trained, "SELECT name, version FROM dbo.classifiers ORDER BY version;")
    assert result.rows == [("lightgbm_sql", 1), ("lightgbm_sql", 2)]


def test_a_patient_is_scored_by_each_form_of_the_call(trained: Connection) -> None:
    """Quoted, double-quoted and bare names, and a ? for the index, give one and the same percentage."""
    one = run(
        trained,
        "DECLARE @PredictionResultSP FLOAT;\nEXECUTE lung_cancer_database.dbo.PredictLungCancer @PatientIndex = 0, "
        "@PredictionResult = @PredictionResultSP;",
    )
    two = run(
        trained,
        "DECLARE @PredictionResultSP FLOAT;\nEXECUTE lung_cancer_database.dbo.PredictLungCancer @PatientIndex = 0, "
        '@ModelName = "lightgbm_sql",@PredictionResult = @PredictionResultSP;',
    )
    three = run(
        trained,
        "DECLARE @PredictionResultSP FLOAT;EXECUTE lung_cancer_database.dbo.PredictLungCancer @PatientIndex = ?, "
        "@ModelName = lightgbm_sql, @PredictionResult = @PredictionResultSP;",
        (0,),
    )
    (stored,) = run(trained, "SELECT 100 * probability FROM dbo.predictions ORDER BY prediction_id;")
    assert [result[0].rows for result in (one, two, three)] == [[row] for row in stored.rows]
    assert len(set(stored.rows)) == 1
    assert 0 <= stored.rows[0][0] <= 100


README = (
    "DECLARE @Model VARBINARY(MAX) = (SELECT TOP(1) model from dbo.model where name = @ModelName ORDER BY date DESC);\n"
    "DECLARE @Features VARBINARY(MAX) = (SELECT TOP(1) array FROM dbo.features AS t1 \n"
    "\t\t\t\t\t\t\t\t\tINNER JOIN dbo.patients AS t2 ON t1.patient_id = t2.patient_id \n"
    "\t\t\t\t\t\t\t\t\tWHERE t2.idx = @PatientIndex);\n"
)
"""The queries that the README of the original shows inside PredictLungCancer, with their blanks and tabs."""


def test_the_queries_of_the_readme_find_a_patients_features_and_the_model(trained: Connection) -> None:
    """They join dbo.features with dbo.patients by patient_id, which features do not need to say who they are of."""
    for index in (0, 7, 39):
        (found,) = run(
            trained,
            f"DECLARE @ModelName VARCHAR(50) = 'lightgbm_sql', @PatientIndex INT = {index};{README}"
            "SELECT @Model, @Features;",
        )
        (expected,) = run(
            trained,
            "SELECT c.model, f.array FROM dbo.features AS f INNER JOIN dbo.scans AS s ON s.scan_id = f.scan_id "
            "INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id "
            "INNER JOIN dbo.classifiers AS c ON c.name = N'lightgbm_sql' WHERE p.idx = ?;",
            (index,),
        )
        assert found.rows == expected.rows
        assert found.rows[0][1]
    (counted,) = run(trained, "SELECT COUNT(*) FROM dbo.features WHERE patient_id IS NULL;")
    assert counted.scalar() == 0
