"""The catalog says of each network what its publisher says."""

import re

import numpy as np
import pytest

from lungdb.errors import LungdbError
from lungdb.networks.architectures.catalog import CATALOG, architecture


@pytest.mark.parametrize(
    ("name", "width"), [("resnet18", 512), ("resnet50", 2048), ("resnet101", 2048), ("resnet152", 2048)]
)
@pytest.mark.parametrize(("suffix", "order"), [("", "rgb"), ("-cntk", "bgr")])
def test_a_resnet_has_the_width_and_layers_of_its_paper(name, width, suffix, order):
    """He et al., table 1: 512 or 2048 channels after the fourth stage, pictures of 224."""
    found = architecture(name + suffix)
    assert (found.width, found.input_size, found.channel_order) == (width, 224, order)
    assert found.layers == ("stem", "layer1", "layer2", "layer3", "layer4", "penultimate")


@pytest.mark.parametrize(
    ("name", "size", "order"),
    [("alexnet", 224, "rgb"), ("alexnet-caffe", 227, "bgr"), ("alexnet-cntk", 227, "bgr")],
)
def test_an_alexnet_reads_its_own_size(name, size, order):
    """torchvision's reads 224, the one of Caffe 227; both end in 4096 values."""
    found = architecture(name)
    assert (found.input_size, found.channel_order, found.width) == (size, order, 4096)


@pytest.mark.parametrize(
    ("name", "grey", "expected"),
    [("resnet50-cntk", 114, (0, 0, 0)), ("resnet50-cntk", 255, (141, 141, 141)), ("alexnet-cntk", 200, (200,) * 3),
     ("alexnet-caffe", 104, (0, -13, -19))],
)  # fmt: skip
def test_pixels_become_what_the_published_scripts_feed(name, grey, expected):
    """CNTK's ResNets want a pixel of 0…255 less 114, its AlexNet the pixel, Caffe's the pixel less the mean."""
    normalisation = architecture(name).normalisation
    made = (grey / 255 - np.array(normalisation["mean"])) / np.array(normalisation["std"])
    np.testing.assert_allclose(made, expected, atol=1e-9)


def test_names_differ_and_addresses_are_https():
    """A name finds one network; nothing is fetched in the clear."""
    names = [known.name for known in CATALOG]
    assert len(set(names)) == len(names)
    for known in CATALOG:
        assert known.published
        for form, address in known.published:
            assert form in {"pytorch", "safetensors", "cntk", "onnx"}
            assert re.fullmatch(r"https://[\w.-]+/[\w./-]+\.(pth|safetensors|model|onnx|nupkg)", address)


def test_an_unknown_name_is_refused_with_near_ones():
    """The title and other case are understood, a slip of the finger is not guessed at."""
    assert architecture("ResNet-50") is architecture("RESNET50")
    with pytest.raises(LungdbError, match=r"no network 'resnet5'\. Did you mean resnet50"):
        architecture("resnet5")
    with pytest.raises(LungdbError, match="Known ones are resnet18, resnet50"):
        architecture("vgg")
