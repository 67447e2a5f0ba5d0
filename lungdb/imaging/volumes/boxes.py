"""Boxes of a prepared volume that are hidden one by one, and where they lie in the scan's own slices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungdb.imaging.volumes.geometry import Geometry
from lungdb.imaging.volumes.registry import Shape
from lungdb.imaging.volumes.tiles import Prepared


@dataclass(frozen=True)
class Boxes:
    """Boxes laid evenly over a prepared volume.

    Attributes
    ----------
    shape : (z, y, x)
        Of the volume.
    counts : (z, y, x)
        How many there are along each axis: as many as are asked for, or as there are voxels.
    """

    shape: Shape
    counts: Shape

    @classmethod
    def of(cls, shape: Shape, most: int) -> Boxes:
        """Lay at most so many along each axis."""
        z, y, x = (min(most, side) for side in shape)
        return cls(shape, (z, y, x))

    def box(self, place: Sequence[int]) -> tuple[slice, slice, slice]:
        """Give the voxels of a box; those of all boxes together are the volume, and no voxel is in two."""
        z, y, x = (
            slice(index * side // count, (index + 1) * side // count)
            for index, side, count in zip(place, self.shape, self.counts, strict=True)
        )
        return z, y, x

    def places(self) -> Iterator[tuple[int, int, int]]:
        """Give every box, slices outermost."""
        yield from np.ndindex(*self.counts)

    def at(self, voxels: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Give the boxes of voxels, float64[n, 3], as int64[n, 3], and which of them lie in the volume at all."""
        sides, counts = np.asarray(self.shape), np.asarray(self.counts)
        nearest = np.floor(voxels + 0.5).astype(np.int64)
        is_inside: NDArray[np.bool_] = np.all((nearest >= 0) & (nearest < sides), axis=1)
        kept = np.clip(nearest, 0, sides - 1)
        # The box of a voxel v is the last one that begins at or before it: index * side // count <= v.
        return ((kept + 1) * counts - 1) // sides, is_inside


def tiles_touched(prepared: Prepared, box: Sequence[slice]) -> list[int]:
    """Name the tiles that a box reaches into; of any other the network gives what it gave."""
    return [
        number
        for number, start in enumerate(prepared.starts)
        if all(
            first < part.stop and first + side > part.start
            for first, side, part in zip(start, prepared.size, box, strict=True)
        )
    ]


def map_of_slice(
    values: NDArray[np.float64], boxes: Boxes, prepared: Geometry, scan: Geometry, index: int, size: tuple[int, int]
) -> tuple[tuple[int, int, int, int], NDArray[np.float64]]:
    """Give what the boxes say of a slice of the scan.

    Parameters
    ----------
    values : float64[z, y, x]
        Of the boxes.
    prepared, scan : Geometry
        Of the prepared volume, and of the scan.
    index : int
        Of the slice.
    size : (rows, cols)
        Of the slice.

    Returns
    -------
    (first row, row behind the last, first column, column behind the last)
        The part of the slice that the prepared volume lies over; the whole slice where it lies over none of it.
    float64[rows, cols]
        As many numbers along each side as there are boxes along the axis of the volume that it lies by: that of the box
        at the middle of each cell, 0 outside the volume.
    """
    corners = np.stack(np.meshgrid(*([-0.5, side - 0.5] for side in boxes.shape), indexing="ij"), -1).reshape(-1, 3)
    places = scan.to_voxels(prepared.to_patient(corners))[:, 1:]
    low = np.clip(np.floor(places.min(axis=0) + 0.5 + 1e-6).astype(int), 0, size)
    high = np.clip(np.ceil(places.max(axis=0) + 0.5 - 1e-6).astype(int), 0, size)
    if (high <= low).any():
        low, high = np.zeros(2, int), np.asarray(size)
    counts = [min(boxes.counts[_axis(prepared, scan, axis)], int(high[axis - 1] - low[axis - 1])) for axis in (1, 2)]
    rows, cols = (
        low[side] + (np.arange(count) + 0.5) * (high[side] - low[side]) / count - 0.5
        for side, count in enumerate(counts)
    )
    grid = np.stack(np.broadcast_arrays(float(index), rows[:, None], cols[None, :]), -1).reshape(-1, 3)
    found, is_inside = boxes.at(prepared.to_voxels(scan.to_patient(grid)))
    shown = np.where(is_inside, values[tuple(found.T)], 0.0)
    return (int(low[0]), int(high[0]), int(low[1]), int(high[1])), shown.reshape(counts)


def _axis(prepared: Geometry, scan: Geometry, axis: int) -> int:
    """Name the axis of the prepared volume that an axis of the scan lies by."""
    steps = np.asarray(prepared.steps)
    directions = steps / np.linalg.norm(steps, axis=1, keepdims=True)
    return int(np.argmax(np.abs(directions @ np.asarray(scan.steps[axis]))))
