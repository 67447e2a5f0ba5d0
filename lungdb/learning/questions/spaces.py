"""Feature vectors as points of a space: standardised, compared by distance, and one space compared with another."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

_ROWS = 256  # of a table of distances at a time


def standardise(vectors: NDArray[np.floating]) -> Points:
    """Bring each feature to mean 0 and standard deviation 1 over the scans.

    Parameters
    ----------
    vectors : float[scans, width]
        NaN where a value is missing; it becomes 0, the mean.

    Returns
    -------
    float64[scans, features that vary]
    """
    values = np.asarray(vectors, dtype=np.float64)
    known = np.isfinite(values)
    counts = np.maximum(known.sum(axis=0), 1)
    means = np.where(known, values, 0.0).sum(axis=0) / counts
    centred = np.where(known, values - means, 0.0)
    deviations = np.sqrt((centred**2).sum(axis=0) / counts)
    # What rounding alone makes of equal values is no variation.
    varies = deviations > 1e-9 * np.maximum(np.abs(means), np.finfo(np.float64).tiny)
    return np.asarray(centred[:, varies] / deviations[varies], dtype=np.float64)


def distances(points: Points) -> Points:
    """Give the Euclidean distances of all points, float64[n, n], symmetric with 0 on the diagonal.

    Distances that rounding of the short way would blur, those of nearly equal points, are computed from differences.
    """
    count = points.shape[0]
    found = np.zeros((count, count))
    squares = (points**2).sum(axis=1)
    for start in range(0, count, _ROWS):
        block = slice(start, start + _ROWS)
        table = squares[block, None] + squares[None, :] - 2 * points[block] @ points.T
        rows, others = np.nonzero(table < 1e-6 * (squares[block, None] + squares[None, :]))
        table = np.maximum(table, 0.0)
        for first in range(0, rows.size, _ROWS):
            row, other = rows[first : first + _ROWS], others[first : first + _ROWS]
            table[row, other] = ((points[start + row] - points[other]) ** 2).sum(axis=1)
        found[block] = np.sqrt(table)
    np.fill_diagonal(found, 0.0)
    return np.asarray(np.maximum(found, found.T), dtype=np.float64)


def linear_cka(one: NDArray[np.floating], other: NDArray[np.floating]) -> float | None:
    """Say how alike two feature spaces arrange the same scans: 1 up to rotation, shift and scale, near 0 for none.

    Centred linear kernel alignment, ‖YᵀX‖²_F / (‖XᵀX‖_F ‖YᵀY‖_F) of the centred features (Kornblith et al., Similarity
    of neural network representations revisited, ICML 2019). With fewer scans than features it is near 1 for any two
    spaces, which `unbiased_cka` corrects. None where a space has one point only.
    """
    return _alignment(one, other, _biased)


def unbiased_cka(one: NDArray[np.floating], other: NDArray[np.floating]) -> float | None:
    """Give `linear_cka` with the unbiased estimate of each term, which is near 0 for unrelated spaces of any width.

    Song et al., Feature selection via dependence maximization, JMLR 2012, eq. 5; it can be a little below 0. None with
    fewer than 4 scans, or where a space has one point only.
    """
    return _alignment(one, other, _unbiased) if len(one) >= 4 else None


def _alignment(
    one: NDArray[np.floating], other: NDArray[np.floating], term: Callable[[Points, Points], float]
) -> float | None:
    kernels = []
    for values in (one, other):
        centred = np.asarray(values, dtype=np.float64)
        centred = centred - centred.mean(axis=0)
        largest = float(np.abs(centred).max(initial=0.0))
        if not largest:
            return None
        centred = centred / largest
        kernels.append(centred @ centred.T)
    both, first, second = term(*kernels), term(kernels[0], kernels[0]), term(kernels[1], kernels[1])
    return float(both / np.sqrt(first * second)) if first > 0 and second > 0 else None


def _biased(one: Points, other: Points) -> float:
    return float((one * other).sum())


def _unbiased(one: Points, other: Points) -> float:
    count = one.shape[0]
    one, other = one - np.diag(np.diag(one)), other - np.diag(np.diag(other))
    sums = one.sum(axis=0), other.sum(axis=0)
    found = (one * other).sum() + sums[0].sum() * sums[1].sum() / ((count - 1) * (count - 2))
    found -= 2 * (sums[0] @ sums[1]) / (count - 2)
    return float(found / (count * (count - 3)))
