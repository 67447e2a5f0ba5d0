"""Small inputs for the stored procedures that see volumes: a scan that knows where it lies, lungs, marks, rows."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lungdb.imaging.codecs import encode_array
from lungdb.networks.entry import network_details, prepare_network
from lungdb.networks.ordered import prepare_pooling
from tests.sql.places import placed
from tests.sql.samples import COLS, ROWS, SLICES, scan, slices_frame
from tests.volume_features.writing import write_network

_SIDE = 8


def inputs_of_lungs() -> dict[str, Any]:
    """Return what FindLungs gives its script: a body with two lungs, whose truth is not known."""
    volume = np.full((2 * SLICES, ROWS, COLS), -1000, dtype=np.int16)
    volume[:, 4:28, 2:30] = 40
    volume[2:-2, 8:24, 4:14] = volume[2:-2, 8:24, 18:28] = -850
    frame = slices_frame({3: volume}).drop(columns=["kept_sha256", "kept_digest", "spacing_y", "spacing_x"])
    return {
        "InputDataSet": placed(frame).assign(truth="", truth_sha256=""),
        "Threshold": -400.0,
        "Network": b"",
        "Sha256": "",
        "Details": "",
        "Steps": "",
        "Providers": None,
        "Threads": 1,
    }


def inputs_of_stage() -> dict[str, Any]:
    """Return what ScoreCrops gives its script: a scan, two candidates, and a network with random weights."""
    with tempfile.TemporaryDirectory() as folder:
        content = write_network(Path(folder) / "stage.onnx", [_SIDE] * 3).read_bytes()
    declared = {"spacing": [10.0, 10.0, 10.0], "window": [-1000.0, 400.0]}
    network = prepare_network(content, declared=declared)
    details = network_details(network, declared=declared)
    candidates = [{"nodule_id": n, "scan_id": 3, "x": 150.0, "y": 150.0, "z": 20.0 * n} for n in (1, 2)]
    frame = slices_frame({3: scan(1, nodule=True)}).drop(
        columns=["kept_sha256", "kept_digest", "spacing_y", "spacing_x"]
    )
    return {
        "InputDataSet": placed(frame),
        "Candidates": json.dumps(candidates),
        "Network": network,
        "Sha256": hashlib.sha256(network).hexdigest().upper(),
        "Details": json.dumps(details),
        "Activation": "softmax",
        "Chosen": 1,
        "BatchSize": 2,
        "Providers": None,
        "Threads": 1,
    }


def inputs_of_measuring_nodules() -> dict[str, Any]:
    """Return what MeasureNodules gives its script: two scans, a nodule that is found, a candidate that is none."""
    rows = [
        (3, 0, None, None, None, None),
        (8, 0, None, None, None, None),
        (3, 1, 10.0, 20.0, 30.0, 8.0),
        (3, 3, 11.0, 20.0, 30.0, 0.9),
        (8, 3, 1.0, 2.0, 3.0, 0.4),
    ]
    frame = pd.DataFrame(rows, columns=["scan_id", "kind", "x", "y", "z", "value"])
    types: dict[str, Any] = {"scan_id": np.int32, "kind": np.int32, **dict.fromkeys("xyz", np.float64)}
    return {"InputDataSet": frame.astype({**types, "value": np.float64}), "Seed": 1, "Most": 100}


def inputs_of_pooling() -> dict[str, Any]:
    """Return what PoolFeatures gives its script: the rows of two scans, and a network that reads them in order."""
    content = (Path(__file__).parents[1] / "data" / "pooling" / "gru.onnx").read_bytes()
    network, details = prepare_pooling(content)
    width = int(details["input"]["width"])
    arrays = [np.random.default_rng(rows).normal(size=(rows, width)).astype(np.float32) for rows in (5, 3)]
    encoded = [encode_array(array) for array in arrays]
    frame = pd.DataFrame(
        {
            "scan_id": np.array([3, 8], np.int32),
            "array_rows": np.array([len(array) for array in arrays], np.int32),
            "array_cols": np.full(2, width, np.int32),
            "array": [blob.hex().upper() for blob, _ in encoded],
            "sha256": [sha256.hex().upper() for _, sha256 in encoded],
        }
    ).astype({"array": object, "sha256": object})
    return {
        "InputDataSet": frame,
        "Network": network,
        "Sha256": hashlib.sha256(network).hexdigest().upper(),
        "Details": json.dumps(details),
        "Providers": None,
        "Threads": 1,
    }
