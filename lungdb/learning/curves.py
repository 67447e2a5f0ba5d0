"""What scores do at every threshold, and how far probabilities mean what they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

BINS = 10

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Points of a curve, float64[points] each; a patient counts as positive when the score is the threshold or more.

    The threshold is NaN where nobody counts as positive.
    """

    x: Values
    y: Values
    threshold: Values


@dataclass(frozen=True)
class Counts:
    """Positives and negatives with a score of the threshold or more, thresholds falling; float64[thresholds] each."""

    true_positives: Values
    false_positives: Values
    threshold: Values


@dataclass(frozen=True)
class Reliability:
    """Equal bins of probability that hold patients: number, mean probability, share of positives, and patients."""

    number: NDArray[np.int64]
    predicted: Values
    observed: Values
    patients: NDArray[np.int64]


def count_by_threshold(labels: ArrayLike, scores: ArrayLike) -> Counts:
    """Count at each distinct score, from the highest down."""
    threshold, group = np.unique(-np.asarray(scores, dtype=np.float64), return_inverse=True)
    positive = np.asarray(labels) == 1

    def count(chosen: NDArray[np.bool_]) -> Values:
        of_threshold = np.bincount(group.reshape(-1), weights=chosen, minlength=threshold.size)
        return np.cumsum(of_threshold, dtype=np.float64)

    return Counts(count(positive), count(~positive), -threshold)


def roc_curve(labels: ArrayLike, scores: ArrayLike) -> Curve | None:
    """Give 1 − specificity (x) and sensitivity (y), from (0, 0) to (1, 1); None when a class is missing."""
    counts = count_by_threshold(labels, scores)
    if not counts.threshold.size or not counts.true_positives[-1] or not counts.false_positives[-1]:
        return None
    return Curve(
        np.append(0, counts.false_positives / counts.false_positives[-1]),
        np.append(0, counts.true_positives / counts.true_positives[-1]),
        np.append(np.nan, counts.threshold),
    )


def precision_recall_curve(labels: ArrayLike, scores: ArrayLike) -> Curve | None:
    """Give sensitivity (x) and precision (y) at each threshold, falling; None without a positive."""
    counts = count_by_threshold(labels, scores)
    if not counts.threshold.size or not counts.true_positives[-1]:
        return None
    return Curve(
        counts.true_positives / counts.true_positives[-1],
        counts.true_positives / (counts.true_positives + counts.false_positives),
        counts.threshold,
    )


def reliability(labels: ArrayLike, probabilities: ArrayLike) -> Reliability:
    """Compare probability and share of positives in ten bins: [0, 0.1), [0.1, 0.2), … [0.9, 1]."""
    values = np.asarray(probabilities, dtype=np.float64)
    bins = np.minimum((values * BINS).astype(np.int64), BINS - 1)
    patients = np.bincount(bins, minlength=BINS)
    filled = np.flatnonzero(patients)
    return Reliability(
        filled,
        np.bincount(bins, weights=values, minlength=BINS)[filled] / patients[filled],
        np.bincount(bins, weights=np.asarray(labels) == 1, minlength=BINS)[filled] / patients[filled],
        patients[filled],
    )


def expected_calibration_error(labels: ArrayLike, probabilities: ArrayLike) -> float | None:
    """Give the mean distance of probability and share of positives over the bins, weighted by patients.

    Naeini, Cooper and Hauskrecht, Obtaining well calibrated probabilities using Bayesian binning, AAAI 2015. None
    without patients.
    """
    table = reliability(labels, probabilities)
    if not table.number.size:
        return None
    return float(np.average(np.abs(table.predicted - table.observed), weights=table.patients))
