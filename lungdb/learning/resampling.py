"""How sure figures are when a patient may have several scans: patients are drawn, and their scans go with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from lungdb.learning.curves import BINS
from lungdb.learning.measuring import Labels, Scores, Values
from lungdb.learning.operating_points import OperatingPoint

RESAMPLES = 2000
_NUMBERS = 2_000_000  # weights at a time, which keeps their tables small

Weights = NDArray[np.float64]
Weighted = Callable[[Weights], dict[str, Values]]


def patient_intervals(
    scores: Scores,
    patients: Labels,
    constant: float | None,
    points: list[OperatingPoint],
    seed: int,
    resamples: int = RESAMPLES,
) -> dict[str, tuple[float, float]]:
    """Give the 95 % percentile bootstrap interval of each figure by name, of those that the scans allow.

    As many patients as there are are drawn with replacement, each with all scans (Field and Welsh, Bootstrapping
    clustered data, Journal of the Royal Statistical Society B 2007). Classes are not drawn apart: how many patients
    are positive is chance too, and accuracy, precision and the losses depend on it.

    Parameters
    ----------
    scores : Scores
        Of scans.
    patients : int64[scans]
        Whose scan it is, a number each.
    constant, points
        As of `lungdb.learning.measuring.figures`, whose names are used here.
    seed, resamples : int
        Of the drawing, and how often it is done.

    Returns
    -------
    dict of str to (float, float)
        Resamples in which a figure is not defined do not count; a figure that is defined in none has no interval.
    """
    if not 0 < int(np.sum(scores.labels == 1)) < scores.labels.size:
        return {}
    measure = weighted_figures(scores, constant, points)
    found: dict[str, list[Values]] = {}
    for weights in _draws(patients, seed, resamples):
        for name, values in measure(weights).items():
            found.setdefault(name, []).append(values)
    intervals = {}
    for name, pieces in found.items():
        values = np.concatenate(pieces)
        values = values[np.isfinite(values)]
        if values.size:
            low, high = np.percentile(values, [2.5, 97.5])
            intervals[name] = (float(low), float(high))
    return intervals


def _draws(patients: Labels, seed: int, resamples: int) -> Iterator[Weights]:
    """Yield how often each scan is drawn, float64[rows, scans], until there are so many rows."""
    names, numbers = np.unique(patients, return_inverse=True)
    numbers = numbers.reshape(-1)
    rng = np.random.default_rng(seed)
    at_a_time = max(1, _NUMBERS // numbers.size)
    for start in range(0, resamples, at_a_time):
        rows = min(at_a_time, resamples - start)
        drawn = rng.integers(0, names.size, (rows, names.size)) + names.size * np.arange(rows)[:, None]
        counts = np.bincount(drawn.reshape(-1), minlength=rows * names.size).reshape(rows, names.size)
        yield counts[:, numbers].astype(np.float64)


def weighted_figures(scores: Scores, constant: float | None, points: list[OperatingPoint]) -> Weighted:
    """Prepare the figures that have an interval: a function from float64[rows, scans] to float64[rows] by name.

    A figure that is not defined for a row of weights is NaN there.
    """
    positive = (scores.labels == 1).astype(np.float64)
    ranked = _ranked(positive, scores.probabilities)
    losses = {"": scores.probabilities, "_raw": scores.raw}
    if constant is not None:
        losses["_constant"] = np.full(positive.size, constant)
    means = {}
    for suffix, probabilities in losses.items():
        epsilon = np.finfo(np.float64).eps
        kept = np.clip(probabilities, epsilon, 1 - epsilon)
        means[f"log_loss{suffix}"] = -np.log(np.where(positive == 1, kept, 1 - kept))
        means[f"brier{suffix}"] = (probabilities - positive) ** 2
    errors = {
        "ece": _calibration_error(positive, scores.probabilities),
        "ece_raw": _calibration_error(positive, scores.raw),
    }
    called = {
        point.name: (scores.probabilities >= point.threshold).astype(np.float64)
        for point in points
        if point.threshold is not None
    }

    def measure(weights: Weights) -> dict[str, Values]:
        total, positives = weights.sum(axis=1), weights @ positive
        found = ranked(weights)
        found.update({name: weights @ each / total for name, each in means.items()})
        found.update({name: error(weights) / total for name, error in errors.items()})
        for name, calls in called.items():
            hits, calls_in_all = weights @ (calls * positive), weights @ calls
            found.update(
                {
                    f"{figure}_at_{name}": values
                    for figure, values in _rates(total, positives, hits, calls_in_all).items()
                }
            )
        return found

    return measure


def call_rates(positives: int, negatives: int, hits: int, alarms: int) -> dict[str, float | None]:
    """Give accuracy, precision and F1 (the harmonic mean of precision and sensitivity); None where not defined."""
    totals = (np.array([float(value)]) for value in (positives + negatives, positives, hits, hits + alarms))
    found = {name: float(values[0]) for name, values in _rates(*totals).items()}
    return {name: found[name] if np.isfinite(found[name]) else None for name in ("accuracy", "precision", "f1")}


def _rates(total: Values, positives: Values, hits: Values, called: Values) -> dict[str, Values]:
    rejections = total - positives - (called - hits)
    return {
        "sensitivity": _divide(hits, positives),
        "specificity": _divide(rejections, total - positives),
        "accuracy": _divide(hits + rejections, total),
        "precision": _divide(hits, called),
        "f1": _divide(2 * hits, positives + called),
    }


def _divide(above: Values, below: Values) -> Values:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(below > 0, above / below, np.nan), dtype=np.float64)


def _ranked(positive: Values, probabilities: Values) -> Weighted:
    """Prepare the figures that rest on the order of scores: AUC and average precision."""
    order = np.argsort(probabilities, kind="stable")
    _, starts = np.unique(probabilities[order], return_index=True)
    is_positive = positive[order]

    def measure(weights: Weights) -> dict[str, Values]:
        ordered = weights[:, order]
        of_level = np.add.reduceat(ordered * is_positive, starts, axis=1)
        others = np.add.reduceat(ordered * (1 - is_positive), starts, axis=1)
        positives, negatives = of_level.sum(axis=1), others.sum(axis=1)
        below = np.cumsum(others, axis=1) - others / 2
        found = np.cumsum(of_level[:, ::-1], axis=1)
        seen = found + np.cumsum(others[:, ::-1], axis=1)
        precision = np.divide(found, seen, out=np.zeros_like(found), where=seen > 0)
        return {
            "auc": _divide((of_level * below).sum(axis=1), positives * negatives),
            "average_precision": _divide((of_level[:, ::-1] * precision).sum(axis=1), positives),
        }

    return measure


def _calibration_error(positive: Values, probabilities: Values) -> Callable[[Weights], Values]:
    """Prepare the sum over the bins of |weighted probabilities − weighted positives|."""
    bins = np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)
    excess = np.zeros((bins.size, BINS))
    excess[np.arange(bins.size), bins] = probabilities - positive
    return lambda weights: np.abs(weights @ excess).sum(axis=1)
