"""Layers are found by name, cut out, made vectors of, and computed as in the whole network."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from lungdb.errors import ProcedureError
from lungdb.networks.graphs.graph import read_model
from lungdb.networks.graphs.layers import FEATURES, penultimate, select_layer
from lungdb.networks.running.sessions import open_session


@pytest.fixture(scope="module")
def small_pictures(pictures):
    """Three pictures, the last one the negative of the first."""
    return np.concatenate([pictures, -pictures[:1]])


def run(model: bytes, pictures: np.ndarray) -> np.ndarray:
    """Compute on the CPU."""
    return open_session(model, ["CPUExecutionProvider"], threads=1).run(pictures)[0]


def reference(model: onnx.ModelProto, tensor: str, pictures: np.ndarray) -> np.ndarray:
    """Compute a tensor with onnx's own evaluator, picture by picture."""
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    whole.graph.output.append(helper.make_empty_tensor_value_info(tensor))
    evaluator = ReferenceEvaluator(whole)
    return np.concatenate([evaluator.run([tensor], {"image": picture[None]})[0] for picture in pictures])


@pytest.mark.parametrize("dense", ["Gemm", "MatMul", None])
def test_penultimate_is_what_the_classifying_layer_reads(make_network, dense):
    """The first input of the last Gemm or MatMul; without either the network's own output."""
    assert penultimate(make_network(dense=dense)) == "vector"


def test_penultimate_is_not_a_side_branch(make_network):
    """A Gemm that the first output does not depend on is not the classifier."""
    model = make_network()
    model.graph.node.append(helper.make_node("Gemm", ["classes", "other"], ["side"]))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.eye(2, dtype=np.float32), "other"))
    assert penultimate(model) == "vector"


@pytest.mark.parametrize(
    ("name", "tensor"),
    [("penultimate", "vector"), ("vector", "vector"), ("classes", "classes"), ("head", "classes"), ("relu", "relu"),
     ("second", "relu"), ("first", "conv")],
)  # fmt: skip
def test_a_layer_equals_the_reference_evaluator(make_network, small_pictures, name, tensor):
    """By tensor or node name; maps of a convolution averaged over rows and columns."""
    model = make_network()
    expected = reference(model, tensor, small_pictures)
    if expected.ndim == 4:
        expected = expected.mean(axis=(2, 3))
    cut, width = select_layer(model.SerializeToString(), name)
    assert width == expected.shape[1]
    np.testing.assert_allclose(run(cut, small_pictures), expected, rtol=1e-4, atol=1e-5)


def test_what_a_layer_does_not_need_is_cut_off(make_network):
    """The classifying layer and its weights are gone, and the graph is valid ONNX."""
    cut, _ = select_layer(make_network().SerializeToString(), "penultimate")
    model = onnx.load_from_string(cut)
    onnx.checker.check_model(model, full_check=True)
    assert "dense" not in {weight.name for weight in model.graph.initializer}
    assert [output.name for output in model.graph.output] == [FEATURES]


@pytest.mark.parametrize("constant_shape", [False, True])
@pytest.mark.parametrize(("batch", "reshape"), [(1, (1, 5)), (1, (1, -1)), (4, (4, 5)), (1, (-1, 5)), (0, (-1, 5))])
def test_a_fixed_batch_is_made_free(make_network, small_pictures, batch, reshape, constant_shape):
    """Three pictures at once give what three times one gives, though the file says 1 or 4."""
    model = make_network(batch=batch, reshape=reshape, constant_shape=constant_shape)
    expected = reference(make_network(), "vector", small_pictures)
    cut, _ = select_layer(model.SerializeToString(), "vector")
    np.testing.assert_allclose(run(cut, small_pictures), expected, rtol=1e-4, atol=1e-5)


def test_a_batch_that_cannot_be_made_free_is_refused(make_network):
    """A Reshape that swallows the batch says nothing about single pictures."""
    model = make_network(reshape=(1, -1), dense=None)
    with pytest.raises(ProcedureError, match="free batch") as caught:
        select_layer(model.SerializeToString(), "vector")
    assert caught.value.number == 50104


def test_a_shape_that_the_graph_computes_itself_is_understood(make_network, small_pictures):
    """PyTorch writes x.view(x.size(0), -1) as Shape, Gather, Unsqueeze, Concat and Reshape."""
    model = make_network()
    graph = model.graph
    graph.initializer.remove(next(weight for weight in graph.initializer if weight.name == "sizes"))
    constants = {"zero": np.array(0), "axes": np.array([0]), "rest": np.array([-1])}
    graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in constants.items())
    computed = [
        helper.make_node("Shape", ["pool"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["number"], axis=0),
        helper.make_node("Unsqueeze", ["number", "axes"], ["numbers"]),
        helper.make_node("Concat", ["numbers", "rest"], ["sizes"], axis=0),
    ]
    nodes = [*graph.node[:3], *computed, *graph.node[3:]]
    nodes = [type(node).FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(nodes)
    cut, width = select_layer(model.SerializeToString(), "penultimate")
    assert width == 5
    expected = reference(make_network(), "vector", small_pictures)
    np.testing.assert_allclose(run(cut, small_pictures), expected, rtol=1e-4, atol=1e-5)


def test_tensors_that_only_an_inner_graph_reads_are_kept(make_network, small_pictures):
    """The branches of If take `relu` from outside without listing it as an input."""
    model = make_network(dense=None)
    branches = {
        name: helper.make_graph(
            [helper.make_node(operator, ["relu"], [name])],
            name,
            [],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 5, 55, 55])],
        )
        for name, operator in (("negative", "Neg"), ("same", "Identity"))
    }
    choose = helper.make_node("If", ["yes"], ["chosen"], then_branch=branches["negative"], else_branch=branches["same"])
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(True), "yes"))
    nodes = [type(node).FromString(node.SerializeToString()) for node in [*model.graph.node[:2], choose]]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.graph.output[0].name = "chosen"
    cut, _ = select_layer(model.SerializeToString(), "chosen")
    expected = -reference(make_network(), "relu", small_pictures).mean(axis=(2, 3))
    np.testing.assert_allclose(run(cut, small_pictures), expected, rtol=1e-4, atol=1e-5)


def test_weights_that_are_listed_as_inputs_are_not_inputs(make_network, small_pictures):
    """Files of ONNX's IR version 3 list every weight among the graph's inputs."""
    model = make_network()
    for weight in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(weight.name, weight.data_type, weight.dims))
    cut, _ = select_layer(model.SerializeToString(), "penultimate")
    np.testing.assert_allclose(
        run(cut, small_pictures), reference(make_network(), "vector", small_pictures), rtol=1e-4, atol=1e-5
    )


def test_an_unknown_layer_is_refused_with_a_near_name(make_network):
    """Near names if there are any, else the last tensors; input and weights are no layers."""
    model = make_network().SerializeToString()
    with pytest.raises(ProcedureError, match=r"no layer 'vectr'\. Did you mean vector") as caught:
        select_layer(model, "vectr")
    assert caught.value.number == 50115
    with pytest.raises(ProcedureError, match="It has penultimate, pool, vector, classes"):
        select_layer(model, "dense_7")
    for name in ("image", "kernel", ""):
        with pytest.raises(ProcedureError, match=f"no layer '{name}'"):
            select_layer(model, name)


def test_a_layer_that_is_no_vector_is_refused(make_network):
    """Tokens or single values of a picture have no agreed way to become a vector."""
    model = make_network(reshape=(-1, 5, 1), dense=None)
    with pytest.raises(ProcedureError, match=r"gives \[N, 5, 1\]") as caught:
        select_layer(model.SerializeToString(), "vector")
    assert caught.value.number == 50115


@pytest.mark.parametrize(
    "arguments",
    [{"shape": (2, 224, 224)}, {"shape": (224, 224, 3)}, {"shape": (3, 224)}, {"element": TensorProto.UINT8}],
)
def test_an_input_that_is_no_picture_is_refused(make_network, arguments):
    """Two channels, channels last, too few dimensions, bytes instead of floats."""
    with pytest.raises(ProcedureError, match="input is") as caught:
        select_layer(make_network(**arguments).SerializeToString(), "relu")
    assert caught.value.number == 50104


def test_a_second_input_is_refused(make_network):
    """There is nothing to feed it with."""
    model = make_network()
    model.graph.input.append(helper.make_tensor_value_info("age", TensorProto.FLOAT, [1]))
    with pytest.raises(ProcedureError, match=r"2 inputs \(image, age\)"):
        select_layer(model.SerializeToString(), "relu")


@pytest.mark.parametrize("content", [b"", b"not a model", bytes(100), b"\x08\x08"])
def test_bytes_that_are_no_onnx_are_refused(content):
    """Empty, text, zeros and a model without a graph."""
    with pytest.raises(ProcedureError, match="not an ONNX model") as caught:
        read_model(content)
    assert caught.value.number == 50116


def test_weights_in_other_files_are_refused(make_network):
    """A table holds one value; nothing is ever read from the server's disk."""
    model = make_network()
    weight = model.graph.initializer[0]
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="/etc/passwd")
    weight.ClearField("raw_data")
    with pytest.raises(ProcedureError, match="keeps weights outside") as caught:
        read_model(model.SerializeToString())
    assert caught.value.number == 50116


def test_operators_of_another_domain_are_refused(make_network):
    """They would need a library that the server has not."""
    with pytest.raises(ProcedureError, match=r"domain com\.example") as caught:
        read_model(make_network(domain="com.example").SerializeToString())
    assert caught.value.number == 50116
