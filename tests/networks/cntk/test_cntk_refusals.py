"""What is not converted, and how the refusal names it."""

import numpy as np
import pytest
from cntk_models import DATA, FREE, Axis, Int, Model, Shape, array_message, block, dictionary_message, scalar

from lungdb.errors import LungdbError
from lungdb.networks.cntk import convert_cntk, is_cntk


def refusal(content, output=None):
    """Give the message with which a file is refused."""
    with pytest.raises(LungdbError) as error:
        convert_cntk(content, output)
    assert str(error.value).endswith((".", "?"))
    return str(error.value)


@pytest.mark.parametrize(("operation", "name"), [("ROIPooling", "ROIPooling"), ("Where", "Where"), (201, "number 201")])
def test_an_operation_without_counterpart_is_named_with_its_node_and_id(operation, name):
    """The message has the operation, the node's name and its id."""
    model = Model()
    model.add(operation, model.input("x", 3, 4, 4), name="regions", uid="Odd17")
    message = refusal(model.save())
    assert name in message
    assert "'regions'" in message
    assert "Odd17" in message


def test_a_user_defined_function_is_named():
    """A function that only its author's code can run."""
    model = Model()
    model.add("NoOp", model.input("x", 3, 4, 4), name="mine")
    del model.functions[-1]["op"]
    model.functions[-1] |= {"type": "UserDefinedFunction", "op": "BinaryConvolve"}
    assert "BinaryConvolve (user-defined) (node 'mine'" in refusal(model.save())


def test_an_operation_that_the_output_does_not_need_is_no_hindrance():
    """An unsupported node beside the way to z is pruned."""
    model = Model()
    picture = model.input("x", 3, 4, 4)
    regions = model.add("ROIPooling", picture)
    content = model.save(regions, model.add("ReLU", picture, name="z"))
    assert convert_cntk(content)


def test_a_recurrent_network_is_refused_by_its_past_value():
    """A loop through PastValue is a sequence's, not a damaged file's."""
    model = Model()
    picture = model.input("x", 4)
    model.variable(4, (4,), uid="Sum_Output_0")
    past = model.add("PastValue", "Sum_Output_0", model.weight(0.0), name="memory", offset=1)
    model.add("Plus", picture, past, uid="Sum")
    message = refusal(model.save())
    assert "PastValue" in message
    assert "'memory'" in message


def test_a_model_of_cntk_1_is_recognised_and_the_way_out_named():
    """BCN in UTF-16 at the start."""
    head = "BCN\0".encode("utf-16-le") + bytes(64)
    assert is_cntk(head)
    message = refusal(head)
    assert "CNTK 1" in message
    assert "save it again" in message


def test_a_trainers_checkpoint_is_recognised():
    """The file beside the model, which ends in .ckp."""
    content = dictionary_message({"Version": 1, "Learners": [], "ExternalState": {}, "DistributedState": []})
    assert is_cntk(content)
    assert ".ckp" in refusal(content)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x08\x07\x12\x04CNTK", bytes(100)])
def test_another_format_is_refused(content):
    """ONNX and other bytes are not read at all."""
    assert "not a CNTK model" in refusal(content)


def test_an_unknown_output_gets_the_nearest_names():
    """A slip in the name of a node."""
    content = (DATA / "resnet_tiny_ops.model").read_bytes()
    assert "rn1.r" in refusal(content, "rn1.rr")


def test_an_ambiguous_output_is_refused_with_the_ids():
    """Two nodes of one name."""
    model = Model()
    picture = model.input("x", 4)
    model.add("ReLU", picture, name="twin", uid="First")
    model.add("Negate", "First_Output_0", name="twin", uid="Second")
    message = refusal(model.save(), "twin")
    assert "First" in message
    assert "Second" in message


def convolution(shape=(2, 6, 6), kernel=(3, 2, 3, 3), **attributes):
    """Write a model of one convolution."""
    model = Model()
    picture = model.input("x", *shape)
    model.add("Convolution", model.weight(np.ones(kernel)), picture, name="conv", **attributes)
    return model.save()


@pytest.mark.parametrize(
    ("attributes", "word"),
    [
        ({"autoPadding": [True]}, "pads the channels"),
        ({"sequential": True}, "sequence"),
        ({"strides": Shape((0,))}, "without a size"),
        ({"strides": Shape((1, 1, 1, 1))}, "4 entries"),
        ({"kernel": (3, 2, 9, 9)}, "larger"),
        ({"groups": 7}, "7 groups"),
        ({"transpose": True, "kernel": (4, 3, 3, 3)}, "weights of shape"),
        ({"strides": 3}, "another type"),
        ({"strides": Shape((1 << 40,))}, "strides"),
    ],
)
def test_a_convolution_that_cannot_be_is_refused(attributes, word):
    """Each with what is wrong about it."""
    assert word in refusal(convolution(**attributes))


@pytest.mark.parametrize(
    ("operation", "attributes", "word"),
    [
        ("Splice", {"axis": Axis(9)}, "outside"),
        ("Splice", {"axis": Axis(2**31 - 1)}, "axis"),
        ("Reshape", {"newShape": Shape((7,))}, "reshapes"),
        ("Reshape", {"newShape": Shape((1 << 62, 1 << 62))}, "newShape"),
        ("Slice", {"axis": Axis(0), "beginIndex": Int(0), "endIndex": Int(3), "sliceStrides": Int(-1)}, "slices"),
        ("Slice", {"axis": Axis(0), "beginIndex": Int(3), "endIndex": Int(2), "sliceStrides": Int(1)}, "nothing"),
        ("ReduceElements", {"axis": Axis(0), "reductionOpName": "All"}, "All"),
        ("ReduceElements", {"reductionOpName": "Sum"}, "no axis"),
        ("TopK", {"axis": Axis(0), "numItems": 99}, "99"),
        ("TopK", {"axis": Axis(0), "numItems": 2**63}, "numItems"),
        ("Pad", {"paddingHead": [2**25] * 3, "paddingFoot": [2**25] * 3, "paddingMode": 0}, "At most"),
        ("Pad", {"paddingHead": [1], "paddingFoot": [1], "paddingMode": 0}, "pads"),
        ("ReLU", {}, "nothing stands for"),
        ("Plus", {}, "1 inputs"),
    ],
)
def test_attributes_that_do_not_fit_are_refused(operation, attributes, word):
    """Axes outside the picture, sizes that do not agree, numbers past every bound."""
    model = Model()
    model.add(operation, "Missing" if operation == "ReLU" else model.input("x", 3, 4, 5), **attributes)
    assert word in refusal(model.save())


def test_pictures_of_shapes_that_do_not_broadcast_are_refused():
    """A sum of four and five numbers."""
    model = Model()
    model.add("Plus", model.input("x", 3, 4), model.weight(np.ones(5)))
    assert "(3, 4)" in refusal(model.save())


def test_a_dense_layer_over_free_sizes_is_refused():
    """Weights have a fixed size."""
    model = Model()
    model.add("Times", model.weight(np.ones((2, 4, 4, 5))), model.input("x", 2, FREE, FREE), outputRank=1)
    assert "fixed input size" in refusal(model.save())


@pytest.mark.parametrize(
    ("view", "word"),
    [
        (scalar(1, 5) + block(3, b"") + block(6, block(1, b"\x01")), "floating-point"),
        (scalar(1, 1) + scalar(2, 1) + block(3, b""), "sparse"),
        (array_message(np.ones(3, np.float32), values=False), "fewer are there"),
    ],
)
def test_a_weight_that_is_not_dense_floating_point_is_refused(view, word):
    """Quantised, sparse, and one whose numbers are missing."""
    model = Model()
    model.add("Plus", model.input("x", 3), model.weight(np.full(3, 7, np.float32)))
    content = model.save()
    # The weight's view is replaced where it stands, and the lengths around it are made to fit by an unknown field.
    old = array_message(np.full(3, 7, np.float32))
    filler = block(15, bytes(len(old) - len(view) - 2)) if len(old) - len(view) >= 2 else b""
    assert content.count(old) == 1
    assert word in refusal(content.replace(old, (view + filler)[: len(old)]))


@pytest.mark.parametrize("output", [None, "Nothing"])
def test_a_model_of_no_outputs_is_refused(output):
    """An empty Combine, as the root and as the node that is asked for."""
    model = Model()
    model.input("x", 3)
    model.add("Combine", uid="Nothing")
    assert "0 outputs" in refusal(model.save(), output)


def test_an_output_that_reads_no_picture_is_refused():
    """A model of weights alone."""
    model = Model()
    model.add("ReLU", model.weight(np.ones(3)), name="fixed")
    assert "'fixed' reads no input" in refusal(model.save())
