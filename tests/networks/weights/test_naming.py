"""Names of other libraries become torchvision's, and other structures are refused by name."""

import numpy as np
import pytest

from lungdb.errors import LungdbError
from lungdb.networks.weights import to_torchvision_names

ONE = np.ones(1, np.float32)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("resnet.embedder.embedder.convolution.weight", "conv1.weight"),
        ("resnet.embedder.embedder.normalization.running_var", "bn1.running_var"),
        ("resnet.encoder.stages.0.layers.2.layer.0.convolution.weight", "layer1.2.conv1.weight"),
        ("resnet.encoder.stages.3.layers.10.layer.2.normalization.bias", "layer4.10.bn3.bias"),
        ("resnet.encoder.stages.1.layers.0.shortcut.convolution.weight", "layer2.0.downsample.0.weight"),
        ("resnet.encoder.stages.1.layers.0.shortcut.normalization.weight", "layer2.0.downsample.1.weight"),
        ("encoder.stages.1.layers.0.shortcut.normalization.weight", "layer2.0.downsample.1.weight"),
        ("resnet.something.new", "resnet.something.new"),
    ],
)
def test_transformers_names_become_torchvisions(given, expected):
    """By modeling_resnet.py; a name that is not known stays, to be listed as left over."""
    names = to_torchvision_names({given: ONE, "classifier.1.bias": ONE, "embedder.x": ONE})
    assert list(names) == [expected, "fc.bias", "embedder.x"]


@pytest.mark.parametrize("prefix", ["", "module.", "model.", "_orig_mod.", "module._orig_mod.", "model.module."])
def test_prefixes_that_all_names_have_are_taken_off(prefix):
    """Of DataParallel, Lightning and torch.compile, in any order."""
    assert list(to_torchvision_names({f"{prefix}conv1.weight": ONE, f"{prefix}fc.bias": ONE})) == [
        "conv1.weight",
        "fc.bias",
    ]


def test_a_prefix_that_only_some_names_have_stays():
    """Taking it off could give two parameters one name."""
    assert list(to_torchvision_names({"module.a": ONE, "b": ONE})) == ["module.a", "b"]


def test_two_parameters_of_one_name_are_refused():
    """One in transformers' name, one in torchvision's."""
    with pytest.raises(LungdbError, match="one parameter under two names"):
        to_torchvision_names({"resnet.embedder.embedder.convolution.weight": ONE, "conv1.weight": ONE})


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("conv1.0.weight", "stem of three convolutions"),
        ("layer1.0.se.fc1.weight", "squeeze-and-excitation"),
        ("layer1.0.se.conv.weight", "squeeze-and-excitation"),
        ("layer1.0.conv2.conv.weight", "selective-kernel"),
        ("layer1.0.conv2.fc1.weight", "ResNeSt"),
    ],
)
def test_a_variant_of_timm_is_refused_by_what_it_is(name, what):
    """Names of resnet50d, seresnet50, ecaresnet50, skresnet18 and resnest50 in timm 1.0.31."""
    with pytest.raises(LungdbError, match=f"{what}.*'{name}'"):
        to_torchvision_names({"bn1.weight": ONE, name: ONE})
