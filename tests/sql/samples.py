"""Small inputs for the stored procedures: a tiny network, tiny scans, features that a classifier can learn."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import cv2
import numpy as np
import onnx
import pandas as pd
from onnx import TensorProto, helper, numpy_helper

from lungdb.imaging.codecs import SHUFFLED, content_sha256, encode_array, encode_slice, encode_vector
from lungdb.networks.entry import network_details
from tests.sql.places import placed

ROWS = COLS = 32
SLICES = 5
WIDTH = 6


def tiny_network(seed: int = 7) -> bytes:
    """Make an ONNX network: one convolution to WIDTH channels, their maxima, and a layer of two classes on top."""
    generator = np.random.default_rng(seed)
    weights = {
        "kernel": generator.normal(size=(WIDTH, 3, 8, 8)),
        "weight": generator.normal(size=(WIDTH, 2)),
    }
    nodes = [
        helper.make_node("Conv", ["image", "kernel"], ["maps"], strides=[8, 8]),
        helper.make_node("GlobalMaxPool", ["maps"], ["maxima"]),
        helper.make_node("Flatten", ["maxima"], ["features"]),
        helper.make_node("MatMul", ["features", "weight"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, 224, 224])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 2])],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def scan(seed: int, nodule: bool) -> np.ndarray[Any, np.dtype[np.int16]]:
    """Make a scan, int16 HU[SLICES, ROWS, COLS]: lung with noise, and a dense square where there is a nodule."""
    volume = np.random.default_rng(seed).normal(-850, 30, size=(SLICES, ROWS, COLS))
    if nodule:
        volume[2, 12:20, 12:20] = 60
    return volume.astype(np.int16)


def slices_frame(scans: dict[int, np.ndarray[Any, np.dtype[np.int16]]]) -> pd.DataFrame:
    """Make the rows that GenerateFeatures sends to its script, from HU volumes by scan_id."""
    rows = []
    for scan_id, volume in scans.items():
        slices = [encode_slice(hu, SHUFFLED) for hu in volume]
        content = content_sha256(sha256 for _, sha256 in slices).hex().upper()
        for index, (pixels, sha256) in enumerate(slices):
            stored = pixels.hex().upper(), sha256.hex().upper()
            size = len(volume), content, *volume.shape[1:]
            rows.append((scan_id, index, *size, 1.0, 0.0, *stored, SHUFFLED, None, None, 0.7, 0.7))
    names = ["scan_id", "slice_index", "number_images", "content_sha256", "image_rows", "image_cols", "rescale_slope"]
    names += [
        "rescale_intercept",
        "pixels",
        "pixels_sha256",
        "encoding",
        "kept_sha256",
        "kept_digest",
        "spacing_y",
        "spacing_x",
    ]
    frame = pd.DataFrame(rows, columns=names)
    texts = dict.fromkeys(("content_sha256", *names[8:13]), object)
    integers = dict.fromkeys([name for name in names[:6] if name not in texts], np.int32)
    return frame.astype({**integers, **texts})


def patients_frame(count: int = 60) -> pd.DataFrame:
    """Make the rows that TrainLungCancerModel sends: the first feature tells the label, -1 for test patients."""
    generator = np.random.default_rng(11)
    labels = np.arange(count) % 2
    vectors = generator.normal(size=(count, WIDTH)).astype(np.float32)
    vectors[:, 0] += 4 * labels.astype(np.float32)
    parts = ["test" if index % 4 == 3 or index % 8 == 0 else "train" for index in range(count)]
    columns = {
        "place": np.arange(1, count + 1, dtype=np.int32),
        "patient_id": [f"Müller 患者 😀 {index:03}" for index in range(count)],
        "part": parts,
        "label": np.where(np.array(parts) == "test", -1, labels).astype(np.int32),
        "target": np.full(len(parts), np.nan),
        "vector": [encode_vector(vector) for vector in vectors],
    }
    return pd.DataFrame(columns).astype({"patient_id": object, "part": object, "vector": object})


def inputs_of_features() -> dict[str, Any]:
    """Return what GenerateFeatures gives its script for two scans, the second shorter than a triple and a half."""
    network = tiny_network()
    return {
        "InputDataSet": placed(slices_frame({3: scan(1, nodule=True), 8: scan(2, nodule=False)[:4]})),
        "Network": network,
        "Sha256": hashlib.sha256(network).hexdigest().upper(),
        "Details": json.dumps(network_details(network)),
        "Layer": "penultimate",
        "Preprocessing": "lung",
        "Pooling": "mean,max",
        "BatchSize": 2,
        "Providers": None,
        "Threads": 1,
        "KeepBytes": 0,
        "Steps": None,
        "Packages": None,
    }


def picture(seed: int, striped: bool) -> bytes:
    """Make a PNG file of 40 × 50 pixels: noise, and stripes over it where wanted."""
    pixels = np.random.default_rng(seed).integers(0, 80, size=(40, 50, 3), dtype=np.uint8)
    if striped:
        pixels[:, ::5] += 170
    return bytes(cv2.imencode(".png", pixels)[1].tobytes())


def inputs_of_images() -> dict[str, Any]:
    """Return what FeaturizeImages gives its script for two pictures."""
    files = {"noise.png": picture(1, striped=False), "stripes.png": picture(2, striped=True)}
    columns = {
        "place": np.arange(1, len(files) + 1, dtype=np.int32),
        "image": [data.hex().upper() for data in files.values()],
        "sha256": [hashlib.sha256(data).hexdigest().upper() for data in files.values()],
    }
    inputs = inputs_of_features()
    shared = ("Network", "Sha256", "Details", "Layer", "BatchSize", "Providers", "Threads")
    frame = pd.DataFrame(columns).astype({"image": object, "sha256": object})
    return {"InputDataSet": frame, **{name: inputs[name] for name in shared}}


def inputs_of_image_classes() -> dict[str, Any]:
    """Return what the sample call 04 gives its script: features of pictures whose first one tells the class."""
    labels = np.arange(12) % 2
    vectors = np.random.default_rng(5).normal(size=(12, 1, WIDTH)).astype(np.float32)
    vectors[:, 0, 0] += 6 * labels.astype(np.float32)
    arrays = [encode_array(vector) for vector in vectors]
    columns = {
        "label": labels.astype(np.int32),
        "half": (np.arange(12) // 2 % 2).astype(np.int32),
        "width": np.full(12, WIDTH, dtype=np.int32),
        "array": [blob.hex().upper() for blob, _ in arrays],
        "sha256": [sha256.hex().upper() for _, sha256 in arrays],
    }
    return {"InputDataSet": pd.DataFrame(columns).astype({"array": object, "sha256": object})}


def inputs_of_training() -> dict[str, Any]:
    """Return what TrainLungCancerModel gives its script."""
    parameters = {
        "algorithm": "lightgbm",
        "seed": 20170401,
        "folds": 2,
        "imbalance": "none",
        "calibration": "platt",
        "validation_fraction": 0.2,
        "learning_rate": 0.05,
        "num_leaves": 7,
        "min_data_in_leaf": 5,
        "max_iterations": 50,
        "early_stopping_rounds": 10,
    }
    return {"InputDataSet": patients_frame(), "Width": WIDTH, "Parameters": json.dumps(parameters), "Names": None}


def inputs_of_prediction(trained: dict[str, Any]) -> dict[str, Any]:
    """Return what PredictLungCancer gives its script, for a model that training has made."""
    return {
        "InputDataSet": scope_frame(),
        **model_of(trained),
        "Vector": encode_vector(np.array([4, 0, 0, 0, 0, 0], dtype=np.float32)),
        "Prevalence": 0.26,
    }


def scope_frame() -> pd.DataFrame:
    """Make the features that a model knows: a mean and a standard deviation each, the last one the same in all."""
    columns = {"feature_index": np.arange(WIDTH, dtype=np.int32), "mean": 0.5, "sd": [1.0] * (WIDTH - 1) + [0.0]}
    return pd.DataFrame(columns)


def vectors_frame() -> pd.DataFrame:
    """Make scans with their vectors."""
    vectors = pd.Series(patients_frame()["vector"].tolist()[:7], dtype=object)
    return pd.DataFrame({"scan_id": np.arange(3, 10, dtype=np.int32), "vector": vectors})


def inputs_of_many_predictions(trained: dict[str, Any]) -> dict[str, Any]:
    """Return what PredictPatients gives its script."""
    scope = json.dumps(scope_frame().to_numpy().tolist())
    return {"InputDataSet": vectors_frame(), **model_of(trained), "Prevalence": None, "Scope": scope}


def inputs_of_evaluated_predictions(trained: dict[str, Any]) -> dict[str, Any]:
    """Return what ScoreEvaluated gives its script."""
    return {"InputDataSet": vectors_frame(), **model_of(trained), "Prevalence": None}


def inputs_of_binary_vectors() -> dict[str, Any]:
    """Return what RefreshBinaryVectors gives its script."""
    return {"InputDataSet": vectors_frame()}


def inputs_of_similar_patients() -> dict[str, Any]:
    """Return what SimilarPatients gives its script: five vectors, and one to compare them with."""
    vectors = np.random.default_rng(8).normal(size=(6, WIDTH))
    arrays = [vector.astype("<f4").tobytes() for vector in vectors]
    texts = pd.Series([array.hex().upper() for array in arrays[1:]], dtype=object)
    frame = pd.DataFrame({"scan_id": np.arange(3, 8, dtype=np.int32), "array": texts})
    return {"InputDataSet": frame, "Array": arrays[0], "Limit": 3}


def inputs_of_nodes(trained: dict[str, Any]) -> dict[str, Any]:
    """Return what StoreModelNodes gives its script."""
    inputs = inputs_of_evaluated_predictions(trained)
    return {name: value for name, value in inputs.items() if name != "Prevalence"}


def inputs_of_ensemble(trained: dict[str, Any]) -> dict[str, Any]:
    """Inputs of CreateEnsemble: the trained model and its like as members, and scores of forty scans, ten held out."""
    sha256 = hashlib.sha256(trained["Classifier"]).hexdigest().upper()
    row = (trained["Library"], trained["Classifier"].hex().upper(), sha256, trained["Details"], 0)
    members: pd.DataFrame = pd.DataFrame(
        [(position, name, 1, *row) for position, name in enumerate(("one", "other"))],
        columns=["position", "name", "version", "library", "model", "sha256", "details", "first_index"],
    )
    scores = [[place, -1 if place > 30 else place % 2, place, [0.2 + place % 3 / 5, 0.3]] for place in range(1, 41)]
    return {"InputDataSet": members, "Scores": json.dumps(scores), "Seed": 1, "Names": None}


def model_of(trained: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that carry a trained model."""
    return {
        "Classifier": trained["Classifier"],
        "Sha256": hashlib.sha256(trained["Classifier"]).hexdigest().upper(),
        "Library": trained["Library"],
        "Details": trained["Details"],
    }


def inputs_of_measuring() -> dict[str, Any]:
    """Return what MeasureExperiment gives its script: the scores of 40 patients, a quarter of them test patients."""
    generator = np.random.default_rng(4)
    raw = generator.uniform(0.05, 0.95, size=40)
    scores = {
        "patient_id": pd.Series([f"patient {index:02}" for index in range(40)], dtype=object),
        "part": pd.Series(["test" if index % 4 == 0 else "train" for index in range(40)], dtype=object),
        "label": (generator.uniform(size=40) < raw).astype(np.int32),
        "target": np.full(40, np.nan),
        "raw": raw,
        "probability": raw**2,
        "out_of_fold": np.ones(40, dtype=np.int32),
    }
    details = {"training_curve": {"train": [0.6, 0.5], "validation": [0.65, 0.6]}}
    return {"InputDataSet": pd.DataFrame(scores), "Seed": 7, "Details": json.dumps(details)}


def inputs_of_evaluation() -> dict[str, Any]:
    """Return what MeasureEvaluation gives its script: 60 scans of 30 patients, and 50 training scans."""
    generator = np.random.default_rng(9)
    raw = generator.uniform(0.05, 0.95, size=60)
    is_member = np.repeat(np.array([1, 0], dtype=np.int32), (60, 50))
    columns = {
        "is_member": is_member,
        "patient": np.append(np.arange(60) // 2, np.zeros(50)).astype(np.int32),
        "label": (generator.uniform(size=110) < np.append(raw, np.full(50, 0.5))).astype(np.int32),
        "raw": np.append(raw, np.full(50, np.nan)),
        "probability": np.append(raw**2, np.full(50, np.nan)),
        "groups": pd.Series([*["1", "1,2", None] * 20, *[None] * 50], dtype=object),
        "patient_age": np.where(np.arange(110) % 9 == 0, np.nan, generator.uniform(50, 80, 110)),
        "spacing_z": generator.choice([1.0, 2.5], 110),
        "spacing_y": np.full(110, 0.7),
        "sex": pd.Series([("F", "M", None)[number] for number in generator.integers(0, 3, 110)], dtype=object),
        "manufacturer": pd.Series([("Acme", "Ünal")[number] for number in generator.integers(0, 2, 110)], dtype=object),
    }
    return {
        "InputDataSet": pd.DataFrame(columns),
        "Constant": 0.4,
        "Points": '{"50": 0.5, "youden": 0.31}',
        "Prevalence": 0.1,
        "Details": '{"prevalence": 0.4, "calibration": null}',
        "Seed": 7,
    }


def inputs_of_drift(trained: dict[str, Any]) -> dict[str, Any]:
    """Return what MeasureDrift gives its script: patients of whom the last come later, from another scanner."""
    vectors = pd.Series(patients_frame()["vector"].tolist()[:24], dtype=object)
    columns = {
        "is_later": np.repeat(np.array([0, 1], dtype=np.int32), 12),
        "vector": vectors,
        "spacing_z": np.where(np.arange(24) % 5 == 0, np.nan, 1.25),
        "manufacturer": pd.Series(["Acme"] * 12 + ["Other"] * 12, dtype=object),
        "convolution_kernel": pd.Series([None] * 24, dtype=object),
    }
    return {"InputDataSet": pd.DataFrame(columns), **model_of(trained), "Permutations": 199, "Seed": 7}


def inputs_of_comparing() -> dict[str, Any]:
    """Return what CompareScores gives its script: two scores of 30 patients."""
    generator = np.random.default_rng(6)
    a, b = generator.uniform(size=(2, 30))
    label = (generator.uniform(size=30) < a).astype(np.int32)
    frame = pd.DataFrame({"label": label, "a": a, "b": b, "patient": np.arange(1, 31)})
    return {"InputDataSet": frame, "Metric": "auc", "Seed": 7, "Resamples": 100}


def inputs_of_making_trials() -> dict[str, Any]:
    """Return what SearchModels gives its script: two poolings of a feature set."""
    columns = {
        "matrix": np.array([1, 2], dtype=np.int32),
        "feature_set_id": np.array([3, 3], dtype=np.int32),
        "pooling": pd.Series(["max", "mean"], dtype=object),
        "negatives": np.array([30, 30], dtype=np.int32),
        "positives": np.array([20, 20], dtype=np.int32),
        "only_negatives": np.array([30, 30], dtype=np.int32),
        "scans": np.array([50, 50], dtype=np.int32),
        "lacking": np.array([0, 2], dtype=np.int32),
    }
    return {
        "InputDataSet": pd.DataFrame(columns),
        "Method": "random",
        "Trials": 5,
        "Space": None,
        "Folds": 3,
        "Seed": 7,
    }


def inputs_of_training_images() -> dict[str, Any]:
    """Return what TrainImageClassifier gives its script: 24 pictures of three classes, every fourth held out."""
    rng = np.random.default_rng(12)
    labels = np.arange(24) % 3
    arrays = [(rng.normal(size=WIDTH) + 3 * label).astype("<f4").tobytes() for label in labels]
    columns = {
        "unit": np.arange(1, 25, dtype=np.int32),
        "source": np.arange(1, 25, dtype=np.int32),
        "labels": ["" if place % 4 == 0 else str(label) for place, label in enumerate(labels)],
        "width": np.full(24, WIDTH, dtype=np.int32),
        "array": [array.hex().upper() for array in arrays],
        "sha256": [hashlib.sha256(array).hexdigest().upper() for array in arrays],
    }
    frame = pd.DataFrame(columns).astype({"labels": object, "array": object, "sha256": object})
    parameters = {"algorithm": "logistic", "folds": 2, "seed": 1, "undersample": False, "l2": 1.0, "exclusive": True}
    return {"InputDataSet": frame, "Pooling": "none", "Parameters": json.dumps(parameters), "Packages": "{}"}


def inputs_of_predicting_images(trained: dict[str, Any]) -> dict[str, Any]:
    """Return what PredictImages gives its script for pictures, with the model of a training."""
    inputs = inputs_of_training_images()
    frame = inputs["InputDataSet"].assign(labels=pd.Series([""] * 24, dtype=object))
    return {
        "InputDataSet": frame,
        "Pooling": "none",
        "Model": trained["Classifier"],
        "Sha256": hashlib.sha256(trained["Classifier"]).hexdigest().upper(),
        "Library": trained["Library"],
        "Details": trained["Details"],
        "Packages": "{}",
    }


def inputs_of_running_trials() -> dict[str, Any]:
    """Return what RunSearch gives its script: the training patients and two trials."""
    patients = patients_frame()
    training = patients[patients["part"] == "train"].rename(columns={"place": "scan_id"})
    training = training[["patient_id", "scan_id", "label", "vector"]].reset_index(drop=True)
    trials = [
        {"trial_id": trial, "rung": 0, "parameters": {"num_leaves": 3, "min_data_in_leaf": trial}} for trial in (4, 5)
    ]
    return {
        "InputDataSet": training,
        "Trials": json.dumps(trials),
        "Folds": 2,
        "Seed": 7,
        "Rungs": 2,
        "Seconds": 600.0,
        "Names": None,
        "Lacking": 0,
    }
