"""ResNet as an ONNX graph, built from weights under torchvision's names.

He et al., Deep Residual Learning for Image Recognition, 2015, with the stride of a bottleneck in its 3 × 3
convolution, as torchvision has it. Depth, kind of block and widths follow from the weights, so ResNet-18, 34, 50, 101
and 152 of any width are built by the same code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from lungdb.imaging.preprocessing import CHANNELS, SIDE
from lungdb.networks.architectures.building import (
    NORM_PARTS,
    GraphBuilder,
    Shapes,
    Weights,
    check_weights,
    common_width,
    random_values,
)

STAGES = ("layer1", "layer2", "layer3", "layer4")

_CLASSES = 1000  # of ImageNet
_IN_BLOCK = re.compile(r"layer([1-4])\.(0|[1-9]\d?)\.")


@dataclass(frozen=True)
class Convolution:
    """A square convolution without bias, and the batch normalisation after it, by their names in the weights."""

    name: str
    norm: str
    inputs: int
    outputs: int
    side: int
    stride: int = 1

    def shapes(self) -> Shapes:
        """Give the shapes of its weights."""
        kernel = {f"{self.name}.weight": (self.outputs, self.inputs, self.side, self.side)}
        return {**kernel, **{f"{self.norm}.{part}": (self.outputs,) for part in NORM_PARTS}}


@dataclass(frozen=True)
class Block:
    """A residual block.

    Attributes
    ----------
    name, output : str
        `layer2.0`, and the tensor that it gives: the last block of a stage gives `layer2`.
    steps : tuple of Convolution
        Two, or the three of a bottleneck.
    shortcut : Convolution or None
        What makes the kept input fit where stride or width change.
    """

    name: str
    output: str
    steps: tuple[Convolution, ...]
    shortcut: Convolution | None


@dataclass(frozen=True)
class ResnetLayout:
    """What tells one ResNet from another.

    Attributes
    ----------
    bottleneck : bool
        Whether blocks are 1 × 1, 3 × 3, 1 × 1 rather than 3 × 3 twice.
    depths : (int, int, int, int)
        Blocks of each stage.
    stem : int
        Channels of the first convolution.
    inner, outer : (int, int, int, int)
        Channels inside the blocks of each stage, and channels that these give.
    classes : int
        Values of the classifying layer; 0 when there is none.
    """

    bottleneck: bool
    depths: tuple[int, ...]
    stem: int = 64
    inner: tuple[int, ...] = (64, 128, 256, 512)
    outer: tuple[int, ...] = (256, 512, 1024, 2048)
    classes: int = _CLASSES

    def first(self) -> Convolution:
        """Give the convolution of the stem."""
        return Convolution("conv1", "bn1", CHANNELS, self.stem, 7, stride=2)

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks in the order of computing."""
        inputs = self.stem
        for stage, depth, inner, outer in zip(STAGES, self.depths, self.inner, self.outer, strict=True):
            for number in range(depth):
                name = f"{stage}.{number}"
                stride = 2 if number == 0 and stage != STAGES[0] else 1
                plan: tuple[tuple[int, int, int, int], ...]
                if self.bottleneck:
                    plan = ((inputs, inner, 1, 1), (inner, inner, 3, stride), (inner, outer, 1, 1))
                else:
                    plan = ((inputs, inner, 3, stride), (inner, outer, 3, 1))
                steps = tuple(
                    Convolution(f"{name}.conv{step}", f"{name}.bn{step}", *sizes)
                    for step, sizes in enumerate(plan, start=1)
                )
                shortcut = None
                if stride != 1 or inputs != outer:
                    shortcut = Convolution(f"{name}.downsample.0", f"{name}.downsample.1", inputs, outer, 1, stride)
                yield Block(name, stage if number == depth - 1 else name, steps, shortcut)
                inputs = outer

    def shapes(self) -> Shapes:
        """Give name and shape of every weight, counters of batch normalisation left out."""
        convolutions = [self.first()]
        for block in self.blocks():
            convolutions += [*block.steps, *([block.shortcut] if block.shortcut else [])]
        shapes = dict(chain.from_iterable(convolution.shapes().items() for convolution in convolutions))
        dense: Shapes = {"fc.weight": (self.classes, self.outer[-1]), "fc.bias": (self.classes,)}
        return {**shapes, **dense} if self.classes else shapes

    def title(self) -> str:
        """Say what it is, by the number of layers as the paper counts them."""
        layers = 2 + (3 if self.bottleneck else 2) * sum(self.depths)
        return f"a ResNet-{layers}"


_BASIC_WIDTHS = (64, 128, 256, 512)

RESNETS = {
    "resnet18": ResnetLayout(False, (2, 2, 2, 2), outer=_BASIC_WIDTHS),
    "resnet50": ResnetLayout(True, (3, 4, 6, 3)),
    "resnet101": ResnetLayout(True, (3, 4, 23, 3)),
    "resnet152": ResnetLayout(True, (3, 8, 36, 3)),
}
"""Layouts of torchvision's networks of these names (torchvision/models/resnet.py)."""


def resnet_layout(weights: Weights) -> ResnetLayout:
    """Work out which ResNet weights belong to; where they contradict each other, what most of them say."""
    numbers: list[set[int]] = [set() for _ in STAGES]
    for name in weights:
        if inside := _IN_BLOCK.match(name):
            numbers[int(inside[1]) - 1].add(int(inside[2]))
    depths = tuple(1 + max(found, default=0) for found in numbers)
    blocks = [[f"{stage}.{number}" for number in range(depth)] for stage, depth in zip(STAGES, depths, strict=True)]
    third = sum(f"{name}.conv3.weight" in weights for name in chain.from_iterable(blocks))
    bottleneck = 2 * third > sum(depths)
    last = 3 if bottleneck else 2
    stem = common_width(weights, _named("conv1", "bn1"), 64)
    inner: list[int] = []
    outer: list[int] = []
    for names in blocks:
        inner.append(_width_of_step(weights, names, 1, 2 * inner[-1] if inner else stem))
        outer.append(_width_of_step(weights, names, last, 2 * outer[-1] if outer else stem))
    dense = ("fc.weight", "fc.bias")
    has_classifier = not weights or any(name in weights for name in dense)
    classes = common_width(weights, dense, _CLASSES) if has_classifier else 0
    return ResnetLayout(bottleneck, depths, stem, tuple(inner), tuple(outer), classes)


def build_resnet(weights: Weights, size: int = SIDE) -> bytes:
    """Write a ResNet as ONNX.

    Parameters
    ----------
    weights : mapping of name to float32 array
        A state dict as torchvision's ResNets have it: `conv1.weight`, `bn1.running_mean`, `layer1.0.conv1.weight`,
        `layer2.0.downsample.0.weight`, `fc.bias`, …; without `fc` the network ends in its features.
    size : int
        Rows and columns of the input.

    Returns
    -------
    bytes
        Input `input`, float32[N, 3, size, size]; output `logits`, or `penultimate` without a classifier. The tensors
        `stem` (after the max-pool), `layer1`, `layer2`, `layer3`, `layer4`, `avgpool` and `penultimate`, float32[N,
        width], are the layers to ask for; the others have the names of torchvision's modules. Batch normalisation is
        folded into the convolutions.

    Raises
    ------
    LungdbError
        Listing weights that are missing, left over, of a shape that does not fit, or not finite.
    """
    layout = resnet_layout(weights)
    check_weights(weights, layout.shapes(), layout.title())
    builder = GraphBuilder(weights)
    tensor = _convolve(builder, "input", layout.first(), relu=True)
    pool = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}
    tensor = builder.add("MaxPool", [tensor], "stem", name="maxpool", **pool)
    for block in layout.blocks():
        kept = _convolve(builder, tensor, block.shortcut, relu=False) if block.shortcut else tensor
        for step in block.steps:
            tensor = _convolve(builder, tensor, step, relu=step is not block.steps[-1])
        tensor = builder.add("Relu", [builder.add("Add", [tensor, kept], f"{block.name}.add")], block.output)
    tensor = builder.add("GlobalAveragePool", [tensor], "avgpool")
    tensor = builder.add("Flatten", [tensor], "penultimate", name="flatten", axis=1)
    if not layout.classes:
        return builder.finish("resnet", size, tensor, layout.outer[-1])
    return builder.finish("resnet", size, builder.dense(tensor, "fc", "logits"), layout.classes)


def random_resnet(layout: ResnetLayout, seed: int) -> dict[str, NDArray[np.float32]]:
    """Make random weights that keep features in float32's comfort: each branch adds a quarter of what it carries."""
    weights = random_values(layout.shapes(), seed)
    for block in layout.blocks():
        weights[f"{block.steps[-1].norm}.weight"] /= 4
    return weights


def random_resnet50(seed: int) -> bytes:
    """Write a ResNet-50 of torchvision's widths (25.6 million weights) with random weights, as ONNX."""
    return build_resnet(random_resnet(RESNETS["resnet50"], seed))


def _convolve(builder: GraphBuilder, tensor: str, convolution: Convolution, *, relu: bool) -> str:
    return builder.normalised_convolution(
        tensor, convolution.name, convolution.norm, stride=convolution.stride, relu=relu
    )


def _width_of_step(weights: Weights, blocks: list[str], step: int, otherwise: int) -> int:
    names = chain.from_iterable(_named(f"{block}.conv{step}", f"{block}.bn{step}") for block in blocks)
    return common_width(weights, names, otherwise)


def _named(conv: str, norm: str) -> tuple[str, ...]:
    return (f"{conv}.weight", *(f"{norm}.{part}" for part in NORM_PARTS))
