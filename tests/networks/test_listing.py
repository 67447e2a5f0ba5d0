"""The nodes of a network as rows: shapes are ONNX's own inference, and parameters together are the initialisers'."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lungdb.networks.graphs.listing import list_layers
from tests.support.fixtures import DEMO_NETWORK


def shared() -> bytes:
    """Make a network of which two nodes read one kernel, and a weight is read by none."""
    kernel = numpy_helper.from_array(np.ones((3, 3, 1, 1), np.float32), "kernel")
    unread = numpy_helper.from_array(np.ones((7,), np.float32), "unread")
    nodes = [
        helper.make_node("Conv", ["x", "kernel"], ["a"]),
        helper.make_node("Conv", ["a", "kernel"], ["b"], strides=[2, 2]),
        helper.make_node("GlobalAveragePool", ["b"], ["c"]),
        helper.make_node("Flatten", ["c"], ["d"]),
    ]
    ends = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, None, None]),
        helper.make_tensor_value_info("d", TensorProto.FLOAT, ["N", 3]),
    ]
    graph = helper.make_graph(nodes, "shared", ends[:1], ends[1:], [kernel, unread])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def test_a_shared_weight_counts_once_and_an_unread_one_is_not_lost() -> None:
    """Rows as worked out by hand."""
    rows = [(row.name, row.operator, row.output_shape, row.parameters) for row in list_layers(shared(), 10, 8)]
    assert rows == [
        ("a", "Conv", "N × 3 × 10 × 8", 9),
        ("b", "Conv", "N × 3 × 5 × 4", 0),
        ("c", "GlobalAveragePool", "N × 3 × 1 × 1", 0),
        ("d", "Flatten", "N × 3", 0),
        ("", "(none)", None, 7),
    ]


@pytest.mark.parametrize("model", [DEMO_NETWORK.read_bytes(), shared()], ids=["demo", "shared"])
def test_shapes_and_parameters_are_those_of_onnx(model: bytes) -> None:
    """Every shape that onnx.shape_inference knows for such pictures, and the sum over all initialisers."""
    parsed = onnx.load_from_string(model)
    for dimension, size in zip(parsed.graph.input[0].type.tensor_type.shape.dim, (5, 3, 224, 224), strict=True):
        dimension.dim_value = size
    del parsed.graph.output[0].type.tensor_type.shape.dim[:]
    inferred = onnx.shape_inference.infer_shapes(parsed).graph
    known = {
        value.name: [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
        for value in inferred.value_info
    }
    rows = list_layers(model, 224, 224)
    assert sum(row.parameters for row in rows) == sum(
        numpy_helper.to_array(tensor).size for tensor in parsed.graph.initializer
    )
    compared = 0
    for row in rows:
        if row.output_shape and row.name in known and "?" not in row.output_shape:
            assert [5 if size == "N" else int(size) for size in row.output_shape.split(" × ")] == known[row.name]
            compared += 1
    assert compared >= len(known) - 1 > 0
