"""AlexNet as an ONNX graph, built from weights under torchvision's names.

The one-tower form of Krizhevsky, One weird trick for parallelizing convolutional neural networks, 2014, as torchvision
has it: no local response normalisation, an average to 6 × 6 before the dense layers, dropout left out because it does
nothing outside training. Widths follow from the weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError
from lungdb.imaging.preprocessing import CHANNELS, SIDE
from lungdb.networks.architectures.building import (
    GraphBuilder,
    Shapes,
    Weights,
    check_weights,
    common_width,
    random_values,
)

_CLASSES = 1000  # of ImageNet
_GRID = 6  # rows and columns that the dense layers see
_POOL = 3  # side of the max-pools, stride 2
_SMALLEST = 63  # the smallest picture that leaves a cell after the third max-pool

# name in the weights, side, stride, padding, max-pool after it
_CONVOLUTIONS = (
    ("features.0", 11, 4, 2, True),
    ("features.3", 5, 1, 2, True),
    ("features.6", 3, 1, 1, False),
    ("features.8", 3, 1, 1, False),
    ("features.10", 3, 1, 1, True),
)
_OF_FOUR = 4
_DENSE = ("classifier.1", "classifier.4", "classifier.6")


@dataclass(frozen=True)
class AlexnetLayout:
    """Widths of an AlexNet: channels of its five convolutions, values of its three dense layers, classes last."""

    channels: tuple[int, ...] = (64, 192, 384, 256, 256)
    values: tuple[int, ...] = (4096, 4096, _CLASSES)

    def shapes(self) -> Shapes:
        """Give name and shape of every weight."""
        shapes: Shapes = {}
        inputs = CHANNELS
        for (name, side, *_), outputs in zip(_CONVOLUTIONS, self.channels, strict=True):
            shapes |= {f"{name}.weight": (outputs, inputs, side, side), f"{name}.bias": (outputs,)}
            inputs = outputs
        inputs *= _GRID * _GRID
        for name, outputs in zip(_DENSE, self.values, strict=True):
            shapes |= {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}
            inputs = outputs
        return shapes


ALEXNET = AlexnetLayout()
"""torchvision's `alexnet` (torchvision/models/alexnet.py)."""


def alexnet_layout(weights: Weights) -> AlexnetLayout:
    """Work out the widths of the AlexNet that weights belong to."""

    def widths(names: tuple[str, ...], usual: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(
            common_width(weights, (f"{name}.weight", f"{name}.bias"), otherwise)
            for name, otherwise in zip(names, usual, strict=True)
        )

    return AlexnetLayout(
        widths(tuple(name for name, *_ in _CONVOLUTIONS), ALEXNET.channels), widths(_DENSE, ALEXNET.values)
    )


def is_like_alexnet(weights: Weights) -> bool:
    """Tell whether at most a quarter of an AlexNet's weights are missing or of another shape; VGG has half of them."""
    expected = alexnet_layout(weights).shapes()
    fitting = sum(name in weights and weights[name].shape == shape for name, shape in expected.items())
    return _OF_FOUR * fitting >= (_OF_FOUR - 1) * len(expected)


def build_alexnet(weights: Weights, size: int = SIDE) -> bytes:
    """Write an AlexNet as ONNX.

    Parameters
    ----------
    weights : mapping of name to float32 array
        A state dict as torchvision's AlexNet has it: `features.0.weight`, …, `classifier.6.bias`.
    size : int
        Rows and columns of the input, 63 or more. At 224 and 227 the average to 6 × 6 has nothing to do.

    Returns
    -------
    bytes
        Input `input`, float32[N, 3, size, size]; output `logits`. The tensors `conv1` to `conv5` and `fc6` (after their
        ReLU), `avgpool` and `penultimate`, float32[N, width], are the layers to ask for.

    Raises
    ------
    LungdbError
        Listing all weights that are missing, left over, of a shape that does not fit, or not finite; or when the size
        is too small.
    """
    if size < _SMALLEST:
        raise LungdbError(f"A picture of {size} × {size} is too small for an AlexNet. Use {_SMALLEST} or more.")
    layout = alexnet_layout(weights)
    check_weights(weights, layout.shapes(), "an AlexNet")
    builder = GraphBuilder(weights)
    tensor, side = "input", size
    for number, (name, kernel, stride, pad, pooled) in enumerate(_CONVOLUTIONS, start=1):
        tensor = builder.convolution(tensor, name, f"conv{number}", stride=stride, pad=pad)
        side = (side + 2 * pad - kernel) // stride + 1
        if pooled:
            tensor = builder.add("MaxPool", [tensor], f"pool{number}", kernel_shape=[_POOL] * 2, strides=[2, 2])
            side = (side - _POOL) // 2 + 1
    tensor = _average_to_grid(builder, tensor, side)
    tensor = builder.add("Flatten", [tensor], "flatten", axis=1)
    for dense, output in zip(_DENSE, ("fc6", "penultimate"), strict=False):
        tensor = builder.add("Relu", [builder.dense(tensor, dense, dense)], output)
    return builder.finish("alexnet", size, builder.dense(tensor, _DENSE[-1], "logits"), layout.values[-1])


def random_alexnet(layout: AlexnetLayout, seed: int) -> dict[str, NDArray[np.float32]]:
    """Make random weights."""
    return random_values(layout.shapes(), seed)


def _average_to_grid(builder: GraphBuilder, tensor: str, side: int) -> str:
    """Average [N, C, side, side] to 6 × 6 as torch.nn.AdaptiveAvgPool2d does.

    Cell i is the mean of the rows from floor(i · side / 6) to ceil((i + 1) · side / 6), columns likewise: windows of
    several sizes, which no pooling operator of ONNX has, so rows and columns are each averaged by a matrix.
    """
    if side == _GRID:
        return builder.add("Identity", [tensor], "avgpool")
    rows = np.zeros((_GRID, side))
    for cell in range(_GRID):
        first, end = cell * side // _GRID, -(-(cell + 1) * side // _GRID)
        rows[cell, first:end] = 1 / (end - first)
    left, right = builder.store("avgpool.rows", rows), builder.store("avgpool.cols", rows.T)
    return builder.add("MatMul", [left, builder.add("MatMul", [tensor, right], "avgpool.averaged_cols")], "avgpool")
