"""Where the voxels of a scan lie in the patient, by what its files told."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lungdb_web.scans.upright import is_across

Vector = tuple[float, float, float]
_STRAIGHT = 1e-3  # of a cosine: what rounding in headers makes of a right angle


@dataclass(frozen=True)
class Placement:
    """Origin and axes of a voxel grid in DICOM's patient coordinates (to the left, the back and the head).

    Attributes
    ----------
    origin : tuple of float
        Centre of the first pixel of the lowest slice, in mm.
    row, column : tuple of float
        Directions in which columns, then rows rise: the two of Image Orientation.
    step : tuple of float or None
        From a slice to the next, in mm; None of a single slice, and the normal stands for it.
    """

    origin: Vector
    row: Vector
    column: Vector
    step: Vector | None

    def upright(self, orientation: str, rows: int, cols: int, pixel: tuple[float, float]) -> Placement:
        """Place the slices as `lungdb_web.scans.upright.upright` turns them.

        Parameters
        ----------
        rows, cols, pixel : int, int, tuple of float
            Of the slices that are turned: how many, and height and width of a pixel in mm.
        """
        across, along = tuple(orientation)
        row, column = np.array(self.row), np.array(self.column)
        origin = np.array(self.origin)
        if is_across(orientation):
            row, column, across, along = column, row, along, across
        if across == "R":
            origin = origin + (cols - 1) * pixel[1] * row
            row = -row
        if along == "A":
            origin = origin + (rows - 1) * pixel[0] * column
            column = -column
        return replace(self, origin=_vector(origin), row=_vector(row), column=_vector(column))

    def affine(self, pixel: tuple[float, float], distance: float) -> NDArray[np.float64]:
        """Lead from (column, row, slice) to millimetres in RAS+, the coordinates of NIfTI.

        Parameters
        ----------
        pixel : tuple of float
            Height and width of a pixel in mm.
        distance : float
            Of the planes of neighbouring slices, in mm.

        Returns
        -------
        float64[4, 4]
        """
        normal = np.cross(self.row, self.column)
        normal = normal * np.sign(normal[2]) / np.linalg.norm(normal)
        step = normal if self.step is None else np.array(self.step)
        matrix = np.eye(4)
        matrix[:3, 0] = pixel[1] * np.array(self.row)
        matrix[:3, 1] = pixel[0] * np.array(self.column)
        # Slices of a tilted gantry lean against the line that they are stacked on.
        matrix[:3, 2] = step * distance / float(step @ normal)
        matrix[:3, 3] = self.origin
        return np.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix


def is_sheared(affine: NDArray[np.float64]) -> bool:
    """Tell whether axes are not at right angles, as of a tilted gantry: a rotation alone does not place such voxels."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool(np.abs(axes.T @ axes - np.eye(3)).max() > _STRAIGHT)


def _vector(values: NDArray[np.float64]) -> Vector:
    x, y, z = (float(value) for value in values)
    return x, y, z
