"""How sure it is that one model is better than another on the same patients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lungdb.learning.metrics import auc, average_precision, bootstrap_interval, brier, log_loss

METRICS: dict[str, Callable[[ArrayLike, ArrayLike], float | None]] = {
    "auc": auc,
    "average_precision": average_precision,
    "log_loss": log_loss,
    "brier": brier,
}


def difference_interval(
    labels: NDArray[np.int64],
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    metric: str,
    seed: int,
    resamples: int,
    patients: NDArray[np.int64] | None = None,
) -> tuple[float, float] | None:
    """Give the 95 % interval of how much a figure of `a` exceeds that of `b`, of the same patients.

    None when a class is missing. The interval is a paired bootstrap's: a patient drawn counts for both models (Efron
    and Tibshirani, An introduction to the bootstrap, 1993), with all scans where `patients` has a number twice.
    """
    measure = METRICS[metric]

    def difference(drawn: ArrayLike, scores: ArrayLike) -> float | None:
        both = np.asarray(scores)
        one, other = measure(drawn, both[:, 0]), measure(drawn, both[:, 1])
        return None if one is None or other is None else one - other

    return bootstrap_interval(labels, np.stack([a, b], axis=1), difference, seed, resamples, patients)
