"""A small network whose output can be computed by hand."""

from __future__ import annotations

import json

import numpy as np
from onnx import TensorProto, helper, numpy_helper

NORMALISATION = {"mean": [0.2, 0.3, 0.4], "std": [0.5, 0.6, 0.7]}


def write_network(rows: int | str, cols: int | str) -> bytes:
    """Write convolution to 5 channels, Relu, average, dense layer to 2 classes."""
    rng = np.random.default_rng(3)
    nodes = [
        helper.make_node("Conv", ["image", "kernel"], ["conv"], strides=[8, 8], kernel_shape=[9, 9]),
        helper.make_node("Relu", ["conv"], ["relu"], name="activation"),
        helper.make_node("GlobalAveragePool", ["relu"], ["pool"]),
        helper.make_node("Flatten", ["pool"], ["vector"]),
        helper.make_node("Gemm", ["vector", "dense"], ["classes"]),
    ]
    weights = {
        "kernel": rng.standard_normal((5, 3, 9, 9)).astype(np.float32) / 16,
        "dense": rng.standard_normal((5, 2)).astype(np.float32),
    }
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, rows, cols])],
        [helper.make_tensor_value_info("classes", TensorProto.FLOAT, ["N", 2])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"lungdb": json.dumps({"normalisation": NORMALISATION})})
    return bytes(model.SerializeToString())
