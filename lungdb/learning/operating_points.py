"""Thresholds, and what comes of calling every patient at or above one positive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungdb.learning.curves import count_by_threshold

_AT_LEAST = 0.95

Labels = NDArray[np.int64]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold by name; None when no score is one."""

    name: str
    threshold: float | None


def choose_operating_points(labels: Labels, probabilities: Values) -> list[OperatingPoint]:
    """Choose thresholds among the probabilities.

    Returns
    -------
    list of OperatingPoint
        `50`: 0.5, whatever the patients; `sensitivity_95`: the highest with a sensitivity of 0.95 or more;
        `specificity_95`: the lowest with a specificity of 0.95 or more; `youden`: the highest with the largest
        sensitivity + specificity − 1 (Youden, Index for rating diagnostic tests, Cancer 1950).
    """
    counts = count_by_threshold(labels, probabilities)
    thresholds: dict[str, float | None] = {"sensitivity_95": None, "specificity_95": None, "youden": None}
    if counts.threshold.size and counts.true_positives[-1] and counts.false_positives[-1]:
        sensitivity = counts.true_positives / counts.true_positives[-1]
        specificity = 1 - counts.false_positives / counts.false_positives[-1]
        sensitive, specific = np.flatnonzero(sensitivity >= _AT_LEAST), np.flatnonzero(specificity >= _AT_LEAST)
        thresholds["sensitivity_95"] = float(counts.threshold[sensitive[0]])
        thresholds["specificity_95"] = float(counts.threshold[specific[-1]]) if specific.size else None
        thresholds["youden"] = float(counts.threshold[np.argmax(sensitivity + specificity)])
    return [OperatingPoint("50", 0.5), *(OperatingPoint(*item) for item in thresholds.items())]


def classify(labels: Labels, probabilities: Values, threshold: float | None) -> dict[str, float | None]:
    """Give the confusion matrix at a threshold, sensitivity and specificity; None where they are not defined."""
    names = ("true_positives", "false_positives", "true_negatives", "false_negatives", "sensitivity", "specificity")
    if threshold is None:
        return {"threshold": None, **dict.fromkeys(names)}
    positive, called = labels == 1, probabilities >= threshold
    matrix = [
        int(np.sum(chosen))
        for chosen in (positive & called, ~positive & called, ~positive & ~called, positive & ~called)
    ]
    hits, alarms, rejections, misses = matrix
    rates = (
        hits / (hits + misses) if hits + misses else None,
        rejections / (rejections + alarms) if rejections + alarms else None,
    )
    return {"threshold": threshold, **dict(zip(names, (*matrix, *rates), strict=True))}
