"""Hiding boxes of a volume: a network of known weights makes what each box takes from the margin a closed form."""

from __future__ import annotations

import gzip
import hashlib
import json

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from lungdb.imaging.codecs import content_sha256, encode_array, encode_vector
from lungdb.imaging.volumes.boxes import Boxes
from lungdb.learning.logistic import Logistic
from lungdb.procedures import explain_regions

SIDE = 8
SHAPE = (12, 16, 8)  # of the scan: 2 × 3 × 1 tiles, which overlap
LOW, HIGH = -1000, 1000
STEPS = json.dumps(
    {
        "dimensions": 3,
        "steps": [
            {"step": "orient"},
            {"step": "window", "low": LOW, "high": HIGH},
            {"step": "tile", "overlap": 0.25},
        ],
    }
)
WEIGHTS = np.random.default_rng(2).normal(size=(SIDE, SIDE, SIDE)).astype(np.float32)
MODEL = Logistic(np.array([0.5]), np.array([2.0]), np.array([1.5]), -0.25)


def network() -> bytes:
    """Write a network whose one feature is the sum of a tile's voxels times WEIGHTS."""
    nodes = [
        helper.make_node("Flatten", ["volume"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["sum"]),
    ]
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info("volume", TensorProto.FLOAT, ["N", 1, SIDE, SIDE, SIDE])],
        [helper.make_tensor_value_info("sum", TensorProto.FLOAT, ["N", 1])],
        [numpy_helper.from_array(WEIGHTS.reshape(-1, 1), "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


DETAILS = json.dumps(
    {
        "input": {"name": "volume", "dimensions": 3, "channels": 1, "size": [SIDE] * 3, "multiple": [1, 1, 1],
                  "spacing": None, "orientation": "SPL", "window": None},
        "normalisation": {"mean": [0.0], "std": [1.0]},
        "layers": {"penultimate": "sum"},
        "penultimate": "sum",
        "width": 1,
    }
)  # fmt: skip


def scan_frame(hu: NDArray[np.int16], wanted: list[int], rows_up: float = 1.0) -> pd.DataFrame:
    """Make the rows that ExplainRegions sends; with `rows_up` -1 rows rise to the front of the patient."""
    rows = []
    hashes = [hashlib.sha256(plane.astype("<i2").tobytes()).digest() for plane in hu]
    content = content_sha256(hashes).hex()
    for index, plane in enumerate(hu):
        place = {"spacing_z": 2.0, "spacing_y": 1.0, "spacing_x": 1.0, "origin_x": 0.0, "origin_y": 0.0,
                 "origin_z": 0.0, "row_x": 1.0, "row_y": 0.0, "row_z": 0.0, "column_x": 0.0, "column_y": rows_up,
                 "column_z": 0.0, "step_x": 0.0, "step_y": 0.0, "step_z": 2.0}  # fmt: skip
        rows.append(
            {"slice_index": index, "content_sha256": content, "image_rows": plane.shape[0],
             "image_cols": plane.shape[1], "rescale_slope": 1.0, "rescale_intercept": 0.0,
             "is_wanted": int(index in wanted), "pixels": gzip.compress(plane.astype("<i2").tobytes()).hex(),
             "pixels_sha256": hashes[index].hex(), "encoding": "", **place}
        )  # fmt: skip
    return pd.DataFrame(rows)


def starts(whole: int) -> list[int]:
    """Lay tiles as far apart as the overlap says, the last one at the end."""
    return sorted({min(first, whole - SIDE) for first in range(0, whole, 6) if first == 0 or first < whole - SIDE + 6})


def expected(values: NDArray[np.float64], box: tuple[slice, ...]) -> float:
    """Work out by hand what a box takes from the margin: the mean over the tiles of what its voxels add."""
    z, y, x = (starts(side) for side in values.shape)
    inside = np.zeros(values.shape)
    inside[box] = values[box]  # air has become 0
    sums = [float((inside[a : a + SIDE, b : b + SIDE, c : c + SIDE] * WEIGHTS).sum()) for a in z for b in y for c in x]
    return float(np.mean(sums)) * MODEL.coefficients[0] / MODEL.scale[0]


def features(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Make the feature of each tile by hand."""
    z, y, x = (starts(side) for side in values.shape)
    tiles = [values[a : a + SIDE, b : b + SIDE, c : c + SIDE] for a in z for b in y for c in x]
    return np.array([[float((tile * WEIGHTS).sum())] for tile in tiles], np.float32)


def explain(
    hu: NDArray[np.int16], frame: pd.DataFrame, grid: int, **changed: object
) -> tuple[pd.DataFrame, str, int, str]:
    """Call the procedure's function on a scan whose score is that of MODEL over the mean of the tiles."""
    values = prepared(hu)
    array = features(values)
    blob, array_sha256 = encode_array(array)
    onnx = network()
    text = MODEL.to_json().encode()
    given = {
        "network": onnx, "network_sha256": hashlib.sha256(onnx).hexdigest(), "network_details": DETAILS,
        "layer": "penultimate", "preprocessing": "mine", "model": text,
        "model_sha256": hashlib.sha256(text).hexdigest(), "library": "logistic",
        "details": json.dumps({"width": 1, "task": "classification"}),
        "vector": encode_vector(array.mean(axis=0, dtype=np.float64).astype(np.float32)), "array": blob,
        "array_sha256": array_sha256.hex(), "array_rows": len(array),
        "parts": json.dumps([{"pooling": "mean", "first_index": 0, "width": 1}]), "method": None, "grid": grid,
        "providers": "CPU", "threads": 1, "steps": STEPS, **changed,
    }  # fmt: skip
    result, _, notice, number, message = explain_regions(frame, **given)
    return result, notice, number, message


def prepared(hu: NDArray[np.int16]) -> NDArray[np.float64]:
    """Window the scan by hand."""
    return (np.clip(hu.astype(np.float64), LOW, HIGH) - LOW) / (HIGH - LOW)


def maps_of(result: pd.DataFrame) -> list[NDArray[np.float32]]:
    """Read the maps."""
    shapes = zip(result["map_rows"], result["map_cols"], strict=True)
    return [
        np.frombuffer(bytes.fromhex(text), "<f4").reshape(shape)
        for text, shape in zip(result["map"], shapes, strict=True)
    ]


@pytest.fixture(scope="module")
def scan() -> NDArray[np.int16]:
    """A scan of noise, with air in its first corner."""
    hu = np.random.default_rng(5).integers(-900, 900, SHAPE).astype(np.int16)
    hu[:6, :8, :4] = -1000
    return hu


def test_each_box_takes_what_its_voxels_add(scan: NDArray[np.int16]) -> None:
    """Of every slice and box, with tiles that overlap; the box of air has 0, and its tiles are not run."""
    result, notice, number, message = explain(scan, scan_frame(scan, list(range(12))), 2)
    assert (number, message) == (0, "")
    values, boxes = prepared(scan), Boxes.of(SHAPE, 2)
    assert result["slice_index"].tolist() == list(range(12))
    assert set(zip(result["first_row"], result["end_row"], result["first_col"], result["end_col"], strict=True)) == {
        (0, 16, 0, 8)
    }
    for index, shown in enumerate(maps_of(result)):
        for row in range(2):
            for col in range(2):
                wanted = expected(values, boxes.box((index // 6, row, col)))
                assert shown[row, col] == pytest.approx(wanted, abs=1e-4)
    assert maps_of(result)[0][0, 0] == 0
    # 2 × 3 × 1 tiles; along z a box touches both, along y each half touches two of three, and one box is of air.
    tiles = len(features(values))
    assert notice.startswith(f"{tiles + 7 * 2 * 2} tiles were run")


def test_rows_that_rise_the_other_way_show_the_same_places(scan: NDArray[np.int16]) -> None:
    """The volume is turned for the network; the map lies on the scan's own rows."""
    turned = scan[:, ::-1].copy()
    straight, _, _, _ = explain(scan, scan_frame(scan, [3]), 4)
    other, _, number, message = explain(scan, scan_frame(turned, [3], rows_up=-1.0), 4)
    assert (number, message) == (0, "")
    np.testing.assert_allclose(maps_of(other)[0], maps_of(straight)[0][::-1], atol=1e-5)


def test_what_no_map_is_made_of_is_refused(scan: NDArray[np.int16]) -> None:
    """The exact method, too many boxes, and features that are others by now."""
    frame = scan_frame(scan, [0])
    assert explain(scan, frame, 2, method="gradcam")[2] == 50383
    _, _, number, message = explain(scan, frame, 17)
    assert (number, "Give 2 to 16 boxes" in message) == (50101, True)
    other = np.roll(scan, 1, axis=1)
    assert explain(scan, scan_frame(other, [0]), 2)[2] == 50381
