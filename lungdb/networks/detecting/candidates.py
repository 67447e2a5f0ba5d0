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
    """

    centres: NDArray[np.float64]
    sides: NDArray[np.float64]
    diameters: NDArray[np.float64]
    volumes: NDArray[np.float64]
    scores: NDArray[np.float64]
