"""predict_patients gives each patient what predict_lung_cancer gives, and says which scans it could not score."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest

from lungdb.procedures import predict_lung_cancer, predict_patients, train_lung_cancer_model


@pytest.fixture(params=["lightgbm", "logistic"])
def trained(request, patients):
    """Model, hash, library and details of each algorithm, calibrated."""
    parameters = json.dumps({"algorithm": request.param, "folds": 4, "calibration": "platt"})
    _, model, library, details, _, _ = train_lung_cancer_model(patients, 12, parameters)
    return model, hashlib.sha256(model).hexdigest(), library, details


@pytest.fixture
def scans(patients):
    """The rows of the query in dbo.PredictPatients."""
    return pd.DataFrame({"scan_id": np.arange(500, 580, dtype=np.int32)[::-1], "vector": patients["vector"]})


@pytest.mark.parametrize("prevalence", [None, 0.02])
def test_many_scores_are_the_single_ones(trained, scans, prevalence):
    """In the order given, with the scan's number."""
    result, number, message = predict_patients(scans, *trained, prevalence)
    assert (number, message) == (0, "")
    assert result["scan_id"].tolist() == scans["scan_id"].tolist()
    assert set(result["error"]) == {""}
    for row, vector in zip(result.itertuples(), scans["vector"], strict=True):
        alone = predict_lung_cancer(*trained, vector, prevalence)
        assert (row.probability, row.raw) == pytest.approx(alone[:2], rel=1e-12)


def test_a_scan_that_cannot_be_scored_does_not_stop_the_others(trained, scans):
    """It has the reason, and NULL for a score."""
    spoilt = scans.copy()
    spoilt["vector"] = ["[1, 2", "[1, 2]", None, *scans["vector"][3:]]
    result, number, _ = predict_patients(spoilt, *trained, None)
    assert number == 0
    assert result["error"][:3].str.contains("not a JSON array|has 2 features and the model reads 12").all()
    assert result.loc[:2, ["raw", "probability"]].isna().all(axis=None)
    whole = predict_patients(scans, *trained, None)[0]
    pd.testing.assert_frame_equal(result[3:], whole[3:])


@pytest.mark.parametrize("rows", [slice(0), slice(80)])
def test_the_result_is_what_sql_server_takes(trained, scans, rows):
    """Also of nobody."""
    result, *outputs = predict_patients(scans[rows], *trained, None)
    assert [str(dtype) for dtype in result.dtypes] == ["int32", "object", "float64", "float64"]
    assert {type(value) for value in result["error"]} <= {str}
    assert [type(value) for value in outputs] == [int, str]


@pytest.mark.parametrize(
    ("change", "number"),
    [
        (lambda given: {**given, "model": given["model"] + b" "}, 50105),
        (lambda given: {**given, "details": "[]"}, 50116),
        (lambda given: {**given, "library": "other"}, 50116),
        (lambda given: {**given, "prevalence": 5.0}, 50101),
        (lambda given: {**given, "patients": given["patients"].drop(columns="vector")}, 50101),
    ],
)
def test_what_stops_all_is_refused(trained, scans, change, number):
    """With no rows."""
    names = ("model", "model_sha256", "library", "details")
    given = {"patients": scans, "prevalence": None, **dict(zip(names, trained, strict=True))}
    result, found, message = predict_patients(**change(given))
    assert (len(result), found) == (0, number)
    assert message
