"""The pretrained networks that lungdb knows by name: what they read, what they give, and where they are published.

Sources of the constants, and what could not be confirmed:

- torchvision's five networks: input 224 × 224, RGB, ImageNet's mean and deviation, and the addresses, from
  torchvision.models (`ResNet*_Weights`, `AlexNet_Weights`). Hugging Face's `timm/resnet*.tv_in1k` hold the same.
- CNTK's ResNets: names and addresses from microsoft/CNTK, PretrainedModels/download_model.py and
  Examples/Image/Classification/ResNet/README.md; 224 × 224 from the training scripts beside it
  (BrainScript/ResNet152_ImageNet1K.cntk). They were trained on pixels of 0…255 in OpenCV's order (BGR) less the
  mean picture ImageNet1K_mean.xml, with no division. CNTK's own Examples/Image/TransferLearning/TransferLearning.py
  subtracts the one number 114 in its place, and so does this catalog. ResNet-18 is also in the NuGet package of
  ML.NET's featurizer, without its classifier and with the mean picture, which is kept.
- CNTK's AlexNet: BrainScript/AlexNet_ImageNet.cntk beside them, 227 × 227, BGR. It subtracts 114 inside the network.
- Caffe's AlexNet (bvlc_alexnet), which Microsoft published in CNTK's format: 227 × 227, BGR. It was trained with a mean
  picture, whose means by channel, 104, 117 and 123, Caffe's examples/00-classification.ipynb subtracts, and so
  does this catalog; CNTK's object detection examples subtracted 114.

Not confirmed: that www.cntk.ai still serves its files (CNTK is no longer maintained), that the package's address is
still right (NuGet's documented form of it), and that the converted Caffe network subtracts nothing itself.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lungdb.errors import LungdbError

IMAGENET: Mapping[str, Sequence[float]] = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
"""Mean and standard deviation of ImageNet's red, green and blue on 0…1, as torchvision's models expect them."""

LESS_114: Mapping[str, Sequence[float]] = {"mean": (114 / 255,) * 3, "std": (1 / 255,) * 3}
"""Pixels of 0…255 less 114, as CNTK's ResNets expect them."""

_LESS_CAFFE_MEAN = {"mean": (104 / 255, 117 / 255, 123 / 255), "std": (1 / 255,) * 3}
_AS_THEY_ARE = {"mean": (0.0,) * 3, "std": (1 / 255,) * 3}

STAGES = ("layer1", "layer2", "layer3", "layer4")
RESNET_LAYERS = ("stem", *STAGES, "penultimate")
ALEXNET_LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "penultimate")


@dataclass(frozen=True)
class Architecture:
    """A published network.

    Attributes
    ----------
    name : str
        What commands and `networks.details` call it.
    title : str
        What people call it.
    input_size : int
        Rows and columns of the pictures it was trained on.
    channel_order : str
        `rgb` or `bgr`.
    normalisation : mapping
        `mean` and `std` of three numbers each, on 0…1, in the network's channel order: the network reads
        (pixel / 255 - mean) / std.
    width : int
        Values of the penultimate layer.
    layers : tuple of str
        The useful layers, from the input on.
    published : tuple of (format, address)
        Where its weights are.
    """

    name: str
    title: str
    input_size: int
    channel_order: str
    normalisation: Mapping[str, Sequence[float]]
    width: int
    layers: tuple[str, ...]
    published: tuple[tuple[str, str], ...]


def _torchvision(name: str, title: str, width: int, digest: str) -> Architecture:
    published = (
        ("pytorch", f"https://download.pytorch.org/models/{name}-{digest}.pth"),
        ("safetensors", f"https://huggingface.co/timm/{name}.tv_in1k/resolve/main/model.safetensors"),
    )
    return Architecture(name, title, 224, "rgb", IMAGENET, width, RESNET_LAYERS, published)


def _cntk(depth: int, width: int, *addresses: str) -> Architecture:
    published = tuple(("cntk", f"https://www.cntk.ai/{address}") for address in addresses)
    return Architecture(
        f"resnet{depth}-cntk", f"ResNet-{depth} (CNTK)", 224, "bgr", LESS_114, width, RESNET_LAYERS, published
    )


CATALOG: tuple[Architecture, ...] = (
    _torchvision("resnet18", "ResNet-18", 512, "f37072fd"),
    _torchvision("resnet50", "ResNet-50", 2048, "0676ba61"),
    _torchvision("resnet101", "ResNet-101", 2048, "63fe2227"),
    _torchvision("resnet152", "ResNet-152", 2048, "394f9c45"),
    Architecture(
        "alexnet", "AlexNet", 224, "rgb", IMAGENET, 4096, ALEXNET_LAYERS,
        (("pytorch", "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"),),
    ),
    _cntk(18, 512, "Models/CNTK_Pretrained/ResNet18_ImageNet_CNTK.model", "resnet/ResNet_18.model"),
    _cntk(50, 2048, "Models/CNTK_Pretrained/ResNet50_ImageNet_CNTK.model"),
    _cntk(101, 2048, "Models/CNTK_Pretrained/ResNet101_ImageNet_CNTK.model"),
    _cntk(152, 2048, "Models/CNTK_Pretrained/ResNet152_ImageNet_CNTK.model", "resnet/ResNet_152.model"),
    Architecture(
        "alexnet-cntk", "AlexNet (CNTK)", 227, "bgr", _AS_THEY_ARE, 4096, ALEXNET_LAYERS,
        (("cntk", "https://www.cntk.ai/Models/CNTK_Pretrained/AlexNet_ImageNet_CNTK.model"),),
    ),
    Architecture(
        "alexnet-caffe", "AlexNet (Caffe)", 227, "bgr", _LESS_CAFFE_MEAN, 4096, ALEXNET_LAYERS,
        (("cntk", "https://www.cntk.ai/Models/Caffe_Converted/AlexNet_ImageNet_Caffe.model"),),
    ),
)  # fmt: skip


def architecture(name: str) -> Architecture:
    """Find a network of the catalog by its name or title; LungdbError with near names when there is none."""
    for known in CATALOG:
        if name.casefold() in (known.name, known.title.casefold()):
            return known
    names = [known.name for known in CATALOG]
    close = difflib.get_close_matches(name.casefold(), names, n=3)
    advice = f"Did you mean {' or '.join(close)}?" if close else f"Known ones are {', '.join(names)}."
    raise LungdbError(f"The catalog has no network {name!r}. {advice}")
