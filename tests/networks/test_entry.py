"""What is recorded about a network is what its file says."""

import json

import pytest

from lungdb.errors import LungdbError, ProcedureError
from lungdb.networks.architectures.resnet import build_resnet
from lungdb.networks.entry import network_details


def test_details_describe_a_resnet(thin):
    """Input, ImageNet's normalisation where the file says nothing, the layer under fc and its width."""
    weights, expected = thin
    details = network_details(build_resnet(weights), source_format="safetensors", source_sha256="ab")
    assert details == {
        "architecture": None,
        "source": {"format": "safetensors", "sha256": "ab"},
        "input": {"name": "input", "channels": 3, "height": 224, "width": 224, "channel_order": "rgb"},
        "normalisation": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
        "layers": {name: name for name in ("stem", "layer1", "layer2", "layer3", "layer4", "penultimate")},
        "penultimate": "penultimate",
        "width": expected["penultimate"].shape[1],
        "precision": "float32",
    }


def test_details_survive_json(make_network):
    """They are stored as text."""
    details = network_details(make_network().SerializeToString())
    assert json.loads(json.dumps(details)) == details


def test_a_networks_own_normalisation_is_taken(make_network):
    """From metadata_props under the key lungdb."""
    own = {"mean": [0.1, 0.2, 0.3], "std": [1, 2, 3]}
    model = make_network(metadata=json.dumps({"normalisation": own})).SerializeToString()
    assert network_details(model)["normalisation"] == own


@pytest.mark.parametrize(
    "metadata",
    ["", "[]", "{}", "3", '{"normalisation": null}', '{"normalisation": {"mean": [0, 0, 0]}}',
     '{"normalisation": {"mean": [0, 0, 0], "std": [1, 1, 0]}}', '{"normalisation": {"mean": [0, 0], "std": [1, 1]}}',
     '{"normalisation": {"mean": [0, 0, NaN], "std": [1, 1, 1]}}',
     '{"normalisation": {"mean": [0, 0, "0"], "std": [1, 1, 1]}}'],
)  # fmt: skip
def test_an_unusable_normalisation_is_refused(make_network, metadata):
    """A wrong scale would give wrong features without a word."""
    with pytest.raises(ProcedureError, match="normalisation") as caught:
        network_details(make_network(metadata=metadata).SerializeToString())
    assert caught.value.number == 50116


@pytest.mark.parametrize(
    ("shape", "sides"), [((3, 299, 299), (299, 299)), (("c", "h", "w"), (224, 224)), ((3, 64, 32), (64, 32))]
)
def test_the_input_size_is_recorded(make_network, shape, sides):
    """A fixed one as it is, a free one as the 224 that preprocessing makes."""
    entry = network_details(make_network(shape=shape).SerializeToString())["input"]
    assert (entry["channels"], entry["height"], entry["width"]) == (3, *sides)


@pytest.mark.parametrize(("shape", "asked"), [((3, 4097, 224), None), (("c", "h", "w"), 4097)])
def test_a_size_that_generate_features_would_refuse_is_refused_when_loading(make_network, shape, asked):
    """Neither the file nor the user may ask for pictures of more than 4096 rows or columns."""
    with pytest.raises(ProcedureError, match=r"4097 × .* at most 4096 × 4096") as caught:
        network_details(make_network(shape=shape).SerializeToString(), input_size=asked)
    assert caught.value.number == 50116


def test_a_network_that_takes_no_picture_is_refused(make_network):
    """The loader shows this message to the user."""
    with pytest.raises(LungdbError, match=r"float\[N, 2, 224, 224\].*Use a network that takes"):
        network_details(make_network(shape=(2, 224, 224)).SerializeToString())
