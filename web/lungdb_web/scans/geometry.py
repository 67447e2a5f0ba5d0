"""Where the voxels of a stored scan lie, and what is not known of that."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from lungdb_web.scans.placement import Placement

# As lungdb.dicom.series.UNEVEN: more than this part of the usual distance apart from it, and a slice is missing.
_UNEVEN = 0.25
# Degrees; as load-scans counts tilted series.
_TILTED = 1.0


def pixel_size(spacing_y: float | None, spacing_x: float | None) -> tuple[float, float]:
    """Give height and width of a pixel in mm; 1 and 1 where one of them is not known."""
    return (spacing_y, spacing_x) if spacing_y and spacing_x else (1.0, 1.0)


@dataclass(frozen=True)
class Geometry:
    """The voxel grid of a scan, its slices upright.

    Slices run from feet to head, rows from front to back, columns from the patient's right to left.

    Attributes
    ----------
    rows, cols, slices : int
    spacing_y, spacing_x, spacing_z : float or None
        Distance of rows, columns and slices in mm; None where it is not known.
    positions : tuple of float or None
        Where each slice lies along the body, in mm.
    gantry_tilt : float or None
        Degrees between the slices' normal and the line they are stacked along.
    placement : Placement or None
        Where the voxels lie in the patient; None where that was not recorded, or is not wanted.
    """

    rows: int
    cols: int
    slices: int
    spacing_y: float | None
    spacing_x: float | None
    spacing_z: float | None
    positions: tuple[float | None, ...]
    gantry_tilt: float | None = None
    placement: Placement | None = None

    @property
    def known_positions(self) -> tuple[float, ...] | None:
        """The positions, in mm, where all are known and rise from slice to slice."""
        known = tuple(position for position in self.positions if position is not None)
        rises = all(after > before for before, after in pairwise(known))
        return known if known and len(known) == self.slices and rises else None

    @property
    def has_millimetres(self) -> bool:
        """Whether rows and columns have a size."""
        return bool(self.spacing_y and self.spacing_x)

    @property
    def pixel(self) -> tuple[float, float]:
        """Height and width of a pixel in mm; 1 and 1 where they are not known."""
        return pixel_size(self.spacing_y, self.spacing_x)

    @property
    def has_step(self) -> bool:
        """Whether the distance of slices is known."""
        return (self.known_positions is not None and self.slices > 1) or bool(self.spacing_z)

    @property
    def step(self) -> float:
        """Distance of slices in mm: that of the positions, else the stored one, else a pixel's height."""
        steps = self._steps()
        return median(steps) if steps else self.spacing_z or self.pixel[0]

    @property
    def start(self) -> float:
        """Where the lowest slice lies in mm; 0 where it is not known."""
        known = self.known_positions
        return known[0] if known else 0.0

    @property
    def notes(self) -> list[str]:
        """What a reader has to know about distances, in sentences; empty for a scan that is measured in full."""
        notes = []
        if not self.has_millimetres:
            notes.append("The size of pixels is unknown: no millimetre scale, and pixels are drawn square.")
        if self.known_positions is None and not self.spacing_z and self.slices > 1:
            notes.append("The distance of slices is unknown: coronal and sagittal views are not to scale.")
        elif self.is_uneven:
            notes.append("The slices are not evenly spaced: coronal and sagittal views are drawn as if they were.")
        if self.gantry_tilt and self.gantry_tilt >= _TILTED:
            notes.append(
                f"The gantry was tilted by {self.gantry_tilt:.0f}°: coronal and sagittal views are skewed by as much."
            )
        return notes

    def _steps(self) -> list[float]:
        return [after - before for before, after in pairwise(self.known_positions or ())]

    @property
    def is_uneven(self) -> bool:
        """Whether slices lie further apart in one place than in another: no affine leads to all of them."""
        steps = self._steps()
        return bool(steps) and any(abs(step - median(steps)) > _UNEVEN * median(steps) for step in steps)
