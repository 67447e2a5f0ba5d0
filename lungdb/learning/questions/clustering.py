"""Clusters around medoids: of each cluster the one member that is nearest to all others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STARTS = 4
"""Random starts beside the one that builds medoids up; the best of all is kept."""
MOST_CHOSEN = 10
"""Clusters at most where their number is chosen."""

Values = NDArray[np.float64]
Numbers = NDArray[np.int64]

_BLOCK = 4_000_000  # numbers of a table of exchanges at a time
_GAIN = 1e-12  # relative: a smaller one is rounding


@dataclass(frozen=True)
class Clustering:
    """Clusters, the largest first.

    Attributes
    ----------
    medoids : int64[clusters]
        Rows of the medoids.
    cluster : int64[rows]
        The cluster of each row, from 0.
    distance : float64[rows]
        To the medoid of its cluster.
    silhouette : float or None
        Mean silhouette, −1…1; None of one cluster, or where every row is one.
    """

    medoids: Numbers
    cluster: Numbers
    distance: Values
    silhouette: float | None


def cluster(table: Values, clusters: int | None, seed: int) -> Clustering:
    """Partition around medoids by exchanges until none lowers the sum of distances, from several starts.

    Kaufman and Rousseeuw, Finding groups in data, 1990, chapter 2 (PAM); of all exchanges the best is made, its gain
    computed as in Schubert and Rousseeuw, Faster k-medoids clustering, 2019. The first start builds medoids up
    greedily, the others draw them.

    Parameters
    ----------
    table : float64[rows, rows]
        Distances.
    clusters : int or None
        1 to rows; None takes the number from 2 to `MOST_CHOSEN` with the largest mean silhouette (Rousseeuw 1987), the
        lowest of equal ones, and 1 of fewer than 3 rows or where all are equal.
    seed : int
        Of the random starts. The same input gives the same clusters.
    """
    rows = table.shape[0]
    if clusters is not None:
        return _best(table, clusters, seed)
    if rows < 3 or not table.any():
        return _best(table, 1, seed)
    tried = [_best(table, number, seed) for number in range(2, min(MOST_CHOSEN, rows - 1) + 1)]
    return max(tried, key=lambda each: round(each.silhouette or 0.0, 12))


def _best(table: Values, clusters: int, seed: int) -> Clustering:
    rows = table.shape[0]
    rng = np.random.default_rng(seed)
    starts = [_built(table, clusters), *(rng.choice(rows, clusters, replace=False) for _ in range(STARTS))]
    found = [_exchanged(table, np.asarray(start, dtype=np.int64)) for start in starts]
    costs = [float(table[:, medoids].min(axis=1).sum()) for medoids in found]
    # Of starts that end alike but for rounding the first is kept.
    medoids = np.sort(found[next(place for place, cost in enumerate(costs) if cost <= min(costs) * (1 + _GAIN))])
    nearest = _assigned(table, medoids)
    order = np.lexsort((medoids, -np.bincount(nearest, minlength=clusters)))
    places = np.empty(clusters, dtype=np.int64)
    places[order] = np.arange(clusters)
    cluster_of = places[nearest]
    medoids = medoids[order]
    return Clustering(medoids, cluster_of, table[np.arange(rows), medoids[cluster_of]], silhouette(table, cluster_of))


def _assigned(table: Values, medoids: Numbers) -> Numbers:
    """Give each row the place of its nearest medoid; a medoid is its own, though another equals it."""
    nearest = table[:, medoids].argmin(axis=1)
    nearest[medoids] = np.arange(medoids.size)
    return np.asarray(nearest, dtype=np.int64)


def _built(table: Values, clusters: int) -> Numbers:
    medoids = [int(table.sum(axis=0).argmin())]
    nearest = table[:, medoids[0]]
    for _ in range(clusters - 1):
        gains = np.maximum(nearest[:, None] - table, 0.0).sum(axis=0)
        gains[medoids] = -1.0
        medoids.append(int(gains.argmax()))
        nearest = np.minimum(nearest, table[:, medoids[-1]])
    return np.array(medoids, dtype=np.int64)


def _exchanged(table: Values, medoids: Numbers) -> Numbers:
    rows, clusters = table.shape[0], medoids.size
    medoids = medoids.copy()
    width = max(1, _BLOCK // rows)
    while True:
        to_medoids = table[:, medoids]
        nearest = _assigned(table, medoids)
        first = to_medoids[np.arange(rows), nearest]
        second = np.full(rows, np.inf)
        if clusters > 1:
            others = to_medoids.copy()
            others[np.arange(rows), nearest] = np.inf
            second = others.min(axis=1)
        members = (nearest[None, :] == np.arange(clusters)[:, None]).astype(np.float64)
        best, exchange = -_GAIN * max(float(first.sum()), np.finfo(np.float64).tiny), None
        for start in range(0, rows, width):
            block = table[:, start : start + width]
            # What a row gains if the candidate comes beside, and what it loses if its own medoid goes as well.
            beside = np.minimum(block - first[:, None], 0.0)
            instead = np.minimum(block, second[:, None]) - first[:, None] - beside
            change = beside.sum(axis=0)[None, :] + members @ instead
            change[:, medoids[(medoids >= start) & (medoids < start + width)] - start] = np.inf
            place = np.unravel_index(int(change.argmin()), change.shape)
            if change[place] < best:
                best, exchange = float(change[place]), (int(place[0]), start + int(place[1]))
        if exchange is None:
            return medoids
        medoids[exchange[0]] = exchange[1]


def silhouette(table: Values, cluster_of: Numbers) -> float | None:
    """Give the mean silhouette; a row alone in its cluster counts 0. None of one cluster or of rows alone."""
    sizes = np.bincount(cluster_of)
    if sizes.size < 2 or sizes.size >= cluster_of.size:
        return None
    sums = np.stack([table[:, cluster_of == each].sum(axis=1) for each in range(sizes.size)], axis=1)
    rows = np.arange(cluster_of.size)
    own = sums[rows, cluster_of] / np.maximum(sizes[cluster_of] - 1, 1)
    means = sums / sizes
    means[rows, cluster_of] = np.inf
    other = means.min(axis=1)
    largest = np.maximum(own, other)
    scores = np.where((sizes[cluster_of] > 1) & (largest > 0), (other - own) / np.where(largest > 0, largest, 1.0), 0.0)
    return float(scores.mean())
