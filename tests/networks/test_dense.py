"""Dense networks in ONNX files: what is read gives ONNX Runtime's probabilities, the rest is refused by its cause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from lungdb.errors import LungdbError
from lungdb.networks.dense import dense_probabilities, read_dense

RANDOM = np.random.default_rng(9)
CONSTANTS = {
    name: RANDOM.normal(size=shape).astype(np.float32)
    for name, shape in {
        **{"w": (3, 4), "v": (4, 2), "wt": (4, 3), "square": (4, 4), "cube": (4, 4, 4), "one": (4, 1)},
        **{"b": (4,), "row": (1, 4), "column": (4, 1), "two": (2,), "scalar": (), "odd": (3,)},
    }.items()
} | {"ratio": np.array(0.5, np.float32), "training": np.array(True)}

Steps = Sequence[tuple[Any, ...]]


def _model(*steps: Any, shape: Sequence[Any] = ("n", 3), output: str | None = None) -> onnx.ModelProto:
    """Chain nodes: each is a kind, names of constants (`.` stands for what flows), attributes."""
    nodes = []
    flowing = "x"
    for place, (kind, *names, attributes) in enumerate(steps):
        read = [flowing if name == "." else name for name in names] or [flowing]
        nodes.append(helper.make_node(kind, read, [f"y{place}"], **attributes))
        flowing = f"y{place}"
    read = {name for node in nodes for name in node.input}
    stored = [numpy_helper.from_array(value, name) for name, value in CONSTANTS.items() if name in read]
    ends = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, shape),
        helper.make_tensor_value_info(output or flowing, TensorProto.FLOAT, None),
    ]
    graph = helper.make_graph(nodes, "dense", ends[:1], ends[1:], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


FIRST = ("MatMul", ".", "w", {})
SOFTMAX = ("Softmax", {"axis": -1})


@pytest.mark.parametrize(
    "steps",
    [
        (FIRST, ("Add", ".", "b", {}), ("Relu", {}), SOFTMAX),
        (FIRST, ("Tanh", {}), SOFTMAX),
        (FIRST, ("Relu", {}), ("Sigmoid", {}), ("MatMul", ".", "v", {}), SOFTMAX),
        (FIRST, ("Relu", {}), ("Add", ".", "b", {}), ("Relu", {}), SOFTMAX),
        (FIRST, ("Add", "b", ".", {}), ("Add", ".", "row", {}), ("Add", ".", "scalar", {}), SOFTMAX),
        (("Gemm", ".", "w", "row", {"alpha": 0.5, "beta": 2.0}), SOFTMAX),
        (("Gemm", ".", "wt", "scalar", {"transB": 1}), SOFTMAX),
        (("Gemm", ".", "w", {}), ("Identity", {}), ("Flatten", {"axis": 1}), SOFTMAX),
        (FIRST, ("Dropout", ".", "ratio", {}), SOFTMAX),
    ],
    ids=lambda steps: "-".join(step[0] for step in steps),
)
def test_what_is_read_gives_the_probabilities_of_onnx_runtime(steps: Steps) -> None:
    """Among them an activation just before the softmax, two in a row, and one between a layer's Adds."""
    data = _model(*steps).SerializeToString()
    x = RANDOM.normal(size=(20, 3)).astype(np.float32)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    [wanted] = session.run(None, {"x": x})
    assert np.abs(dense_probabilities(read_dense(data), x.astype(np.float64)) - wanted).max() < 1e-5


def test_one_sigmoid_after_another_activation_makes_two_classes() -> None:
    """The second class has the sigmoid that ONNX Runtime gives."""
    data = _model(FIRST, ("MatMul", ".", "one", {}), ("Tanh", {}), ("Sigmoid", {})).SerializeToString()
    x = RANDOM.normal(size=(20, 3)).astype(np.float32)
    [wanted] = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, {"x": x})
    found = dense_probabilities(read_dense(data), x.astype(np.float64))
    assert np.abs(found - np.hstack([1 - wanted, wanted])).max() < 1e-6


def test_a_picture_is_flattened_first() -> None:
    """Examples of two dimensions, with a Flatten before the first layer."""
    data = _model(("Flatten", {}), FIRST, SOFTMAX, shape=("n", 1, 3)).SerializeToString()
    x = RANDOM.normal(size=(20, 1, 3)).astype(np.float32)
    [wanted] = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, {"x": x})
    assert np.abs(dense_probabilities(read_dense(data), x[:, 0].astype(np.float64)) - wanted).max() < 1e-5


def _with_nodes(*nodes: onnx.NodeProto) -> onnx.ModelProto:
    """Put nodes before a chain of MatMul and Softmax, whose input they may name."""
    model = _model(FIRST, SOFTMAX)
    kept = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *kept])
    return model


def _external() -> onnx.ModelProto:
    model = _model(FIRST, SOFTMAX)
    stored = model.graph.initializer[0]
    stored.ClearField("raw_data")
    stored.data_location = TensorProto.EXTERNAL
    stored.external_data.add(key="location", value="weights.bin")
    return model


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (_model(FIRST, ("Relu", {})), "ends in relu over 4 units"),
        (_model(FIRST, ("MatMul", ".", "one", {}), SOFTMAX), "ends in softmax over 1 units"),
        (_model(FIRST, SOFTMAX, SOFTMAX), "a softmax stands before its last layer"),
        (_model(FIRST, ("Softmax", {"axis": 0})), "Softmax is not over the classes"),
        (_model(("Relu", {}), FIRST, SOFTMAX), "Relu stands before its first layer"),
        (_model(("Add", ".", "odd", {}), FIRST, SOFTMAX), "Add stands before its first layer"),
        (_model(FIRST, ("Add", ".", "two", {}), SOFTMAX), r"Add adds numbers of shape \(2,\) to 4 units"),
        (_model(FIRST, ("Add", ".", "column", {}), SOFTMAX), r"Add adds numbers of shape \(4, 1\) to 4 units"),
        (_model(FIRST, ("MatMul", "square", ".", {}), SOFTMAX), "MatMul multiplies weights by values"),
        (_model(FIRST, ("MatMul", ".", "cube", {}), SOFTMAX), r"shape \(4, 4, 4\), which are no matrix"),
        (_model(FIRST, ("MatMul", ".", "scalar", {}), SOFTMAX), r"shape \(\), which are no matrix"),
        (_model(("Gemm", ".", "w", {"transA": 1}), SOFTMAX), "Gemm multiplies weights by values"),
        (_model(("Gemm", ".", "w", "two", {}), SOFTMAX), r"Gemm adds numbers of shape \(2,\) to 4 units"),
        (_model(FIRST, ("MatMul", ".", "wt", {}), ("MatMul", ".", "v", {}), SOFTMAX), "reads 4 values and .* gives 3"),
        (_model(FIRST, ("Add", ".", ".", {}), SOFTMAX), "Add reads y0, y0, not just the layer before it"),
        (_model(FIRST, ("Add", ".", "x", {}), SOFTMAX), "Add reads x, not just the layer before it"),
        (_model(("Flatten", {"axis": 0}), FIRST, SOFTMAX), "Flatten does not keep the examples apart"),
        (_model(FIRST, SOFTMAX, shape=("n", 2, 3)), "reads examples of 2 dimensions; it lacks a Flatten"),
        (_model(FIRST, ("Dropout", ".", "ratio", "training", {}), SOFTMAX), "Dropout is in training mode"),
        (_model(FIRST, ("LogSoftmax", {})), "it holds LogSoftmax"),
        (_model(FIRST, ("Relu", {"domain": "some.where"}), SOFTMAX), "it holds some.where.Relu"),
        (_model(("Identity", {})), "it has no layer"),
        (_model(FIRST, SOFTMAX, output="y0"), "its last layer is not its output"),
        (_with_nodes(helper.make_node("Transpose", ["w"], ["turned"])), "Transpose computes a constant"),
        (_with_nodes(helper.make_node("Constant", [], ["c"], value_string="word")), "no array of numbers"),
        (_external(), "lie in another file"),
    ],
)
def test_what_is_no_dense_network_is_refused_by_its_cause(model: onnx.ModelProto, said: str) -> None:
    """The message names what is wrong with this file."""
    with pytest.raises(LungdbError, match=said):
        read_dense(model.SerializeToString())


def test_constants_that_are_nodes_are_read() -> None:
    """A list of numbers in the node itself, added before the softmax, as exporters write them."""
    model = _with_nodes(helper.make_node("Constant", [], ["c"], value_floats=[1.0, 2.0, 3.0, 4.0]))
    model.graph.node[-1].input[0] = "sum"
    model.graph.node.insert(2, helper.make_node("Add", ["y0", "c"], ["sum"]))
    data = model.SerializeToString()
    x = RANDOM.normal(size=(20, 3)).astype(np.float32)
    [wanted] = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, {"x": x})
    assert np.abs(dense_probabilities(read_dense(data), x.astype(np.float64)) - wanted).max() < 1e-5


def test_an_empty_file_is_said_to_be_empty() -> None:
    """Protocol buffers would take it for a model with nothing in it."""
    with pytest.raises(LungdbError, match="empty"):
        read_dense(b"")
