"""What a step of a volume's preprocessing is, and what it works on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError
from lungdb.imaging.steps.registry import AIR, Arguments
from lungdb.imaging.volumes.declared import VolumeInput
from lungdb.imaging.volumes.geometry import Geometry

MOST_VOXELS = 2**29
"""Voxels of a prepared volume at most: 2 GB of float32, twice a scan of 1,000 slices of 512 × 512."""

Values = NDArray[Any]
"""int16 or float32[slices, rows, cols]."""

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Scan:
    """A volume on its way through the steps.

    Attributes
    ----------
    values : int16 or float32[slices, rows, cols]
        Hounsfield units, until a step makes something else of them.
    geometry : Geometry
    wanted : VolumeInput
        What the network declares.
    air : float
        What −1024 HU have become: what lies outside the scan is filled with.
    lungs : bool[slices, rows, cols] or None
        Where the lungs lie, once a step has found them.
    is_own : bool
        Whether a step made the values, so that the next may write into them.
    """

    values: Values
    geometry: Geometry
    wanted: VolumeInput
    air: float = AIR
    lungs: NDArray[np.bool_] | None = None
    is_own: bool = False

    def floats(self) -> NDArray[np.float32]:
        """Give values that may be written into: the scan's own where a step made them, else a copy."""
        if self.is_own and self.values.dtype == np.float32:
            return self.values
        return self.values.astype(np.float32)


@dataclass(frozen=True)
class VolumeStep:
    """A kind of step.

    Attributes
    ----------
    check : Arguments -> None
        Reads the arguments, with their defaults; LungdbError for what it cannot work with.
    apply : (Scan, mapping) -> Scan
        Does it, with the arguments as they were read. LungdbError fails the scan.
    needs_hu : bool
        Whether it works on Hounsfield units only.
    keeps_hu : bool
        Whether Hounsfield units are still such after it.
    is_last : bool
        Whether nothing may follow it.
    version : int
        Counted up with every change of what `apply` gives.
    """

    check: Callable[[Arguments], None]
    apply: Callable[[Scan, Mapping[str, Any]], Scan]
    needs_hu: bool = False
    keeps_hu: bool = True
    is_last: bool = False
    version: int = 1


def check_voxels(shape: tuple[int, ...], what: str) -> None:
    """Refuse more voxels than are held in memory at once with LungdbError."""
    voxels = 1
    for side in shape:
        voxels *= side
    if voxels > MOST_VOXELS:
        raise LungdbError(
            f"{what} has {' × '.join(map(str, shape))} = {voxels:,} voxels, more than {MOST_VOXELS:,}. Resample to a "
            "wider spacing, or crop before."
        )
