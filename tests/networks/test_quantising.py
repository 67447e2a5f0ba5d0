"""Networks in fp16 and int8 against PyTorch's features in float32, and against the arithmetic that they claim."""

from __future__ import annotations

import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lungdb.errors import LungdbError
from lungdb.networks.architectures.resnet import build_resnet
from lungdb.networks.entry import prepare_network
from lungdb.networks.graphs.layers import select_layer
from lungdb.networks.quantising import FP16_MAX, largest_value, similarity, to_fp16, to_int8

LAYERS = ["stem", "layer1", "layer2", "layer3", "layer4", "penultimate"]


def run(model, pictures, **settings):
    """Run with a bare ONNX Runtime session on the CPU."""
    onnxruntime = pytest.importorskip("onnxruntime")
    options = onnxruntime.SessionOptions()
    for name, value in settings.items():
        options.add_session_config_entry(name.replace("_", ".", 1), value)
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: pictures})[0]


def cosines(left, right):
    """Give the cosine of each pair of rows."""
    return np.sum(left * right, axis=1) / np.linalg.norm(left, axis=1) / np.linalg.norm(right, axis=1)


def weights_of(model):
    """Give a network's weights by name."""
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load_from_string(model).graph.initializer}


@pytest.fixture(scope="module")
def networks(thin, pictures):
    """A thin ResNet in float32, fp16 and int8, calibrated on other pictures than it is tested with."""
    model = build_resnet(thin[0])
    flipped = [pictures[:, :, ::-1].copy(), pictures[:, :, :, ::-1].copy()]
    return {"float32": model, "fp16": to_fp16(model), "int8": to_int8(model, flipped)}


@pytest.mark.parametrize(("precision", "least"), [("fp16", 0.99999), ("int8", 0.99)])
def test_features_point_where_pytorchs_do(thin, pictures, networks, precision, least):
    """The penultimate layer; 0.99 is what load-network asks for."""
    features = run(select_layer(networks[precision], "penultimate")[0], pictures)
    assert cosines(features, thin[1]["penultimate"]).min() > least


@pytest.mark.parametrize("precision", ["fp16", "int8"])
@pytest.mark.parametrize("layer", LAYERS)
def test_every_layer_keeps_its_name_and_meaning(pictures, networks, precision, layer):
    """Also those after a rectifier, which a quantizer may drop: what it gives is not below 0 and near float32's."""
    exact = run(select_layer(networks["float32"], layer)[0], pictures)
    near = run(select_layer(networks[precision], layer)[0], pictures)
    assert near.dtype == np.float32
    assert near.min() >= 0
    assert np.abs(near - exact).max() < 0.1 * exact.max()


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_the_network_is_standard_onnx(networks, precision):
    """The checker, with types and shapes; no domain but ONNX's own."""
    model = onnx.load_from_string(networks[precision])
    onnx.checker.check_model(model, full_check=True)
    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx"}


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_the_network_can_be_loaded_again_as_onnx(pictures, networks, precision):
    """What the table holds, written to a file: taken by prepare_network, and it gives the same features."""
    again = prepare_network(networks[precision])
    left, right = (run(select_layer(one, "penultimate")[0], pictures) for one in (networks[precision], again))
    np.testing.assert_allclose(left, right, rtol=1e-3, atol=1e-3)


def test_fp16_weights_are_the_nearest_float16(networks):
    """numpy's rounding is the reference."""
    exact, rounded = weights_of(networks["float32"]), weights_of(networks["fp16"])
    kernels = [name for name in exact if exact[name].ndim == 4]
    assert kernels
    for name in kernels:
        assert rounded[name].dtype == np.float16
        np.testing.assert_array_equal(rounded[name], exact[name].astype(np.float16))


def test_int8_weights_are_rounded_by_channel_in_seven_bits(networks):
    """|q| up to 64 and q × scale within half a scale of the weight.

    Two products of 8 × 8 bits overflow the 16 bits in which processors without VNNI add them up; of 8 × 7 they fit.
    """
    exact, model = weights_of(networks["float32"]), onnx.load_from_string(networks["int8"])
    quantised = weights_of(networks["int8"])
    readers = {node.input[0]: node for node in model.graph.node if node.op_type == "DequantizeLinear"}
    kernels = [name for name in exact if exact[name].ndim == 4]
    for name in kernels:
        (stored,) = [key for key in quantised if key == f"{name}_quantized"]
        q, scale = quantised[stored].astype(np.float64), quantised[readers[stored].input[1]].astype(np.float64)
        assert quantised[stored].dtype == np.int8
        assert scale.shape == (len(q),)
        assert np.abs(q).max() <= 64
        error = np.abs(q * scale[:, None, None, None] - exact[name])
        assert (error <= 0.5001 * scale[:, None, None, None]).all()


def test_int8_gives_the_same_on_processors_that_add_in_16_bits(pictures, networks):
    """ONNX Runtime's exact mode for such processors changes nothing."""
    model = select_layer(networks["int8"], "penultimate")[0]
    np.testing.assert_array_equal(run(model, pictures), run(model, pictures, session_x64quantprecision="1"))


@pytest.mark.parametrize("made", ["fp16", "int8"])
@pytest.mark.parametrize("wanted", ["fp16", "int8"])
def test_a_network_in_another_precision_is_refused(pictures, networks, made, wanted):
    """Rounding what was rounded is not what the user means, and ONNX Runtime's converters fail on it."""
    with pytest.raises(LungdbError, match="float32"):
        to_fp16(networks[made]) if wanted == "fp16" else to_int8(networks[made], [pictures])


def linear(matrix):
    """Write a network whose layer `features` is a matrix times the mean of each channel."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["means"]),
        helper.make_node("Flatten", ["means"], ["vector"]),
        helper.make_node("MatMul", ["vector", "matrix"], ["features"]),
    ]
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, 224, 224])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", 2])],
        [numpy_helper.from_array(np.array(matrix, np.float32), "matrix")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def grey(*means):
    """Give pictures of one value a channel."""
    return np.ones((len(means), 3, 224, 224), np.float32) * np.array(means, np.float32)[:, :, None, None]


def test_similarity_is_the_cosine_of_the_angle():
    """(1, 0) against (1, 0), then (0, 1) against (3, 4): cosines 1 and 0.8."""
    left, right = linear([[1, 0], [0, 1], [0, 0]]), linear([[1, 0], [3, 4], [0, 0]])
    least, mean = similarity(left, right, "features", [grey((1, 0, 0)), grey((0, 1, 0))], (224, 224))
    assert (least, mean) == (pytest.approx(0.8), pytest.approx(0.9))


def test_features_of_zeros_are_alike_only_to_zeros():
    """No angle is defined; a network that gives zeros in both precisions is right."""
    zero, some = linear([[0, 0]] * 3), linear([[1, 1]] * 3)
    assert similarity(zero, zero, "features", [grey((1, 1, 1))], (224, 224)) == (1.0, 1.0)
    assert similarity(zero, some, "features", [grey((1, 1, 1))], (224, 224)) == (0.0, 0.0)


def test_features_that_are_no_numbers_are_refused():
    """An infinite weight, in one of the two."""
    with pytest.raises(LungdbError, match="infinity"):
        similarity(linear([[1, 0]] * 3), linear([[np.inf, 0]] * 3), "features", [grey((1, 1, 1))], (224, 224))


def test_the_largest_value_is_found_with_its_sign_dropped():
    """-60000 - 60000, which float16 does not hold."""
    model = linear([[-6e4, 1], [-6e4, 0], [0, 0]])
    assert largest_value(model, [grey((0, 0, 0)), grey((1, 1, 1))]) == 120000 > FP16_MAX


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_without_onnx_runtime_the_package_is_named(monkeypatch, precision):
    """It comes by an extra."""
    for name in ("onnxruntime", "onnxruntime.quantization", "onnxruntime.transformers.float16"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(LungdbError, match=r"lungdb\[cpu\]"):
        to_fp16(linear([[1, 0]] * 3)) if precision == "fp16" else to_int8(linear([[1, 0]] * 3), [])
