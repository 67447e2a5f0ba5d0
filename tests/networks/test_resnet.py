"""ResNets that we write compute what PyTorch computes from the same weights."""

import numpy as np
import onnx
import pytest

from lungdb.errors import LungdbError
from lungdb.networks.layers import select_layer
from lungdb.networks.resnet import build_resnet, random_resnet50
from lungdb.networks.sessions import open_session

# torch and ONNX Runtime add up in different order; values reach 30
TOLERANCE = {"rtol": 1e-4, "atol": 1e-4}


@pytest.mark.parametrize(
    ("layer", "reference"),
    [
        ("logits", "logits"),
        ("penultimate", "penultimate"),
        ("flatten", "penultimate"),
        ("layer3", "layer3_mean"),
        ("layer4", "layer4_mean"),
    ],
)
def test_a_layer_equals_what_pytorch_gives(thin, pictures, layer, reference):
    """ResNet-18 (basic blocks) and ResNet-50 (bottlenecks), every reference layer."""
    weights, expected = thin
    model, width = select_layer(build_resnet(weights), layer)
    onnx.checker.check_model(onnx.load_from_string(model), full_check=True)
    features = open_session(model, ["CPUExecutionProvider"]).run(pictures)
    assert features.shape == expected[reference].shape == (2, width)
    np.testing.assert_allclose(features, expected[reference], **TOLERANCE)


@pytest.mark.parametrize("thin", ["resnet50_thin"], indirect=True)
@pytest.mark.parametrize(("depths", "convolutions"), [((3, 4, 23, 3), 104), ((3, 8, 36, 3), 155)])
def test_depth_follows_from_the_weights(thin, depths, convolutions):
    """ResNet-101 has 104 convolutions, ResNet-152 has 155: 3 a block, 4 of them on shortcuts, 1 at the start."""
    weights = dict(thin[0])
    for stage, depth in enumerate(depths, start=1):
        for block in range(2, depth):
            for name in [name for name in weights if name.startswith(f"layer{stage}.1.")]:
                weights[name.replace(f"layer{stage}.1.", f"layer{stage}.{block}.")] = weights[name]
    graph = onnx.load_from_string(build_resnet(weights)).graph
    assert sum(node.op_type == "Conv" for node in graph.node) == convolutions


@pytest.mark.slow
def test_a_random_resnet50_has_the_real_width():
    """torchvision counts 25 557 032 weights, 53 120 of them scale and shift, of which folding leaves the shifts."""
    model = onnx.load_from_string(random_resnet50(1))
    assert sum(int(np.prod(weight.dims)) for weight in model.graph.initializer) == 25_557_032 - 53_120 // 2


@pytest.mark.slow
def test_a_random_resnet50_depends_on_its_seed_and_stays_in_range(pictures):
    """Same seed, same bytes; features that overflow or vanish would make the benchmark unreal."""
    model = random_resnet50(1)
    assert model == random_resnet50(1)
    assert model != random_resnet50(2)
    features = open_session(select_layer(model, "penultimate")[0]).run(pictures)
    assert features.shape == (2, 2048)
    assert 0.01 < features.std() < 100


def test_weights_that_make_no_resnet_are_refused(thin):
    """Missing, left over and misshapen weights are each named."""
    weights = thin[0]
    with pytest.raises(LungdbError, match=r"lack layer3\.0\.bn1\.running_var"):
        build_resnet({name: array for name, array in weights.items() if name != "layer3.0.bn1.running_var"})
    with pytest.raises(LungdbError, match=r"hold layer1\.0\.extra"):
        build_resnet({**weights, "layer1.0.extra": np.zeros(1, np.float32)})
    with pytest.raises(LungdbError, match=r"bn1\.bias has the shape \(3,\)"):
        build_resnet({**weights, "bn1.bias": np.zeros(3, np.float32)})
    with pytest.raises(LungdbError, match=r"fc\.weight has the shape"):
        build_resnet({**weights, "fc.weight": np.zeros((3, 3, 3), np.float32)})
    with pytest.raises(LungdbError, match=r"layer2\.0\.downsample\.0\.weight has the shape"):
        build_resnet({**weights, "layer2.0.downsample.0.weight": weights["layer2.0.downsample.0.weight"][:, 1:]})
    with pytest.raises(LungdbError, match=r"block layer2\.0 adds"):
        build_resnet({name: array for name, array in weights.items() if "layer2.0.downsample" not in name})
    with pytest.raises(LungdbError, match=r"conv1\.weight is a single number"):
        build_resnet({**weights, "conv1.weight": np.float32(1).reshape(())})
    with pytest.raises(LungdbError, match=r"lack conv1\.weight"):
        build_resnet({})
