"""train_lung_cancer_model gives a model and every patient's score, the same whatever the order of rows, or refuses."""

import hashlib
import json
import subprocess
import sys

import lightgbm
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from sklearn.metrics import roc_auc_score

from lungdb.imaging.codecs import decode_vector, encode_vector
from lungdb.procedures import train_lung_cancer_model

PARAMETERS = [
    {},
    {"folds": 4, "calibration": "platt"},
    {"folds": 4, "calibration": "isotonic", "imbalance": "undersample", "min_data_in_leaf": 5},
    {"algorithm": "logistic", "folds": 4, "imbalance": "class_weight"},
]
DTYPES = ["int32", "object", "int32", "float64", "float64", "int32"]


def refusal(patients: pd.DataFrame, width: int = 12, parameters: str = "{}") -> tuple[int, str]:
    """Check that a refusal comes with empty results; give its number and message."""
    result, model, library, details, number, message = train_lung_cancer_model(patients, width, parameters)
    assert number != 0
    assert (len(result), model, library, details) == (0, b"", "", "{}")
    assert [str(dtype) for dtype in result.dtypes] == DTYPES
    return number, message


def trained(patients: pd.DataFrame, parameters: dict, width: int = 12) -> tuple[pd.DataFrame, bytes, str, dict]:
    """Train without a refusal; details are read, and must be strict JSON, as ISJSON is."""
    result, model, library, details, number, message = train_lung_cancer_model(patients, width, json.dumps(parameters))
    assert (number, message) == (0, "")
    return result, model, library, json.loads(details, parse_constant=pytest.fail)


@pytest.mark.parametrize("parameters", PARAMETERS, ids=json.dumps)
def test_the_model_tells_test_patients_apart(patients, labels, parameters):
    """Their AUC is far from chance, though their labels were never given."""
    result = trained(patients, parameters)[0]
    test = result[result["part"] == "test"]
    assert roc_auc_score(labels[test["place"]], test["probability"]) > 0.75


def test_labels_of_test_patients_are_not_looked_at(patients):
    """Whatever stands there, NULL too, the result is the same to the byte."""
    first = train_lung_cancer_model(patients, 12, "{}")
    is_test = patients["part"] == "test"
    for label in (0, 1, 7, np.nan):
        other = train_lung_cancer_model(patients.assign(label=patients["label"].mask(is_test, label)), 12, "{}")
        pd.testing.assert_frame_equal(first[0], other[0])
        assert first[1] == other[1]


@pytest.mark.parametrize("parameters", PARAMETERS, ids=json.dumps)
def test_every_patient_has_one_row_and_keeps_its_side(patients, parameters):
    """In one part only; a fold for those with a label where there are folds."""
    result, _, _, details = trained(patients, parameters)
    joined = patients.merge(result, on="place", validate="one_to_one", suffixes=("_given", ""))
    assert len(joined) == len(patients) == len(result)
    assert set(joined.loc[joined["part_given"] == "test", "part"]) == {"test"}
    learnt = joined[joined["part_given"] == "train"]
    folds = parameters.get("folds", 0)
    assert set(learnt["part"]) == ({"train"} if folds else {"train", "validation"})
    assert set(learnt["fold"]) == (set(range(folds)) if folds else {-1})
    assert set(joined.loc[joined["part_given"] == "test", "fold"]) == {-1}
    assert ((joined["part"] == "train") & (joined["fold"] < 0)).tolist() == (joined["out_of_fold"] == 0).tolist()
    assert details["patients"] == result["part"].value_counts().to_dict()


def test_the_model_text_gives_the_same_scores(patients):
    """LightGBM itself reads it."""
    result, model, library, _ = trained(patients, {})
    vectors = {row.place: decode_vector(row.vector) for row in patients.itertuples()}
    booster = lightgbm.Booster(model_str=model.decode())
    predicted = booster.predict(np.stack([vectors[place] for place in result["place"]]))
    np.testing.assert_array_equal(predicted, result["raw"])
    np.testing.assert_array_equal(result["probability"], result["raw"])
    assert library == "lightgbm"


def test_platt_is_applied_to_the_scores_of_test_patients(patients):
    """1 / (1 + exp(−slope · log-odds − intercept))."""
    result, _, _, details = trained(patients, {"folds": 4, "calibration": "platt"})
    test = result[result["part"] == "test"]
    calibration = details["calibration"]
    expected = expit(calibration["slope"] * logit(test["raw"]) + calibration["intercept"])
    np.testing.assert_allclose(test["probability"], expected, rtol=1e-9)


@pytest.mark.parametrize("parameters", PARAMETERS, ids=json.dumps)
def test_row_order_and_column_types_change_nothing(patients, parameters):
    """Labels belong to patients: shuffled rows and float labels give the same bytes."""
    first = trained(patients, parameters)
    second = trained(patients.sample(frac=1, random_state=4).astype({"label": np.float64}), parameters)
    pd.testing.assert_frame_equal(first[0], second[0])
    assert first[1:3] == second[1:3]
    assert {**first[3], "seconds": 0} == {**second[3], "seconds": 0}


@pytest.mark.parametrize("parameters", PARAMETERS, ids=json.dumps)
def test_another_process_gives_the_same_bytes(patients, parameters, tmp_path):
    """With the rows in another order."""
    patients.sample(frac=1, random_state=9).to_json(tmp_path / "patients.json", orient="records")
    script = """
import hashlib, sys
import pandas as pd
from lungdb.procedures import train_lung_cancer_model
patients = pd.read_json(sys.argv[1], orient="records", dtype={"patient_id": str, "vector": str}, convert_dates=False)
print(hashlib.sha256(train_lung_cancer_model(patients, 12, sys.argv[2])[1]).hexdigest())
"""
    command = [sys.executable, "-c", script, str(tmp_path / "patients.json"), json.dumps(parameters)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == hashlib.sha256(trained(patients, parameters)[1]).hexdigest()


@pytest.mark.parametrize("parameters", PARAMETERS, ids=json.dumps)
def test_another_seed_gives_another_model(patients, parameters):
    """The seed draws folds and validation part."""
    results = [trained(patients, {**parameters, "seed": seed}) for seed in (1, 2)]
    assert (results[0][0]["raw"] != results[1][0]["raw"]).any()


@pytest.mark.parametrize("parameters", PARAMETERS, ids=json.dumps)
def test_the_result_is_what_sql_server_takes(patients, parameters):
    """Column dtypes of the contract, plain bytes, str and int as OUTPUT values."""
    result, *outputs = train_lung_cancer_model(patients, 12, json.dumps(parameters))
    assert [str(dtype) for dtype in result.dtypes] == DTYPES
    assert {type(value) for value in result["part"]} == {str}
    assert [type(value) for value in outputs] == [bytes, str, str, int, str]


def test_details_say_how_the_model_came_to_be(patients):
    """Every parameter, also those left at their defaults, and what training chose."""
    details = trained(patients, {"folds": 4, "algorithm": "logistic"})[3]
    assert details["width"] == 12
    assert details["parameters"]["folds"] == 4
    assert details["parameters"]["seed"] == 20170401
    assert details["l2"] >= 1
    assert details["prevalence"] == 0.5
    assert details["calibration"] is None
    assert details["libraries"]["numpy"] == np.__version__


def test_a_run_without_test_patients_is_trained_all_the_same(patients):
    """It has no figures for them."""
    patients["part"] = pd.Series(["train"] * len(patients), dtype=object)
    patients["label"] = np.arange(80) % 2
    assert set(trained(patients, {"folds": 5})[0]["part"]) == {"train"}


@pytest.mark.parametrize(
    ("change", "number", "message"),
    [
        (lambda rows: rows.iloc[:0], 50111, "No patient has both a label and features"),
        (lambda rows: rows[rows["label"] == 1], 50112, "nothing to tell apart"),
        (lambda rows: rows[rows["label"] != 0], 50112, "0 with label 0"),
        (lambda rows: rows[rows["part"] == "test"], 50113, "0 patients with label 1 and 0 with label 0"),
        (lambda rows: rows.iloc[:8], 50113, "Load at least 4 of each"),
        (lambda rows: pd.concat([rows, rows.iloc[:1]]), 50101, "more than once"),
        (lambda rows: rows.assign(label=rows["label"] + 2), 50101, "another value than 0 and 1"),
        (lambda rows: rows.assign(label=np.nan), 50101, "label holds NULL"),
        (lambda rows: rows.assign(part=pd.Series(["held out"] * len(rows), dtype=object)), 50101, "dbo.splits"),
        (lambda rows: rows.drop(columns="vector"), 50101, "no column vector"),
        (lambda rows: rows.assign(vector=pd.Series(["[1, 2"] * len(rows), dtype=object)), 50116, "not a JSON array"),
        (lambda rows: rows.assign(vector=pd.Series([None] * len(rows), dtype=object)), 50116, "not a JSON array"),
    ],
)
def test_patients_that_cannot_be_trained_on_are_refused(patients, change, number, message):
    """With the documented number."""
    found, text = refusal(change(patients))
    assert found == number
    assert message in text


def test_vectors_of_another_width_are_refused(patients):
    """All of them, or one among them."""
    assert refusal(patients, width=11) == (
        50110,
        "The patients have 12 features where the feature set has 11. Call GenerateFeatures with @Recompute = 1.",
    )
    patients.loc[5, "vector"] = encode_vector(np.zeros(36, np.float32))
    number, message = refusal(patients)
    assert number == 50110
    assert "12 and 36" in message


def test_a_parameter_that_is_not_supported_is_refused(patients):
    """By name and value."""
    number, message = refusal(patients, parameters='{"num_leaves": 1}')
    assert number == 50101
    assert "value 1 for the training parameter num_leaves" in message


def test_too_few_patients_for_the_folds_are_refused(patients):
    """With what to do."""
    number, message = refusal(patients.iloc[:40], parameters='{"folds": 20}')
    assert number == 50113
    assert message.endswith("Load at least 20 of each or take fewer @Folds.")


def test_no_patient_is_named_in_a_refusal(patients):
    """Identifiers of patients stay in the tables."""
    for change in (lambda rows: pd.concat([rows, rows.iloc[:1]]), lambda rows: rows.iloc[:3]):
        assert "patient 0" not in refusal(change(patients))[1]
