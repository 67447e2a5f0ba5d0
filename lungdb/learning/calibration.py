"""From a raw score to a probability that means what it says, at the site where it is used."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lungdb.errors import ErrorNumber, ProcedureError

Scores = NDArray[np.float64]

_NEAREST = 1e-12  # to 0 and 1, so that the log-odds of a score are finite
_STEPS = 100


def fit_calibration(method: str, raw: Scores, labels: NDArray[np.int64]) -> dict[str, Any]:
    """Fit a calibration on scores of patients that the scoring model has not learnt from.

    Parameters
    ----------
    method : str
        `platt` or `isotonic`.
    raw : float64[patients]
        Scores, 0…1.
    labels : int64[patients]
        0 or 1; both occur.

    Returns
    -------
    dict
        What `apply_calibration` reads; it can be written as JSON.
    """
    return _fit_platt(raw, labels) if method == "platt" else _fit_isotonic(raw, labels)


def apply_calibration(calibration: dict[str, Any] | None, raw: ArrayLike) -> Scores:
    """Turn raw scores into probabilities; None leaves them as they are.

    Raises
    ------
    ProcedureError
        50116 when the calibration is not one that `fit_calibration` gives.
    """
    scores = np.asarray(raw, dtype=np.float64)
    if calibration is None:
        return scores
    try:
        if calibration["method"] == "platt":
            return sigmoid(float(calibration["slope"]) * log_odds(scores) + float(calibration["intercept"]))
        if calibration["method"] == "isotonic":
            x, y = (np.asarray(calibration[axis], dtype=np.float64) for axis in ("x", "y"))
            return np.asarray(np.interp(scores, x, y), dtype=np.float64)
    except (KeyError, TypeError, ValueError):
        pass
    raise ProcedureError(ErrorNumber.UNREADABLE, "The model's calibration cannot be read. Train the model again.")


def correct_prevalence(probability: ArrayLike, trained_on: float, site: float) -> Scores:
    """Move probabilities from the share of positives that they were made for to that of a site.

    Bayes' theorem with the same likelihoods: the odds are multiplied by the ratio of the prior odds (Saerens, Latinne
    and Decaestecker, Adjusting the outputs of a classifier to new a priori probabilities, Neural Computation 2002).

    Parameters
    ----------
    probability : float64[…]
        0…1.
    trained_on, site : float
        Shares of positives, between 0 and 1.
    """
    values = np.asarray(probability, dtype=np.float64)
    positive = values * (site / trained_on)
    return np.asarray(positive / (positive + (1 - values) * ((1 - site) / (1 - trained_on))), dtype=np.float64)


def _fit_platt(raw: Scores, labels: NDArray[np.int64]) -> dict[str, Any]:
    """Fit a logistic curve over the log-odds of the scores by Newton's method.

    The targets are Platt's, (N₊+1)/(N₊+2) and 1/(N₋+2), which keep the curve finite where the scores separate the
    classes (Platt, Probabilistic outputs for support vector machines, 1999). A slope below 0 would turn the order of
    the scores round; the best curve without that is then flat, as isotonic regression's is.
    """
    positives = int(np.sum(labels == 1))
    negatives = labels.size - positives
    target = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    design = np.stack([log_odds(raw), np.ones(raw.size)], axis=1)
    start = np.log(target.mean() / (1 - target.mean()))
    weights = np.array([0.0, start])
    loss = _cross_entropy(design @ weights, target)
    for _ in range(_STEPS):
        probability = sigmoid(design @ weights)
        gradient = design.T @ (probability - target)
        curvature = design.T @ (design * (probability * (1 - probability))[:, None]) + 1e-12 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        length = 1.0
        while length > 1e-10 and _cross_entropy(design @ (weights - length * step), target) > loss:
            length /= 2
        weights = weights - length * step
        previous, loss = loss, _cross_entropy(design @ weights, target)
        if previous - loss <= 1e-14 * abs(loss):
            break
    slope, intercept = weights if weights[0] > 0 else (0.0, start)
    return {"method": "platt", "slope": float(slope), "intercept": float(intercept)}


def _fit_isotonic(raw: Scores, labels: NDArray[np.int64]) -> dict[str, Any]:
    """Fit the nearest rising steps by pooling adjacent violators, joined by straight lines.

    The steps are kept 1 / (patients + 2) away from 0 and 1: nobody is certain after so few patients.
    """
    x, group, counts = np.unique(raw, return_inverse=True, return_counts=True)
    shares = np.bincount(group.reshape(-1), weights=labels == 1) / counts
    blocks: list[tuple[float, int, int]] = []  # mean, patients, distinct scores
    for share, count in zip(shares.tolist(), counts.tolist(), strict=True):
        block = (share, count, 1)
        while blocks and blocks[-1][0] >= block[0]:
            mean, patients, distinct = blocks.pop()
            together = patients + block[1]
            block = ((mean * patients + block[0] * block[1]) / together, together, distinct + block[2])
        blocks.append(block)
    ends = np.cumsum([distinct for _, _, distinct in blocks])
    least = 1 / (labels.size + 2)
    points: list[tuple[float, float]] = []
    for (mean, _, distinct), end in zip(blocks, ends.tolist(), strict=True):
        y = min(max(mean, least), 1 - least)
        points += [(float(x[place]), y) for place in sorted({end - distinct, end - 1})]
    return {"method": "isotonic", "x": [point[0] for point in points], "y": [point[1] for point in points]}


def log_odds(scores: Scores) -> Scores:
    """Give log(p / (1 − p)) of scores kept 1e-12 away from 0 and 1."""
    kept = np.clip(scores, _NEAREST, 1 - _NEAREST)
    return np.asarray(np.log(kept / (1 - kept)), dtype=np.float64)


def sigmoid(values: Scores) -> Scores:
    """Give 1 / (1 + exp(−x)), exact to rounding however large x is on either side."""
    return np.asarray(np.exp(-np.logaddexp(0, -values)), dtype=np.float64)


def _cross_entropy(values: Scores, target: Scores) -> float:
    return float(np.sum(np.logaddexp(0, values) - target * values))
