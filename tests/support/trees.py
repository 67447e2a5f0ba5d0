"""Databases and random LightGBM models for the tests of scoring with T-SQL alone."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from lungdb.database import Connection, run
from tests.support.databases import hash_vectors

WIDTH = 8
ROWS = 200
# LightGBM's kZeroThreshold, its neighbours, what is 0 to it, and numbers at the ends of single precision.
NEAR_ZERO = float(np.float32(1e-35))
EDGES = [0.0, -0.0, NEAR_ZERO, -NEAR_ZERO, float(np.nextafter(np.float32(1e-35), np.float32(1))), 1e-36, -1e-40, 1e-45]
EXTREMES = [3.4e38, -3.4e38, 1.5, -0.25]


def hard_vectors(seed: int = 3) -> NDArray[np.float32]:
    """Draw float32[ROWS, WIDTH]: coarse numbers that meet thresholds, edge cases, and a tenth of NaN."""
    rng = np.random.default_rng(seed)
    vectors = np.where(
        rng.random((ROWS, WIDTH)) < 0.5, rng.normal(size=(ROWS, WIDTH)), rng.integers(-3, 4, (ROWS, WIDTH)) / 4
    )
    edge = rng.random((ROWS, WIDTH)) < 0.2
    vectors[edge] = rng.choice(EDGES + EXTREMES, size=int(edge.sum()))
    vectors[rng.random((ROWS, WIDTH)) < 0.1] = np.nan
    return vectors.astype(np.float32)


def fill(connection: Connection, vectors: NDArray[np.float32]) -> None:
    """Insert a patient with a scan and a vector for each row; NaN becomes null."""
    run(
        connection,
        "INSERT INTO dbo.networks (name, version, library, model, sha256, details) "
        "VALUES (N'it''s a network', 1, N'onnx', 0x01, HASHBYTES('SHA2_256', 0x01), N'{}');"
        "INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width) "
        "VALUES (1, N'penultimate', N'lung', ?);",
        (vectors.shape[1],),
    )
    run(connection, "BEGIN TRANSACTION;")
    for index, vector in enumerate(vectors):
        text = f"[{','.join('null' if np.isnan(value) else str(value) for value in vector)}]"
        run(
            connection,
            "DECLARE @Id INT;"
            "INSERT INTO dbo.patients (patient_id, idx, display_name) VALUES (?, ?, N'somebody''s name');"
            "INSERT INTO dbo.scans (patient_id, is_primary, series_uid, study_uid, image_rows, image_cols, "
            "number_images, content_sha256, manufacturer) VALUES (?, 1, ?, N'1.2', 1, 1, 3, 0x02, N'a maker');"
            "SET @Id = SCOPE_IDENTITY();"
            "INSERT INTO dbo.features (scan_id, feature_set_id, array_rows, array_cols, array, sha256) "
            "VALUES (@Id, 1, 1, 1, 0x03, HASHBYTES('SHA2_256', 0x03));"
            "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector) VALUES (@Id, 1, N'mean', ?);",
            (f"patient {index:04}", index, f"patient {index:04}", f"1.2.{index}", text),
        )
    run(connection, "COMMIT TRANSACTION;")
    hash_vectors(connection)


def store(connection: Connection, name: str, model: str, **details: Any) -> None:
    """Insert a LightGBM model as training would, without its nodes."""
    data = model.encode()
    width = int(re.search(r"^max_feature_idx=(\d+)$", model, re.M)[1]) + 1  # type: ignore[index]
    run(
        connection,
        "INSERT INTO dbo.classifiers (name, version, library, feature_set_id, pooling, model, sha256, details) "
        "VALUES (?, 1, N'lightgbm', 1, N'mean', ?, ?, ?);",
        (name, data, hashlib.sha256(data).digest(), json.dumps({"width": width, "prevalence": 0.3, **details})),
    )


def random_model(seed: int, vectors: NDArray[np.float32]) -> str:
    """Train on random patients with random settings, then put thresholds where the vectors have their numbers."""
    rng = np.random.default_rng(seed)
    learning = hard_vectors(seed + 1000)
    learning = np.concatenate([learning, hard_vectors(seed + 2000)]).astype(np.float64)
    labels = (np.nan_to_num(learning[:, 0]) + rng.normal(size=len(learning)) > 0).astype(int)
    depth = int(rng.integers(1, 13))
    settings = {
        "objective": rng.choice(["binary", "cross_entropy"]),
        "sigmoid": float(rng.choice([1.0, 0.7, 2.0])),
        "max_depth": depth,
        "num_leaves": int(min(2**depth, rng.integers(2, 129))),
        "min_data_in_leaf": int(rng.integers(1, 5)),
        "learning_rate": float(rng.choice([0.01, 0.1, 1.0])),
        "zero_as_missing": bool(rng.random() < 0.4),
        "use_missing": bool(rng.random() < 0.7),
        "extra_trees": bool(rng.random() < 0.5),
        "seed": seed,
        "num_threads": 1,
        "verbosity": -1,
    }
    if rng.random() < 0.25:
        settings |= {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}
    trees = int(rng.choice([1, 20, 100, 500]))
    model = lightgbm.train(settings, lightgbm.Dataset(learning, labels, params=settings), trees).model_to_string()
    return without_sizes(
        re.sub(r"(?m)^threshold=(.*)$", lambda found: f"threshold={_moved(found[1], rng, vectors)}", model)
    )


def without_sizes(model: str) -> str:
    """Leave out the bytes of each tree, so that LightGBM reads a text that was changed."""
    return re.sub(r"(?m)^tree_sizes=.*\n", "", model)


def _moved(thresholds: str, rng: np.random.Generator, vectors: NDArray[np.float32]) -> str:
    """Replace a third of the thresholds by numbers of the vectors, doubles beside them, and extremes."""
    values = [float(text) for text in thresholds.split()]
    for place in np.flatnonzero(rng.random(len(values)) < 0.33):
        value = float(rng.choice(vectors[np.isfinite(vectors)]))
        values[place] = rng.choice(
            [value, np.nextafter(value, 1e300), np.nextafter(value, -1e300), *EDGES, 1e300, -1e300, 5e-324, -1e-36]
        )
    return " ".join(repr(float(value)) for value in values)


def expected(model: str, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Score with LightGBM itself."""
    return np.asarray(lightgbm.Booster(model_str=model).predict(vectors, num_threads=1))


def scores(connection: Connection, call: str) -> NDArray[np.float64]:
    """Run PredictPatients or PredictPatientsSql; give the probabilities, 0 to 1, in the order of the indices."""
    rows = run(connection, call)[-1].rows
    assert [index for index, _ in rows] == sorted(index for index, _ in rows)
    return np.array([percent / 100 for _, percent in rows])
