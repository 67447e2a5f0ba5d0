"""DeLong's interval of an area under the ROC curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lungdb.learning.metrics import average_ranks

_NORMAL_975 = 1.959963984540054  # the 97.5 % point of the standard normal distribution


def delong_interval(labels: ArrayLike, scores: ArrayLike) -> tuple[float, float] | None:
    """Give the 95 % interval of the AUC, kept within 0 and 1.

    None when a class has fewer than two patients, which leaves no variance, or when the scores separate the classes,
    where the variance is 0 and says nothing.
    """
    found = delong_variance(labels, scores)
    if found is None or found[1] == 0:
        return None
    area, variance = found
    reach = _NORMAL_975 * float(np.sqrt(variance))
    return max(0.0, area - reach), min(1.0, area + reach)


def delong_variance(labels: ArrayLike, scores: ArrayLike) -> tuple[float, float] | None:
    """Give the AUC and its variance; None when a class has fewer than two patients.

    DeLong, DeLong and Clarke-Pearson, Comparing the areas under two or more correlated receiver operating
    characteristic curves, Biometrics 1988; placements by ranks as in Sun and Xu, Fast implementation of DeLong's
    algorithm, IEEE Signal Processing Letters 2014.
    """
    positive = np.asarray(labels) == 1
    values = np.asarray(scores, dtype=np.float64)
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if positives < 2 or negatives < 2:
        return None
    ranks = average_ranks(values)
    # The share of the other class that each patient is placed above, or below.
    of_positives = (ranks[positive] - average_ranks(values[positive])) / negatives
    of_negatives = 1 - (ranks[~positive] - average_ranks(values[~positive])) / positives
    variance = _variance(of_positives) / positives + _variance(of_negatives) / negatives
    return float(of_positives.mean()), variance


def _variance(values: NDArray[np.float64]) -> float:
    return float(np.var(values, ddof=1))
