"""load-classifier: classifiers trained elsewhere score as they do there; files that are none are refused."""

from __future__ import annotations

import json
from pathlib import Path

import lightgbm
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from sklearn.linear_model import LogisticRegression

from lungdb.cli import load_classifier
from lungdb.database import Connection, run
from tests.support.databases import NAME, contents, refused, rows, target_of
from tests.support.fixtures import WIDTH


def _data(connection: Connection) -> tuple[np.ndarray, np.ndarray]:
    found = rows(
        connection,
        "SELECT f.vector, l.label FROM dbo.pooled_features AS f INNER JOIN dbo.scans AS s ON s.scan_id = f.scan_id "
        "INNER JOIN dbo.labels AS l ON l.patient_id = s.patient_id ORDER BY f.scan_id;",
    )
    vectors, labels = zip(*found, strict=True)
    return np.array([json.loads(text) for text in vectors], dtype=np.float32), np.array(labels)


def _booster(width: int = WIDTH, classes: int = 2) -> lightgbm.Booster:
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(200, width))
    labels = np.digitize(vectors[:, 0], np.linspace(-0.5, 0.5, classes - 1))
    objective = {"objective": "binary"} if classes == 2 else {"objective": "multiclass", "num_class": classes}
    return lightgbm.train({**objective, "verbosity": -1, "num_threads": 1}, lightgbm.Dataset(vectors, labels), 5)


def _onnx(
    model: LogisticRegression,
    form: str,
    inputs: list[object] | None = None,
    names: list[int] | None = None,
    scale: float = 1.0,
    kind: int = TensorProto.FLOAT,
) -> bytes:
    """Write a logistic regression as skl2onnx does: label and probabilities, as a tensor or as maps."""
    coefficients = np.concatenate([-model.coef_, model.coef_]).ravel() * scale
    intercepts = np.concatenate([-model.intercept_, model.intercept_]) * scale
    width = model.coef_.shape[1]
    labels = names or [0, 1]
    nodes = [
        helper.make_node(
            "LinearClassifier", ["X"], ["label", "scores"], domain="ai.onnx.ml", classlabels_ints=labels,
            coefficients=coefficients.tolist(), intercepts=intercepts.tolist(), multi_class=1,
            post_transform="LOGISTIC" if form != "margins" else "NONE",
        ),
    ]  # fmt: skip
    shape = ["N", 2]
    outputs = [helper.make_tensor_value_info("label", TensorProto.INT64, ["N"])]
    if form == "maps":
        nodes.append(helper.make_node("ZipMap", ["scores"], ["maps"], domain="ai.onnx.ml", classlabels_int64s=labels))
        of_map = helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, None))
        outputs.append(helper.make_value_info("maps", helper.make_sequence_type_proto(of_map)))
    else:
        outputs.append(helper.make_tensor_value_info("scores", TensorProto.FLOAT, shape))
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("X", kind, inputs or ["N", width])], outputs)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())


@pytest.fixture
def featured_target(featured: Connection, tmp_path: Path) -> str:
    """The database of `featured`, as a command is given it."""
    return target_of(tmp_path / NAME)


def test_a_booster_scores_as_lightgbm_does_in_python_and_in_plain_t_sql(
    featured: Connection, featured_target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file with Windows line ends too; it is a version like any other, marked as imported."""
    booster = _booster()
    file = tmp_path / "theirs.txt"
    file.write_bytes(booster.model_to_string().replace("\n", "\r\n").encode())
    assert load_classifier.main([str(file), "-d", featured_target, "--feature-set", "1"]) == 0
    assert "theirs, version 1, lightgbm, 5 trees, reads 12 features of set 1" in capsys.readouterr().out
    wanted = booster.predict(_data(featured)[0])
    for call in ("PredictPatients", "PredictPatientsSql"):
        found = rows(featured, f"EXECUTE dbo.{call} @ModelName = N'theirs';")
        np.testing.assert_allclose([percent / 100 for _, percent in found], wanted, atol=1e-9)
    [(origin, prevalence)] = rows(
        featured,
        "SELECT JSON_VALUE(details, N'$.origin.kind'), JSON_VALUE(details, N'$.prevalence') FROM dbo.classifiers;",
    )
    assert (origin, prevalence) == ("imported", None)
    assert "share of positives" in refused(
        featured, "EXECUTE dbo.PredictPatients @ModelName = N'theirs', @Prevalence = 0.1;", 50116
    )


@pytest.mark.parametrize("form", ["tensor", "maps"])
def test_a_logistic_regression_in_onnx_scores_as_scikit_learn_does(
    featured: Connection, featured_target: str, tmp_path: Path, form: str
) -> None:
    """In both forms that exporters write; plain T-SQL refuses it and says why."""
    vectors, labels = _data(featured)
    model = LogisticRegression().fit(vectors, labels)
    file = tmp_path / "linear.onnx"
    file.write_bytes(_onnx(model, form))
    options = ["--network", "made up", "--layer", "penultimate", "--prevalence", "0.3"]
    assert load_classifier.main([str(file), "-d", featured_target, *options]) == 0
    found = rows(featured, "EXECUTE dbo.PredictPatients @ModelName = N'linear';")
    np.testing.assert_allclose([percent / 100 for _, percent in found], model.predict_proba(vectors)[:, 1], atol=1e-6)
    assert "ONNX" in refused(featured, "EXECUTE dbo.StoreModelNodes @ModelName = N'linear';", 50152)
    refused(featured, "EXECUTE dbo.PredictPatientsSql @ModelName = N'linear';", 50150)


def test_an_onnx_classifier_is_a_member_of_an_ensemble(
    featured: Connection, featured_target: str, tmp_path: Path
) -> None:
    """Nothing is known of its training, so that the ensemble is marked uncalibrated; it scores in Python alone."""
    vectors, labels = _data(featured)
    model = LogisticRegression().fit(vectors, labels)
    (tmp_path / "linear.onnx").write_bytes(_onnx(model, "maps"))
    (tmp_path / "trees.txt").write_text(_booster().model_to_string())
    for file in ("linear.onnx", "trees.txt"):
        assert load_classifier.main(
            [str(tmp_path / file), "-d", featured_target, "--feature-set", "1", "--prevalence", "0.4"]
        ) == 0  # fmt: skip
    run(featured, "EXECUTE dbo.CreateEnsemble @ModelName = N'both', @Members = N'linear, trees';")
    found = np.array([percent / 100 for _, percent in rows(featured, "EXECUTE dbo.PredictPatients N'both';")])
    odds = [np.log(p / (1 - p)) for p in (model.predict_proba(vectors)[:, 1], _booster().predict(vectors))]
    np.testing.assert_allclose(np.log(found / (1 - found)), np.mean(odds, axis=0), atol=1e-5)
    [(calibration,)] = rows(
        featured, "SELECT JSON_QUERY(details, N'$.calibration') FROM dbo.classifiers WHERE name = N'both';"
    )
    assert calibration is None


def _other_file(case: str) -> bytes:
    rng = np.random.default_rng(0)
    model = LogisticRegression().fit(rng.normal(size=(50, WIDTH)), np.arange(50) % 2)
    narrow = LogisticRegression().fit(rng.normal(size=(50, 7)), np.arange(50) % 2)
    text = _booster().model_to_string().encode()
    return {
        "trees of another width": _booster(width=9).model_to_string().encode(),
        "ONNX of another width": _onnx(narrow, "maps"),
        "three classes": _booster(classes=3).model_to_string().encode(),
        "half a file": text[: len(text) // 2],
        "no classifier at all": b"hello",
        "nothing": b"",
        "a batch of one": _onnx(model, "tensor", inputs=[1, WIDTH]),
        "a free width": _onnx(model, "tensor", inputs=["N", "M"]),
        "margins": _onnx(model, "margins", scale=30.0),
        "other classes": _onnx(model, "maps", names=[1, 2]),
        "doubles in": _onnx(model, "tensor", kind=TensorProto.DOUBLE),
    }[case]


REFUSALS = {
    "trees of another width": "reads 9 features, and the vectors of feature set 1 and pooling mean have 12",
    "ONNX of another width": "reads 7 features, and the vectors of feature set 1 and pooling mean have 12",
    "three classes": "it has 3 classes",
    "half a file": "no whole LightGBM model text",
    "no classifier at all": "neither LightGBM's model text nor ONNX",
    "nothing": "is empty",
    "a batch of one": "for 1 patients only",
    "a free width": "does not say how many features",
    "margins": "no probability",
    "other classes": "the classes 1, 2, not 0 and 1",
    "doubles in": "not one tensor(float) [N, width]",
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_file_that_is_no_such_classifier_is_refused(
    featured: Connection, featured_target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    """With what was found, and nothing is stored."""
    file = tmp_path / "file"
    file.write_bytes(_other_file(case))
    before = contents(featured)
    assert load_classifier.main([str(file), "-d", featured_target, "--feature-set", "1"]) == 1
    assert REFUSALS[case] in capsys.readouterr().err
    assert contents(featured) == before


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--feature-set", "4"], "0 feature sets of the database fit"),
        (["--network", "other"], "there are: 1: made up, penultimate, lung, 12 features"),
        (["--prevalence", "1"], "The prevalence 1.0 is no share"),
        (["--name", "n" * 129], "has 129 characters"),
        (["--pooling", "mean_max_std"], "vectors of feature set 1 and pooling mean_max_std have 36"),
    ],
)  # fmt: skip
def test_an_option_that_cannot_be_is_refused(
    featured: Connection,
    featured_target: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    part: str,
) -> None:
    """With what there is."""
    file = tmp_path / "theirs.txt"
    file.write_text(_booster().model_to_string())
    assert load_classifier.main([str(file), "-d", featured_target, *options]) == 1
    assert part in capsys.readouterr().err
    assert rows(featured, "SELECT COUNT(*) FROM dbo.classifiers;") == [(0,)]


def test_weights_in_another_file_are_refused(
    featured: Connection, featured_target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A path in a file that came from elsewhere is not followed."""
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [WIDTH, 1], np.zeros(WIDTH, np.float32))
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.append(onnx.StringStringEntryProto(key="location", value="/etc/hostname"))
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["X", "w"], ["m"]), helper.make_node("Sigmoid", ["m"], ["p"])],
        "g",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["N", WIDTH])],
        [helper.make_tensor_value_info("p", TensorProto.FLOAT, ["N", 1])],
        [tensor],
    )
    file = tmp_path / "outside.onnx"
    file.write_bytes(helper.make_model(graph).SerializeToString())
    assert load_classifier.main([str(file), "-d", featured_target]) == 1
    assert "lie in another file" in capsys.readouterr().err
