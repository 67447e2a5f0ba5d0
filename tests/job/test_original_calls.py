"""The calls of the original project, as they stand."""

from __future__ import annotations

from lungdb.database import Connection, run


def test_features_are_made_from_the_bytes_of_a_model(loaded: Connection) -> None:
    """The network is found by its bytes, selected from dbo.model as the original does."""
    run(
        loaded,
        "DECLARE @Model VARBINARY(MAX) = (SELECT TOP(1) model FROM dbo.model WHERE name = 'ResNet_152.model' "
        "ORDER BY date DESC);\nEXECUTE dbo.GenerateFeatures @Model = @Model;",
    )
    (result,) = run(loaded, "SELECT COUNT(*), MIN(pooling), MAX(pooling) FROM dbo.pooled_features;")
    assert result.rows == [(40, "mean", "mean")]


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
