"""Whether an explanation points at the truth: hits, what chance would hit, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Values = NDArray[np.float64]

_DRAWS = 2000


def hit(values: ArrayLike, marked: ArrayLike) -> float:
    """Say whether the place with the largest value is marked; of several that are as large, which share of them is.

    Parameters
    ----------
    values : float[places]
        At least one, none NaN.
    marked : bool[places]

    Returns
    -------
    float
        0…1.
    """
    found = np.asarray(values, dtype=np.float64)
    return float(np.asarray(marked, dtype=bool)[found == found.max()].mean())


def chance(marked: ArrayLike) -> float:
    """Give how often a place that is drawn blindly is marked: the share of marked places."""
    return float(np.asarray(marked, dtype=bool).mean())


@dataclass(frozen=True)
class Localised:
    """Hits over patients, beside what chance gives.

    Attributes
    ----------
    patients : int
    hits, chance : float
        Means over patients, 0…1.
    low, high : float
        Ends of the 95 % interval of `hits` − `chance`, by drawing patients with replacement.
    """

    patients: int
    hits: float
    chance: float
    low: float
    high: float

    @property
    def excess(self) -> float:
        """Hits beyond chance."""
        return self.hits - self.chance


def localised(hits: ArrayLike, chances: ArrayLike, seed: int) -> Localised:
    """Sum up hits over patients.

    Parameters
    ----------
    hits, chances : float[patients]
        Of each patient `hit` and `chance`.
    seed : int
        Of the bootstrap of 2000 draws of patients (Efron's percentile interval).
    """
    found, blind = np.asarray(hits, dtype=np.float64), np.asarray(chances, dtype=np.float64)
    excess = found - blind
    drawn = np.random.default_rng(seed).integers(0, len(excess), (_DRAWS, len(excess)))
    low, high = np.percentile(excess[drawn].mean(axis=1), [2.5, 97.5])
    return Localised(len(excess), float(found.mean()), float(blind.mean()), float(low), float(high))


def rank_among(value: float, others: Sequence[float]) -> float:
    """Give the p of a permutation test: the share of values, this one among them, that are at least as large.

    It is (1 + others at least as large) / (1 + others), as Phipson and Smyth 2010 have it: never 0.
    """
    return (1 + sum(other >= value for other in others)) / (1 + len(others))


def mean_height(margins: ArrayLike) -> float:
    """Give the mean height of a curve of margins over equal steps, by trapezia.

    The higher that of insertion and the lower that of deletion, the earlier come the places that matter.
    """
    curve = np.asarray(margins, dtype=np.float64)
    return float((curve[1:] + curve[:-1]).mean() / 2)


def slices_touched(z: float, diameter: float, positions: ArrayLike, thickness: float) -> NDArray[np.bool_]:
    """Tell which slices a ball reaches into.

    Parameters
    ----------
    z, diameter : float
        Of the ball, in mm along the scan.
    positions : float[slices]
        Middles of the slices, in mm.
    thickness : float
        Of a slice, in mm.
    """
    return np.asarray(np.abs(np.asarray(positions) - z) < (diameter + thickness) / 2)


def cells_touched(
    row: float, col: float, radius: tuple[float, float], edges: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> NDArray[np.bool_]:
    """Tell which cells of a grid an upright ellipse reaches into.

    Parameters
    ----------
    row, col : float
        Its middle, in pixels, where the middle of the first pixel is 0.
    radius : (rows, columns)
        In pixels.
    edges : (float[rows + 1], float[cols + 1])
        Where the cells begin and end, in the same pixels.

    Returns
    -------
    bool[rows, cols]
    """
    apart = []
    for middle, reach, ends in zip((row, col), radius, edges, strict=True):
        nearest = np.clip(middle, ends[:-1], ends[1:])
        apart.append((nearest - middle) / reach)
    return np.asarray(np.add.outer(apart[0] ** 2, apart[1] ** 2) < 1)
