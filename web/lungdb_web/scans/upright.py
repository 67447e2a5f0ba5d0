"""Stored slices turned as one looks at them: from the feet, the front above."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STANDARD = "LP"
"""Columns rise to the patient's left, rows to the back: how nearly all scanners write one who lies on the back."""


def is_across(orientation: str) -> bool:
    """Tell whether the rows of the stored slices run from front to back, or from back to front."""
    return orientation[0] in "AP"


def upright(stored: NDArray[np.int16], orientation: str) -> NDArray[np.int16]:
    """Turn a slice into the STANDARD orientation.

    Parameters
    ----------
    stored : int16[rows, cols]
    orientation : str
        dbo.scans.patient_orientation: where columns, then rows rise to.

    Returns
    -------
    int16[rows, cols], or int16[cols, rows] where it `is_across`
    """
    columns, rows = tuple(orientation)
    turned = stored
    if is_across(orientation):
        turned, columns, rows = turned.T, rows, columns
    if columns == "R":
        turned = turned[:, ::-1]
    if rows == "A":
        turned = turned[::-1]
    return np.ascontiguousarray(turned)
