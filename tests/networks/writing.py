"""Small ONNX networks written by hand: a convolution, what a test puts behind it, an average and four classes."""

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

SIDE = 16
WEIGHTS = np.random.default_rng(11)
KERNEL = WEIGHTS.standard_normal((8, 3, 3, 3)).astype(np.float32)
DENSE = WEIGHTS.standard_normal((8, 4)).astype(np.float32)


def node(kind: str, inputs: list[str], output: str, **attributes: object) -> NodeProto:
    """Write a node."""
    return helper.make_node(kind, inputs, [output], **attributes)


def whole(*numbers: int) -> np.ndarray:
    """Write whole numbers as shapes are."""
    return np.array(numbers, np.int64)


def write(nodes, weights=(), *, batch="N", opset=17, end="q", outputs=(("y", ["N", 4]),), tail=True, ir=8) -> bytes:
    """Write a network: `r` is the convolution's activation, `q` what is averaged; without a tail nothing follows it."""
    before = [node("Conv", ["x", "W"], "c"), node("Relu", ["c"], "r")]
    behind = [node("GlobalAveragePool", [end], "p"), node("Flatten", ["p"], "f"), node("MatMul", ["f", "G"], "y")]
    given = [("W", KERNEL), *([("G", DENSE)] if tail else []), *weights]
    graph = helper.make_graph(
        [*before, *nodes, *(behind if tail else [])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in given],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)
    return bytes(model.SerializeToString())
