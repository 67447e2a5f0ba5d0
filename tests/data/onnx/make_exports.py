"""Write the files of this folder: tiny networks as torch.onnx exports them, and what PyTorch computes with them.

Needs torch and onnxscript. Run it in this folder.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

CLASSES = 5


def convolution(inputs: int, outputs: int, side: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolve and normalise."""
    layer = nn.Conv2d(inputs, outputs, side, stride, side // 2, groups=groups, bias=False)
    norm = nn.BatchNorm2d(outputs)
    for values, low, high in (
        (norm.weight, 0.5, 1.5), (norm.bias, -0.3, 0.3), (norm.running_mean, -0.3, 0.3), (norm.running_var, 0.5, 1.5),
    ):  # fmt: skip
        nn.init.uniform_(values, low, high)
    return nn.Sequential(layer, norm)


class Block(nn.Module):
    """A ResNet's basic block."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first, self.second = convolution(inputs, outputs, 3, stride), convolution(outputs, outputs, 3)
        self.shortcut = nn.Identity() if inputs == outputs else convolution(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Add what two convolutions give."""
        return functional.relu(self.second(functional.relu(self.first(x))) + self.shortcut(x))


class Inverted(nn.Module):
    """A MobileNetV2's block."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        wide = 2 * inputs
        self.layers = nn.Sequential(
            convolution(inputs, wide, 1), nn.ReLU6(), convolution(wide, wide, 3, stride, wide), nn.ReLU6(),
            convolution(wide, outputs, 1),
        )  # fmt: skip
        self.adds = inputs == outputs and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        """Add where nothing changes size."""
        return x + self.layers(x) if self.adds else self.layers(x)


class Fire(nn.Module):
    """A SqueezeNet's block."""

    def __init__(self) -> None:
        super().__init__()
        self.squeeze, self.one, self.three = nn.Conv2d(4, 3, 1), nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Join two convolutions of one."""
        x = functional.relu(self.squeeze(x))
        return torch.cat([functional.relu(self.one(x)), functional.relu(self.three(x))], 1)


class Tokens(nn.Module):
    """A vision transformer's first part: 16 patches and a class token."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 12, 16, 16)
        self.token = nn.Parameter(torch.randn(1, 1, 12))
        self.places = nn.Parameter(torch.randn(1, 17, 12))

    def forward(self, x: Tensor) -> Tensor:
        """Give [N, 17, 12]."""
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        return torch.cat([self.token.expand(x.shape[0], -1, -1), tokens], 1) + self.places


class Attention(nn.Module):
    """A vision transformer's block."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(12), nn.LayerNorm(12)])
        self.keys, self.out = nn.Linear(12, 36), nn.Linear(12, 12)
        self.dense = nn.Sequential(nn.Linear(12, 24), nn.GELU(), nn.Linear(24, 12))

    def forward(self, x: Tensor) -> Tensor:
        """Attend with three heads, then two dense layers."""
        keys = self.keys(self.norms[0](x)).reshape(x.shape[0], 17, 3, 3, 4)
        query, key, value = keys.permute(2, 0, 3, 1, 4).unbind(0)
        heads = functional.scaled_dot_product_attention(query, key, value)
        x = x + self.out(heads.transpose(1, 2).reshape(x.shape[0], 17, 12))
        return x + self.dense(self.norms[1](x))


class First(nn.Module):
    """Take the class token."""

    def forward(self, x: Tensor) -> Tensor:
        """Give [N, 12] of [N, 17, 12]."""
        return x[:, 0]


def resnet() -> tuple[nn.Sequential, dict[int, str]]:
    """Make a network, and tell its layers' names by their places."""
    network = nn.Sequential(
        convolution(3, 4, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
        Block(4, 4, 1), Block(4, 6, 2), Block(6, 8, 2), Block(8, 10, 2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(10, CLASSES),
    )  # fmt: skip
    return network, {2: "stem", 3: "layer1", 4: "layer2", 5: "layer3", 6: "layer4", 8: "penultimate"}


def alexnet() -> tuple[nn.Sequential, dict[int, str]]:
    """As torchvision's, a sixteenth as wide."""
    network = nn.Sequential(
        nn.Conv2d(3, 4, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(4, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(6, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.AdaptiveAvgPool2d(6), nn.Flatten(),
        nn.Dropout(), nn.Linear(288, 20), nn.ReLU(), nn.Dropout(), nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, CLASSES),
    )  # fmt: skip
    return network, {1: "conv1", 4: "conv2", 7: "conv3", 9: "conv4", 11: "conv5", 17: "fc6", 20: "penultimate"}


def mobilenet() -> tuple[nn.Sequential, dict[int, str]]:
    """As MobileNetV2."""
    network = nn.Sequential(
        convolution(3, 4, 3, 2), nn.ReLU6(), Inverted(4, 4, 1), Inverted(4, 6, 2), Inverted(6, 6, 1),
        Inverted(6, 8, 2), Inverted(8, 8, 1), convolution(8, 16, 1), nn.ReLU6(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(), nn.Linear(16, CLASSES),
    )  # fmt: skip
    return network, {10: "penultimate"}


def squeezenet() -> tuple[nn.Sequential, dict[int, str]]:
    """Classify with a convolution."""
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, 2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True), Fire(),
        nn.Dropout(), nn.Conv2d(8, CLASSES, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Softmax(1),
    )  # fmt: skip
    return network, {3: "penultimate"}


def transformer() -> tuple[nn.Sequential, dict[int, str]]:
    """As ViT."""
    network = nn.Sequential(Tokens(), Attention(), Attention(), nn.LayerNorm(12), First(), nn.Linear(12, CLASSES))
    return network, {4: "penultimate"}


def write(make: Callable[[], tuple[nn.Sequential, dict[int, str]]], size: int, *, dynamo: bool, free: bool) -> None:
    """Export a network, with a batch of 1 or a free one, and store what PyTorch computes of two pictures."""
    torch.manual_seed(1)
    network, layers = make()
    network.eval()
    x = torch.from_numpy(np.random.default_rng(4).random((2, 3, size, size), np.float32))
    found, seen = {}, x
    with torch.no_grad():
        for place, layer in enumerate(network):
            seen = layer(seen)
            if place in layers:
                found[layers[place]] = (seen.mean((2, 3)) if seen.ndim == 4 else seen).numpy().copy()
    exporter = "dynamo" if dynamo else "legacy"
    name = f"{make.__name__}_{exporter}{'' if free else '_one'}"
    np.savez(f"{name}.reference.npz", **found)
    options = {"dynamic_shapes": ({0: torch.export.Dim("batch")},)} if dynamo else {"dynamic_axes": {"x": {0: "batch"}}}
    torch.onnx.export(
        network, (x if free else x[:1],), f"{name}.onnx", dynamo=dynamo, external_data=False, input_names=["x"],
        **options if free else {},
    )  # fmt: skip


if __name__ == "__main__":
    write(resnet, 224, dynamo=True, free=False)
    write(resnet, 224, dynamo=False, free=True)
    write(alexnet, 256, dynamo=True, free=True)
    write(mobilenet, 224, dynamo=False, free=False)
    write(squeezenet, 64, dynamo=True, free=False)
    write(transformer, 64, dynamo=False, free=True)
    write(transformer, 64, dynamo=True, free=False)
