"""Parameter names of other libraries as torchvision's.

timm's ResNets are named as torchvision's. Hugging Face transformers' are named by their place in the modules of
transformers/models/resnet/modeling_resnet.py (`ResNetForImageClassification`). Both also have variants with another
structure, which are refused by name. Detectors and self-supervision keep a ResNet under a name of their own
(`backbone.`), and what takes one apart with `nn.Sequential(*resnet.children())` numbers its parts. What has no
parameters cannot be told from them: timm's resnetaa and resnetblur (pooling instead of strides) and transformers'
`downsample_in_bottleneck` have the names and shapes of a plain ResNet, and are taken for one.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError
from lungdb.networks.architectures.building import Weights

_NUMBERED = re.compile(r"(\d{1,2})\.(.+)")
_NUMBERED_BLOCK = re.compile(r"(\d{1,2})\.0\.conv1\.weight")
_FIRST_BLOCK = re.compile(r"(?:(.*\.)|)(?:layer1|4)\.0\.conv1\.weight")
_PARTS = re.compile(r"(?:conv1|bn1|layer[1-4]|fc|\d{1,2})\.")
_STAGES = 4
_CLASSIFIER_PARTS = {"weight", "bias"}

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
    names = _from_backbone(names)
    names = _from_sequential(names)
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
    """Map names to what is left without the part that all of them begin with: a wrapper's, or an attribute's."""
    names = {name: name for name in given}
    while len(names) > 1 and len(firsts := {inner.partition(".")[::2] for inner in names.values()}) == len(names):
        if len({first for first, _ in firsts}) > 1 or not all(rest for _, rest in firsts):
            break
        names = {name: inner.partition(".")[2] for name, inner in names.items()}
    return names


def _from_backbone(names: dict[str, str]) -> dict[str, str]:
    """Take a ResNet out of a prefix that all names have but one dense layer's, which is its classifier then."""
    inner = list(names.values())
    prefixes = {match[1] or "" for name in inner if (match := _FIRST_BLOCK.fullmatch(name))}
    if len(prefixes) != 1:
        return names
    prefix = prefixes.pop()
    others = [name for name in inner if not (name.startswith(prefix) and _PARTS.match(name, len(prefix)))]
    owners = {name.rpartition(".")[0] for name in others}
    is_classifier = {name.rpartition(".")[2] for name in others} == _CLASSIFIER_PARTS and len(owners) == 1
    if others and (not is_classifier or any(name.startswith(f"{prefix}fc.") for name in inner)):
        return names
    return {
        name: f"fc.{text.rpartition('.')[2]}" if text in others else text[len(prefix) :] for name, text in names.items()
    }


def _from_sequential(names: dict[str, str]) -> dict[str, str]:
    """Name the parts of a ResNet that are numbered: convolution, normalisation, four stages, perhaps a classifier."""
    stages = sorted({int(match[1]) for name in names.values() if (match := _NUMBERED_BLOCK.fullmatch(name))})
    if len(stages) != _STAGES or not {"0.weight", "1.running_mean"} <= set(names.values()):
        return names
    parts = {0: "conv1", 1: "bn1", **{number: f"layer{stage + 1}" for stage, number in enumerate(stages)}}

    def renamed(name: str) -> str:
        match = _NUMBERED.fullmatch(name)
        if not match:
            return name
        number = int(match[1])
        if number > stages[-1] and match[2] in _CLASSIFIER_PARTS:
            return f"fc.{match[2]}"
        return f"{parts[number]}.{match[2]}" if number in parts else name

    return {name: renamed(inner) for name, inner in names.items()}


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
