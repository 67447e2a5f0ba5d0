"""Weights are recognised as one of the five networks, whose real widths are built and run."""

import re

import numpy as np
import onnx
import pytest

from lungdb.errors import LungdbError
from lungdb.networks.architectures.catalog import architecture
from lungdb.networks.architectures.resnet import ResnetLayout
from lungdb.networks.weights import build_network, random_weights, read_weights

BASIC = (64, 128, 256, 512)
NAMES = ["resnet18", "resnet50", "resnet101", "resnet152", "alexnet"]


def zeros(shapes):
    """Make weights that take no memory."""
    return {name: np.broadcast_to(np.float32(0), shape) for name, shape in shapes.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_network_of_real_width_is_built_and_runs(compute, data, name):
    """Recognised, its penultimate layer as wide as the catalog says, features neither gone nor overflown."""
    model, found = build_network(random_weights(name, seed=1))
    assert found == name
    last_stage = "conv5" if name == "alexnet" else "layer4"
    values = compute(model, ["penultimate", last_stage, "logits"], np.load(data / "input_224.npy")[:1])
    assert values["penultimate"].shape == (1, architecture(name).width)
    assert values["logits"].shape == (1, 1000)
    assert values[last_stage].shape[1] == (256 if name == "alexnet" else architecture(name).width)
    assert 0.01 < values["penultimate"].std() < 100


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        (ResnetLayout(False, (2, 2, 2, 2), outer=BASIC, classes=2), "resnet18"),
        pytest.param(ResnetLayout(False, (3, 4, 6, 3), outer=BASIC), None, marks=pytest.mark.slow),
        pytest.param(ResnetLayout(False, (2, 2, 2, 1), outer=BASIC), None, marks=pytest.mark.slow),
        pytest.param(ResnetLayout(False, (2, 2, 2, 2), stem=32, outer=BASIC), None, marks=pytest.mark.slow),
    ],
)
def test_a_network_is_recognised_by_depth_and_widths(layout, expected):
    """Whatever the number of classes; ResNet-34 is built but is none of the five."""
    assert build_network(zeros(layout.shapes()))[1] == expected


@pytest.mark.parametrize("names", [[], ["stem.conv.weight", "head.fc.bias"], ["features.1.weight"]])
def test_weights_of_another_network_are_refused(names):
    """With the first of their names."""
    with pytest.raises(LungdbError, match=names[0] if names else "there are none"):
        build_network({name: np.ones(1, np.float32) for name in names})


@pytest.mark.parametrize("file", ["resnet18_thin", "resnet50_thin", "alexnet_thin"])
def test_any_one_missing_parameter_is_all_that_is_listed(data, file):
    """Whichever it is, the others still tell the layout."""
    weights = read_weights(data / f"{file}.safetensors")
    for lost in weights:
        with pytest.raises(LungdbError, match=rf"what does not fit \(1\): {re.escape(lost)} is missing\. "):
            build_network({name: array for name, array in weights.items() if name != lost})


@pytest.mark.parametrize("file", ["resnet50_thin", "alexnet_thin"])
def test_any_shape_of_any_parameter_is_refused_in_a_sentence(data, file):
    """Other numbers of dimensions, other sizes, none at all; for every fifth."""
    weights = read_weights(data / f"{file}.safetensors")
    for name, array in list(weights.items())[::5]:
        for other in (array[None], array[..., :0], array.ravel()[0], np.repeat(array, 2, axis=0)):
            with pytest.raises(LungdbError, match="what does not fit"):
                build_network({**weights, name: other})


SEQUENTIAL = {"conv1": "0", "bn1": "1", "layer1": "4", "layer2": "5", "layer3": "6", "layer4": "7", "fc": "9"}


def renamed(weights, prefix, numbered, classifier):
    """Write weights as others do: below a prefix, numbered, the classifier under another name or left out."""
    given = {}
    for name, array in weights.items():
        first, _, rest = name.partition(".")
        if first == "fc" and classifier is None:
            continue
        if first == "fc" and classifier:
            given[f"{classifier}.{rest}"] = array
        else:
            given[f"{prefix}{SEQUENTIAL[first] if numbered else first}.{rest}"] = array
    return given


@pytest.mark.parametrize("numbered", [False, True])
@pytest.mark.parametrize("prefix", ["", "backbone.", "encoder.", "module.student.net."])
@pytest.mark.parametrize("classifier", ["", None, "head.linear"])
def test_the_same_weights_under_other_names_give_pytorchs_features(compute, data, prefix, numbered, classifier):
    """Detectors and self-supervision prefix and leave out, nn.Sequential numbers, others name the classifier anew."""
    weights = read_weights(data / "resnet18_thin.safetensors")
    model, _ = build_network(renamed(weights, prefix, numbered, classifier))
    found = compute(model, ["penultimate"], np.load(data / "input_224.npy"))["penultimate"]
    with np.load(data / "resnet18_thin.reference.npz") as reference:
        expected = reference["penultimate"]
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()
    ends = [value.name for value in onnx.load_from_string(model).graph.output]
    assert ends == ["penultimate" if classifier is None else "logits"]


def test_a_network_without_a_classifier_is_recognised():
    """By the same depth and widths."""
    assert build_network(zeros(ResnetLayout(False, (2, 2, 2, 2), outer=BASIC, classes=0).shapes()))[1] == "resnet18"


VGG11 = {
    "features.0": (64, 3, 3, 3), "features.3": (128, 64, 3, 3), "features.6": (256, 128, 3, 3),
    "features.8": (256, 256, 3, 3), "features.11": (512, 256, 3, 3), "features.13": (512, 512, 3, 3),
    "features.16": (512, 512, 3, 3), "features.18": (512, 512, 3, 3), "classifier.0": (4096, 25088),
    "classifier.3": (4096, 4096), "classifier.6": (1000, 4096),
}  # fmt: skip
OTHERS = {
    "MobileNetV2": {
        "features.0.0.weight": (32, 3, 3, 3),
        "features.0.1.weight": (32,),
        "features.1.conv.0.0.weight": (32, 1, 3, 3),
        "classifier.1.weight": (1000, 1280),
        "classifier.1.bias": (1000,),
    },
    "VGG-11": {f"{name}.weight": shape for name, shape in VGG11.items()}
    | {f"{name}.bias": shape[:1] for name, shape in VGG11.items()},
    "DenseNet": {"features.conv0.weight": (64, 3, 7, 7), "features.norm0.weight": (64,), "classifier.bias": (1000,)},
    "SqueezeNet": {
        "features.0.weight": (96, 3, 7, 7),
        "features.0.bias": (96,),
        "classifier.1.weight": (1000, 512, 1, 1),
    },
    "EfficientNet": {"conv_stem.weight": (32, 3, 3, 3), "bn1.weight": (32,), "classifier.weight": (1000, 1280)},
    "ViT": {"cls_token": (1, 1, 768), "patch_embed.proj.weight": (768, 3, 16, 16), "head.bias": (1000,)},
}


@pytest.mark.parametrize("name", OTHERS)
def test_weights_of_other_networks_are_told_to_come_as_onnx(name):
    """Although MobileNet and VGG share names, and VGG shapes, with AlexNet."""
    with pytest.raises(LungdbError, match=r"This is no ResNet or AlexNet: .*Export it as ONNX"):
        build_network(zeros(OTHERS[name]))
