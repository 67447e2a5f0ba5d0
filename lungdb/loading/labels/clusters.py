"""Which marks of several readers are of one nodule: the clustering of pylidc.

pylidc (github.com/notmatthancock/pylidc, 0.2.3, ``Scan.cluster_annotations``) calls two annotations adjacent whose
outlines come as near as the slice thickness, the connected ones are a nodule, and as long as one has more than four
annotations, there being four readers, the tolerance is made smaller by a tenth, down to 0.1. The distance is Euclidean
between points of row, column and slice *indices*, though the tolerance is in millimetres; that is kept as it is, so
that nodules are those which papers count.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]

MOST_READERS = 4
FACTOR = 0.9
LEAST_TOLERANCE = 0.1

_ROWS_AT_ONCE = 1000


def cluster(marks: Sequence[Points], slice_thickness: float) -> list[list[int]]:
    """Find the marks that are of one nodule.

    Parameters
    ----------
    marks : sequence of ndarray of float, shape (points, 3)
        Column, row and slice index of all points of each mark.
    slice_thickness : float
        Of the scan, in mm.

    Returns
    -------
    list of list of int
        Places of marks: a list a nodule, in the order of its first mark.
    """
    distances = np.full((len(marks), len(marks)), np.inf)
    np.fill_diagonal(distances, 0.0)
    for first in range(len(marks)):
        for second in range(first + 1, len(marks)):
            distance = _distance(marks[first], marks[second], slice_thickness)
            distances[first, second] = distances[second, first] = distance
    tolerance = slice_thickness
    groups = _connected(distances <= tolerance)
    while any(len(group) > MOST_READERS for group in groups):
        tolerance *= FACTOR
        if tolerance < LEAST_TOLERANCE:
            break
        groups = _connected(distances <= tolerance)
    return groups


def _distance(first: Points, second: Points, most: float) -> float:
    """Return the smallest distance of two points; infinity where it is above `most`, as the boxes around them tell."""
    apart = np.maximum(first.min(axis=0) - second.max(axis=0), second.min(axis=0) - first.max(axis=0)).clip(min=0.0)
    if float(np.sqrt((apart**2).sum())) > most:
        return float("inf")
    smallest = np.inf
    for start in range(0, len(first), _ROWS_AT_ONCE):
        part = first[start : start + _ROWS_AT_ONCE]
        squares = ((part[:, None, :] - second[None, :, :]) ** 2).sum(axis=2)
        smallest = min(smallest, float(squares.min()))
    return float(np.sqrt(smallest))


def _connected(adjacent: npt.NDArray[np.bool_]) -> list[list[int]]:
    left = list(range(len(adjacent)))
    groups = []
    while left:
        group = {left[0]}
        open_ends = [left[0]]
        while open_ends:
            reached = set(np.flatnonzero(adjacent[open_ends.pop()]).tolist()) - group
            group |= reached
            open_ends.extend(reached)
        groups.append(sorted(group))
        left = [place for place in left if place not in group]
    return groups
