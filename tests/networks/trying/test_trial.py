"""A network is run on one, two and three pictures before it is stored."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, load_from_string, numpy_helper

from lungdb.errors import ProcedureError
from lungdb.networks.entry import network_details, prepare_network
from lungdb.networks.graphs.layers import select_layer
from lungdb.networks.running.sessions import open_session
from tests.networks.writing import KERNEL, SIDE, node, whole, write

DATA = Path(__file__).parents[2] / "data" / "networks"
PICTURES = np.random.default_rng(4).standard_normal((5, 3, SIDE, SIDE)).astype(np.float32)


def features(stored: bytes, pictures: np.ndarray, layer: str = "penultimate") -> np.ndarray:
    """Run what is stored."""
    cut = select_layer(stored, layer, layers=network_details(stored)["layers"])[0]
    return open_session(cut, ["CPUExecutionProvider"]).run(pictures)[0]


def original(model: bytes, pictures: np.ndarray, tensor: str) -> np.ndarray:
    """Run the file as it is with ONNX Runtime alone, to a tensor."""
    parsed = load_from_string(model)
    parsed.graph.output.append(helper.make_empty_tensor_value_info(tensor))
    session = onnxruntime.InferenceSession(parsed.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run([tensor], {"x": pictures})[0])


@pytest.mark.parametrize(
    ("file", "tensor", "is_last"),
    [("ir3_weights_are_inputs.onnx", "f", False), ("tf2onnx_flatten.onnx", "r3", True)],
)
def test_a_network_whose_batch_is_free_in_truth_is_taken(file, tensor, is_last):
    """Weights as inputs, a Reshape whose target is computed: features are those of ONNX Runtime on the file."""
    model = (DATA / file).read_bytes()
    pictures = np.random.default_rng(4).standard_normal((5, 3, 32, 32)).astype(np.float32)
    expected = original(model, pictures.transpose(0, 2, 3, 1) if is_last else pictures, tensor)
    stored = prepare_network(model)
    np.testing.assert_allclose(features(stored, pictures), expected, rtol=1e-4, atol=1e-5)
    assert prepare_network(stored) == stored
    assert "Shape" not in {each.op_type for each in load_from_string(stored).graph.node}


def flattening(*nodes, tail=()):
    """Flatten the averages by a computed target and multiply."""
    return [
        node("GlobalAveragePool", ["r"], "p"),
        node("Shape", ["p"], "h"),
        node("Cast", ["h"], "h32", to=TensorProto.INT32),
        *nodes,
        *tail,
        node("Reshape", ["p", "target"], "v"),
        node("MatMul", ["v", "D"], "y"),
    ]


WAYS = {
    "slice, cast and concat": [
        node("Slice", ["h32", "zero", "one"], "n"),
        node("Concat", ["n", "minus"], "t32", axis=0),
        node("Cast", ["t32"], "target", to=TensorProto.INT64),
    ],
    "both sides computed": [
        node("Slice", ["h32", "zero", "one"], "n"),
        node("Slice", ["h32", "one", "two"], "w"),
        node("Concat", ["n", "w"], "t32", axis=0),
        node("Cast", ["t32"], "target", to=TensorProto.INT64),
    ],
    "through floating point": [
        node("Cast", ["h32"], "hf", to=TensorProto.FLOAT),
        node("Slice", ["hf", "zero", "one"], "n"),
        node("Mul", ["n", "whole"], "nw"),
        node("Cast", ["nw"], "n32", to=TensorProto.INT32),
        node("Concat", ["n32", "minus"], "t32", axis=0),
        node("Cast", ["t32"], "target", to=TensorProto.INT64),
    ],
}


@pytest.mark.parametrize("way", WAYS)
def test_a_reshape_to_a_computed_target_is_taken(way):
    """However the number of pictures comes into it: features are ONNX Runtime's on the file."""
    weights = [
        ("zero", whole(0)),
        ("one", whole(1)),
        ("two", whole(2)),
        ("minus", np.array([-1], np.int32)),
        ("whole", np.array([1], np.float32)),
        ("D", np.ones((8, 4), np.float32)),
    ]
    model = write(flattening(*WAYS[way]), weights, tail=False)
    stored = prepare_network(model)
    np.testing.assert_allclose(features(stored, PICTURES), original(model, PICTURES, "v"), rtol=1e-4, atol=1e-5)


def test_a_shape_that_nothing_tells_is_written_down():
    """A Resize to computed sizes hides every shape behind it; the averages of the same maps are known by hand."""
    nodes = [
        node("Shape", ["r"], "h"),
        node("Cast", ["h"], "hf", to=TensorProto.FLOAT),
        node("Cast", ["hf"], "sizes", to=TensorProto.INT64),
        node("Expand", ["r", "sizes"], "q"),
        node("ReduceMean", ["q"], "v", axes=[2, 3], keepdims=0),
        node("MatMul", ["v", "D"], "y"),
    ]
    model = write(nodes, [("D", np.ones((8, 4), np.float32))], tail=False)
    stored = prepare_network(model)
    assert network_details(stored)["width"] == 8
    expected = original(model, PICTURES, "r").mean(axis=(2, 3))
    np.testing.assert_allclose(features(stored, PICTURES), expected, rtol=1e-4, atol=1e-5)


NEIGHBOURS = {
    "mean of the batch": [node("ReduceMean", ["r"], "m", axes=[0], keepdims=1), node("Sub", ["r", "m"], "q")],
    "normalised over the batch": [
        node("ReduceMean", ["r"], "m", axes=[0, 2, 3], keepdims=1),
        node("Div", ["r", "m"], "q"),
    ],
    "mean of the batch beside a large constant": [
        node("ReduceMean", ["r"], "m", axes=[0], keepdims=1),
        node("Sub", ["r", "m"], "s"),
        node("Add", ["s", "large"], "q"),
    ],
    "sum so far": [node("CumSum", ["r", "first"], "q")],
    "the next one": [
        node("Slice", ["r", "one", "many", "axis"], "later"),
        node("Slice", ["r", "none", "one", "axis"], "now"),
        node("Concat", ["later", "now"], "turned", axis=0),
        node("Add", ["r", "turned"], "q"),
    ],
}


@pytest.mark.parametrize("way", NEIGHBOURS)
def test_a_network_whose_answer_depends_on_the_pictures_beside_is_refused(way):
    """Its features would change with the size of the batch."""
    weights = [
        ("first", np.array(0, np.int64)),
        ("large", np.float32(500)),
        ("none", whole(0)),
        ("one", whole(1)),
        ("many", whole(1 << 20)),
        ("axis", whole(0)),
    ]
    with pytest.raises(ProcedureError, match="depends on the pictures") as caught:
        prepare_network(write(NEIGHBOURS[way], weights))
    assert caught.value.number == 50104


def heads(*shapes):
    """Give maps of these shapes as outputs, each by a convolution of 1 × 1 and a Reshape."""
    nodes, weights, outputs = [], [], []
    for number, (channels, shape) in enumerate(shapes):
        nodes += [
            node("Conv", ["r", f"K{number}"], f"m{number}"),
            node("Reshape", [f"m{number}", f"s{number}"], f"o{number}"),
        ]
        weights += [(f"K{number}", np.ones((channels, 8, 1, 1), np.float32)), (f"s{number}", whole(0, *shape))]
        outputs.append((f"o{number}", ["N", *shape]))
    return write(nodes, weights, outputs=outputs, tail=False)


@pytest.mark.parametrize(
    "shapes",
    [
        [(4, (196, 4)), (2, (196, 2))],  # boxes and scores
        [(5, (5, 14, 14))],  # YOLO's grid
        [(1, (14, 14))],
    ],
)
def test_a_detector_is_refused_unless_a_layer_is_named(shapes):
    """What it gives is no vector; the layer that is named is one, the mean of the activations by hand."""
    model = heads(*shapes)
    with pytest.raises(ProcedureError, match=r"'o0' \[N, .*not one vector.*--layer") as caught:
        prepare_network(model)
    assert caught.value.number == 50104
    stored = prepare_network(model, layer="r")
    details = network_details(stored, layer="r")
    onnx.checker.check_model(load_from_string(stored))
    assert (details["penultimate"], details["layers"]["penultimate"], details["width"]) == ("r", "r", 8)
    expected = original(model, PICTURES, "r").mean(axis=(2, 3))
    cut = select_layer(stored, "penultimate", layers=details["layers"])[0]
    np.testing.assert_allclose(
        open_session(cut, ["CPUExecutionProvider"]).run(PICTURES)[0], expected, rtol=1e-4, atol=1e-5
    )


def test_a_layer_that_is_not_there_is_refused():
    """With near names."""
    with pytest.raises(ProcedureError, match=r"no layer 'rr'\. Did you mean") as caught:
        prepare_network(write([node("Relu", ["r"], "q")]), layer="rr")
    assert caught.value.number == 50115


@pytest.mark.parametrize("opset", [8, 11, 13, 17])
def test_a_features_network_with_a_fixed_batch_is_made_free(opset):
    """It ends in [1, 8, 1, 1], as published featurizers do, in old operator sets and new ones."""
    model = write(
        [node("GlobalAveragePool", ["r"], "q")], batch=1, opset=opset, outputs=[("q", [1, 8, 1, 1])], tail=False, ir=3
    )
    stored = prepare_network(model)
    expected = np.concatenate([original(load_listed(model), one[None], "r") for one in PICTURES]).mean(axis=(2, 3))
    np.testing.assert_allclose(features(stored, PICTURES), expected, rtol=1e-4, atol=1e-5)


def load_listed(model: bytes) -> bytes:
    """Raise the version of the file's form, since version 3 asks for weights among the inputs."""
    parsed = load_from_string(model)
    parsed.ir_version = 8
    return parsed.SerializeToString()


def test_a_damaged_constant_is_refused_in_a_sentence():
    """-1 in an unsigned number, which NumPy answers with OverflowError."""
    parsed = load_from_string(write([node("Reshape", ["r", "s"], "q")], [("s", whole(1, 8, 14, 14))], batch=1))
    (shape,) = [tensor for tensor in parsed.graph.initializer if tensor.name == "s"]
    shape.CopyFrom(numpy_helper.from_array(np.array([1, 8, 14, 14], np.uint64), "s"))
    del shape.dims[:]
    shape.dims.append(-4)
    with pytest.raises(ProcedureError) as caught:
        prepare_network(parsed.SerializeToString())
    assert caught.value.number == 50116


def test_escape_codes_in_names_are_printed_escaped():
    """What a terminal would obey, and marks that turn the writing around."""
    name = "\x1b[2J\u202eboxes"
    model = write(
        [node("Conv", ["r", "K"], name)],
        [("K", KERNEL[:, :1].repeat(8, 1))],
        outputs=[(name, ["N", 8, 14, 14])],
        tail=False,
    )
    with pytest.raises(ProcedureError) as caught:
        prepare_network(model)
    assert str(caught.value).isprintable()
    assert r"\x1b[2J\u202eboxes" in str(caught.value)


def test_messages_list_at_most_ten_names():
    """Of twelve outputs."""
    with pytest.raises(ProcedureError) as caught:
        prepare_network(heads(*[(2, (196, 2))] * 12))
    assert str(caught.value).count("[N, 196, 2]") == 10


@pytest.mark.parametrize("way", ["an initializer", "a constant", "a constant of numbers", "a constant cast"])
def test_a_fixed_batch_in_the_target_of_a_reshape_is_made_free(way):
    """However the constant comes about: features are those of the file run on one picture after another."""
    target = whole(1, 8)
    front, weights = {
        "an initializer": ([], [("s", target)]),
        "a constant": ([helper.make_node("Constant", [], ["s"], value=numpy_helper.from_array(target))], []),
        "a constant of numbers": ([helper.make_node("Constant", [], ["s"], value_ints=[1, 8])], []),
        "a constant cast": ([node("Cast", ["s32"], "s", to=TensorProto.INT64)], [("s32", target.astype(np.int32))]),
    }[way]
    nodes = [
        *front,
        node("GlobalAveragePool", ["r"], "p"),
        node("Reshape", ["p", "s"], "v"),
        node("MatMul", ["v", "D"], "y"),
    ]
    model = write(nodes, [*weights, ("D", np.ones((8, 4), np.float32))], batch=1, outputs=[("y", [1, 4])], tail=False)
    expected = np.concatenate([original(model, one[None], "v") for one in PICTURES])
    stored = prepare_network(model)
    np.testing.assert_allclose(features(stored, PICTURES), expected, rtol=1e-4, atol=1e-5)
    assert prepare_network(stored) == stored
