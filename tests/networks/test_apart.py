"""A layer is chosen without copying weights, and computes what it computes with them inside."""

import gc
import weakref

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lungdb.errors import ProcedureError
from lungdb.networks.architectures.resnet import RESNETS, build_resnet, random_resnet
from lungdb.networks.graphs.apart import take_apart
from lungdb.networks.graphs.layers import cut_layers, select_layers
from lungdb.networks.quantising import to_fp16
from lungdb.networks.running.sessions import open_session

LAYERS = ["layer3", "penultimate"]
MATRIX = np.arange(3 * 4096, dtype=np.float32).reshape(3, 4096) % 7


@pytest.fixture(scope="module")
def stored():
    """A ResNet-18 of random weights."""
    return build_resnet(random_resnet(RESNETS["resnet18"], seed=3))


@pytest.mark.parametrize("precision", ["float32", "fp16"])
def test_a_cut_network_computes_bit_for_bit_what_the_whole_file_does(stored, precision):
    """Several layers at once; of fp16 the weights are of another type."""
    model = stored if precision == "float32" else to_fp16(stored)
    pictures = np.random.default_rng(4).standard_normal((2, 3, 224, 224), dtype=np.float32)
    expected = open_session(select_layers(model, LAYERS)[0], ["CPU"]).run(pictures)
    found = open_session(cut_layers(model, LAYERS), ["CPU"]).run(pictures)
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_weights_live_as_long_as_the_session_that_may_read_them_in_place(stored):
    """And no longer: ONNX Runtime was given their memory, not a copy."""
    cut = cut_layers(stored, ["layer3"])
    watched = [weakref.ref(weight) for weight in cut.weights.values()]
    assert watched
    session = open_session(cut, ["CPU"])
    del cut
    gc.collect()
    assert all(each() is not None for each in watched)
    del session
    gc.collect()
    assert all(each() is None for each in watched)


def test_weights_stay_where_the_file_lies_and_unused_ones_are_left_out(stored):
    """Each is a view of the file's bytes with the values that onnx reads, and the graph beside them is small."""
    cut = cut_layers(stored, ["layer3"])
    whole = {each.name: each for each in onnx.load_from_string(stored).graph.initializer}
    assert len(cut.graph) < 100_000 < 40_000_000 < len(stored)
    assert {each for each in whole if each.startswith("layer4")}.isdisjoint(cut.weights)
    assert any(each.startswith("layer3") for each in cut.weights)
    content = np.frombuffer(stored, np.uint8)
    for name, weight in cut.weights.items():
        assert np.shares_memory(weight, content)
        np.testing.assert_array_equal(weight, numpy_helper.to_array(whole[name]))


def _dense(weight: TensorProto) -> onnx.ModelProto:
    picture = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 3, 2, 2])
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, ["N", 4096])
    nodes = [
        helper.make_node("GlobalAveragePool", ["input"], ["averaged"]),
        helper.make_node("Flatten", ["averaged"], ["flat"]),
        helper.make_node("MatMul", ["flat", weight.name], ["output"]),
    ]
    graph = helper.make_graph(nodes, "dense", [picture], [output], [weight])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def _unpacked(weight: TensorProto) -> bytes:
    """Write a tensor with one field a dimension, as other writers than protobuf's own may."""
    rows, cols = weight.dims
    raw = weight.raw_data
    size = len(raw)
    length = bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14])
    return bytes([8, rows, 8, cols & 127 | 128, cols >> 7, 16, 1, 66, 1]) + b"w" + b"\x4a" + length + raw


@pytest.mark.parametrize("way", ["usual", "unpacked", "typed", "twice", "cut short"])
def test_however_a_file_is_written_the_same_is_computed_or_refused(way):
    """What this reader does not take apart goes to the parser as it is, which says what is wrong with it."""
    weight = numpy_helper.from_array(MATRIX, "w")
    if way == "typed":
        weight = helper.make_tensor("w", TensorProto.FLOAT, MATRIX.shape, MATRIX.ravel().tolist())
    content = _dense(weight).SerializeToString()
    if way == "unpacked":
        unpacked = _unpacked(weight)
        assert TensorProto.FromString(unpacked) == weight
        model = _dense(numpy_helper.from_array(MATRIX[:1, :1], "w"))
        del model.graph.initializer[:]
        graph = model.graph.SerializeToString() + _field(5, unpacked)
        model.ClearField("graph")
        content = model.SerializeToString() + _field(7, graph)
    if way == "twice":
        # The parts of a message that comes twice belong together.
        more = onnx.GraphProto(doc_string="more").SerializeToString()
        content += _field(7, more)
    if way == "cut short":
        with pytest.raises(ProcedureError) as caught:
            cut_layers(content[:-3000], ["output"], size=(2, 2))
        assert caught.value.number == 50116
        return
    assert bool(take_apart(content).weights) == (way in ("usual", "unpacked"))
    pictures = np.random.default_rng(5).random((4, 3, 2, 2), dtype=np.float32)
    found = open_session(cut_layers(content, ["output"], size=(2, 2)), ["CPU"]).run(pictures)[0]
    np.testing.assert_allclose(found, pictures.mean(axis=(2, 3)) @ MATRIX, rtol=1e-5)


def _field(number: int, message: bytes) -> bytes:
    size, prefix = len(message), bytearray([number << 3 | 2])
    while size > 127:
        prefix.append(size & 127 | 128)
        size >>= 7
    return bytes([*prefix, size]) + message
