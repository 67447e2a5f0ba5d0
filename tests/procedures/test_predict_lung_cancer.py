"""predict_lung_cancer scores as LightGBM does, quickly, and refuses with numbers."""

import hashlib
import json
import subprocess
import sys

import lightgbm
import numpy as np
import pytest

from lungdb.imaging.codecs import decode_vector, encode_vector
from lungdb.procedures import predict_lung_cancer, train_lung_cancer_model


@pytest.fixture
def trained(patients):
    """Model, its hash and its details, as T-SQL passes them."""
    _, model, details, _, _ = train_lung_cancer_model(patients, 12, "{}")
    return model, hashlib.sha256(model).hexdigest().upper(), details


def test_the_probability_is_lightgbms(trained, patients):
    """Bit for bit, from the vectors that the database holds."""
    booster = lightgbm.Booster(model_str=trained[0].decode())
    for text in patients["vector"][:10]:
        assert predict_lung_cancer(*trained, text) == (booster.predict(decode_vector(text)[None])[0], 0, "")


def test_the_result_is_what_sql_server_takes(trained, patients):
    """A numpy float would silently become NULL."""
    assert [type(value) for value in predict_lung_cancer(*trained, patients["vector"][0])] == [float, int, str]


@pytest.mark.parametrize("width", [0, 11, 13, 36])
def test_features_of_another_width_are_refused(trained, width):
    """Both widths are named."""
    probability, number, message = predict_lung_cancer(*trained, encode_vector(np.zeros(width, np.float32)))
    assert (probability, number) == (0.0, 50110)
    assert f"has {width} features and the model reads 12" in message


def test_a_damaged_model_is_refused(trained, patients):
    """One changed byte is enough."""
    model, sha256, details = trained
    probability, number, message = predict_lung_cancer(model[:-1] + b"x", sha256, details, patients["vector"][0])
    assert (probability, number) == (0.0, 50105)
    assert sha256.lower() in message


@pytest.mark.parametrize("vector", ["", "[1, NaN]", '["a"]', "{}"])
def test_a_vector_that_cannot_be_read_is_refused(trained, vector):
    """As a refusal, not as a traceback."""
    assert predict_lung_cancer(*trained, vector)[:2] == (0.0, 50116)


def test_a_model_that_cannot_be_read_is_refused(trained, patients):
    """Right hash, wrong content."""
    content = b"tree\nnothing\nend of trees\n"
    sha256 = hashlib.sha256(content).hexdigest()
    probability, number, _ = predict_lung_cancer(content, sha256, json.dumps({"width": 12}), patients["vector"][0])
    assert (probability, number) == (0.0, 50116)
    assert predict_lung_cancer(trained[0], trained[1], "[]", patients["vector"][0])[:2] == (0.0, 50116)


def test_prediction_imports_no_heavy_library(trained, patients, tmp_path):
    """In a fresh Python neither LightGBM's package nor ONNX, OpenCV or scikit-learn is imported for a score."""
    for name, value in zip(("model", "sha256", "details"), trained, strict=True):
        (tmp_path / name).write_bytes(value if isinstance(value, bytes) else value.encode())
    (tmp_path / "vector").write_text(patients["vector"][0])
    script = """
import pathlib, sys
from lungdb.procedures import predict_lung_cancer
model, *rest = [pathlib.Path(sys.argv[1], name).read_bytes() for name in ("model", "sha256", "details", "vector")]
print(predict_lung_cancer(model, *[text.decode() for text in rest])[1])
print(sorted({"lightgbm", "onnx", "onnxruntime", "cv2", "sklearn", "scipy", "pandas"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["0", "[]"]
