"""Print what a scan of 300 slices of 512 × 512 takes through GenerateFeatures with a small network of volumes."""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from lungdb.cli import load_network
from lungdb.cli.sql import print_table
from lungdb.database import Connection, connect, install, run
from lungdb.imaging.codecs import SHUFFLED, encode_slice

_SCAN = """
INSERT INTO dbo.patients (patient_id, idx) VALUES (N'bench', 1);
INSERT INTO dbo.scans (patient_id, is_primary, series_uid, study_uid, image_rows, image_cols, number_images,
    content_sha256, spacing_z, spacing_y, spacing_x, origin_x, origin_y, origin_z, row_x, row_y, row_z, column_x,
    column_y, column_z, step_x, step_y, step_z)
VALUES (N'bench', 1, N'1.2', N'1.3', ?, ?, ?, ?, 1.25, 0.7, 0.7, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1.25);
"""
_SLICE = """
INSERT INTO dbo.scan_images (scan_id, slice_index, instance_uid, rescale_slope, rescale_intercept, pixels,
    pixels_sha256, encoding) VALUES (1, ?, ?, 1, -1024, ?, ?, ?);
"""
# Of the process that the script ran in.
_USED = "SELECT SUM(cpu_seconds), MAX(peak_megabytes) FROM dbo.run_steps;"


def main() -> int:
    """Measure once; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--tile", type=int, default=96)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        target = f"sqlite:///{(folder / 'bench.db').as_posix()}"
        with closing(connect(target)) as connection:
            install(connection)
            _store(connection, options.slices, options.side)
        network = _network(folder / "small.onnx", options.tile)
        said = ["--input", "spacing=1.5,1.5,1.5,window=-1000,400"]
        if load_network.main(["-d", target, str(network), *said]):
            return 1
        with closing(connect(target)) as connection:
            started = time.perf_counter()
            run(connection, "EXECUTE dbo.GenerateFeatures @ModelName = N'small.onnx';")
            wall = time.perf_counter() - started
            ((tiles,),) = run(connection, "SELECT array_rows FROM dbo.features;")[-1].rows
            ((spent, peak),) = run(connection, _USED)[-1].rows
    print_table(
        ("slices", "tiles", "seconds", "CPU seconds", "peak, MB"),
        [(str(options.slices), str(tiles), f"{wall:.1f}", f"{spent:.1f}", f"{peak:.0f}")],
    )
    return 0


def _store(connection: Connection, slices: int, side: int) -> None:
    """Store air around a body of noisy tissue with a lung in it."""
    rng = np.random.default_rng(7)
    rows, cols = np.mgrid[:side, :side] / side - 0.5
    body = np.where(np.hypot(rows, cols) < 0.45, 40, -1000)
    body[np.hypot(rows, np.abs(cols) - 0.18) < 0.15] = -850
    encoded = [
        encode_slice((body + rng.normal(0, 15, body.shape)).clip(-1024, 3000).astype(np.int16), SHUFFLED)
        for _ in range(slices)
    ]
    content = hashlib.sha256(b"".join(sha256 for _, sha256 in encoded)).digest()
    run(connection, _SCAN, (side, side, slices, content))
    for index, (blob, sha256) in enumerate(encoded):
        run(connection, _SLICE, (index, f"1.4.{index}", blob, sha256, SHUFFLED))


def _network(file: Path, tile: int) -> Path:
    """Write four convolutions of 16 to 64 channels with strides of two."""
    rng = np.random.default_rng(1)
    nodes, weights, last, inputs = [], [], "scan", 1
    for place, outputs in enumerate((16, 32, 48, 64)):
        kernel = rng.standard_normal((outputs, inputs, 3, 3, 3)) / np.sqrt(27 * inputs)
        weights.append(numpy_helper.from_array(kernel.astype(np.float32), f"kernel{place}"))
        pads = [1] * 6
        nodes.append(helper.make_node("Conv", [last, f"kernel{place}"], [f"c{place}"], strides=[2] * 3, pads=pads))
        nodes.append(helper.make_node("Relu", [f"c{place}"], [f"r{place}"]))
        last, inputs = f"r{place}", outputs
    nodes.append(helper.make_node("GlobalAveragePool", [last], ["pool"]))
    nodes.append(helper.make_node("Flatten", ["pool"], ["vector"]))
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("scan", TensorProto.FLOAT, ["N", 1, tile, tile, tile])],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["N", inputs])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    file.write_bytes(model.SerializeToString())
    return file


if __name__ == "__main__":
    sys.exit(main())
