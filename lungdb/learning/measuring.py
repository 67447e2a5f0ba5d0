"""Everything that is said about a training run: figures and curves of each part, from the stored scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from lungdb.learning.curves import expected_calibration_error, precision_recall_curve, reliability, roc_curve
from lungdb.learning.delong import delong_interval
from lungdb.learning.drawing import count_patients
from lungdb.learning.metrics import (
    auc,
    auc_bootstrap_interval,
    auc_patients_interval,
    average_precision,
    brier,
    log_loss,
)
from lungdb.learning.operating_points import OperatingPoint, choose_operating_points, classify

PARTS = ("train", "validation", "test")

Labels = NDArray[np.int64]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """Scores of scans, one entry each: label 0 or 1, raw score, probability, and whether it is out of fold.

    owners has a number for the patient of each where patients have several scans; None where each has one.
    """

    labels: Labels
    raw: Values
    probabilities: Values
    out_of_fold: NDArray[np.bool_]
    owners: Labels | None = None

    def of(self, chosen: NDArray[np.bool_]) -> Scores:
        """Give those of some patients."""
        owners = None if self.owners is None else self.owners[chosen]
        return Scores(
            self.labels[chosen], self.raw[chosen], self.probabilities[chosen], self.out_of_fold[chosen], owners
        )


@dataclass(frozen=True)
class Point:
    """A point of a curve; NaN where a value is not defined."""

    curve: str
    position: int
    x: float
    y: float
    threshold: float


def constant_prediction(parts: NDArray[np.object_], scores: Scores) -> float | None:
    """Give the share of positives among the patients trained on: what to say without looking at a scan."""
    trained_on = scores.labels[parts != "test"]
    return float(np.mean(trained_on == 1)) if trained_on.size else None


def operating_points(parts: NDArray[np.object_], scores: Scores) -> list[OperatingPoint]:
    """Choose the thresholds on the training patients' scores that are out of fold, so never on the test patients."""
    chosen = (parts != "test") & scores.out_of_fold
    return choose_operating_points(scores.labels[chosen], scores.probabilities[chosen])


def figures(
    scores: Scores, constant: float | None, points: list[OperatingPoint], seed: int | None
) -> dict[str, float | None]:
    """Measure one part by name; a figure that its patients do not allow is None.

    Where patients have several scans, intervals are by bootstrap over patients, `patients` and `positives` count
    patients, and `scans` is the number of scans. Names ending in `_raw` are before calibration, in `_constant` of
    predicting `constant` for everybody, those after `_at_` at an operating point. Without a seed there is no bootstrap,
    so its interval is None.
    """
    labels, raw, probabilities = scores.labels, scores.raw, scores.probabilities
    if scores.owners is None:
        low, high = delong_interval(labels, probabilities) or (None, None)
        interval = None if seed is None else auc_bootstrap_interval(labels, probabilities, seed)
        bootstrap_low, bootstrap_high = interval or (None, None)
    else:
        # DeLong's interval takes scans for independent, which those of a patient are not.
        interval = None if seed is None else auc_patients_interval(labels, probabilities, scores.owners, seed)
        low, high = interval or (None, None)
        bootstrap_low, bootstrap_high = low, high
    everybody = None if constant is None else np.full(labels.size, constant)
    found: dict[str, float | None] = {
        "patients": labels.size if scores.owners is None else np.unique(scores.owners).size,
        "positives": count_patients(labels, scores.owners)[1],
        "out_of_fold": float(scores.out_of_fold.all()),
        "auc": auc(labels, probabilities),
        "auc_low": low,
        "auc_high": high,
        "auc_bootstrap_low": bootstrap_low,
        "auc_bootstrap_high": bootstrap_high,
        "average_precision": average_precision(labels, probabilities),
    }
    if scores.owners is not None:
        found["scans"] = labels.size
    measures: dict[str, Callable[[Labels, Values], float | None]] = {
        "log_loss": log_loss,
        "brier": brier,
        "ece": expected_calibration_error,
    }
    for name, measure in measures.items():
        found[name] = measure(labels, probabilities)
        found[f"{name}_raw"] = measure(labels, raw)
        if name != "ece":
            found[f"{name}_constant"] = None if everybody is None else measure(labels, everybody)
    for point in points:
        for name, value in classify(labels, probabilities, point.threshold).items():
            found[f"{name}_at_{point.name}"] = value
    return found


def curves(scores: Scores) -> Iterator[Point]:
    """Give the points of a part's curves: `roc`, `precision_recall`, `calibration` and `calibration_raw`.

    x and y are 1 − specificity and sensitivity; sensitivity and precision; the mean probability and the share of
    positives of a bin, whose number is the position and whose patients are the threshold.
    """
    for name, curve in (
        ("roc", roc_curve(scores.labels, scores.probabilities)),
        ("precision_recall", precision_recall_curve(scores.labels, scores.probabilities)),
    ):
        if curve is not None:
            for position, (x, y, threshold) in enumerate(zip(*astuple(curve), strict=True)):
                yield Point(name, position, float(x), float(y), float(threshold))
    for name, probabilities in (("calibration", scores.probabilities), ("calibration_raw", scores.raw)):
        table = reliability(scores.labels, probabilities)
        for number, x, y, patients in zip(*astuple(table), strict=True):
            yield Point(name, int(number), float(x), float(y), float(patients))
