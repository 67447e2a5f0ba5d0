"""The ResNets that we write have torchvision's parameters, and weights that do not fit are listed.

What they compute is compared with PyTorch in weights/test_references.py.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from lungdb.errors import LungdbError
from lungdb.networks.architectures.alexnet import ALEXNET
from lungdb.networks.architectures.catalog import architecture
from lungdb.networks.architectures.resnet import RESNETS, build_resnet, random_resnet50, resnet_layout
from lungdb.networks.weights import read_weights

DATA = Path(__file__).parents[1] / "data" / "networks"


@pytest.fixture(scope="module", params=["resnet18_thin", "resnet50_thin"])
def weights(request):
    """Weights of basic blocks and of bottlenecks."""
    return read_weights(DATA / f"{request.param}.safetensors")


@pytest.mark.parametrize("name", [*RESNETS, "alexnet"])
def test_a_known_network_has_torchvisions_parameters(name):
    """Names and shapes, by the digest taken from torchvision."""
    shapes = {"alexnet": ALEXNET, **RESNETS}[name].shapes()
    lines = sorted(f"{key} {list(shape)}" for key, shape in shapes.items())
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    expected = json.loads((DATA / "parameters.json").read_text())[name]
    assert {"names": len(lines), "sha256": digest} == expected


@pytest.mark.parametrize(("depths", "convolutions"), [((3, 4, 6, 3), 53), ((3, 4, 23, 3), 104), ((3, 8, 36, 3), 155)])
def test_depth_follows_from_the_weights(depths, convolutions):
    """ResNet-50, 101 and 152: 3 a block, 4 of them on shortcuts, 1 at the start."""
    weights = dict(read_weights(DATA / "resnet50_thin.safetensors"))
    for stage, depth in enumerate(depths, start=1):
        for block in range(2, depth):
            for name in [name for name in weights if name.startswith(f"layer{stage}.1.")]:
                weights[name.replace(f"layer{stage}.1.", f"layer{stage}.{block}.")] = weights[name]
    graph = onnx.load_from_string(build_resnet(weights)).graph
    assert sum(node.op_type == "Conv" for node in graph.node) == convolutions


def test_the_layers_of_the_catalog_are_tensors(weights):
    """By exactly its names, the stem after its max-pool; avgpool and logits besides."""
    graph = onnx.load_from_string(build_resnet(weights)).graph
    tensors = {output for node in graph.node for output in node.output}
    assert {*architecture("resnet50").layers, "avgpool", "logits"} <= tensors
    assert next(node for node in graph.node if "stem" in node.output).op_type == "MaxPool"


def test_everything_that_does_not_fit_is_listed_at_once(weights):
    """Missing, left over, misshapen and not finite parameters, in one message, and nothing else."""
    wrong = {name: array for name, array in weights.items() if name != "layer3.0.bn1.running_var"}
    wrong["layer1.0.extra"] = np.zeros(1, np.float32)
    wrong["bn1.bias"] = np.zeros(3, np.float32)
    wrong["conv1.weight"] = np.float32(1).reshape(())
    wrong["layer2.0.downsample.0.weight"] = wrong["layer2.0.downsample.0.weight"][:, 1:]
    wrong["layer4.0.bn1.bias"] = np.full_like(wrong["layer4.0.bn1.bias"], np.nan)
    with pytest.raises(LungdbError) as caught:
        build_resnet(wrong)
    message = str(caught.value)
    for problem in (
        "what does not fit (6)",
        "layer3.0.bn1.running_var is missing",
        "layer1.0.extra is left over",
        f"bn1.bias is 3 where {len(weights['bn1.bias'])} fits",
        "conv1.weight is a single number where",
        "layer2.0.downsample.0.weight is ",
        "layer4.0.bn1.bias holds infinity or NaN",
    ):
        assert problem in message


def test_a_missing_block_is_listed_by_its_parameters(weights):
    """Ten of its parameters and their number, where a later block shows that it must have been there."""
    wrong = {name: array for name, array in weights.items() if not name.startswith("layer2.0.")}
    with pytest.raises(LungdbError) as caught:
        build_resnet(wrong)
    lost = [name for name in weights if name.startswith("layer2.0.")]
    assert f"what does not fit ({len(lost)})" in str(caught.value)
    listed = [name for name in lost if f"{name} is missing" in str(caught.value)]
    assert len(listed) == min(len(lost), 10)


def test_a_long_list_is_cut_and_counted():
    """Ten are shown of the 62 that the smallest ResNet has."""
    with pytest.raises(LungdbError, match=r"what does not fit \(62\): .*; and 52 more\.") as caught:
        build_resnet({})
    assert str(caught.value).count(" is missing") == 10


def test_an_absurd_block_number_makes_no_long_list(weights):
    """It is one parameter left over, not a million missing."""
    with pytest.raises(LungdbError, match=r"what does not fit \(1\): layer1\.1000000\.conv1\.weight is left over"):
        build_resnet({**weights, "layer1.1000000.conv1.weight": np.zeros((1, 1, 1, 1), np.float32)})


def test_a_negative_variance_is_refused(weights):
    """Its root would make every feature NaN."""
    with pytest.raises(LungdbError, match=r"layer1\.0\.bn1\.running_var holds a negative variance"):
        build_resnet({**weights, "layer1.0.bn1.running_var": -weights["layer1.0.bn1.running_var"]})


def test_a_layout_is_what_most_of_the_weights_say():
    """One misshapen weight of a stage does not change what the others have to be."""
    weights = read_weights(DATA / "resnet50_thin.safetensors")
    layout = resnet_layout(weights)
    assert resnet_layout({**weights, "layer3.0.conv1.weight": np.zeros((1, 2, 3, 4), np.float32)}) == layout


@pytest.mark.slow
def test_a_random_resnet50_has_the_real_width():
    """torchvision counts 25 557 032 weights, 53 120 of them scale and shift, of which folding leaves the shifts."""
    model = onnx.load_from_string(random_resnet50(1))
    assert sum(int(np.prod(weight.dims)) for weight in model.graph.initializer) == 25_557_032 - 53_120 // 2


@pytest.mark.slow
def test_a_random_resnet50_depends_on_its_seed():
    """Same seed, same bytes."""
    model = random_resnet50(1)
    assert model == random_resnet50(1)
    assert model != random_resnet50(2)
