"""How good probabilities are, each figure as one number, and how sure one can be of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lungdb.learning.curves import precision_recall_curve

_AT_A_TIME = 100  # resamples, which keeps their table small


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
    rank_sum = average_ranks(np.asarray(scores, dtype=np.float64))[positive].sum()
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))


def log_loss(labels: ArrayLike, probabilities: ArrayLike, weights: NDArray[np.float64] | None = None) -> float | None:
    """Give the mean negative logarithm of the probability of the true class, in nats; None without patients.

    Probabilities are kept float64's epsilon away from 0 and 1, as scikit-learn does.
    """
    positive = np.asarray(labels) == 1
    if not positive.size:
        return None
    epsilon = np.finfo(np.float64).eps
    probability = np.clip(np.asarray(probabilities, dtype=np.float64), epsilon, 1 - epsilon)
    return float(-np.average(np.log(np.where(positive, probability, 1 - probability)), weights=weights))


def brier(labels: ArrayLike, probabilities: ArrayLike) -> float | None:
    """Give the mean squared distance of probability and truth (Brier 1950); None without patients."""
    positive = np.asarray(labels) == 1
    return float(np.mean((np.asarray(probabilities) - positive) ** 2)) if positive.size else None


def average_precision(labels: ArrayLike, scores: ArrayLike) -> float | None:
    """Give the precision at each threshold, weighted by the sensitivity gained there; None without a positive."""
    curve = precision_recall_curve(labels, scores)
    if curve is None:
        return None
    gained = np.diff(curve.x, prepend=0)
    return float(np.sum(gained * curve.y))


def bootstrap_interval(
    labels: ArrayLike,
    scores: ArrayLike,
    statistic: Callable[[ArrayLike, ArrayLike], float | None],
    seed: int,
    resamples: int = 2000,
    owners: ArrayLike | None = None,
) -> tuple[float, float] | None:
    """Give the 95 % percentile bootstrap interval of a statistic; None when a class is missing.

    Patients are drawn with replacement within each class, so that every resample has both (Robin et al., pROC, BMC
    Bioinformatics 2011, whose 2000 stratified replicates are the default here too). `owners` has a number for the
    patient of each row: where one has several, all of them go together, and patients with a row of label 1 are a
    class. A resample that lacks a label all the same does not count.
    """
    labels, scores = np.asarray(labels), np.asarray(scores)
    classes = [np.flatnonzero(labels == label) for label in (0, 1)]
    if not all(members.size for members in classes):
        return None
    rows = None
    if owners is not None and np.unique(owners).size < labels.size:
        places = np.unique(owners, return_inverse=True)[1].reshape(-1)
        rows = [np.flatnonzero(places == place) for place in range(places.max() + 1)]
        positive = np.array([(labels[of_one] == 1).any() for of_one in rows])
        classes = [members for members in (np.flatnonzero(~positive), np.flatnonzero(positive)) if members.size]
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(resamples):
        drawn = np.concatenate([rng.choice(members, members.size) for members in classes])
        chosen = drawn if rows is None else np.concatenate([rows[place] for place in drawn])
        values.append(statistic(labels[chosen], scores[chosen]))
    low, high = np.nanpercentile(np.array(values, dtype=np.float64), [2.5, 97.5])
    return float(low), float(high)


def auc_bootstrap_interval(
    labels: ArrayLike, scores: ArrayLike, seed: int, resamples: int = 2000
) -> tuple[float, float] | None:
    """Give what `bootstrap_interval` gives for `auc`, up to the drawing, many resamples at a time."""
    values, group = np.unique(np.asarray(scores, dtype=np.float64), return_inverse=True)
    groups = [group.reshape(-1)[np.asarray(labels) == label] for label in (0, 1)]
    if not all(members.size for members in groups):
        return None
    rng = np.random.default_rng(seed)

    def draw(members: NDArray[np.intp], rows: int) -> NDArray[np.int64]:
        """Count the patients drawn by resample and distinct score."""
        drawn = members[rng.integers(0, members.size, (rows, members.size))] + values.size * np.arange(rows)[:, None]
        return np.bincount(drawn.reshape(-1), minlength=rows * values.size).reshape(rows, values.size)

    areas = []
    for start in range(0, resamples, _AT_A_TIME):
        negatives, positives = (draw(members, min(_AT_A_TIME, resamples - start)) for members in groups)
        below = np.cumsum(negatives, axis=1) - negatives / 2
        areas.append((positives * below).sum(axis=1) / (groups[0].size * groups[1].size))
    low, high = np.percentile(np.concatenate(areas), [2.5, 97.5])
    return float(low), float(high)


def auc_patients_interval(
    labels: ArrayLike, scores: ArrayLike, owners: ArrayLike, seed: int, resamples: int = 2000
) -> tuple[float, float] | None:
    """Give the 95 % interval of `auc` where patients have several scans: all of a patient are drawn together.

    Patients are drawn with replacement within those who have a scan of label 1 and those who have none (Field and
    Welsh, Bootstrapping clustered data, Journal of the Royal Statistical Society B 2007); `owners` has a number for the
    patient of each scan. None when a class is missing.
    """
    positive = np.asarray(labels) == 1
    if positive.all() or not positive.any():
        return None
    values, group = np.unique(np.asarray(scores, dtype=np.float64), return_inverse=True)
    patients, places = np.unique(np.asarray(owners), return_inverse=True)
    places = places.reshape(-1)
    has_positive = np.zeros(patients.size, dtype=bool)
    has_positive[places[positive]] = True
    rng = np.random.default_rng(seed)

    def draw(members: NDArray[np.intp], rows: int) -> NDArray[np.int64]:
        """Count how often each patient is drawn, by resample."""
        drawn = members[rng.integers(0, members.size, (rows, members.size))] + patients.size * np.arange(rows)[:, None]
        return np.bincount(drawn.reshape(-1), minlength=rows * patients.size).reshape(rows, patients.size)

    areas = []
    for start in range(0, resamples, _AT_A_TIME):
        rows = min(_AT_A_TIME, resamples - start)
        drawn = sum(draw(np.flatnonzero(each), rows) for each in (~has_positive, has_positive) if each.any())
        weights = np.asarray(drawn)[:, places]
        cells = (group.reshape(-1) + values.size * np.arange(rows)[:, None]).reshape(-1)
        counts = [
            np.bincount(cells, weights=(weights * of_class).reshape(-1), minlength=rows * values.size)
            .reshape(rows, values.size)
            for of_class in (~positive, positive)
        ]  # fmt: skip
        below = np.cumsum(counts[0], axis=1) - counts[0] / 2
        pairs = counts[0].sum(axis=1) * counts[1].sum(axis=1)
        areas.append((counts[1] * below).sum(axis=1)[pairs > 0] / pairs[pairs > 0])
    low, high = np.percentile(np.concatenate(areas), [2.5, 97.5])
    return float(low), float(high)


def average_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank from 1; equal values share the mean of their ranks."""
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(sizes)
    return np.asarray((last - (sizes - 1) / 2)[group], dtype=np.float64)
