"""predict_and_measure_patient scores as LightGBM does, quickly, and refuses with numbers."""

import hashlib
import json
import subprocess
import sys

import lightgbm
import numpy as np
import pytest

from lungdb.imaging.codecs import decode_vector, encode_vector
from lungdb.procedures import predict_and_measure_patient, train_lung_cancer_model


@pytest.fixture
def trained(patients):
    """Model, its hash, library and details, as T-SQL passes them."""
    return train(patients, {})


def train(patients, parameters):
    """Train and give what T-SQL keeps."""
    _, model, library, details, _, _ = train_lung_cancer_model(patients, 12, json.dumps(parameters))
    return model, hashlib.sha256(model).hexdigest().upper(), library, details


def test_the_probability_is_lightgbms(trained, patients):
    """Bit for bit, from the vectors that the database holds."""
    booster = lightgbm.Booster(model_str=trained[0].decode())
    for text in patients["vector"][:10]:
        expected = booster.predict(decode_vector(text)[None])[0]
        assert predict_and_measure_patient(*trained, text, None) == (expected, expected, 0, "", -1.0)


@pytest.mark.parametrize(
    "parameters",
    [{"folds": 4, "calibration": "platt"}, {"folds": 4, "calibration": "isotonic"},
     {"algorithm": "logistic", "folds": 4, "calibration": "platt", "imbalance": "class_weight"}],
    ids=json.dumps,
)  # fmt: skip
def test_a_test_patient_gets_the_score_that_training_recorded(patients, parameters):
    """Raw and calibrated, to the last bit but rounding, so that figures are those of the scores given later."""
    result, model, library, details, _, _ = train_lung_cancer_model(patients, 12, json.dumps(parameters))
    sha256 = hashlib.sha256(model).hexdigest()
    test = result[result["part"] == "test"].merge(patients[["place", "vector"]], on="place")
    for row in test.itertuples():
        found = predict_and_measure_patient(model, sha256, library, details, row.vector, None)
        assert found[:2] == pytest.approx((row.probability, row.raw), rel=1e-12)


def test_the_prevalence_of_the_site_corrects_the_probability_alone(patients):
    """Odds times the ratio of prior odds: trained on half and half, 1 % at the site divides the odds by 99."""
    trained = train(patients, {"folds": 4, "calibration": "platt"})
    for text in patients["vector"][:5]:
        plain, raw, *_ = predict_and_measure_patient(*trained, text, None)
        corrected, same_raw, *_ = predict_and_measure_patient(*trained, text, 0.01)
        assert corrected / (1 - corrected) == pytest.approx(plain / (1 - plain) / 99)
        assert same_raw == raw
        assert predict_and_measure_patient(*trained, text, float("nan"))[0] == plain


@pytest.mark.parametrize("prevalence", [0.0, 1.0, -0.1, 26.0, float("inf")])
def test_a_prevalence_that_cannot_be_is_refused(trained, patients, prevalence):
    """Percent, for one."""
    number, message = predict_and_measure_patient(*trained, patients["vector"][0], prevalence)[2:4]
    assert number == 50101
    assert f"value {prevalence} for the parameter @Prevalence" in message


@pytest.mark.parametrize(
    "details", ['{"width": 12}', '{"width": 12, "prevalence": 1.0}', '{"width": 12, "prevalence": "a"}']
)
def test_a_model_that_does_not_know_its_prevalence_is_not_corrected(trained, patients, details):
    """But scored without a correction, as those of the first versions are."""
    model, sha256, library, _ = trained
    assert predict_and_measure_patient(model, sha256, library, details, patients["vector"][0], 0.1)[2] == 50116
    assert predict_and_measure_patient(model, sha256, library, details, patients["vector"][0], None)[2] == 0


def test_a_calibration_that_cannot_be_read_is_refused(trained, patients):
    """Rather than a raw score shown as a probability."""
    model, sha256, library, _ = trained
    details = '{"width": 12, "calibration": {"method": "platt"}}'
    assert predict_and_measure_patient(model, sha256, library, details, patients["vector"][0], None)[2] == 50116


def test_the_result_is_what_sql_server_takes(trained, patients):
    """A numpy float would silently become NULL."""
    assert [type(value) for value in predict_and_measure_patient(*trained, patients["vector"][0], None)] == [
        float,
        float,
        int,
        str,
        float,
    ]


@pytest.mark.parametrize("width", [0, 11, 13, 36])
def test_features_of_another_width_are_refused(trained, width):
    """Both widths are named."""
    *scores, number, message, distance = predict_and_measure_patient(
        *trained, encode_vector(np.zeros(width, np.float32)), None
    )
    assert (scores, number, distance) == ([0.0, 0.0], 50110, -1.0)
    assert f"has {width} features and the model reads 12" in message


def test_a_damaged_model_is_refused(trained, patients):
    """One changed byte is enough."""
    model, sha256, *rest = trained
    *scores, number, message, _ = predict_and_measure_patient(
        model[:-1] + b"x", sha256, *rest, patients["vector"][0], None
    )
    assert (scores, number) == ([0.0, 0.0], 50105)
    assert sha256.lower() in message


@pytest.mark.parametrize("vector", ["", "[1, NaN]", '["a"]', "{}"])
def test_a_vector_that_cannot_be_read_is_refused(trained, vector):
    """As a refusal, not as a traceback."""
    assert predict_and_measure_patient(*trained, vector, None)[:3] == (0.0, 0.0, 50116)


def test_a_model_that_cannot_be_read_is_refused(trained, patients):
    """Right hash, wrong content."""
    content = b"tree\nnothing\nend of trees\n"
    sha256 = hashlib.sha256(content).hexdigest()
    details, vector = json.dumps({"width": 12}), patients["vector"][0]
    for library in ("lightgbm", "logistic", "xgboost"):
        assert predict_and_measure_patient(content, sha256, library, details, vector, None)[:3] == (0.0, 0.0, 50116)
    assert predict_and_measure_patient(*trained[:3], "[]", vector, None)[:3] == (0.0, 0.0, 50116)


def test_prediction_imports_no_heavy_library(trained, patients, tmp_path):
    """In a fresh Python neither LightGBM's package nor ONNX, OpenCV or scikit-learn is imported for a score."""
    for name, value in zip(("model", "sha256", "library", "details"), trained, strict=True):
        (tmp_path / name).write_bytes(value if isinstance(value, bytes) else value.encode())
    (tmp_path / "vector").write_text(patients["vector"][0])
    script = """
import pathlib, sys
from lungdb.procedures import predict_and_measure_patient
NAMES = ("model", "sha256", "library", "details", "vector")
model, *rest = [pathlib.Path(sys.argv[1], name).read_bytes() for name in NAMES]
print(predict_and_measure_patient(model, *[text.decode() for text in rest], 0.1)[2])
print(sorted({"lightgbm", "onnx", "onnxruntime", "cv2", "sklearn", "scipy", "pandas"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["0", "[]"]
