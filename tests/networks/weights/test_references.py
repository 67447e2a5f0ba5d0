"""Networks built from weights files compute what PyTorch, transformers and timm compute from the same weights."""

import numpy as np
import pytest

from lungdb.networks.architectures.alexnet import build_alexnet
from lungdb.networks.weights import build_network, read_weights


@pytest.mark.parametrize(
    ("file", "reference"),
    [
        ("resnet18_thin.safetensors", "resnet18_thin.reference.npz"),
        ("resnet18_thin.pth", "resnet18_thin.reference.npz"),
        ("resnet50_thin.safetensors", "resnet50_thin.reference.npz"),
        ("resnet50_thin.legacy.pth", "resnet50_thin.reference.npz"),
        ("alexnet_thin.safetensors", "alexnet_thin.reference_224.npz"),
        ("transformers_basic.safetensors", "transformers_basic.reference.npz"),
        ("transformers_bottleneck.safetensors", "transformers_bottleneck.reference.npz"),
        ("timm_basic.pth", "timm_basic.reference.npz"),
    ],
)
def test_a_file_gives_what_its_library_computes(data, compute, assert_close, file, reference):
    """Every tensor that the reference has: logits, penultimate, spatial means of stages."""
    model, architecture = build_network(read_weights(data / file))
    assert architecture is None
    expected = dict(np.load(data / reference))
    assert {"logits", "penultimate"} <= expected.keys()
    names = {name: name.removesuffix("_mean") for name in expected}
    found = compute(model, list(names.values()), np.load(data / "input_224.npy"))
    for name, tensor in names.items():
        values = found[tensor].mean((2, 3)) if name.endswith("_mean") else found[tensor]
        assert_close(values, expected[name])


def test_alexnet_gives_what_pytorch_computes_at_227(data, compute, assert_close):
    """The size of the original Caffe form."""
    model = build_alexnet(read_weights(data / "alexnet_thin.safetensors"), size=227)
    expected = dict(np.load(data / "alexnet_thin.reference_227.npz"))
    found = compute(model, list(expected), np.load(data / "input_227.npy"))
    assert {"logits", "penultimate"} <= expected.keys()
    for name, values in expected.items():
        assert_close(found[name], values)


@pytest.mark.parametrize("size", [63, 100, 200, 256, 448])
def test_alexnet_averages_to_its_grid_as_pytorch_does(data, compute, assert_close, size):
    """Last maps of 1, 2, 5, 7 and 13 rows: PyTorch's windows repeat, overlap, or differ in size."""
    picture = np.tile(np.load(data / "input_227.npy")[:1], (1, 1, 2, 2))[:, :, :size, :size]
    model = build_alexnet(read_weights(data / "alexnet_thin.safetensors"), size=size)
    found = compute(model, ["avgpool", "logits"], np.ascontiguousarray(picture))
    with np.load(data / "alexnet_thin.reference_sizes.npz") as expected:
        assert_close(found["avgpool"][:, ::8], expected[f"features_{size}"])
        assert_close(found["logits"], expected[f"logits_{size}"])
