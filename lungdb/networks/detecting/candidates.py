"""Candidates: places that a detector takes for nodules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Candidates:
    """Candidates of a tile or of a scan, the most probable first.

    Attributes
    ----------
    centres : float64[candidates, 3]
        x, y, z in mm, in DICOM's patient coordinates.
    sides : float64[candidates, 3]
        Extents of their boxes along x, y and z, in mm.
    diameters : float64[candidates]
        In mm; of a box the mean of its extents in the axial plane unless the form tells a diameter.
    volumes : float64[candidates]
        In cubic millimetres: what a segmentation counts, else the ellipsoid that the box holds.
    scores : float64[candidates]
        Probabilities, 0 to 1.
    whole : bool[candidates] or None
        False where the box reaches the border of its tile, so that another may see more of it; None: all are whole.
    """

    centres: NDArray[np.float64]
    sides: NDArray[np.float64]
    diameters: NDArray[np.float64]
    volumes: NDArray[np.float64]
    scores: NDArray[np.float64]
    whole: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        """Count them."""
        return len(self.scores)

    def taken(self, which: NDArray[np.intp] | NDArray[np.bool_]) -> Candidates:
        """Give some of them, by their positions or by a mask."""
        whole = None if self.whole is None else self.whole[which]
        return Candidates(
            self.centres[which],
            self.sides[which],
            self.diameters[which],
            self.volumes[which],
            self.scores[which],
            whole,
        )


def no_candidates() -> Candidates:
    """Give what is found where there is nothing."""
    return Candidates(np.empty((0, 3)), np.empty((0, 3)), np.empty(0), np.empty(0), np.empty(0))
