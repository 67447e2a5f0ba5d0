"""Painting outlines of tissue, plane by plane, with smooth edges."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from lungdb.phantoms.grid import Grid, Points, Volume

# OpenCV smooths edges on 8 bits only, so tissue is painted in codes: air and soft tissue on one layer, bone on its own.
SOFT_ZERO, SOFT_STEP = -1000.0, 4.5
BONE_STEP = 5.0

PLANES_PER_SLICE = 2
_FRACTION_BITS = 4


class Canvas:
    """Layers of 8-bit planes over a grid, two planes a slice.

    Attributes
    ----------
    z : float64[planes]
        Height of each plane in mm.
    soft, bone, lung : uint8[planes, rows, columns]
        Tissue in steps of `SOFT_STEP` from `SOFT_ZERO` Hounsfield units; what bone adds, in steps of `BONE_STEP`;
        the part of each pixel that is lung, of 255.
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        planes = grid.slices * PLANES_PER_SLICE
        self.z = (np.arange(planes) - (PLANES_PER_SLICE - 1) / 2) / PLANES_PER_SLICE * grid.spacing
        shape = (planes, grid.size, grid.size)
        self.soft = np.zeros(shape, np.uint8)
        self.bone = np.zeros(shape, np.uint8)
        self.lung = np.zeros(shape, np.uint8)

    def fill(self, outlines: Points, hu: float, where: NDArray[np.bool_] | None = None) -> None:
        """Fill outlines, float64[planes, vertices, 2] in mm, with soft tissue in place of any lung."""
        self._fill(self.soft, outlines, round((hu - SOFT_ZERO) / SOFT_STEP), where)
        self._fill(self.lung, outlines, 0, where)

    def fill_lung(self, outlines: Points, hu: float, where: NDArray[np.bool_]) -> None:
        """Fill outlines with lung."""
        self._fill(self.soft, outlines, round((hu - SOFT_ZERO) / SOFT_STEP), where)
        self._fill(self.lung, outlines, 255, where)

    def fill_bone(self, outlines: Points, hu: float, where: NDArray[np.bool_] | None = None) -> None:
        """Fill outlines with bone of `hu` above soft tissue; 0 takes bone away."""
        self._fill(self.bone, outlines, round(hu / BONE_STEP), where)

    def line(self, curves: Points, hu: float, width: int, where: NDArray[np.bool_] | None = None) -> None:
        """Draw open curves of soft tissue, `width` pixels thick."""
        code = round((hu - SOFT_ZERO) / SOFT_STEP)
        for plane, points in self._pixels(curves, where):
            cv2.polylines(self.soft[plane], [points], False, code, width, cv2.LINE_AA, _FRACTION_BITS)

    def volume(self) -> tuple[Volume, Volume]:
        """Return Hounsfield units and the part of lung (0 to 1) as float32[slices, rows, columns]."""
        hu = self._average(self.soft)
        hu *= SOFT_STEP
        hu += SOFT_ZERO
        bone = self._average(self.bone)
        bone *= BONE_STEP
        hu += bone
        lung = self._average(self.lung)
        lung /= 255
        return hu, lung

    def _average(self, layer: NDArray[np.uint8]) -> Volume:
        pairs = layer.reshape(self.grid.slices, PLANES_PER_SLICE, self.grid.size, self.grid.size)
        total: Volume = pairs.sum(axis=1, dtype=np.uint16).astype(np.float32)
        total /= PLANES_PER_SLICE
        return total

    def _fill(self, layer: NDArray[np.uint8], outlines: Points, code: int, where: NDArray[np.bool_] | None) -> None:
        for plane, points in self._pixels(outlines, where):
            cv2.fillPoly(layer[plane], [points], code, cv2.LINE_AA, _FRACTION_BITS)

    def _pixels(self, outlines: Points, where: NDArray[np.bool_] | None) -> list[tuple[int, NDArray[np.int32]]]:
        pixels = (outlines - (self.grid.left, self.grid.top)) / self.grid.pixel
        fixed = np.ascontiguousarray(np.rint(pixels * 2**_FRACTION_BITS), np.int32)
        planes = range(len(fixed)) if where is None else np.flatnonzero(where).tolist()
        return [(plane, fixed[plane]) for plane in planes]


_TURN = np.linspace(0, 2 * np.pi, 40, endpoint=False)


def ellipse(
    x: NDArray[np.float64] | float,
    y: NDArray[np.float64] | float,
    a: NDArray[np.float64] | float,
    b: NDArray[np.float64] | float,
    turn: float = 0.0,
) -> Points:
    """Outlines of ellipses, float64[planes, vertices, 2], of centres and half axes in mm, turned by `turn` radians."""
    x, y, a, b = (np.atleast_1d(np.asarray(v, dtype=np.float64))[:, None] for v in np.broadcast_arrays(x, y, a, b))
    u, v = a * np.cos(_TURN), b * np.sin(_TURN)
    return np.stack([x + u * np.cos(turn) - v * np.sin(turn), y + u * np.sin(turn) + v * np.cos(turn)], axis=-1)


def shape(x: NDArray[np.float64], y: NDArray[np.float64], vertices: Points) -> Points:
    """Put one outline, float64[vertices, 2] in mm, at each of the places (x, y), float64[planes]."""
    return np.stack([x, y], axis=-1)[:, None, :] + vertices
