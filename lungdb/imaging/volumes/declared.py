"""What a network declares of the volumes that it reads."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError

ORIENTATIONS = tuple(
    "".join(letters) for axes in itertools.permutations(("LR", "PA", "SI")) for letters in itertools.product(*axes)
)
"""The 48 orientations: where slices, rows and columns rise to."""

MOST_SIDE = 4096
"""Voxels of a side of what a network reads at most."""


@dataclass(frozen=True)
class VolumeInput:
    """The input of a network that reads volumes, as `networks.details` has it under `input`.

    Attributes
    ----------
    channels : int
        The same values in each.
    size : (depth, rows, cols)
        Voxels; None where the network leaves an axis free.
    multiple : (int, int, int)
        What a free axis has to be a multiple of: 32 of a network that halves five times.
    spacing : (z, y, x) or None
        Millimetres from voxel to voxel; None takes volumes as they are.
    orientation : str
        Where indices rise to along the array's three axes, slices first: `SPL` is head, back, left, as scans are stored
        (DICOM's letters for the patient: L or R, P or A, S (head) or I).
    window : (low, high) or None
        Hounsfield units that become 0 and 1, cut off beyond; None leaves them as they are.
    """

    channels: int
    size: tuple[int | None, int | None, int | None]
    multiple: tuple[int, int, int] = (1, 1, 1)
    spacing: tuple[float, float, float] | None = None
    orientation: str = "SPL"
    window: tuple[float, float] | None = None


def read_input(details_input: Mapping[str, Any]) -> VolumeInput:
    """Read what `networks.details` has under `input` of a network that reads volumes.

    Raises
    ------
    ProcedureError
        50116 for what is wrong with it.
    """
    try:
        return _read(details_input)
    except LungdbError as error:
        raise ProcedureError(
            ErrorNumber.UNREADABLE, f"{error} Load the network again with its input as --input."
        ) from None


def _read(given: Mapping[str, Any]) -> VolumeInput:
    if given.get("dimensions") != 3:
        raise LungdbError(f"The network's input has {given.get('dimensions', 2)!r} dimensions where volumes have 3.")
    channels = given.get("channels", 1)
    if not _whole(channels) or channels < 1:
        raise LungdbError(f"The network's input has {channels!r} channels, which is no number of channels.")
    window = given.get("window")
    if window is not None:
        window = tuple(_numbers("window", window, 2, -32768))
        if window[0] >= window[1]:
            raise LungdbError(f"The window {list(window)} of the network's input does not rise.")
    orientation = given.get("orientation", "SPL")
    if orientation not in ORIENTATIONS:
        raise LungdbError(
            f"The orientation {orientation!r} of the network's input is none: it has one letter of L and R, one of P "
            "and A, one of S and I."
        )
    spacing = given.get("spacing")
    size = given.get("size")
    if not isinstance(size, (list, tuple)) or len(size) != 3:
        raise LungdbError(f"The size {size!r} of the network's input is no three numbers.")
    for side in size:
        if side is not None and not (_whole(side) and 1 <= side <= MOST_SIDE):
            raise LungdbError(
                f"The size {list(size)} of the network's input is none: sides are 1 to {MOST_SIDE}, or null."
            )
    multiple = _numbers("multiple", given.get("multiple") or (1, 1, 1), 3, 1)
    if not all(_whole(each) and each <= MOST_SIDE for each in multiple):
        raise LungdbError(f"The multiple {multiple} of the network's input are no whole numbers up to {MOST_SIDE}.")
    return VolumeInput(
        channels=channels,
        size=(size[0], size[1], size[2]),
        multiple=(multiple[0], multiple[1], multiple[2]),
        spacing=None if spacing is None else _spacing(spacing),
        orientation=orientation,
        window=window,
    )


def _spacing(given: Any) -> tuple[float, float, float]:
    z, y, x = (float(number) for number in _numbers("spacing", given, 3, 0.05))
    if max(z, y, x) > 50:
        raise LungdbError(f"The spacing {[z, y, x]} of the network's input is none: millimetres are 0.05 to 50.")
    return z, y, x


def _numbers(name: str, given: Any, count: int, low: float) -> list[Any]:
    items = list(given) if isinstance(given, (list, tuple)) else []
    if len(items) != count or not all(
        isinstance(item, (int, float)) and not isinstance(item, bool) and low <= item < math.inf for item in items
    ):
        raise LungdbError(f"The {name} {given!r} of the network's input is no list of {count} numbers from {low:g} up.")
    return items


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
