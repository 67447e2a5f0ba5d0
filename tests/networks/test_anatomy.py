"""The useful layers of a network are found in its graph, whatever its tensors are called."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lungdb.networks.architectures.alexnet import build_alexnet
from lungdb.networks.architectures.catalog import CATALOG
from lungdb.networks.architectures.resnet import RESNETS, build_resnet, random_resnet
from lungdb.networks.entry import prepare_network
from lungdb.networks.graphs.anatomy import penultimate, recognise, useful_layers
from lungdb.networks.graphs.graph import read_model
from lungdb.networks.graphs.layers import select_layers
from lungdb.networks.running.sessions import open_session
from lungdb.networks.weights import read_weights

DATA = Path(__file__).parents[1] / "data" / "networks"


def renamed(model: bytes) -> onnx.ModelProto:
    """Number all tensors and nodes, so that no name tells anything."""
    parsed = onnx.load_from_string(model)
    weights = {tensor.name for tensor in parsed.graph.initializer} | {parsed.graph.input[0].name}
    names: dict[str, str] = {}
    for number, node in enumerate(parsed.graph.node):
        node.name = f"node_{number}"
        for texts in (node.input, node.output):
            for position, text in enumerate(texts):
                if text not in weights:
                    texts[position] = names.setdefault(text, f"t{len(names)}")
    for value in parsed.graph.output:
        value.name = names[value.name]
    return parsed


def test_the_stages_of_a_resnet_are_found_without_names(thin, pictures):
    """Means over the places of layer3 and layer4, and the penultimate vector, are PyTorch's."""
    weights, expected = thin
    model = renamed(build_resnet(weights))
    layers = useful_layers(model)
    assert list(layers) == ["stem", "layer1", "layer2", "layer3", "layer4", "penultimate"]
    cut, widths = select_layers(model.SerializeToString(), ["layer3", "layer4", "penultimate"], layers=layers)
    found = open_session(cut, ["CPUExecutionProvider"]).run(pictures)
    references = [next(expected[name] for name in expected if key in name) for key in ("layer3", "layer4", "penult")]
    assert widths == [reference.shape[1] for reference in references]
    for features, reference in zip(found, references, strict=True):
        assert np.abs(features - reference).max() < 1e-4 * np.abs(reference).max()


def test_the_stem_of_a_resnet_is_what_its_first_block_reads(thin):
    """The tensor after the max-pool, a quarter of the picture's side."""
    weights, _ = thin
    model = build_resnet(weights)
    names = useful_layers(read_model(model))
    assert [names["stem"], names["layer1"]] == ["stem", "layer1"]


@pytest.mark.parametrize("size", [224, 256])
def test_the_layers_of_alexnet_are_found_without_names(size):
    """Five convolutions and the first dense layer, after their activations; at 256 matrices average to 6 × 6."""
    model = renamed(build_alexnet(read_weights(DATA / "alexnet_thin.safetensors"), size))
    layers = useful_layers(model)
    assert list(layers) == ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "penultimate"]
    makers = {node.output[0]: node.op_type for node in model.graph.node}
    assert {makers[layers[name]] for name in ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6")} == {"Relu"}


def test_a_network_of_another_kind_has_a_penultimate_layer_only(make_network):
    """Nothing is called a stage that is none."""
    assert useful_layers(make_network()) == {"penultimate": "vector"}


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (["GlobalAveragePool", "Flatten"], "map"),
        (["Relu", "GlobalAveragePool", "Flatten", "Softmax"], "map"),
        (["Relu", "GlobalAveragePool", "Flatten"], "t3"),
    ],
)
def test_a_convolution_that_gives_classes_is_told_from_a_network_without_a_classifier(after, expected):
    """SqueezeNet's last convolution classifies; a MobileNet cut before its classifier ends in one that does not."""
    names = [f"t{number}" for number in range(len(after) + 1)]
    nodes = [
        helper.make_node("Relu", ["image"], ["map"]),
        helper.make_node("Conv", ["map", "kernel"], [names[0]]),
        *(helper.make_node(kind, [names[n]], [names[n + 1]]) for n, kind in enumerate(after)),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, 8, 8])
    classes = helper.make_tensor_value_info(names[-1], TensorProto.FLOAT, ["N", 2])
    kernel = numpy_helper.from_array(np.ones((2, 3, 1, 1), np.float32), "kernel")
    assert penultimate(helper.make_model(helper.make_graph(nodes, "g", [image], [classes], [kernel]))) == expected


@pytest.mark.slow
@pytest.mark.parametrize("name", list(RESNETS))
def test_resnets_of_real_width_are_recognised(name):
    """By their layers and width, with all tensors renamed and after optimising; layers and width are the catalog's."""
    model = onnx.load_from_string(
        prepare_network(renamed(build_resnet(random_resnet(RESNETS[name], 0))).SerializeToString())
    )
    known = next(known for known in CATALOG if known.name == name)
    assert recognise(model, known.width) == name
    assert tuple(useful_layers(model)) == known.layers


@pytest.mark.slow
def test_a_wide_resnet_is_no_resnet_of_the_catalog():
    """It has a ResNet-50's layers and width, and twice the channels within its blocks."""
    wide = replace(RESNETS["resnet50"], inner=(128, 256, 512, 1024))
    model = onnx.load_from_string(build_resnet(random_resnet(wide, 0)))
    assert recognise(model, 2048) is None
