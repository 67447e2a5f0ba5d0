"""Weights are recognised as one of the five networks, whose real widths are built and run."""

import re

import numpy as np
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
