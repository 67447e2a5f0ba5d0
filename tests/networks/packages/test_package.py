"""A package's preparation becomes the row's normalisation where it can, and stays in the graph where it cannot."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from lungdb.errors import LungdbError
from lungdb.networks.entry import network_details, prepare_network
from lungdb.networks.graphs.layers import select_layer
from lungdb.networks.packages import is_package, read_package
from tests.networks.packages.packing import (
    MEAN,
    SIDE,
    featurizer,
    less_mean,
    nupkg,
    pack,
    preparer,
    turn_round,
)

PICTURE = np.random.default_rng(3).integers(0, 256, (1, 3, SIDE, SIDE)).astype(np.float32)
F = np.float32


def bare(model: bytes, picture: np.ndarray) -> np.ndarray:
    """Run a file as it is with ONNX Runtime."""
    parsed = onnx.load_from_string(model)
    parsed.ir_version = 8
    session = onnxruntime.InferenceSession(parsed.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: picture})[0])


def through_the_row(content: bytes, picture: np.ndarray) -> tuple[np.ndarray, dict]:
    """Prepare an RGB picture of 0…255 as the row says, and run what is stored."""
    package = read_package(content)
    stored = prepare_network(package.model)
    details = network_details(stored, **package.told)
    ordered = picture[:, ::-1] if details["input"]["channel_order"] == "bgr" else picture
    mean, std = (np.array(details["normalisation"][part], F)[:, None, None] for part in ("mean", "std"))
    cut = select_layer(stored, "penultimate", layers=details["layers"])[0]
    return bare(cut, np.ascontiguousarray((ordered / F(255) - mean) / std)), details


PREPARATIONS = {
    "bgr less a mean picture": (less_mean(), "bgr", True),
    "a mean picture alone": (
        preparer([helper.make_node("Sub", ["given", "m"], ["made"])], {"m": MEAN[None]}),
        "rgb",
        True,
    ),
    "bgr less three means": (
        preparer(
            [*turn_round(), helper.make_node("Sub", ["turned", "m"], ["made"])],
            {"m": F([103, 116, 123])[:, None, None]},
        ),
        "bgr",
        False,
    ),
    "ImageNet's": (
        preparer(
            [
                helper.make_node("Div", ["given", "white"], ["unit"]),
                helper.make_node("Sub", ["unit", "m"], ["centred"]),
                helper.make_node("Div", ["centred", "s"], ["made"]),
            ],
            {
                "white": F(255),
                "m": F([0.485, 0.456, 0.406])[:, None, None],
                "s": F([0.229, 0.224, 0.225])[:, None, None],
            },
        ),
        "rgb",
        False,
    ),
    "no change": (preparer([helper.make_node("Identity", ["given"], ["made"])], {}), "rgb", False),
    "a curve": (preparer([helper.make_node("Sqrt", ["given"], ["made"])], {}), "rgb", None),
    "a negative": (
        preparer([helper.make_node("Sub", ["white", "given"], ["made"])], {"white": F(255)}),
        "rgb",
        None,
    ),
    "grey": (
        preparer(
            [
                helper.make_node("ReduceMean", ["given"], ["grey"], axes=[1], keepdims=1),
                helper.make_node("Concat", ["grey", "grey", "grey"], ["made"], axis=1),
            ],
            {},
        ),
        "rgb",
        None,
    ),
    "its own mean": (
        preparer(
            [
                helper.make_node("ReduceMean", ["given"], ["m"], axes=[1, 2, 3], keepdims=1),
                helper.make_node("Sub", ["given", "m"], ["made"]),
            ],
            {},
        ),
        "rgb",
        None,
    ),
}


@pytest.mark.parametrize("name", PREPARATIONS)
def test_features_are_those_of_the_two_networks_one_after_the_other(name):
    """Whatever the preparation does; what a normalisation can say is said there, a mean picture is one subtraction."""
    preparation, order, keeps_picture = PREPARATIONS[name]
    expected = bare(featurizer(), bare(preparation, PICTURE)).reshape(1, 8)
    found, details = through_the_row(nupkg(preparation), PICTURE)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())
    assert details["input"]["channel_order"] == order
    front = {False: [], True: ["Sub"], None: kinds(preparation)}[keeps_picture]
    assert kinds(read_package(nupkg(preparation)).model) == [*front, *kinds(featurizer())]


def kinds(model: bytes) -> list[str]:
    """List the operators of a file."""
    return [each.op_type for each in onnx.load_from_string(model).graph.node]


def test_a_mean_picture_is_kept_bit_by_bit():
    """As it stands in the file, not rounded on the way."""
    graph = onnx.load_from_string(read_package(nupkg(less_mean())).model).graph
    (kept,) = [tensor for tensor in graph.initializer if list(tensor.dims) == [3, SIDE, SIDE]]
    np.testing.assert_array_equal(onnx.numpy_helper.to_array(kept), MEAN)


def test_a_preparation_of_another_operator_set_is_joined():
    """It is brought to the network's."""
    preparation = preparer([helper.make_node("Sqrt", ["given"], ["made"])], {}, opset=13)
    expected = bare(featurizer(), bare(preparation, PICTURE)).reshape(1, 8)
    old = onnx.load_from_string(featurizer(producer=""))
    old.ir_version = 8
    network = onnx.version_converter.convert_version(old, 17)
    found, _ = through_the_row(nupkg(preparation, network.SerializeToString()), PICTURE)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_a_package_of_one_network_says_nothing_of_its_pictures():
    """In any folder, in a zip of any name."""
    package = read_package(nupkg())
    assert package.told == {}
    assert package.model == featurizer()


def test_weights_beside_the_network_in_the_package_are_read():
    """The default form of torch.onnx.export, zipped."""
    parsed = onnx.load_from_string(featurizer())
    weight = parsed.graph.initializer[0]
    content = weight.raw_data
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="n.onnx.data")
    package = read_package(pack({"a/n.onnx": parsed.SerializeToString(), "a/n.onnx.data": content}))
    np.testing.assert_array_equal(bare(package.model, PICTURE), bare(featurizer(), PICTURE))
    with pytest.raises(LungdbError, match=r"lacks 'n\.onnx\.data'"):
        read_package(pack({"a/n.onnx": parsed.SerializeToString()}))


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"a.onnx": featurizer(), "b.onnx": featurizer()},
            "2 image networks and 0 that prepare pictures: a.onnx, b.onnx",
        ),
        ({"a.onnx": less_mean(), "b.onnx": less_mean()}, "0 image networks and 2 that prepare"),
        ({"a.onnx": featurizer(side=32), "b.onnx": less_mean()}, "prepares other pictures"),
        ({"a.onnx": b"no network", "b.onnx": less_mean()}, "cannot be read from 'a.onnx'|not an ONNX model"),
    ],
)
def test_a_package_of_other_networks_is_refused(files, said):
    """With what is in it and what to do."""
    with pytest.raises(LungdbError, match=said):
        read_package(pack(files))


def test_a_zip_of_pytorch_is_no_package():
    """Its data.pkl tells."""
    assert not is_package(pack({"m/data.pkl": b"", "m/data/0": b""}))
    assert not is_package(b"PK\x03\x04" + bytes(100))
    assert is_package(nupkg())
