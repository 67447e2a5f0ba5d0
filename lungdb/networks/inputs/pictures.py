"""Networks of pictures: float32[N, 3, rows, cols] of three slices, float32[N, 1, rows, cols] of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import onnx

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.imaging.preprocessing import CHANNELS, SIDE
from lungdb.networks.graphs.graph import Dimension, describe, network_input, shape_of, single_input
from lungdb.networks.inputs.arranging import put_channels_first
from lungdb.networks.inputs.stored import MAX_SIDE

KEYS = frozenset({"channels", "layout", "size"})
"""What `--input` can say of pictures."""

_COUNTS = (1, CHANNELS)


def arrange(model: onnx.ModelProto, declared: Mapping[str, Any]) -> None:
    """Put channels first, in place, and fix their number where it is declared."""
    dimensions = shape_of(single_input(model)) or []
    told = declared.get("channels")
    if told is not None and told not in _COUNTS:
        raise ProcedureError(
            ErrorNumber.ARGUMENT, f"--input channels={told} is not supported. A network of pictures has 1 or 3."
        )
    last = declared.get("layout") == "last" if "layout" in declared else _are_last(dimensions)
    if last:
        put_channels_first(model)
    channels = network_input(model).type.tensor_type.shape.dim[1]
    if told is not None and channels.dim_value not in (0, told):
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"--input channels={told} is not what the network takes: {describe(shape_of(network_input(model)))}. "
            "Leave it out.",
        )
    if told is not None:
        channels.dim_value = told


def _are_last(dimensions: list[Dimension]) -> bool:
    return dimensions[3] in _COUNTS and dimensions[1] not in _COUNTS


def sides(model: onnx.ModelProto, declared: Mapping[str, Any]) -> tuple[int, ...]:
    """Give the rows and columns to try a network with: its own, those declared, or 224."""
    told = declared.get("size") or [SIDE, SIDE]
    if len(told) != 2 or None in told:
        raise ProcedureError(
            ErrorNumber.ARGUMENT, "--input size is not that of pictures. Write their rows and columns, as size=224,224."
        )
    own = (shape_of(network_input(model)) or [])[2:]
    found = tuple(side if isinstance(side, int) else other for side, other in zip(own, told, strict=True))
    if "size" in declared and found != tuple(told):
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"The network reads pictures of {found[0]} × {found[1]}. Load it without another input size.",
        )
    if max(found) > MAX_SIDE:
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"The network would read pictures of {found[0]} × {found[1]}. Use one of at most {MAX_SIDE} × {MAX_SIDE}.",
        )
    return found


def details(model: onnx.ModelProto, declared: Mapping[str, Any]) -> dict[str, Any]:
    """Give channels, height and width."""
    rows, cols = sides(model, declared)
    own = network_input(model).type.tensor_type.shape.dim[1].dim_value
    return {"channels": own or CHANNELS, "height": rows, "width": cols}
