"""Detectors made by hand, a form each, and scans with bright balls, whose nodules are known."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from lungdb.database import Connection, run
from lungdb.imaging.codecs import encode_slice

SHAPE = (24, 40, 48)
SPACING = (1.25, 0.8, 0.8)
PLACED = {
    "origin": (-100.0, -60.0, -250.0), "row": (1.0, 0.0, 0.0), "column": (0.0, 1.0, 0.0), "step": (0.0, 0.0, 1.25)
}  # fmt: skip
"""An axial scan, slices to the head, rows to the back, columns to the left."""
TURNED = {
    "origin": (80.0, 90.0, -250.0), "row": (-1.0, 0.0, 0.0), "column": (0.0, -1.0, 0.0), "step": (0.0, 0.0, 1.25)
}  # fmt: skip
"""The same with rows to the front and columns to the right, as of a patient who lies on the belly."""
BALLS = ((6, 9, 10, 3.0), (12, 29, 34, 5.0), (17, 10, 38, 4.0))
"""Slice, row and column of the middle, and radius in mm."""


def hu_with_balls() -> NDArray[np.int16]:
    """Make lung with balls of soft tissue, the brightest voxel of each in its middle."""
    indices = np.moveaxis(np.indices(SHAPE), 0, -1)
    hu = np.full(SHAPE, -850, np.int16)
    for z, y, x, radius in BALLS:
        away = np.sqrt((((indices - (z, y, x)) * SPACING) ** 2).sum(axis=-1))
        hu[away <= radius] = (150 - 10 * away[away <= radius]).astype(np.int16)
    return hu


def place_of(voxels: Sequence[Sequence[float]], placed: dict[str, tuple[float, ...]]) -> NDArray[np.float64]:
    """Give x, y, z in mm of slices, rows and columns, by DICOM's formula (PS3.3, C.7.6.2.1.1)."""
    z, y, x = np.asarray(voxels, float).T
    along = [np.outer(x * SPACING[2], placed["row"]), np.outer(y * SPACING[1], placed["column"])]
    return np.asarray(placed["origin"]) + along[0] + along[1] + np.outer(z, placed["step"])


def add_scan(
    connection: Connection,
    hu: NDArray[np.int16],
    placed: dict[str, tuple[float, ...]],
    spacing: Sequence[float] = SPACING,
) -> None:
    """Store a scan of a patient of its own."""
    names = [f"{what}_{axis}" for what in placed for axis in "xyz"]
    values = [value for vector in placed.values() for value in vector]
    encoded = [encode_slice(each) for each in hu]
    content = hashlib.sha256(b"".join(sha256 for _, sha256 in encoded)).digest()
    number = int(run(connection, "SELECT COUNT(*) FROM dbo.scans;")[0].rows[0][0]) + 1
    run(
        connection,
        "INSERT INTO dbo.patients (patient_id, idx) VALUES (?, ?);"
        "INSERT INTO dbo.scans (patient_id, is_primary, series_uid, study_uid, image_rows, image_cols, number_images, "
        f"content_sha256, spacing_z, spacing_y, spacing_x, {', '.join(names)}) "
        f"VALUES (?, 1, ?, N'1.2', ?, ?, ?, ?, ?, ?, ?, {', '.join('?' * len(names))});",
        (f"patient {number}", number, f"patient {number}", f"1.2.{number}", *hu.shape[1:], len(hu), content, *spacing,
         *values),
    )  # fmt: skip
    for index, (pixels, sha256) in enumerate(encoded):
        run(
            connection,
            "INSERT INTO dbo.scan_images (scan_id, slice_index, instance_uid, rescale_slope, rescale_intercept, "
            "pixels, pixels_sha256) VALUES ((SELECT MAX(scan_id) FROM dbo.scans), ?, ?, 1, 0, ?, ?);",
            (index, f"1.2.{number}.{index}", pixels, sha256),
        )


def write_smoothing(file: Path, sides: Sequence[int | str], kernel: NDArray[np.float32]) -> Path:
    """Write a detector of heat: a convolution as large as what it reads."""
    around = [side // 2 for side in kernel.shape] * 2
    node = helper.make_node("Conv", ["scan", "kernel"], ["heat"], pads=around)
    weights = [numpy_helper.from_array(kernel[None, None], "kernel")]
    return _write(file, [node], sides, {"heat": [1, 1, *sides]}, weights)


def write_brightest(file: Path, sides: Sequence[int], side: float = 5) -> Path:
    """Write a detector of one box a tile: its brightest voxel, 5 wide unless said otherwise."""
    numbers = {"flat": [-1], "area": [sides[1] * sides[2]], "cols": [sides[2]], "row": [1, 5]}
    nodes = [
        helper.make_node("Reshape", ["scan", "flat"], ["values"]),
        helper.make_node("ReduceMax", ["values"], ["score"], keepdims=1),
        helper.make_node("ArgMax", ["values"], ["at"], axis=0),
        helper.make_node("Div", ["at", "area"], ["z"]),
        helper.make_node("Mod", ["at", "area"], ["rest"]),
        helper.make_node("Div", ["rest", "cols"], ["y"]),
        helper.make_node("Mod", ["rest", "cols"], ["x"]),
        helper.make_node("Concat", ["z", "y", "x"], ["whole"], axis=0),
        helper.make_node("Cast", ["whole"], ["centre"], to=TensorProto.FLOAT),
        helper.make_node("Concat", ["score", "centre", "side"], ["joined"], axis=0),
        helper.make_node("Reshape", ["joined", "row"], ["boxes"]),
    ]
    weights = [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in numbers.items()]
    weights.append(numpy_helper.from_array(np.array([side], np.float32), "side"))
    return _write(file, nodes, sides, {"boxes": [1, 5]}, weights)


def _write(
    file: Path,
    nodes: list[object],
    sides: Sequence[int | str],
    outputs: dict[str, list[int | str]],
    weights: list[object],
) -> Path:
    graph = helper.make_graph(
        nodes,
        "detector",
        [helper.make_tensor_value_info("scan", TensorProto.FLOAT, [1, 1, *sides])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    file.write_bytes(model.SerializeToString())
    return file
