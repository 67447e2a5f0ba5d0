"""Networks of volumes: float32[N, channels, depth, rows, cols], the same values in each channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import onnx

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.imaging.volumes.declared import read_input
from lungdb.networks.graphs.graph import Dimension, describe, network_input, shape_of, single_input
from lungdb.networks.inputs.arranging import put_channels_first

KEYS = frozenset({"channels", "layout", "size", "multiple", "spacing", "window", "orientation"})
"""What `--input` can say of volumes."""

MOST_CHANNELS = 4
MAX_SIDE = 1024
"""Slices, rows or columns of the tiles that a network may read."""

_TRIED = 64  # what sides that scans decide are tried with, at least
_NEEDED = {
    "spacing": "how far its voxels are apart: --input spacing=1,1,1 in millimetres (slices, rows, columns), or "
    "spacing=any to take volumes as they are",
    "window": "which Hounsfield units become 0 and 1: --input window=-1000,400, or window=any to leave them",
}


def arrange(model: onnx.ModelProto, declared: Mapping[str, Any]) -> None:
    """Put channels first, in place, and fix their number where it is declared; refuse what is not said and needed."""
    _check_said(declared)
    dimensions = shape_of(single_input(model)) or []
    last = declared.get("layout") == "last" if "layout" in declared else _are_last(dimensions)
    if last:
        put_channels_first(model)
    channels = network_input(model).type.tensor_type.shape.dim[1]
    told = declared.get("channels")
    if told is not None and channels.dim_value not in (0, told):
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"--input channels={told} is not what the network takes: {describe(dimensions)}. Leave it out.",
        )
    if not channels.dim_value and told is None:
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"The network takes {describe(dimensions)}, which says no number of channels. Write --input channels=1.",
        )
    channels.dim_value = channels.dim_value or told
    if channels.dim_value > MOST_CHANNELS:
        raise ProcedureError(
            ErrorNumber.OTHER_SHAPE,
            f"The network takes {describe(dimensions)}, volumes of {channels.dim_value} channels. Use one of 1 to "
            f"{MOST_CHANNELS}; where the channels come last, write --input layout=last.",
        )
    missing = [text for key, text in _NEEDED.items() if key not in declared]
    if missing:
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"The network takes volumes, {describe(dimensions)}, and its file does not say {', nor '.join(missing)}.",
        )


def _check_said(declared: Mapping[str, Any]) -> None:
    """Refuse what no volume can be; a file may say anything of itself, such as a multiple of a thousand million."""
    said = {key: declared[key] for key in ("spacing", "window", "orientation", "multiple") if key in declared}
    size = declared.get("size")
    is_of_pictures = size is None or (isinstance(size, list) and len(size) == 2)  # said to be so below
    read_input({"dimensions": 3, "size": [None] * 3 if is_of_pictures else size, **said})


def _are_last(dimensions: list[Dimension]) -> bool:
    few = range(1, MOST_CHANNELS + 1)
    return dimensions[4] in few and isinstance(dimensions[1], int) and dimensions[1] not in few


def sides(model: onnx.ModelProto, declared: Mapping[str, Any]) -> tuple[int, ...]:
    """Give the slices, rows and columns to try a network with: its own, those declared, or 64 where scans decide."""
    multiple = declared.get("multiple") or [1, 1, 1]
    found = zip(_sizes(model, declared), multiple, strict=True)
    return tuple(-(-_TRIED // step) * step if side is None else side for side, step in found)


def details(model: onnx.ModelProto, declared: Mapping[str, Any]) -> dict[str, Any]:
    """Give what `lungdb.imaging.volumes.declared.VolumeInput` holds."""
    return {
        "dimensions": 3,
        "channels": int(network_input(model).type.tensor_type.shape.dim[1].dim_value),
        "size": _sizes(model, declared),
        "multiple": list(declared.get("multiple") or [1, 1, 1]),
        "spacing": declared["spacing"],
        "orientation": declared.get("orientation", "SPL"),
        "window": declared["window"],
    }


def _sizes(model: onnx.ModelProto, declared: Mapping[str, Any]) -> list[int | None]:
    """Give the sides of a tile, None where scans decide."""
    _check_said(declared)
    dimensions = shape_of(network_input(model)) or []
    own, told, multiple = dimensions[2:], declared.get("size"), declared.get("multiple") or [1, 1, 1]
    if told is None and not all(isinstance(side, int) for side in own):
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"The network takes volumes of any size, {describe(dimensions)}. Write what a tile of it is: --input "
            "size=96,96,96 (slices, rows, columns), or size=any,any,any to give it whole scans.",
        )
    told = told or [None, None, None]
    if len(told) != 3:
        raise ProcedureError(
            ErrorNumber.ARGUMENT, "--input size is not that of volumes. Write slices, rows, columns: size=96,96,96."
        )
    sizes = [side if isinstance(side, int) else other for side, other in zip(own, told, strict=True)]
    if any(other is not None and other != side for side, other in zip(sizes, told, strict=True)):
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"--input size={','.join(str(side) for side in told)} is not what the network takes: "
            f"{describe(dimensions)}. Leave it out.",
        )
    if max(side or 1 for side in sizes) > MAX_SIDE:
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            f"The network would read volumes of {' × '.join(str(side) for side in sizes)}. Sides of at most {MAX_SIDE} "
            "are supported; use smaller tiles.",
        )
    odd = [(s, m) for s, m, o in zip(sizes, multiple, own, strict=True) if s is not None and s % m and o != s]
    if odd:
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"--input size has {odd[0][0]}, no multiple of {odd[0][1]}. Write one that is.",
        )
    return sizes
