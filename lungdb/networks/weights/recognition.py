"""Telling which network weights belong to, and building it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError
from lungdb.imaging.preprocessing import SIDE
from lungdb.networks.architectures.alexnet import (
    ALEXNET,
    alexnet_layout,
    build_alexnet,
    is_like_alexnet,
    random_alexnet,
)
from lungdb.networks.architectures.building import Weights
from lungdb.networks.architectures.resnet import RESNETS, build_resnet, random_resnet, resnet_layout
from lungdb.networks.weights.naming import to_torchvision_names
from lungdb.networks.wording import listed

_SHOWN = 3


def build_network(weights: Weights, size: int = SIDE) -> tuple[bytes, str | None]:
    """Write the network that weights belong to as ONNX.

    Parameters
    ----------
    weights : mapping of name to float32 array
        Under torchvision's names, timm's or Hugging Face transformers', below any common prefix, or numbered as the
        parts of an nn.Sequential. A ResNet may lack its classifier.
    size : int
        Rows and columns of the pictures that it is to read.

    Returns
    -------
    model : bytes
        As `build_resnet` or `build_alexnet` writes it.
    architecture : str or None
        `resnet18`, `resnet50`, `resnet101`, `resnet152` or `alexnet`, whatever the number of classes; None for
        other depths and widths.

    Raises
    ------
    LungdbError
        When the weights are neither a ResNet's nor an AlexNet's, or do not fit: the first that do not are listed.
    """
    renamed = to_torchvision_names(weights)
    if any(name.startswith(("conv1.", "layer1.", "layer2.")) for name in renamed):
        layout = replace(resnet_layout(renamed), classes=RESNETS["resnet50"].classes)
        return build_resnet(renamed, size), next((name for name, known in RESNETS.items() if known == layout), None)
    if is_like_alexnet(renamed):
        found = alexnet_layout(renamed)
        usual = replace(found, values=(*found.values[:-1], ALEXNET.values[-1]))
        return build_alexnet(renamed, size), "alexnet" if usual == ALEXNET else None
    raise LungdbError(f"This is no ResNet or AlexNet: {_beginning(weights)}. Export it as ONNX and load that.")


def random_weights(architecture: str, seed: int) -> dict[str, NDArray[np.float32]]:
    """Make random weights of a known network in torchvision's widths and names, for tests and measurements."""
    if architecture == "alexnet":
        return random_alexnet(ALEXNET, seed)
    return random_resnet(RESNETS[architecture], seed)


def _beginning(weights: Weights) -> str:
    if not weights:
        return "there are none"
    return f"its weights begin with {listed(list(weights)[:_SHOWN])}{', …' if len(weights) > _SHOWN else ''}"
