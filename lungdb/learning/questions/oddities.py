"""Scans that are too alike, and scans that stand apart, by rules that clean data break in a stated share of calls."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from lungdb.learning.questions.spaces import standardise

NEIGHBOURS = 5
"""Other patients whose distances a near-duplicate is judged by; groups of as many copies are still found."""
CLOSEST = 0.5
"""Of the distance to the last of them: what is not closer than that is no near-duplicate however unlikely it is."""
COARSE = 0.1
"""Share of scans that equal another patient's from which on features are too coarse to tell scans apart."""
FEWEST = 10
"""Patients that near-duplicates are looked for among at least."""
FEWEST_SCANS = 20
"""Scans that outliers are looked for among at least."""

Values = NDArray[np.float64]
Numbers = NDArray[np.int64]

_ROWS = 256
_TO_DEVIATION = 1.482602218505602  # of a normal distribution, from the median absolute deviation
_OF_MEAN = 1.2533141373155  # the same from the mean absolute deviation


@dataclass(frozen=True)
class Alike:
    """Two scans of different patients.

    Attributes
    ----------
    one, other : int
        Places of the scans, the lower first.
    ratio : float
        Their distance as a share of that to the fifth nearest patient.
    limit : float
        The share below which a pair is a near-duplicate.
    """

    one: int
    other: int
    ratio: float
    limit: float


@dataclass(frozen=True)
class Likeness:
    """Near-duplicates, the most alike first, and the share of scans that equal another patient's exactly.

    Where `is_coarse`, that share is above `COARSE` and no pair is named.
    """

    pairs: list[Alike]
    equal: float
    is_coarse: bool


def near_duplicates(vectors: NDArray[np.floating], patients: Numbers, alpha: float) -> Likeness | None:
    """Find scans of different patients whose features are too alike for chance.

    Features are standardised, distances Euclidean, and r₁ … r₅ are those to the five nearest other patients (to the
    nearest scan of each). Where points lie evenly around a scan, in as many dimensions m as the data fill, (r₁ / r₅)^m
    is the least of four uniform numbers (Levina and Bickel, Maximum likelihood estimation of intrinsic dimension, NIPS
    2004, from which the estimate of m is taken too, by the median over scans so that copies do not move it). A pair is
    named where that is so unlikely that one of all scans does it by chance in a share `alpha` of data sets, and r₁ is
    less than half of r₅.

    Parameters
    ----------
    vectors : float[scans, width]
        NaN where a value is missing.
    patients : int64[scans]
        A number for the patient of each.
    alpha : float
        Above 0 and below 1.

    Returns
    -------
    Likeness or None
        None with fewer than `FEWEST` patients, or where no feature varies.
    """
    points = standardise(vectors)
    if np.unique(patients).size < FEWEST or not points.shape[1]:
        return None
    reach, nearest = _neighbours(points, patients)
    equal = float((reach[:, 0] == 0).mean())
    if equal > COARSE:
        return Likeness([], equal, True)
    last = np.where(reach[:, -1] > 0, reach[:, -1], 1.0)
    shares = reach / last[:, None]
    limit = min(CLOSEST, _limit(shares, alpha))
    found: dict[tuple[int, int], float] = {}
    for place in np.flatnonzero(shares[:, 0] < limit):
        for share, other in zip(shares[place], nearest[place], strict=True):
            if share < limit:
                pair = (min(int(place), int(other)), max(int(place), int(other)))
                found[pair] = min(float(share), found.get(pair, 1.0))
    pairs = [Alike(*pair, ratio, limit) for pair, ratio in sorted(found.items(), key=lambda item: (item[1], item[0]))]
    return Likeness(pairs, equal, False)


def _limit(shares: Values, alpha: float) -> float:
    """Give the share of r₅ that r₁ falls below by chance in a share alpha of data sets."""
    inner = shares[(shares[:, 0] > 0) & (shares[:, -1] > 0), :-1]
    if not inner.size:
        return 0.0
    middle = float(np.median(-np.log(inner).sum(axis=1)))
    if middle <= 0:
        return 0.0
    # The sum is of a gamma distribution of shape NEIGHBOURS - 1 and scale 1 / m, whose median is about shape - 1 / 3.
    dimension = (NEIGHBOURS - 4 / 3) / middle
    least = -np.expm1(np.log1p(-alpha / shares.shape[0]) / (NEIGHBOURS - 1))
    return float(least ** (1 / dimension))


def _neighbours(points: Values, patients: Numbers) -> tuple[Values, Numbers]:
    """Give distance and place of the nearest scan of each of the nearest other patients, both [scans, NEIGHBOURS]."""
    order = np.argsort(patients, kind="stable")
    ordered = points[order]
    _, starts, group = np.unique(patients[order], return_index=True, return_inverse=True)
    group = group.reshape(-1)
    ends = np.append(starts[1:], order.size)
    squares = (ordered**2).sum(axis=1)
    reach = np.empty((order.size, NEIGHBOURS))
    nearest = np.empty((order.size, NEIGHBOURS), dtype=np.int64)
    for start in range(0, order.size, _ROWS):
        table = squares[start : start + _ROWS, None] + squares[None, :] - 2 * ordered[start : start + _ROWS] @ ordered.T
        by_patient = np.minimum.reduceat(table, starts, axis=1)
        for row in range(table.shape[0]):
            by_patient[row, group[start + row]] = np.inf
            closest = np.argpartition(by_patient[row], NEIGHBOURS)[: NEIGHBOURS + 1]
            places = [
                starts[each] + int(np.argmin(table[row, starts[each] : ends[each]]))
                for each in closest
                if each != group[start + row]
            ]
            # The short way to a distance blurs those of nearly equal points.
            exact = np.sqrt(((ordered[places] - ordered[start + row]) ** 2).sum(axis=1))
            by_distance = np.argsort(exact, kind="stable")[:NEIGHBOURS]
            reach[order[start + row]] = exact[by_distance]
            nearest[order[start + row]] = order[np.array(places)[by_distance]]
    return reach, nearest


def outliers(vectors: NDArray[np.floating], alpha: float) -> tuple[Values, float] | None:
    """Say how far each scan stands from the middle of all, robustly, and from where on it is an outlier.

    The distance of a scan is the root mean square of its features, each less its median and divided by its median
    absolute deviation (by the mean one where that is 0), missing ones left out. Its logarithm is compared in the same
    way: what is above the median by more than z deviations is an outlier, z being what one of as many scans exceeds by
    chance in a share `alpha` of data sets if logarithms are normal (Iglewicz and Hoaglin, How to detect and handle
    outliers, 1993, for the modified z score), widened for few scans.

    Parameters
    ----------
    vectors : float[scans, width]
        NaN where a value is missing.
    alpha : float
        Above 0 and below 1.

    Returns
    -------
    float64[scans], float
        The modified z scores and their limit; None with fewer than `FEWEST_SCANS` scans or where nothing varies.
    """
    values = np.asarray(vectors, dtype=np.float64)
    scans = values.shape[0]
    if scans < FEWEST_SCANS:
        return None
    known = np.isfinite(values)
    kept = values[:, known.any(axis=0)]
    apart = np.abs(kept - np.nanmedian(kept, axis=0))
    scale = np.nanmedian(apart, axis=0) * _TO_DEVIATION
    scale = np.where(scale > 0, scale, np.nanmean(apart, axis=0) * _OF_MEAN)
    if not (scale > 0).any():
        return None
    squares = (apart[:, scale > 0] / scale[scale > 0]) ** 2
    counts = np.isfinite(squares).sum(axis=1)
    means = np.where(counts > 0, np.nansum(squares, axis=1) / np.maximum(counts, 1), np.nan)
    logs = np.log(np.maximum(means, np.finfo(np.float64).tiny)) / 2
    middle = np.nanmedian(logs)
    deviation = float(np.nanmedian(np.abs(logs - middle))) * _TO_DEVIATION
    if not deviation > 0:
        return None
    limit = NormalDist().inv_cdf(1 - alpha / scans) * (1 + 8 / scans)
    return np.where(counts > 0, (logs - middle) / deviation, 0.0), float(limit)
