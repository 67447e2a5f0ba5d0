"""Which kind of input a network has, told by the dimensions of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import onnx

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.networks.graphs.graph import describe, shape_of, single_input
from lungdb.networks.inputs import pictures, volumes

METADATA_KEY = "lungdb"
"""Key of an ONNX file's metadata_props under which it says of itself, as JSON, what `networks.details` has."""

Declared = Mapping[str, Any]
"""What is said of an input, as `lungdb.networks.inputs.declaring.read_declared` gives it."""


@dataclass(frozen=True)
class Kind:
    """A kind of input.

    Attributes
    ----------
    keys : frozenset of str
        What can be declared of it.
    arrange : (model, declared) -> None
        Brings the input, in place, into the order that is stored: channels first, their number fixed.
    sides : (model, declared) -> sizes
        What a network is tried with.
    details : (model, declared) -> dict
        What `networks.details` holds under `input`, but for its name.
    """

    keys: frozenset[str]
    arrange: Callable[[onnx.ModelProto, Declared], None]
    sides: Callable[[onnx.ModelProto, Declared], tuple[int, ...]]
    details: Callable[[onnx.ModelProto, Declared], dict[str, Any]]


_KINDS = {
    4: Kind(pictures.KEYS, pictures.arrange, pictures.sides, pictures.details),
    5: Kind(volumes.KEYS, volumes.arrange, volumes.sides, volumes.details),
}
"""By the dimensions of the input, the number of pictures among them."""


def kind_of(model: onnx.ModelProto, declared: Declared) -> Kind:
    """Find the kind of a network's input.

    Raises
    ------
    ProcedureError
        50104 when there is no such kind; 50101 when something is declared that its kind does not have.
    """
    dimensions = shape_of(single_input(model))
    kind = _KINDS.get(len(dimensions or ()))
    if kind is None:
        raise ProcedureError(
            ErrorNumber.OTHER_SHAPE,
            f"The network's input is {describe(dimensions)}. Use a network that takes float32[N, 3, rows, cols], "
            "float32[N, 1, rows, cols] or float32[N, channels, depth, rows, cols], or the same with the channels last.",
        )
    unknown = sorted(set(declared) - kind.keys)
    if unknown:
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"--input {unknown[0]} says nothing of a network that takes {describe(dimensions)}. Leave it out; what can "
            f"be said is {', '.join(sorted(kind.keys))}.",
        )
    return kind


def own_words(model: onnx.ModelProto) -> dict[str, Any]:
    """Read what a file says of itself under METADATA_KEY; empty where it says nothing that can be read."""
    for entry in model.metadata_props:
        if entry.key == METADATA_KEY:
            try:
                told = json.loads(entry.value)
            except (ValueError, RecursionError):
                return {}
            return told if isinstance(told, dict) else {}
    return {}
