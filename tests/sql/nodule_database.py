"""Adds to a small job what sql/execute/24_nodules.sql wants: a detector, two later stages, marks of readers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from lungdb.cli import load_network
from lungdb.database import Connection, run
from tests.sql.places import PLACE
from tests.volume_features.writing import write_map

_INPUT = ["--input", "spacing=10,10,10,window=-1000,100"]
_MARK = """
INSERT INTO dbo.nodules (scan_id, x, y, z, diameter, source, readers, content_sha256)
SELECT s.scan_id, 155, 155, 20, 60, 'truth', 4, s.content_sha256
FROM dbo.scans AS s
INNER JOIN dbo.labels AS l ON l.patient_id = s.patient_id AND l.label = 1;
"""


def add(connection: Connection, target: str, folder: Path) -> None:
    """Say where the scans lie, mark the squares of those that have one, and load networks by the sample's names."""
    values = ", ".join(f"{name} = {value}" for name, value in PLACE.items())
    run(connection, f"UPDATE dbo.scans SET {values};")
    run(connection, _MARK)
    detector = write_map(folder / "my_detector.onnx", [8, 8, 8])
    detects = ["--detects", "heatmap,score=probability,diameter=60"]
    assert load_network.main([str(detector), "-d", target, "--name", "my_detector", *_INPUT, *detects]) == 0
    for factor, name in ((2.0, "false_alarms"), (3.0, "malignancy")):
        stage = _write_stage(folder / f"{name}.onnx", factor)
        assert load_network.main([str(stage), "-d", target, "--name", name, *_INPUT]) == 0


def _write_stage(file: Path, factor: float) -> Path:
    """Write a network whose one number is the mean of a crop, times a factor: a logit."""
    nodes = [
        helper.make_node("Mul", ["crop", "factor"], ["times"]),
        helper.make_node("GlobalAveragePool", ["times"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["logit"]),
    ]
    graph = helper.make_graph(
        nodes,
        "stage",
        [helper.make_tensor_value_info("crop", TensorProto.FLOAT, ["N", 1, 8, 8, 8])],
        [helper.make_tensor_value_info("logit", TensorProto.FLOAT, ["N", 1])],
        [numpy_helper.from_array(np.array(factor, np.float32), "factor")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    file.write_bytes(model.SerializeToString())
    return file
