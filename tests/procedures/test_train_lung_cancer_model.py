"""train_lung_cancer_model gives a model that LightGBM reads and figures that scikit-learn confirms, or refuses."""

import json

import lightgbm
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from lungdb.imaging.codecs import decode_vector, encode_vector
from lungdb.procedures import train_lung_cancer_model


def refusal(patients: pd.DataFrame, width: int = 12, parameters: str = "{}") -> tuple[int, str]:
    """Check that a refusal comes with empty results; give its number and message."""
    result, model, details, number, message = train_lung_cancer_model(patients, width, parameters)
    assert number != 0
    assert (len(result), model, details) == (0, b"", "{}")
    assert [str(dtype) for dtype in result.dtypes] == ["object", "object", "float64"]
    return number, message


def test_figures_are_those_of_the_probabilities(patients):
    """AUC and log loss of each part, recomputed with scikit-learn from the result; the test AUC is far from chance."""
    result, _, details, number, message = train_lung_cancer_model(patients, 12, "{}")
    assert (number, message) == (0, "")
    metrics = json.loads(details)["metrics"]
    joined = result.merge(patients[["patient_id", "label"]], on="patient_id")
    for part, rows in joined.groupby("part"):
        assert metrics[part]["auc"] == pytest.approx(roc_auc_score(rows["label"], rows["probability"]))
        assert metrics[part]["log_loss"] == pytest.approx(log_loss(rows["label"], rows["probability"]))
    assert metrics["test"]["auc"] > 0.75


def test_every_patient_has_one_row_and_keeps_its_side(patients):
    """Test patients stay test patients; the others become train or validation."""
    result = train_lung_cancer_model(patients, 12, "{}")[0]
    joined = patients.merge(result, on="patient_id", validate="one_to_one", suffixes=("_given", ""))
    assert len(joined) == len(patients)
    assert set(joined.loc[joined["part_given"] == "test", "part"]) == {"test"}
    assert set(joined.loc[joined["part_given"] == "train", "part"]) == {"train", "validation"}
    assert json.loads(train_lung_cancer_model(patients, 12, "{}")[2])["patients"] == (
        result["part"].value_counts().to_dict()
    )


def test_the_model_text_gives_the_same_probabilities(patients):
    """LightGBM itself reads it."""
    result, model, _, _, _ = train_lung_cancer_model(patients, 12, "{}")
    vectors = {row.patient_id: decode_vector(row.vector) for row in patients.itertuples()}
    booster = lightgbm.Booster(model_str=model.decode())
    predicted = booster.predict(np.stack([vectors[name] for name in result["patient_id"]]))
    np.testing.assert_array_equal(predicted, result["probability"])


def test_row_order_and_column_types_change_nothing(patients):
    """Labels belong to patients: shuffled rows and float labels give the same bytes."""
    first = train_lung_cancer_model(patients, 12, "{}")
    shuffled = patients.sample(frac=1, random_state=4).astype({"label": np.float64})
    second = train_lung_cancer_model(shuffled, 12, "{}")
    pd.testing.assert_frame_equal(first[0], second[0])
    assert first[1:] == second[1:]


def test_another_seed_gives_another_model(patients):
    """The seed draws the validation part."""
    models = {train_lung_cancer_model(patients, 12, json.dumps({"seed": seed}))[1] for seed in (1, 2)}
    assert len(models) == 2


def test_the_result_is_what_sql_server_takes(patients):
    """Column dtypes of the contract, plain bytes, str and int as OUTPUT values."""
    result, *outputs = train_lung_cancer_model(patients, 12, "{}")
    assert [str(dtype) for dtype in result.dtypes] == ["object", "object", "float64"]
    assert {type(value) for value in [*result["patient_id"], *result["part"]]} == {str}
    assert [type(value) for value in outputs] == [bytes, str, int, str]


def test_details_are_strict_json_also_without_a_test_part(patients):
    """A figure that is not defined is null, which ISJSON accepts and NaN is not."""
    patients["part"] = pd.Series(["train"] * len(patients), dtype=object)
    details = json.loads(train_lung_cancer_model(patients, 12, "{}")[2], parse_constant=pytest.fail)
    assert details["metrics"]["test"] == {"auc": None, "log_loss": None, "auc_low": None, "auc_high": None}
    assert details["width"] == 12


def test_three_values_a_feature_are_taken(patients):
    """Pooling mean_max_std on a feature set of width 4."""
    assert train_lung_cancer_model(patients, 4, "{}")[3] == 0


@pytest.mark.parametrize(
    ("change", "number", "message"),
    [
        (lambda rows: rows.iloc[:0], 50111, "No patient has both a label and features"),
        (lambda rows: rows[rows["label"] == 1], 50112, "nothing to tell apart"),
        (lambda rows: rows[(rows["label"] == 1) | (rows["part"] == "test")], 50112, "0 with label 0"),
        (lambda rows: rows[rows["part"] == "test"], 50113, "0 patients with label 1 and 0 with label 0"),
        (lambda rows: rows.iloc[:9], 50113, "Load at least 4 of each"),
        (lambda rows: pd.concat([rows, rows.iloc[:1]]), 50101, "more than once"),
        (lambda rows: rows.assign(label=rows["label"] + 1), 50101, "another value than 0 and 1"),
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


def test_no_patient_is_named_in_a_refusal(patients):
    """Identifiers of patients stay in the tables."""
    for change in (lambda rows: pd.concat([rows, rows.iloc[:1]]), lambda rows: rows.iloc[:3]):
        assert "patient 0" not in refusal(change(patients))[1]
