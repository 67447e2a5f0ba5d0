"""Small networks with random weights, as people bring them: of volumes, of one channel, with several outputs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

WIDTH = 4


def write_network(
    file: Path, sides: Sequence[int | str], *, channels: int = 1, last: bool = False, batch: int | str = "N"
) -> Path:
    """Write a convolution to four channels, Relu, average, and two dense layers of three and two values."""
    rng = np.random.default_rng(11)
    rank = len(sides)
    order = [0, rank + 1, *range(1, rank + 1)]
    first = [helper.make_node("Transpose", ["scan"], ["moved"], perm=order)] if last else []
    nodes = [
        *first,
        helper.make_node("Conv", ["moved" if last else "scan", "kernel"], ["conv"], strides=[2] * rank),
        helper.make_node("Relu", ["conv"], ["relu"]),
        helper.make_node("GlobalAveragePool", ["relu"], ["pool"]),
        helper.make_node("Flatten", ["pool"], ["vector"]),
        helper.make_node("Gemm", ["vector", "malignancy_weights"], ["malignancy"]),
        helper.make_node("Gemm", ["vector", "age_weights"], ["age"]),
    ]
    weights = {
        "kernel": rng.standard_normal((WIDTH, channels, *[3] * rank)),
        "malignancy_weights": rng.standard_normal((WIDTH, 3)),
        "age_weights": rng.standard_normal((WIDTH, 2)),
    }
    shape = [batch, *sides, channels] if last else [batch, channels, *sides]
    graph = helper.make_graph(
        nodes,
        "random",
        [helper.make_tensor_value_info("scan", TensorProto.FLOAT, shape)],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, width])
            for name, width in (("malignancy", 3), ("age", 2))
        ],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    file.write_bytes(model.SerializeToString())
    return file


def write_map(file: Path, sides: Sequence[int]) -> Path:
    """Write a detector whose output is a map: 1 where a voxel is above 0.9, 0 where it is below 0.8."""
    nodes = [
        helper.make_node("Sub", ["scan", "low"], ["above"]),
        helper.make_node("Mul", ["above", "slope"], ["steep"]),
        helper.make_node("Clip", ["steep", "none", "whole"], ["map"]),
    ]
    weights = {"low": 0.8, "slope": 10.0, "none": 0.0, "whole": 1.0}
    graph = helper.make_graph(
        nodes,
        "detector",
        [helper.make_tensor_value_info("scan", TensorProto.FLOAT, ["N", 1, *sides])],
        [helper.make_tensor_value_info("map", TensorProto.FLOAT, ["N", 1, *sides])],
        [numpy_helper.from_array(np.array(value, np.float32), name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    file.write_bytes(model.SerializeToString())
    return file
