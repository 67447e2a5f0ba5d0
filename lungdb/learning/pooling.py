"""Pooling: one vector of a scan from the features of its triples of slices."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError

Features = NDArray[np.float32]


def pool(features: Features, name: str) -> Features:
    """Pool float32[triples, width] into one vector.

    Parameters
    ----------
    features : float32[triples, width]
        At least one row.
    name : str
        `mean` or `max` over the triples; `mean_max_std`, both and the standard deviation (of the population) one after
        the other; `thirds`, the means of the lower, middle and upper third of the triples, from below upward; `pca1`,
        as the original project has it: the first principal component's scores when each value of the vector is an
        observation and each triple a variable.

    Returns
    -------
    float32[width], or float32[3 × width] for `mean_max_std` and `thirds`

    Raises
    ------
    LungdbError
        When the name is another one.
    """
    check_pooling(name)
    return np.asarray(_POOLINGS[name](features), dtype=np.float32)


def check_pooling(name: str) -> None:
    """Refuse a name that `pool` does not know, with those that it does."""
    if name not in _POOLINGS:
        *names, last = _POOLINGS
        raise LungdbError(f"Pooling {name!r} is not supported. Supported values are {', '.join(names)} and {last}.")


def _mean(features: Features) -> NDArray[np.floating]:
    return np.asarray(np.mean(features, axis=0, dtype=np.float64))


def _max(features: Features) -> NDArray[np.floating]:
    return np.asarray(np.max(features, axis=0))


def _mean_max_std(features: Features) -> NDArray[np.floating]:
    deviation = np.std(features, axis=0, dtype=np.float64)
    return np.concatenate([_mean(features), _max(features), deviation])


def _thirds(features: Features) -> NDArray[np.floating]:
    """Give the mean of each third of the triples, from below upward.

    Triple i of n covers the share i / n to (i + 1) / n of the scan, and counts in a third by how much of it lies there,
    so that every n divides evenly: of 4 triples the lower third is the first and a third of the second. One triple is
    all three thirds.
    """
    rows = features.shape[0]
    edges = 3 * np.arange(rows + 1, dtype=np.float64) / rows
    overlap = np.minimum(edges[1:], np.arange(1, 4)[:, None]) - np.maximum(edges[:-1], np.arange(3)[:, None])
    weights = np.clip(overlap, 0, None) * rows / 3
    means = weights @ features.astype(np.float64) / weights.sum(axis=1, keepdims=True)
    return np.asarray(means.reshape(-1))


def _pca1(features: Features) -> NDArray[np.floating]:
    observations = features.T.astype(np.float64)
    centred = observations - observations.mean(axis=0)
    axis = np.linalg.svd(centred, full_matrices=False)[2][0]
    # scikit-learn's PCA turns the axis so that its entry of largest magnitude is positive (svd_flip on V, since 1.5).
    return np.asarray(centred @ axis * np.sign(axis[np.argmax(np.abs(axis))]))


_POOLINGS: dict[str, Callable[[Features], NDArray[np.floating]]] = {
    "mean": _mean,
    "max": _max,
    "mean_max_std": _mean_max_std,
    "pca1": _pca1,
    "thirds": _thirds,
}
