"""Whether one model is better than another on the same patients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lungdb.learning.metrics import auc, average_precision, bootstrap_interval, brier, log_loss

METRICS: dict[str, Callable[[ArrayLike, ArrayLike], float | None]] = {
    "auc": auc,
    "average_precision": average_precision,
    "log_loss": log_loss,
    "brier": brier,
}


@dataclass(frozen=True)
class Comparison:
    """A figure of two models, `a` − `b`, and the 95 % interval of that difference."""

    a: float
    b: float
    low: float
    high: float

    @property
    def difference(self) -> float:
        """Give a − b."""
        return self.a - self.b


def compare(
    labels: NDArray[np.int64],
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    metric: str,
    seed: int,
    resamples: int,
) -> Comparison | None:
    """Compare probabilities of the same patients; None when a class is missing.

    The interval is a paired bootstrap's: a patient drawn counts for both models (Efron and Tibshirani, An introduction
    to the bootstrap, 1993).
    """
    measure = METRICS[metric]

    def difference(drawn: ArrayLike, scores: ArrayLike) -> float | None:
        both = np.asarray(scores)
        one, other = measure(drawn, both[:, 0]), measure(drawn, both[:, 1])
        return None if one is None or other is None else one - other

    interval = bootstrap_interval(labels, np.stack([a, b], axis=1), difference, seed, resamples)
    figures = measure(labels, a), measure(labels, b)
    if interval is None or figures[0] is None or figures[1] is None:
        return None
    return Comparison(figures[0], figures[1], *interval)
