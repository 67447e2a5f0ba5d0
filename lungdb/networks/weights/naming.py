"""Parameter names of other libraries as torchvision's.

timm's ResNets are named as torchvision's. Hugging Face transformers' are named by their place in the modules of
transformers/models/resnet/modeling_resnet.py (`ResNetForImageClassification`). Both also have variants with another
structure, which are refused by name. What has no parameters cannot be told from them: timm's resnetaa and resnetblur
(pooling instead of strides) and transformers' `downsample_in_bottleneck` have the names and shapes of a plain ResNet,
and are taken for one.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError
from lungdb.networks.architectures.building import Weights

# What wrappers put before every name: DataParallel, Lightning and checkpoints, torch.compile.
_WRAPPERS = ("module.", "model.", "_orig_mod.")

_PART = r"(convolution|normalization)\.(\w+)"
_STEM = re.compile(rf"(?:resnet\.)?embedder\.embedder\.{_PART}")
_STEP = re.compile(rf"(?:resnet\.)?encoder\.stages\.(\d)\.layers\.(\d+)\.layer\.(\d)\.{_PART}")
_SHORTCUT = re.compile(rf"(?:resnet\.)?encoder\.stages\.(\d)\.layers\.(\d+)\.shortcut\.{_PART}")
_CLASSIFIER = re.compile(r"classifier\.1\.(weight|bias)")

_OTHER_STRUCTURES = {
    r"conv1\.[0-9]+\.": "a ResNet with a stem of three convolutions (timm's -c, -d, -s and -t variants)",
    r"layer\d\.\d+\.se\.": "a squeeze-and-excitation ResNet",
    r"layer\d\.\d+\.conv2\.(conv|fc1|radix)": "a ResNeSt or selective-kernel ResNet",
}


def to_torchvision_names(weights: Weights) -> dict[str, NDArray[np.float32]]:
    """Rename parameters as torchvision has them; names that are not known stay.

    Raises
    ------
    LungdbError
        When two parameters would get the same name, or the names are those of a structure that is not built.
    """
    names = _unwrapped(list(weights))
    if any(name.startswith(("embedder.", "resnet.")) for name in names.values()):
        names = {name: _from_transformers(inner) for name, inner in names.items()}
    for pattern, what in _OTHER_STRUCTURES.items():
        found = next((name for name in names.values() if re.match(pattern, name)), None)
        if found:
            raise LungdbError(
                f"The weights are those of {what}: they have {found!r}. Use a ResNet-18, 34, 50, 101 or 152 without "
                "such changes, or export the network as ONNX and load that."
            )
    if len(set(names.values())) < len(names):
        raise LungdbError("The weights have one parameter under two names. Save the state dict of one network.")
    return {names[name]: array for name, array in weights.items()}


def _unwrapped(given: list[str]) -> dict[str, str]:
    """Map names to what is left without prefixes that all of them have."""
    names = {name: name for name in given}
    while prefix := next((p for p in _WRAPPERS if names and all(n.startswith(p) for n in names.values())), None):
        names = {name: inner[len(prefix) :] for name, inner in names.items()}
    return names


def _from_transformers(name: str) -> str:
    if match := _STEM.fullmatch(name):
        kind, part = match.groups()
        return f"{'conv1' if kind == 'convolution' else 'bn1'}.{part}"
    if match := _STEP.fullmatch(name):
        stage, block, step, kind, part = match.groups()
        own = "conv" if kind == "convolution" else "bn"
        return f"layer{int(stage) + 1}.{block}.{own}{int(step) + 1}.{part}"
    if match := _SHORTCUT.fullmatch(name):
        stage, block, kind, part = match.groups()
        return f"layer{int(stage) + 1}.{block}.downsample.{0 if kind == 'convolution' else 1}.{part}"
    if match := _CLASSIFIER.fullmatch(name):
        return f"fc.{match[1]}"
    return name
