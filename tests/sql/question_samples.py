"""What the scripts of explanations, questions and preprocessings are given, as in samples."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import pandas as pd

from lungdb.imaging.codecs import encode_array, encode_vector
from lungdb.learning.logistic import Logistic
from lungdb.learning.pooling import pool
from lungdb.procedures import add_rows, generate_features
from tests.sql.places import PLACE, placed
from tests.sql.samples import (
    SLICES,
    WIDTH,
    inputs_of_comparing,
    inputs_of_features,
    model_of,
    patients_frame,
    scan,
    slices_frame,
    vectors_frame,
)

_STEPS = '[{"step": "window", "low": -1000, "high": 500}]'
NAMES_OF_SLICES = (
    "image_rows", "image_cols", "rescale_slope", "rescale_intercept", "pixels", "pixels_sha256", "encoding",
    "spacing_y", "spacing_x",
)  # fmt: skip


def inputs_of_explaining(trained: dict[str, Any]) -> dict[str, Any]:
    """Return what ExplainScans gives its script: two scored scans of three triples each."""
    arrays = np.random.default_rng(9).normal(size=(2, 3, WIDTH)).astype(np.float32)
    encoded = [encode_array(array) for array in arrays]
    columns = {
        "prediction_id": np.array([4, 7], dtype=np.int32),
        "position": np.zeros(2, dtype=np.int32),
        "vector": [encode_vector(pool(array, "mean")) for array in arrays],
        "raw": np.full(2, np.nan),
        "array_rows": np.full(2, 3, dtype=np.int32),
        "array_cols": np.full(2, WIDTH, dtype=np.int32),
        "array": [blob.hex().upper() for blob, _ in encoded],
        "sha256": [sha256.hex().upper() for _, sha256 in encoded],
    }
    texts = dict.fromkeys(("vector", "array", "sha256"), object)
    return {
        "InputDataSet": pd.DataFrame(columns).astype(texts),
        **model_of(trained),
        "Parts": json.dumps([[0, "mean", 0, WIDTH]]),
        "Means": json.dumps([[place, 0.0] for place in range(WIDTH)]),
        "Features": True,
        "Permutations": 4,
        "Seed": 1,
    }


def inputs_of_importance(trained: dict[str, Any]) -> dict[str, Any]:
    """Return what FeatureImportance gives its script: a scan has no label."""
    frame = vectors_frame().assign(label=[0.0, 1.0, 1.0, 0.0, None, 1.0, 0.0])[["scan_id", "label", "vector"]]
    return {"InputDataSet": frame, **model_of(trained), "Repeats": 2, "Seed": 1}


def inputs_of_top_triples() -> dict[str, Any]:
    """Return what FindTopTriples gives its script: the arrays of three scans."""
    arrays = [np.random.default_rng(seed).normal(size=(3, WIDTH)).astype("<f4").tobytes() for seed in range(3)]
    frame = pd.DataFrame(
        {
            "scan_id": np.arange(3, 6, dtype=np.int32),
            "array_rows": np.full(3, 3, np.int32),
            "array_cols": np.full(3, WIDTH, np.int32),
            "array": pd.Series([array.hex().upper() for array in arrays], dtype=object),
            "sha256": pd.Series([hashlib.sha256(array).hexdigest().upper() for array in arrays], dtype=object),
        }
    )
    return {"InputDataSet": frame, "Feature": 1, "Top": 4}


def inputs_of_drawing_slices() -> dict[str, Any]:
    """Return what DrawSlices gives its script: two slices of the scans that features are made of."""
    frame = inputs_of_features()["InputDataSet"].head(2)
    names = ["scan_id", "slice_index", "value", "image_rows", "image_cols"]
    return {"InputDataSet": frame.assign(value=[2.5, 1.0])[[*names, "pixels", "pixels_sha256", "encoding"]]}


def inputs_of_inspecting() -> dict[str, Any]:
    """Return what MeasureInspected gives its script: forty scans, two of them alike, one without features."""
    count = 40
    vectors: list[Any] = patients_frame(60)["vector"].tolist()[:count]
    vectors[3], vectors[7] = vectors[5], None
    columns = {
        "place": np.arange(count, dtype=np.int32),
        "patient": np.arange(count, dtype=np.int32),
        "stands": np.ones(count, dtype=np.int32),
        "part": (np.arange(count) % 3 == 0).astype(np.int32),
        "is_labelled": np.ones(count, dtype=np.int32),
        "label": np.where(np.arange(count) % 3 == 0, np.nan, np.arange(count) % 2),
        "numbers": pd.Series([json.dumps([row % 5, None if row % 4 == 0 else row / 7]) for row in range(count)]),
        "texts": pd.Series([json.dumps(["Ünal" if row % 2 else "Acme", None]) for row in range(count)]),
        "vector": pd.Series(vectors, dtype=object),
    }
    frame = pd.DataFrame(columns).astype({"numbers": object, "texts": object})
    return {"InputDataSet": frame, "Task": "classification", "Alpha": 0.05, "Top": 5}


def inputs_of_clustering() -> dict[str, Any]:
    """Return what ClusterScans gives its script: twelve scans to cluster and six to find beside them."""
    columns = {
        "scan_id": np.arange(3, 21, dtype=np.int32),
        "is_clustered": np.where(np.arange(18) % 3 == 0, 0, 1).astype(np.int32),
        "vector": pd.Series(patients_frame()["vector"].tolist()[:18], dtype=object),
    }
    return {"InputDataSet": pd.DataFrame(columns), "Clusters": 3, "Seed": 7, "Beside": 2}


def inputs_of_contrasting() -> dict[str, Any]:
    """Return what CompareInDetail gives its script: thirty scans in two groups, and the vectors of both models."""
    inputs = inputs_of_comparing()
    frame = inputs["InputDataSet"]
    vectors = patients_frame()["vector"].tolist()
    columns = {
        "patient": frame["patient"].astype(np.int32),
        "label": frame["label"],
        "a": frame["a"],
        "b": frame["b"],
        "groups": pd.Series(["1" if row < 14 else "1,2" for row in range(30)], dtype=object),
        "vector_a": pd.Series(vectors[:30], dtype=object),
        "vector_b": pd.Series([None, *vectors[31:60]], dtype=object),
    }
    return {"InputDataSet": pd.DataFrame(columns), "Metric": "auc", "Threshold": 50.0, "Seed": 7}


def inputs_of_steps() -> dict[str, Any]:
    """Return what StorePreprocessing gives its script."""
    return {"Steps": _STEPS}


def inputs_of_picture_steps() -> dict[str, Any]:
    """Return what CheckTransform gives its script."""
    return {"Steps": _STEPS, "OfPictures": False}


def inputs_of_preview() -> dict[str, Any]:
    """Return what PreviewPreprocessing gives its script for a scan."""
    made = slices_frame({3: scan(1, nodule=True)})
    slices = placed(made.drop(columns=["kept_sha256", "kept_digest", "spacing_y", "spacing_x"]))
    slices = slices.assign(place=slices["slice_index"])
    first = ["place", "slice_index", "scan_id"]
    slices = slices[[*first, *(name for name in slices if name not in first)]]
    return {"InputDataSet": slices, "Steps": _STEPS, "Rows": 32, "Cols": 32, "AsSheet": False, "Slices": 9}


def inputs_of_transforming() -> dict[str, Any]:
    """Return what TransformImages gives its script for a scan."""
    slices = slices_frame({3: scan(1, nodule=True)}).rename(columns={"slice_index": "place"})
    slices = slices.drop(columns=["scan_id", "number_images", "content_sha256", "kept_sha256", "kept_digest"])
    slices = slices.assign(is_picture=np.zeros(SLICES, dtype=np.int32))
    return {"InputDataSet": slices, "Steps": _STEPS, "Rows": 32, "Cols": 32, "Black": 0.0, "White": 1.0}


def inputs_of_regions() -> dict[str, Any]:
    """Return what ExplainRegions gives its script: a scan, its features, and a linear model over their mean."""
    slices = slices_frame({3: scan(1, nodule=True)})
    made = inputs_of_features()
    rows, *_ = generate_features(
        slices, made["Network"], made["Sha256"], made["Details"], "penultimate", "lung", "mean", 2, None, 1
    )
    features = rows.iloc[0]
    weights = np.linspace(-1, 1, WIDTH)
    model = Logistic(np.zeros(WIDTH), np.ones(WIDTH), weights, 0.0).to_json().encode()
    columns = ["slice_index", "content_sha256", "image_rows", "image_cols", "rescale_slope", "rescale_intercept"]
    frame = slices.assign(is_wanted=np.arange(len(slices), dtype=np.int32) // 2 % 2)
    return {
        "InputDataSet": placed(
            frame[[*columns, "is_wanted", "pixels", "pixels_sha256", "encoding", "spacing_y", "spacing_x"]]
        ),
        "Network": made["Network"],
        "NetworkSha256": made["Sha256"],
        "NetworkDetails": made["Details"],
        "Layer": "penultimate",
        "Preprocessing": "lung",
        "Model": model,
        "Sha256": hashlib.sha256(model).hexdigest().upper(),
        "Library": "logistic",
        "Details": json.dumps({"width": WIDTH}),
        "Vector": json.dumps(json.loads(features["pooled"])["mean"]),
        "Array": bytes.fromhex(features["array"]),
        "ArraySha256": features["sha256"].upper(),
        "ArrayRows": int(features["array_rows"]),
        "Parts": json.dumps([{"pooling": "mean", "first_index": 0, "width": WIDTH}]),
        "Method": None,
        "Grid": 3,
        "Providers": None,
        "Threads": 1,
        "Steps": None,
    }


def inputs_of_planning_maps() -> dict[str, Any]:
    """Return what PlanMaps gives its script."""
    made = inputs_of_features()
    return {
        "Network": made["Network"],
        "Sha256": made["Sha256"],
        "Details": made["Details"],
        "Layer": "maps",
        "Providers": None,
        "Threads": 1,
    }


def inputs_of_keeping_maps() -> dict[str, Any]:
    """Return what KeepMaps gives its script for two scans."""
    made = inputs_of_features()
    elsewhere = [name for name in PLACE if name not in ("spacing_y", "spacing_x")]
    slices = made["InputDataSet"].drop(columns=["kept_sha256", "kept_digest", *elsewhere])
    rows, *_ = generate_features(
        slices, made["Network"], made["Sha256"], made["Details"], "maps", "lung", "mean", 2, None, 1
    )
    arrays = dict(zip(rows["scan_id"], rows["array"].str.upper(), strict=True))
    hashes = dict(zip(rows["scan_id"], rows["sha256"].str.upper(), strict=True))
    is_first = slices["slice_index"] == 0
    columns = {
        "array_rows": np.full(len(slices), 2, np.int32),
        "array_cols": np.full(len(slices), WIDTH, np.int32),
        "array": slices["scan_id"].map(arrays).where(is_first, "").astype(object),
        "array_sha256": slices["scan_id"].map(hashes).astype(object),
    }
    return {
        **inputs_of_planning_maps(),
        "InputDataSet": slices.assign(**columns),
        "Preprocessing": "lung",
        "Steps": None,
        "BatchSize": 2,
    }


def inputs_of_maximising() -> dict[str, Any]:
    """Return what MaximiseImage gives its script: the first triple of a scan, and what is stored of it."""
    slices = slices_frame({3: scan(1, nodule=True)})
    made = inputs_of_features()
    rows, *_ = generate_features(
        slices, made["Network"], made["Sha256"], made["Details"], "penultimate", "lung", "mean", 2, None, 1
    )
    stored = np.frombuffer(bytes.fromhex(rows.iloc[0]["array"]), "<f4")
    columns = ["slice_index", "image_rows", "image_cols", "rescale_slope", "rescale_intercept"]
    return {
        "InputDataSet": slices.head(3)[[*columns, "pixels", "pixels_sha256", "encoding", "spacing_y", "spacing_x"]],
        "Network": made["Network"],
        "Sha256": made["Sha256"],
        "Details": made["Details"],
        "Layer": "penultimate",
        "Preprocessing": "lung",
        "Steps": None,
        "Feature": 1,
        "FirstSlice": 0,
        "Stored": float(stored[1]),
        "Frequencies": 3,
        "Generations": 2,
        "Population": 4,
        "Seed": 1,
        "State": b"",
        "Providers": None,
        "Threads": 1,
    }


def inputs_of_rendering() -> dict[str, Any]:
    """Return what RenderMap gives its script: a slice, and a map of two by three cells over a part of it."""
    made = slices_frame({3: scan(1, nodule=True)}).iloc[0]
    values, sha256 = encode_array(np.array([[0.5, -0.25, 0], [0, 0.125, -0.5]], dtype=np.float32))
    return {
        "Pixels": bytes.fromhex(made["pixels"]),
        "PixelsSha256": made["pixels_sha256"],
        "Encoding": made["encoding"],
        "Rows": int(made["image_rows"]),
        "Cols": int(made["image_cols"]),
        "Aspect": 1.0,
        "Map": values,
        "MapSha256": sha256.hex().upper(),
        "MapRows": 2,
        "MapCols": 3,
        "FirstRow": 4,
        "EndRow": 20,
        "FirstCol": 2,
        "EndCol": 20,
        "Largest": 0.5,
        "Title": "Score 1, slice 0: occlusion, 2 x 3 cells",
        "Task": "classification",
    }


def inputs_of_adding_rows() -> dict[str, Any]:
    """Return what AddSimilarRows gives its script in the first call: the arrays of three scans, and a row."""
    frame = inputs_of_top_triples()["InputDataSet"].rename(columns={"scan_id": "place"})
    return {"InputDataSet": frame, "Before": b"", "Array": np.ones(WIDTH, dtype="<f4").tobytes()}


def inputs_of_similar_rows() -> dict[str, Any]:
    """Return what FindSimilarRows gives its script then."""
    inputs = inputs_of_adding_rows()
    sums, _, _ = add_rows(inputs["InputDataSet"], inputs["Before"], inputs["Array"])
    return {"InputDataSet": inputs["InputDataSet"], "Sums": sums, "Array": inputs["Array"], "Limit": 4}


def inputs_of_new_slices() -> dict[str, Any]:
    """Return what SimilarToSlices gives its script for a scan."""
    rows = slices_frame({3: scan(1, nodule=True)})[list(NAMES_OF_SLICES)].to_dict("records")
    made = inputs_of_features()
    return {
        "Slices": json.dumps(rows),
        "SliceIndex": None,
        **{name: made[name] for name in ("Network", "Sha256", "Details", "Providers", "Threads", "Steps", "Packages")},
        "Layer": "penultimate",
        "Preprocessing": "lung",
        "Pooling": "mean",
    }


def inputs_of_standard_vectors() -> dict[str, Any]:
    """Return what RefreshStandardVectors gives its script: twelve vectors."""
    vectors = np.random.default_rng(5).normal(3, 1, size=(12, WIDTH)).astype("<f4")
    texts = pd.Series([vector.tobytes().hex().upper() for vector in vectors], dtype=object)
    return {"InputDataSet": pd.DataFrame({"scan_id": np.arange(3, 15, dtype=np.int32), "array": texts})}


def inputs_of_similar_reports() -> dict[str, Any]:
    """Return what SimilarReports gives its script: three reports, one with letters beyond ASCII, and a text."""
    texts = {4: "spiculated nodule in the left upper lobe", 5: "no nodule, émphysème", 9: "pleural effusion 胸水"}
    rows = [{"place": place, "text": text.encode("utf-16-le").hex().upper()} for place, text in texts.items()]
    return {
        "InputDataSet": pd.DataFrame(rows).astype({"place": np.int32}),
        "Asked": "a nodule in the lobe".encode("utf-16-le"),
        "Top": 2,
        "Method": "tfidf",
    }
