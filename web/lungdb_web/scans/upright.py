"""Stored slices turned as one looks at them: from the feet, the front above."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Kind = TypeVar("Kind", bound=np.generic)

STANDARD = "LP"
"""Columns rise to the patient's left, rows to the back: how nearly all scanners write one who lies on the back."""


def is_across(orientation: str) -> bool:
    """Tell whether the rows of the stored slices run from front to back, or from back to front."""
    return orientation[0] in "AP"


def upright(stored: NDArray[Kind], orientation: str) -> NDArray[Kind]:
    """Turn a slice into the STANDARD orientation.

    Parameters
    ----------
    stored : [rows, cols], or with channels behind these
    orientation : str
        dbo.scans.patient_orientation: where columns, then rows rise to.

    Returns
    -------
    [rows, cols], or [cols, rows] where it `is_across`; channels stay
    """
    columns, rows = tuple(orientation)
    turned = stored
    if is_across(orientation):
        turned, columns, rows = turned.swapaxes(0, 1), rows, columns
    if columns == "R":
        turned = turned[:, ::-1]
    if rows == "A":
        turned = turned[::-1]
    return np.ascontiguousarray(turned)
