"""Thin ResNets with what PyTorch computed from them, and small networks written by hand."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lungdb.networks.weights import read_weights

DATA = Path(__file__).parents[1] / "data" / "networks"


@pytest.fixture(scope="session", params=["resnet18_thin", "resnet50_thin"])
def thin(request):
    """The weights of a thin ResNet and the arrays that PyTorch gave."""
    with np.load(DATA / f"{request.param}.reference.npz") as reference:
        return read_weights(DATA / f"{request.param}.safetensors"), dict(reference)


@pytest.fixture(scope="session")
def pictures():
    """The input of the references, float32[2, 3, 224, 224]."""
    return np.load(DATA / "input_224.npy")


@pytest.fixture
def make_network():
    """Write a network of a few nodes: convolution to 5 channels, average, Reshape, dense layer to 2 classes."""

    def make(
        batch="N",
        shape=(3, 224, 224),
        reshape=(-1, 5),
        element=TensorProto.FLOAT,
        dense="Gemm",
        metadata=None,
        domain="",
        constant_shape=False,
    ):
        rng = np.random.default_rng(3)
        weights = {
            "kernel": rng.standard_normal((5, 3, 7, 7)).astype(np.float32) / 12,
            "dense": rng.standard_normal((5, 2)).astype(np.float32),
        }
        nodes = [
            helper.make_node("Conv", ["image", "kernel"], ["conv"], name="first", strides=[4, 4], kernel_shape=[7, 7]),
            helper.make_node("Relu", ["conv"], ["relu"], name="second", domain=domain),
            helper.make_node("GlobalAveragePool", ["relu"], ["pool"]),
            helper.make_node("Reshape", ["pool", "sizes"], ["vector"]),
        ]
        if constant_shape:
            tensor = numpy_helper.from_array(np.array(reshape, np.int64))
            nodes.insert(0, helper.make_node("Constant", [], ["sizes"], value=tensor))
        else:
            weights["sizes"] = np.array(reshape, np.int64)
        if dense:
            nodes.append(helper.make_node(dense, ["vector", "dense"], ["classes"], name="head"))
        else:
            weights.pop("dense")
        output = "classes" if dense else "vector"
        graph = helper.make_graph(
            nodes,
            "small",
            [helper.make_tensor_value_info("image", element, [batch, *shape])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
            [numpy_helper.from_array(array, name) for name, array in weights.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        if domain:
            model.opset_import.append(helper.make_opsetid(domain, 1))
        if metadata is not None:
            onnx.helper.set_model_props(model, {"lungdb": metadata})
        return model

    return make
