"""Where the voxels of a volume lie in a patient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""float64[points, 3]: of voxels z, y, x; of places in a patient x, y, z in mm."""

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Geometry:
    """An affine map from voxels to DICOM's patient coordinates (LPS, millimetres).

    Attributes
    ----------
    origin : (x, y, z)
        Where the centre of the voxel (0, 0, 0) lies.
    steps : three of (x, y, z)
        The way from a voxel to the next along the axes of the array: to the next slice, row and column.
    """

    origin: Triple
    steps: tuple[Triple, Triple, Triple]

    @property
    def spacing(self) -> Triple:
        """Millimetres from a slice, a row and a column to the next."""
        z, y, x = (float(np.linalg.norm(step)) for step in self.steps)
        return z, y, x

    def to_patient(self, voxels: Points) -> Points:
        """Give the places of voxels, which may be fractions: float64[points, 3] of z, y, x to x, y, z."""
        places: Points = np.asarray(voxels, np.float64) @ np.asarray(self.steps) + np.asarray(self.origin)
        return places

    def to_voxels(self, places: Points) -> Points:
        """Give the voxels, in fractions, of places: float64[points, 3] of x, y, z to z, y, x."""
        moved = np.asarray(places, np.float64) - np.asarray(self.origin)
        voxels: Points = moved @ np.linalg.inv(np.asarray(self.steps))
        return voxels


@dataclass(frozen=True)
class Volume:
    """A scan, or part of one.

    Attributes
    ----------
    values : int16 or float32[slices, rows, cols]
        Hounsfield units, until a step makes something else of them.
    geometry : Geometry
    """

    values: NDArray[np.generic]
    geometry: Geometry


@dataclass(frozen=True)
class Tile:
    """What a network reads of a prepared volume at once.

    Attributes
    ----------
    values : float32[channels, depth, rows, cols]
        Before the network's own normalisation.
    start : (z, y, x)
        Its first voxel in the prepared volume; below 0 where the volume is padded in front.
    geometry : Geometry
        Of the tile's own voxels.
    """

    values: NDArray[np.float32]
    start: tuple[int, int, int]
    geometry: Geometry
