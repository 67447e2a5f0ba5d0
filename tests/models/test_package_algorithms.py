"""An algorithm of a package trains a model that is stored as ONNX and scored without it, or is refused plainly."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lungdb.procedures import list_extensions, train_lung_cancer_model
from tests.support.databases import copy_to, vectors_and_labels
from tests.support.packages import REGISTER, done, set_version, write_package

ENTRY_POINTS = """
[lungdb.algorithms]
Centroids = extra_algorithms:CENTROIDS
nothing = extra_algorithms:MISSING
"""
MODULE = """
import numpy as np
from onnx import TensorProto, helper, numpy_helper

from lungdb.learning.algorithms import Algorithm, Bound


def fit(vectors, labels, parameters, seed):
    assert isinstance(seed, int) and sorted(parameters) == ["fault", "steepness"]
    fault, steepness = parameters["fault"], parameters["steepness"]
    if fault == 1:
        raise ZeroDivisionError("no centre 100%")
    if fault == 2:
        return "a text"
    if fault == 3:
        return b"no network"
    ones = vectors[labels == 1].mean(axis=0, dtype=np.float64)
    zeros = vectors[labels == 0].mean(axis=0, dtype=np.float64)
    direction = steepness * (ones - zeros)
    if fault == 4:
        direction = direction[1:]
    vectors[:] = 0  # its own copy
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["m"], axes=[0], keepdims=1),
        helper.make_node("Sub", ["x", "m"], ["y"]),
        helper.make_node("MatMul", ["y" if fault == 5 else "x", "w"], ["z"]),
        helper.make_node("Add", ["z", "b"], ["a"]),
        helper.make_node("Identity" if fault == 6 else "Sigmoid", ["a"], ["p"]),
    ]
    offset = -direction @ (ones + zeros)[-direction.size:] / 2
    weights = {"w": direction[:, None], "b": np.array([offset])}
    graph = helper.make_graph(
        nodes, "centroids",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", direction.size])],
        [helper.make_tensor_value_info("p", TensorProto.FLOAT, ["N", 1])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if fault == 7:
        for name, value in (("location", "weights.bin"), ("length", "48")):
            entry = model.graph.initializer[0].external_data.add()
            entry.key, entry.value = name, value
        model.graph.initializer[0].data_location = TensorProto.EXTERNAL
    return model.SerializeToString()


ODD = Algorithm(fit, {"depth": Bound(1, 3, 4)})
CENTROIDS = Algorithm(fit, {"steepness": Bound(0.1, 10.0, 1.0), "fault": Bound(0, 7, 0)})
"""
TRAIN = "EXECUTE dbo.TrainLungCancerModel @ModelName = N'own', @Algorithm = N'centroids'"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package, whose entry point `nothing` names what is not there."""
    folder = tmp_path_factory.mktemp("algorithms") / "site"
    return write_package(folder, "extra_algorithms", MODULE, ENTRY_POINTS)


def set_entry_points(folder: Path, text: str) -> None:
    """Change what the package adds."""
    (folder / "lungdb_extra-1.2.dist-info" / "entry_points.txt").write_text(text)


def test_a_model_of_a_package_scores_as_numpy_does_and_without_the_package(
    featured_file: Path, tmp_path: Path, site: Path
) -> None:
    """Sigmoids along the line through the classes' means; package and parameters are recorded; it is trained again."""
    file = copy_to(tmp_path, featured_file)
    [broken] = done(file, site, REGISTER)
    assert broken.startswith("50394")
    assert "'nothing' cannot be loaded" in broken
    set_entry_points(site, ENTRY_POINTS.rsplit("nothing", 1)[0])
    [unknown] = done(file, site, f"{TRAIN};")
    assert unknown.startswith("50101")
    assert "'centroids' for the parameter @Algorithm" in unknown
    found = done(
        file, site, REGISTER, f"{TRAIN}, @AlgorithmParameters = N'{{\"steepness\": 0.5}}', @Calibration = N'none';",
        "EXECUTE dbo.RepeatExperiment @ModelName = N'own';",
        "SELECT library, details FROM dbo.classifiers;",
    )  # fmt: skip
    assert "algorithm|Centroids|lungdb-extra 1.2|None" in found
    library, details = found[-1].split("|")
    read = json.loads(details)
    assert library == "onnx"
    assert read["parameters"]["algorithm_parameters"] == {"steepness": 0.5, "fault": 0}
    assert read["parameters"]["package"] == "lungdb-extra 1.2"
    assert read["libraries"]["lungdb-extra"] == "1.2"
    assert not [line for line in found if line.startswith("50")]

    scored = done(
        file, None, "EXECUTE dbo.PredictPatients @ModelName = N'own';",
        "SELECT e.part, COALESCE(e.label, l.label), f.vector, p.probability FROM dbo.experiment_patients AS e "
        "INNER JOIN dbo.pooled_features AS f ON f.scan_id = e.scan_id "
        "INNER JOIN dbo.labels AS l ON l.patient_id = e.patient_id "
        "INNER JOIN dbo.predictions AS p ON p.scan_id = e.scan_id;",
    )  # fmt: skip
    rows = [line.split("|") for line in scored if line.startswith(("train|", "test|"))]
    vectors = np.array([json.loads(row[2]) for row in rows])
    is_learnt, labels = np.array([row[0] == "train" for row in rows]), np.array([int(row[1]) for row in rows])
    ones, zeros = (vectors[is_learnt & (labels == label)].mean(axis=0) for label in (1, 0))
    expected = 1 / (1 + np.exp(-0.5 * (vectors - (ones + zeros) / 2) @ (ones - zeros)))
    assert (~is_learnt).sum() > 20
    np.testing.assert_allclose([float(row[3]) for row in rows], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (2, "gives str, not the bytes"),
        (3, "cannot be scored with"),
        (4, "11 features for 12"),
        (5, "depend on the patients beside"),
        (6, "no probability"),
        (7, "weights lie in another file"),
    ],
)
def test_what_is_no_classifier_is_refused(site: Path, monkeypatch: pytest.MonkeyPatch, fault: int, reason: str) -> None:
    """Of the same package in this process: the function that the procedure calls gives nothing but the refusal."""
    set_entry_points(site, ENTRY_POINTS.rsplit("nothing", 1)[0])
    monkeypatch.syspath_prepend(site)
    monkeypatch.chdir(site)  # where ONNX Runtime finds the file that the last of them names
    (site / "weights.bin").write_bytes(np.ones(12, "<f4").tobytes())
    texts, labels = vectors_and_labels(60, 12, signal=2.0, seed=5)
    columns = {"place": range(60), "patient_id": [f"{place:02}" for place in range(60)], "part": "train"}
    patients = pd.DataFrame(columns).assign(label=labels, vector=texts)
    parameters = {"algorithm": "Centroids", "folds": 0, "algorithm_parameters": {"fault": fault}}
    rows, model, *_, number, message = train_lung_cancer_model(patients, 12, json.dumps(parameters))
    assert (len(rows), model, number) == (0, b"", 50422)
    assert reason in message
    parameters["algorithm_parameters"] = {"fault": True}
    *_, number, message = train_lung_cancer_model(patients, 12, json.dumps(parameters))
    assert number == 50101
    assert "whole numbers from 0 to 7" in message


def test_what_a_package_does_wrong_is_told_and_nothing_is_stored(
    featured_file: Path, tmp_path: Path, site: Path
) -> None:
    """Wrong parameters and returns, an exception, settings of other algorithms, other versions, no package."""
    set_entry_points(site, ENTRY_POINTS.rsplit("nothing", 1)[0])
    file = copy_to(tmp_path, featured_file)
    own = f"{TRAIN}, @AlgorithmParameters = N'{{}}'"
    wrong = {
        f"{TRAIN}, @AlgorithmParameters = N'[1]';": (50101, "JSON objects"),
        f"{TRAIN}, @AlgorithmParameters = N'{{';": (50101, "@AlgorithmParameters"),
        own.format('{"depth": 1}') + ";": (50101, "no parameter 'depth'. Its parameters are: steepness, fault"),
        own.format('{"steepness": 11}') + ";": (50101, "numbers from 0.1 to 10.0"),
        own.format('{"fault": 1.5}') + ";": (50101, "whole numbers from 0 to 7"),
        f"{TRAIN}, @L2 = 1, @NumLeaves = 3, @Hidden = N'4';": (50101, "parameters of its own"),
        f"{TRAIN}, @Imbalance = N'class_weight';": (50101, "takes no weights"),
        f"{TRAIN}, @Task = N'regression';": (50101, "regression"),
        "EXECUTE dbo.TrainLungCancerModel @AlgorithmParameters = N'{}';": (50101, "of no package"),
        "EXECUTE dbo.TrainLungCancerModel @Algorithm = N'package';": (50101, "of packages Centroids"),
        own.format('{"fault": 1}') + ";": (50422, "fails (ZeroDivisionError: no centre 100%)"),
        'EXECUTE dbo.SearchModels @Space = N\'{"algorithm": ["Centroids"]}\';': (50160, "Centroids"),
    }
    printed = done(file, site, REGISTER, *wrong, "SELECT 'stored', COUNT(*) FROM dbo.classifiers;")
    refusals = [line for line in printed if line.startswith("50")]
    assert len(refusals) == len(wrong)
    for line, (call, (number, reason)) in zip(refusals, wrong.items(), strict=True):
        assert line.startswith(f"{number} "), (call, line)
        assert reason in line, (call, line)
    assert printed[-1] == "stored|0"

    [gone] = done(file, None, f"{TRAIN};")
    assert gone.startswith("50394")
    assert "registered from 'lungdb-extra 1.2', and it is not installed" in gone
    set_version(site, "2.0")
    [other, *listed] = done(file, site, f"{TRAIN};", REGISTER)
    assert "'lungdb-extra 2.0' is installed" in other
    assert "algorithm|Centroids|lungdb-extra 2.0|None" in listed
    set_version(site, "1.2")


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("Logistic = extra_algorithms:CENTROIDS", "lungdb has an algorithm of this name itself"),
        ("fits = extra_algorithms:fit", "it is no Algorithm"),
        ("odd = extra_algorithms:ODD", "the default of its parameter depth"),
    ],
)
def test_what_is_no_algorithm_is_not_registered(
    site: Path, monkeypatch: pytest.MonkeyPatch, entry: str, reason: str
) -> None:
    """Nothing of the package is listed then."""
    set_entry_points(site, f"[lungdb.algorithms]\n{entry}\n")
    monkeypatch.syspath_prepend(site)
    rows, number, message = list_extensions()
    assert (len(rows), number) == (0, 50394)
    assert reason in message
