"""Several slices as one: of each pixel the highest or the mean of its Hounsfield units, through a thickness."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

KINDS = ("max", "mean")
MOST_MILLIMETRES = 100.0
MOST_SLICES = 128
"""Slices that are read for one picture, so that a wrong spacing does not make them a whole scan's."""

_ROUNDING = 1e-6


def covered(number: int, slices: int, millimetres: float, step: float) -> range:
    """Choose the slices whose middle lies within half the thickness of a slice's own.

    Parameters
    ----------
    number, slices : int
        Which slice, from 0, of how many.
    millimetres, step : float
        The thickness, and the distance of slices.
    """
    half = int(millimetres / (2 * step) + _ROUNDING)
    return range(max(0, number - half), min(slices, number + half + 1))


def project(slices: Iterable[NDArray[np.int16]], kind: str) -> NDArray[np.int16]:
    """Make one slice of one or more.

    Parameters
    ----------
    slices : iterable of int16[rows, cols]
        Hounsfield units.
    kind : str
        One of KINDS; a mean is rounded to the nearest number, half to the even one.

    Returns
    -------
    int16[rows, cols]
    """
    rest = iter(slices)
    if kind == "max":
        highest: NDArray[np.int16] = next(rest).copy()
        for hu in rest:
            np.maximum(highest, hu, out=highest)
        return highest
    total, count = next(rest).astype(np.int32), 1
    for hu in rest:
        total += hu
        count += 1
    mean: NDArray[np.int16] = np.rint(total / count).astype(np.int16)
    return mean
