"""Whatever form an ONNX image network has, what is stored has one form and computes the same; the rest is refused."""

import resource
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from lungdb.errors import ProcedureError
from lungdb.networks.entry import network_details, prepare_network
from lungdb.networks.graphs.graph import read_model
from lungdb.networks.graphs.layers import select_layer
from lungdb.networks.running.sessions import open_session

RNG = np.random.default_rng(8)
PICTURES = RNG.standard_normal((3, 3, 20, 24)).astype(np.float32)


def network(batch="N", channels_last=False, **changes):
    """Write convolution, batch normalisation, activation, average, dense layer; of pictures of 20 × 24."""
    shape = [batch, 20, 24, 3] if channels_last else [batch, 3, 20, 24]
    weights = {
        "kernel": RNG.standard_normal((4, 3, 3, 3)),
        "scale": RNG.uniform(0.5, 1.5, 4),
        "shift": RNG.standard_normal(4),
        "mean": RNG.standard_normal(4),
        "variance": RNG.uniform(0.5, 1.5, 4),
        "dense": RNG.standard_normal((4, 2)),
    }
    nodes = [
        helper.make_node("Conv", ["x", "kernel"], ["conv"], kernel_shape=[3, 3]),
        helper.make_node("BatchNormalization", ["conv", "scale", "shift", "mean", "variance"], ["norm"]),
        helper.make_node("Relu", ["norm"], ["relu"]),
        helper.make_node("GlobalAveragePool", ["relu"], ["pool"]),
        helper.make_node("Flatten", ["pool"], ["vector"]),
        helper.make_node("MatMul", ["vector", "dense"], ["classes"]),
    ]
    if channels_last:
        nodes.insert(0, helper.make_node("Transpose", ["picture"], ["x"], perm=[0, 3, 1, 2]))
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("picture" if channels_last else "x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("classes", TensorProto.FLOAT, [batch, 2])],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()],
    )
    opset = changes.get("opset", 17)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def compute(model: bytes, layer: str, pictures: np.ndarray) -> np.ndarray:
    """Run what is stored."""
    return open_session(select_layer(model, layer)[0], ["CPUExecutionProvider"]).run(pictures)[0]


@pytest.mark.parametrize(("channels_last", "batch"), [(False, "N"), (False, 1), (True, "N"), (True, 1), (True, 2)])
def test_every_layout_and_batch_computes_what_the_reference_evaluator_does(channels_last, batch):
    """Channels first or last, a free or fixed batch: the stored form takes any number of float32[3, rows, cols]."""
    model = network(batch, channels_last)
    given = PICTURES.transpose(0, 2, 3, 1) if channels_last else PICTURES
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    whole.graph.output.append(helper.make_empty_tensor_value_info("vector"))
    name = model.graph.input[0].name
    expected = np.concatenate([ReferenceEvaluator(whole).run(["vector"], {name: one[None]})[0] for one in given])
    stored = prepare_network(model.SerializeToString())
    dims = read_model(stored).graph.input[0].type.tensor_type.shape.dim
    assert [dims[0].dim_param, *(dim.dim_value for dim in dims[1:])] == ["N", 3, 20, 24]
    np.testing.assert_allclose(compute(stored, "penultimate", PICTURES), expected, rtol=1e-4, atol=1e-5)


def test_batch_normalisation_is_folded_once_and_for_all():
    """What a session would do at every start is done; operators stay standard, useful layers keep their names."""
    stored = read_model(prepare_network(network().SerializeToString()))
    kinds = [node.op_type for node in stored.graph.node]
    assert "BatchNormalization" not in kinds
    assert {node.domain for node in stored.graph.node} <= {"", "ai.onnx"}
    assert {entry.domain for entry in stored.opset_import} <= {"", "ai.onnx"}
    assert any("vector" in node.output for node in stored.graph.node)


def test_preparing_again_changes_nothing():
    """The stored form is its own stored form, so that its hash finds it."""
    once = prepare_network(network().SerializeToString())
    assert prepare_network(once) == once


def test_free_rows_and_columns_stay_free():
    """Details then say 224, or what the user asks for."""
    model = network()
    for dimension in model.graph.input[0].type.tensor_type.shape.dim[2:]:
        dimension.dim_param = "side"
    stored = prepare_network(model.SerializeToString())
    assert [network_details(stored)["input"][side] for side in ("height", "width")] == [224, 224]
    assert network_details(stored, input_size=64)["input"]["height"] == 64
    cut, _ = select_layer(stored, "penultimate", size=(20, 24))
    assert open_session(cut, ["CPUExecutionProvider"]).input_size == (20, 24)


def with_random(model):
    """Add a random number."""
    model.graph.node.append(helper.make_node("RandomNormal", [], ["chance"], shape=[1]))


def with_function(model):
    """Define an operator."""
    node = helper.make_node("Identity", ["a"], ["b"])
    model.functions.append(helper.make_function("own", "f", ["a"], ["b"], [node], [helper.make_opsetid("", 17)]))


def with_old_opset(model):
    """Say that it was written years ago."""
    model.opset_import[0].version = 6


def with_future_opset(model):
    """Say that it was written in years to come."""
    model.opset_import[0].version = 999


def with_dangling_input(model):
    """Read a tensor that nothing makes."""
    model.graph.node[0].input[0] = "nothing"


def with_second_input(model):
    """Ask for another picture."""
    model.graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["N", 3, 20, 24]))


def with_bytes_as_input(model):
    """Ask for whole numbers."""
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8


@pytest.mark.parametrize(
    ("change", "number", "text"),
    [
        (with_random, 50116, "RandomNormal"),
        (with_function, 50116, "functions"),
        (with_old_opset, 50116, "operator set is 6"),
        (with_future_opset, 50116, "operator set is 999"),
        (with_dangling_input, 50116, "not valid ONNX"),
        (with_second_input, 50104, "2 inputs"),
        (with_bytes_as_input, 50104, "uint8"),
    ],
)
def test_what_is_no_plain_image_network_is_refused(change, number, text):
    """With what is wrong and what to do."""
    model = network()
    change(model)
    with pytest.raises(ProcedureError, match=text) as caught:
        prepare_network(model.SerializeToString())
    assert caught.value.number == number


def test_a_file_in_which_bits_were_changed_is_refused_or_read_but_never_harms():
    """300 mutations in a process that may use 4 GB and two minutes: it ends by itself, with our errors only."""
    script = """
import sys, random
from lungdb.errors import ProcedureError
from lungdb.networks.entry import network_details, prepare_network
model, rng = sys.stdin.buffer.read(), random.Random(5)
for _ in range(300):
    changed = bytearray(model)
    for _ in range(rng.randint(1, 6)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    if rng.random() < 0.2:
        del changed[rng.randrange(len(changed)):]
    try:
        network_details(prepare_network(bytes(changed)))
    except ProcedureError:
        pass
print("done")
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=network().SerializeToString(),
        capture_output=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30)),
    )
    assert (done.returncode, done.stdout.strip()) == (0, b"done"), done.stderr.decode()[-2000:]


@pytest.mark.parametrize("number", [1, 2, 32])
def test_a_network_traced_for_a_number_of_pictures_under_a_free_name_is_refused(make_network, number):
    """Its input says N, and a Reshape inside has the number of the picture that it was traced with."""
    model = make_network(reshape=(number, 5))
    model.graph.output[0].type.tensor_type.shape.CopyFrom(
        helper.make_tensor_value_info("classes", TensorProto.FLOAT, [number, 2]).type.tensor_type.shape
    )
    with pytest.raises(ProcedureError, match="one number of pictures") as caught:
        prepare_network(model.SerializeToString())
    assert caught.value.number == 50104
