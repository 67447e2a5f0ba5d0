"""Layers that are the average of a map are told from those that are not, by the graph."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

from lungdb.errors import ProcedureError
from lungdb.networks.architectures.resnet import build_resnet
from lungdb.networks.graphs.maps import averaged_map
from tests.support.fixtures import DEMO_NETWORK


def network(*nodes: NodeProto, opset: int = 17) -> bytes:
    """Give a network of a convolution, [N, 3, 8, 8] to `map`, [N, 4, 6, 6], and nodes that end in `features`."""
    weights = [
        numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "kernel"),
        numpy_helper.from_array(np.array([2, 3], np.int64), "places"),
        numpy_helper.from_array(np.array([1, 2], np.int64), "others"),
        numpy_helper.from_array(np.array([0, -1], np.int64), "flat"),
    ]
    conv = helper.make_node("Conv", ["image", "kernel"], ["map"])
    graph = helper.make_graph(
        [conv, *nodes],
        "g",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, 8, 8])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, None)],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return bytes(model.SerializeToString())


def node(kind: str, inputs: str, output: str, **attributes: object) -> NodeProto:
    """Make a node of an operator."""
    return helper.make_node(kind, inputs.split(), [output], **attributes)


FLAT = node("Flatten", "pooled", "features")


@pytest.mark.parametrize(
    "model",
    [
        network(node("GlobalAveragePool", "map", "pooled"), FLAT),
        network(node("GlobalAveragePool", "map", "pooled"), node("Reshape", "pooled flat", "features")),
        network(node("GlobalAveragePool", "map", "pooled"), node("Dropout", "pooled", "same"),
                node("Squeeze", "same places", "features")),
        network(node("ReduceMean", "map", "features", axes=[-1, -2], keepdims=0)),
        network(node("ReduceMean", "map places", "pooled"), FLAT, opset=18),
        network(node("AveragePool", "map", "pooled", kernel_shape=[6, 6]), FLAT),
    ],
)  # fmt: skip
def test_an_average_of_a_map_is_found(model: bytes) -> None:
    """Whatever operator averages, and whatever shape comes after; ONNX Runtime says that it is the average."""
    assert averaged_map(model, "features", layers={}, size=(8, 8)) == "map"
    assert averaged_map(model, "map", layers={}, size=(8, 8)) == "map"
    both = onnx.load_from_string(model)
    both.graph.output.append(helper.make_tensor_value_info("map", TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(both.SerializeToString(), providers=["CPUExecutionProvider"])
    pictures = np.random.default_rng(1).normal(size=(2, 3, 8, 8)).astype(np.float32)
    features, places = session.run(None, {"image": pictures})
    np.testing.assert_allclose(features.reshape(2, 4), places.mean(axis=(2, 3)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "model",
    [
        network(node("GlobalMaxPool", "map", "pooled"), FLAT),
        network(node("Flatten", "map", "features")),
        network(node("AveragePool", "map", "pooled", kernel_shape=[3, 3], strides=[3, 3]), FLAT),
        network(node("AveragePool", "map", "pooled", kernel_shape=[6, 6], pads=[0, 0, 1, 1]), FLAT),
        network(node("ReduceMean", "map others", "pooled"), FLAT, opset=18),
        network(node("GlobalAveragePool", "map", "pooled"), node("Relu", "pooled", "more"),
                node("Flatten", "more", "features")),
    ],
)  # fmt: skip
def test_what_is_no_average_of_a_map_is_not_taken_for_one(model: bytes) -> None:
    """A maximum, a map laid flat, averages of parts, a function behind the average."""
    assert averaged_map(model, "features", layers={}, size=(8, 8)) is None


def test_the_penultimate_layer_of_a_resnet_is_one_and_the_demo_networks_is_none(
    thin: tuple[dict[str, np.ndarray], object],
) -> None:
    """Under a ResNet's classifier lies the average of its last stage; the demo network has a dense layer there."""
    model = build_resnet(thin[0])
    found = averaged_map(model, "penultimate", layers={}, size=(224, 224))
    last = averaged_map(model, "layer4", layers={}, size=(224, 224))
    assert found == last is not None
    demo = DEMO_NETWORK.read_bytes()
    assert averaged_map(demo, "penultimate", layers={}, size=(224, 224)) is None
    assert averaged_map(demo, "layer3", layers={}, size=(224, 224)) == "block4.relu"
    with pytest.raises(ProcedureError, match="no layer 'layer9'"):
        averaged_map(demo, "layer9", layers={}, size=(224, 224))
