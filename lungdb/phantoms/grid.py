"""Where the voxels of a synthetic scan lie, and filling them with small volume elements."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Volume = NDArray[np.float32]


@dataclass(frozen=True)
class Grid:
    """The sampling of a scan.

    x runs to the patient's left, y to the back, z to the head, all in mm; the spine's midline is near x = 0, the
    middle of the chest near y = 0, and z = 0 is the lowest slice.

    Attributes
    ----------
    slices, size : int
        Number of slices, and of rows and columns in each.
    spacing : float
        Distance of slices in mm.
    pixel : float
        Side of a pixel in mm.
    left, top : float
        x of the first column's and y of the first row's pixel centres in mm.
    """

    slices: int
    size: int
    spacing: float
    pixel: float
    left: float
    top: float

    @property
    def voxel(self) -> float:
        """Volume of a voxel in mm³."""
        return self.spacing * self.pixel**2

    def index(self, points: Points) -> Points:
        """Turn points (x, y, z) in mm, shape [..., 3], into fractional (slice, row, column)."""
        x, y, z = points[..., 0], points[..., 1], points[..., 2]
        return np.stack([z / self.spacing, (y - self.top) / self.pixel, (x - self.left) / self.pixel], axis=-1)

    def point(self, index: Points) -> Points:
        """Turn fractional (slice, row, column), shape [..., 3], into points (x, y, z) in mm."""
        k, row, column = index[..., 0], index[..., 1], index[..., 2]
        return np.stack([column * self.pixel + self.left, row * self.pixel + self.top, k * self.spacing], axis=-1)


@dataclass(frozen=True)
class Elements:
    """Many small pieces of matter.

    Attributes
    ----------
    points : float[n, 3]
        Their centres (x, y, z) in mm.
    volumes : float[n]
        Their volumes in mm³.
    depth : float[n]
        How far out each lies in its structure, 0 at the centre or axis, 1 at the surface.
    """

    points: NDArray[np.floating]
    volumes: NDArray[np.floating]
    depth: NDArray[np.floating]


def blend(volume: Volume, grid: Grid, elements: Elements, hu: NDArray[np.floating] | float) -> None:
    """Put matter of `hu` Hounsfield units into `volume` in place, mixing by the part of each voxel that it fills.

    An element between two slices is shared by them, which makes the slice profile a trapezium whose width at half
    height is the slice spacing.

    Parameters
    ----------
    volume : float32[slices, rows, columns]
    hu : float or float[n]
        Of all elements, or of each.
    """
    x, y, z = elements.points.T
    place = z / grid.spacing
    lower = np.floor(place)
    share = np.clip((place - lower - 0.5) * 1.8 + 0.5, 0.0, 1.0)
    lower = lower.astype(np.intp)
    plane = np.concatenate([lower, lower + 1])
    row = np.tile(np.rint((y - grid.top) / grid.pixel).astype(np.intp), 2)
    column = np.tile(np.rint((x - grid.left) / grid.pixel).astype(np.intp), 2)
    weight = np.concatenate([elements.volumes * (1 - share), elements.volumes * share]) / grid.voxel
    inside = (
        (plane >= 0) & (plane < grid.slices) & (row >= 0) & (row < grid.size) & (column >= 0) & (column < grid.size)
    )
    if not inside.any():
        return
    kept: NDArray[np.bool_] | slice = slice(None) if inside.all() else inside
    plane, row, column, weight = plane[kept], row[kept], column[kept], weight[kept]
    first = plane.min(), row.min(), column.min()
    shape = plane.max() - first[0] + 1, row.max() - first[1] + 1, column.max() - first[2] + 1
    flat = ((plane - first[0]) * shape[1] + row - first[1]) * shape[2] + column - first[2]
    count = int(np.prod(shape))
    filled = np.bincount(flat, weight, count)
    touched = np.flatnonzero(filled)
    filled = filled[touched]
    value: NDArray[np.float64] | float
    if isinstance(hu, np.ndarray):
        value = np.bincount(flat, weight * np.tile(hu, 2)[kept], count)[touched] / filled
    else:
        value = hu
    # Elements fall on pixels unevenly: a little more than the exact amount keeps full voxels full.
    part = np.minimum(filled * 1.1, 1.0)
    k, rest = np.divmod(touched, shape[1] * shape[2])
    r, c = np.divmod(rest, shape[2])
    target = k + first[0], r + first[1], c + first[2]
    before = volume[target]
    volume[target] = before + part * (value - before)
