"""Databases with a few scans and a small network whose features can be computed by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from lungdb.cli import load_network
from lungdb.database import Connection, connect, run
from lungdb.imaging.codecs import SHUFFLED, content_sha256, encode_slice
from tests.support.databases import copy_to, target_of
from tests.support.networks import NORMALISATION, write_network
from tests.support.once import Once

EDGE = 64
"""Rows and columns of a slice; preprocessing lung cuts 5 off each side."""
SEEN = 54
"""Rows and columns that the linear network sees, as many as are left, so that nothing is resized."""
MAPPED = 56
"""Rows and columns that the network with a map sees."""


def filters() -> NDArray[np.float64]:
    """Give the two filters of the linear network, [features, 3, rows, cols]: a few low cosines, and a checkerboard."""
    places = np.pi * (np.arange(SEEN) + 0.5) / SEEN
    one, two = np.cos(places), np.cos(2 * places)
    low = [one[:, None] + 0 * one, one[:, None] * one, 0.5 * two + two[:, None] - 0.3 * one]
    checkerboard = np.indices((SEEN, SEEN)).sum(axis=0) % 2 * 2 - 1
    return np.array([low, [checkerboard] * 3], dtype=np.float64) / SEEN**2


def volumes() -> NDArray[np.int16]:
    """Give the slices of three scans, [scans, slices, rows, cols]: noise, and in the third a checkerboard as well."""
    rng = np.random.default_rng(8)
    hu = rng.integers(-900, 100, size=(3, 6, EDGE, EDGE)).astype(np.int16)
    hu[2, 3:] = np.where(np.indices((EDGE, EDGE)).sum(axis=0) % 2, 150, -1024)
    return hu


def _linear_network() -> bytes:
    weights = {
        "filters": filters().reshape(2, -1).T.astype(np.float32),
        "dense": np.ones((2, 2), np.float32),
    }
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["image"], ["flat"]),
            helper.make_node("MatMul", ["flat", "filters"], ["features"]),
            helper.make_node("Gemm", ["features", "dense"], ["classes"]),
        ],
        "linear",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, SEEN, SEEN])],
        [helper.make_tensor_value_info("classes", TensorProto.FLOAT, ["N", 2])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"lungdb": json.dumps({"normalisation": NORMALISATION})})
    return bytes(model.SerializeToString())


def _add_scans(connection: Connection) -> None:
    for place, volume in enumerate(volumes(), start=1):
        slices = [encode_slice(hu, SHUFFLED) for hu in volume]
        run(
            connection,
            "INSERT INTO dbo.patients (patient_id, idx) VALUES (?, ?);"
            "INSERT INTO dbo.scans (patient_id, is_primary, series_uid, study_uid, image_rows, image_cols, "
            "number_images, content_sha256) VALUES (?, 1, ?, N'1.2', 64, 64, 6, ?);",
            (f"p{place}", place, f"p{place}", f"1.2.{place}", content_sha256(sha256 for _, sha256 in slices)),
        )
        for index, (pixels, sha256) in enumerate(slices):
            run(
                connection,
                "INSERT INTO dbo.scan_images (scan_id, slice_index, instance_uid, rescale_slope, rescale_intercept, "
                "encoding, pixels, pixels_sha256) VALUES (?, ?, ?, 1, -1024, N'shuffled', ?, ?);",
                (place, index, f"1.2.{place}.{index}", pixels, sha256),
            )


@pytest.fixture(scope="session")
def seen_file(once: Once, installed_file: Path) -> Path:
    """Three scans of two triples; feature set 1 is of the linear network, 2 of the one with a map."""

    def make(folder: Path) -> Path:
        file = copy_to(folder, installed_file)
        for name, network in (("linear", _linear_network()), ("mapped", write_network(MAPPED, MAPPED))):
            (folder / f"{name}.onnx").write_bytes(network)
            assert load_network.main(["-d", target_of(file), str(folder / f"{name}.onnx"), "--name", name]) == 0
        with closing(connect(target_of(file))) as connection:
            _add_scans(connection)
            run(connection, "EXECUTE dbo.GenerateFeatures @ModelName = N'linear', @Layer = N'features';")
            run(connection, "EXECUTE dbo.GenerateFeatures @ModelName = N'mapped';")
        return file

    return once("seen", make)


@pytest.fixture
def seen(seen_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a copy of it."""
    with closing(connect(target_of(copy_to(tmp_path, seen_file)))) as connection:
        yield connection
