"""Pooling: one vector of a scan from the features of its triples of slices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.extensions import POOLINGS, extension, names

Features = NDArray[np.float32]

TOP5 = "top5"
"""The pooling of candidates of nodules, and of nothing else."""


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
        observation and each triple a variable; `top5`, of candidates of nodules, the five largest scores, the largest
        first, 0 where there are fewer.

    Returns
    -------
    float32[width], or float32[3 × width] for `mean_max_std` and `thirds`, or float32[5] for `top5`

    Raises
    ------
    LungdbError
        When the name is another one, and no package registers it; or what a package makes is no vector of finite
        numbers.
    """
    check_pooling(name)
    if name in _POOLINGS:
        return np.asarray(_POOLINGS[name](features), dtype=np.float32)
    found = extension(POOLINGS, name)
    assert found is not None  # check_pooling has looked
    # It is given a copy: what it does to its features must not reach the stored ones.
    try:
        vector = np.asarray(found.value(features.copy()), dtype=np.float32)
    except Exception as error:  # whatever a foreign package does
        raise LungdbError(
            f"The pooling {name!r} of the package {found.package} fails ({type(error).__name__}: {error}). Mend it, or "
            "take another pooling."
        ) from error
    if vector.ndim != 1 or vector.size == 0 or vector.size % features.shape[1] or not np.isfinite(vector).all():
        raise LungdbError(
            f"The pooling {name!r} of the package {found.package} gives no vector of finite numbers, a whole number of "
            f"times the {features.shape[1]} features. Mend it, or take another pooling."
        )
    return vector


def check_pooling(name: str) -> None:
    """Refuse a name that `pool` does not know, with those that it does; 50394 for one that cannot be loaded."""
    if name in _POOLINGS:
        return
    found = extension(POOLINGS, name)
    if found is None:
        *others, last = [*_POOLINGS, *(each for each in names(POOLINGS) if each not in _POOLINGS)]
        raise LungdbError(f"Pooling {name!r} is not supported. Supported values are {', '.join(others)} and {last}.")
    if not callable(found.value):
        raise ProcedureError(
            ErrorNumber.NOT_REGISTERED,
            f"What the package {found.package} registers as pooling {name!r} is no function. Mend the package.",
        )


def check_packages(poolings: Iterable[str], registered: Mapping[str, str]) -> None:
    """Refuse poolings of a package that was not registered, or in another version than is installed: 50394."""
    installed = names(POOLINGS)
    for name in poolings:
        if name in _POOLINGS:  # which `pool` takes, whatever a package registers under the name
            continue
        package = registered.get(name)
        if name in installed and package is None:
            raise ProcedureError(
                ErrorNumber.NOT_REGISTERED,
                f"The pooling {name!r} of the package {installed[name]!r} is not registered. Call RegisterExtensions.",
            )
        if package is not None and installed.get(name) != package:
            there = f"{installed[name]!r} is installed" if name in installed else "it is not installed"
            raise ProcedureError(
                ErrorNumber.NOT_REGISTERED,
                f"The pooling {name!r} was registered from {package!r}, and {there}. Install that version, or call "
                "RegisterExtensions.",
            )


def _mean(features: Features) -> NDArray[np.floating]:
    return np.asarray(np.mean(features, axis=0, dtype=np.float64))


def _max(features: Features) -> NDArray[np.floating]:
    return np.asarray(np.max(features, axis=0))


def _mean_max_std(features: Features) -> NDArray[np.floating]:
    deviation = np.std(features, axis=0, dtype=np.float64)
    return np.concatenate([_mean(features), _max(features), deviation])


def _thirds(features: Features) -> NDArray[np.floating]:
    """Give the mean of each third of the triples, from below upward."""
    weights = _shares_of_thirds(features.shape[0])
    means = weights @ features.astype(np.float64) / weights.sum(axis=1, keepdims=True)
    return np.asarray(means.reshape(-1))


def third_weights(triples: int) -> NDArray[np.float64]:
    """Give what each triple weighs in the mean of each third: float64[3, triples], rows that sum to 1."""
    weights = _shares_of_thirds(triples)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _shares_of_thirds(rows: int) -> NDArray[np.float64]:
    """Give by how much of it each triple lies in each third.

    Triple i of n covers the share i / n to (i + 1) / n of the scan, and counts in a third by how much of it lies there,
    so that every n divides evenly: of 4 triples the lower third is the first and a third of the second. One triple is
    all three thirds.
    """
    edges = 3 * np.arange(rows + 1, dtype=np.float64) / rows
    overlap = np.minimum(edges[1:], np.arange(1, 4)[:, None]) - np.maximum(edges[:-1], np.arange(3)[:, None])
    return np.asarray(np.clip(overlap, 0, None) * rows / 3)


def _pca1(features: Features) -> NDArray[np.floating]:
    observations = features.T.astype(np.float64)
    centred = observations - observations.mean(axis=0)
    axis = np.linalg.svd(centred, full_matrices=False)[2][0]
    # scikit-learn's PCA turns the axis so that its entry of largest magnitude is positive (svd_flip on V, since 1.5).
    return np.asarray(centred @ axis * np.sign(axis[np.argmax(np.abs(axis))]))


def _top5(candidates: Features) -> NDArray[np.floating]:
    """Give the five largest values of the last column, which is the score of a candidate."""
    scores = np.sort(candidates[:, -1])[::-1][:5]
    return np.pad(scores, (0, 5 - len(scores)))


_POOLINGS: dict[str, Callable[[Features], NDArray[np.floating]]] = {
    "mean": _mean,
    "max": _max,
    "mean_max_std": _mean_max_std,
    "pca1": _pca1,
    "thirds": _thirds,
    TOP5: _top5,
}
POOLING_NAMES = tuple(_POOLINGS)
"""Names of lungdb's own poolings."""
