"""A package's image network, with the network that prepares its input put in front or told by the normalisation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from lungdb.errors import LungdbError
from lungdb.networks.graphs.external import attach_weights
from lungdb.networks.graphs.graph import image_input, read_model, refusing, shape_of
from lungdb.networks.packages.archive import read_networks
from lungdb.networks.packages.preparation import Preparation, is_preparation, read_preparation
from lungdb.networks.wording import listed, shortened

AS_LEVELS: dict[str, list[float]] = {"mean": [0.0] * 3, "std": [1 / 255] * 3}
"""The normalisation that gives levels of 0…255."""


@dataclass(frozen=True)
class Package:
    """What a package comes to.

    Attributes
    ----------
    model : bytes
        ONNX, what of the preparation is no normalisation in front.
    told : dict
        `normalisation` and `channel_order`, where the package says them.
    notes : tuple of str
        What was done, for people.
    """

    model: bytes
    told: dict[str, Any]
    notes: tuple[str, ...]


def read_package(content: bytes) -> Package:
    """Read a zip archive with one image network and, where there is one, the network that prepares its input.

    Parameters
    ----------
    content : bytes
        The archive. A network that prepares takes a picture of 0…255 in RGB and gives one of the same size.

    Raises
    ------
    LungdbError
        See `read_networks`; or it holds several image networks or none, or the two do not fit together.
    """
    files = read_networks(content)
    parsed = {name: _parsed(files, name) for name in files if name.lower().endswith(".onnx")}
    preparing = [name for name, model in parsed.items() if is_preparation(model)]
    others = [name for name in parsed if name not in preparing]
    if len(parsed) == 1:
        preparing, others = [], list(parsed)
    if len(others) != 1 or len(preparing) > 1:
        raise LungdbError(
            f"The package holds {len(others)} image networks and {len(preparing)} that prepare pictures: "
            f"{listed(parsed)}. Unpack it and load the one you want."
        )
    network = parsed[others[0]]
    name = shortened(PurePosixPath(others[0]).name)
    if not preparing:
        return Package(network.SerializeToString(), {}, (f"'{name}' of the package.",))
    inner = shortened(PurePosixPath(preparing[0]).name)
    if _picture(network)[1:] != _picture(parsed[preparing[0]])[1:]:
        raise LungdbError(f"'{inner}' of the package prepares other pictures than '{name}' reads. Unpack the package.")
    preparation = read_preparation(parsed[preparing[0]])
    model, told, what = _put_in_front(network, preparation)
    return Package(model, told, (f"'{name}' of the package, {what} '{inner}'.",))


def subtract_mean(model: bytes, mean: NDArray[np.float32]) -> bytes:
    """Subtract a mean picture, float32[3, rows, cols] on 0…255, from what a network reads; it then reads 0…255.

    Raises
    ------
    LungdbError
        The network reads pictures of another size.
    """
    with refusing("read"):
        parsed = read_model(model)
        sides = _picture(parsed)[2:]
        if any(isinstance(side, int) and side != wanted for side, wanted in zip(sides, mean.shape[1:], strict=True)):
            raise LungdbError(
                f"The mean file is a picture of {mean.shape[1]} × {mean.shape[2]}, and the network reads "
                f"{sides[0]} × {sides[1]}. Use the mean file of its size."
            )
        _subtract(parsed, mean)
        return bytes(parsed.SerializeToString())


def _parsed(files: dict[str, bytes], name: str) -> onnx.ModelProto:
    folder = PurePosixPath(name).parent

    def read(beside: str, offset: int, length: int | None) -> bytes:
        content = files.get(str(folder / beside))
        if content is None:
            raise LungdbError(f"The package lacks '{shortened(beside)}', which holds weights. Fetch it again.")
        end = len(content) if length is None else offset + length
        return content[offset:end]

    with refusing(f"read from '{shortened(name)}'"):
        model = onnx.load_from_string(files[name])
        attach_weights(model, read)
        return read_model(model.SerializeToString())


def _picture(model: onnx.ModelProto) -> list[Any]:
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    shape = shape_of(inputs[0]) if len(inputs) == 1 else None
    return shape if shape and len(shape) == 4 else [None] * 4


def _put_in_front(network: onnx.ModelProto, preparation: Preparation) -> tuple[bytes, dict[str, Any], str]:
    """Give the network, what its row is to say, and what became of the preparation."""
    if preparation.scale is None:
        joined = _join(preparation.model, network)
        return joined, {"normalisation": AS_LEVELS, "channel_order": "rgb"}, "behind all of"
    told: dict[str, Any] = {"channel_order": preparation.channel_order}
    std = [1 / (255 * scale) for scale in preparation.scale]
    shift = preparation.shift
    if np.ptp(shift, axis=(1, 2)).max() <= 1e-5 * np.abs(shift).max(initial=0):
        mean = [-float(each) * deviation for each, deviation in zip(shift.mean(axis=(1, 2)), std, strict=True)]
        told["normalisation"] = {"mean": mean, "std": std}
        return network.SerializeToString(), told, "normalised as in"
    told["normalisation"] = {"mean": [0.0] * 3, "std": std}
    _subtract(network, -shift)
    return network.SerializeToString(), told, "less the mean picture of"


def _subtract(model: onnx.ModelProto, mean: NDArray[np.float32]) -> None:
    """Put a subtraction behind the input, in place."""
    picture = image_input(model)
    taken = {text for node in model.graph.node for text in (*node.input, *node.output)}
    taken |= {tensor.name for tensor in model.graph.initializer}
    inner, constant = _free(f"{picture.name}_less_mean", taken), _free("mean_picture", taken)
    for node in model.graph.node:
        for position, text in enumerate(node.input):
            if text == picture.name:
                node.input[position] = inner
    for dimension, side in zip(picture.type.tensor_type.shape.dim[2:], mean.shape[1:], strict=True):
        dimension.dim_value = side
    model.graph.initializer.append(numpy_helper.from_array(np.asarray(mean, np.float32), constant))
    model.graph.node.insert(0, onnx.helper.make_node("Sub", [picture.name, constant], [inner]))


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _join(first: onnx.ModelProto, second: onnx.ModelProto) -> bytes:
    """Let the second network read what the first one gives."""
    versions = [entry.version for model in (first, second) for entry in model.opset_import if entry.domain in _STANDARD]
    if len(versions) != 2:
        raise LungdbError("The package's networks say no operator set. Fetch it again from its publisher.")
    version = max(first.ir_version, second.ir_version, _OLDEST_IR)
    first.ir_version = second.ir_version = version
    if versions[0] != versions[1]:
        first = onnx.version_converter.convert_version(first, versions[1])
        first.ir_version = version
    first = onnx.compose.add_prefix(first, "preparation_")
    del first.opset_import[:]
    first.opset_import.extend(second.opset_import)
    pair = (first.graph.output[0].name, image_input(second).name)
    joined = onnx.compose.merge_models(first, second, [pair], outputs=[value.name for value in second.graph.output])
    joined.producer_name = second.producer_name
    del joined.opset_import[:]
    joined.opset_import.extend(second.opset_import)
    return bytes(joined.SerializeToString())


_STANDARD = ("", "ai.onnx")
_OLDEST_IR = 4  # the first in which weights need not be inputs, which the converter of operator sets asks for
