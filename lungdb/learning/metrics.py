"""How good probabilities are: area under the ROC curve, log loss, and how sure one can be of a figure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray


def auc(labels: ArrayLike, scores: ArrayLike) -> float | None:
    """Give the area under the ROC curve, ties counting half; None when a class is missing.

    It is the Mann-Whitney statistic: the share of pairs of one positive and one negative that the scores put in
    order (Hanley and McNeil, The meaning and use of the area under a ROC curve, Radiology 1982).
    """
    positive = np.asarray(labels) == 1
    positives = int(positive.sum())
    negatives = positive.size - positives
    if not positives or not negatives:
        return None
    rank_sum = _average_ranks(np.asarray(scores, dtype=np.float64))[positive].sum()
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))


def log_loss(labels: ArrayLike, probabilities: ArrayLike) -> float | None:
    """Give the mean negative logarithm of the probability of the true class, in nats; None without patients.

    Probabilities are kept float64's epsilon away from 0 and 1, as scikit-learn does.
    """
    positive = np.asarray(labels) == 1
    if not positive.size:
        return None
    epsilon = np.finfo(np.float64).eps
    probability = np.clip(np.asarray(probabilities, dtype=np.float64), epsilon, 1 - epsilon)
    return float(-np.mean(np.log(np.where(positive, probability, 1 - probability))))


def bootstrap_interval(
    labels: ArrayLike,
    scores: ArrayLike,
    statistic: Callable[[ArrayLike, ArrayLike], float | None],
    seed: int,
    resamples: int = 2000,
) -> tuple[float, float] | None:
    """Give the 95 % percentile bootstrap interval of a statistic; None when a class is missing.

    Patients are drawn with replacement within each class, so that every resample has both (Robin et al., pROC, BMC
    Bioinformatics 2011, whose 2000 stratified replicates are the default here too).
    """
    labels, scores = np.asarray(labels), np.asarray(scores)
    classes = [np.flatnonzero(labels == label) for label in (0, 1)]
    if not all(members.size for members in classes):
        return None
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(resamples):
        drawn = np.concatenate([rng.choice(members, members.size) for members in classes])
        values.append(statistic(labels[drawn], scores[drawn]))
    low, high = np.percentile(np.array(values, dtype=np.float64), [2.5, 97.5])
    return float(low), float(high)


def _average_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank from 1; equal values share the mean of their ranks."""
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(sizes)
    return np.asarray((last - (sizes - 1) / 2)[group], dtype=np.float64)
