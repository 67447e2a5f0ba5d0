"""Fitting a classifier of either algorithm to patients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lungdb.learning import logistic
from lungdb.learning.boosting import Part, boost
from lungdb.learning.drawing import draw_folds
from lungdb.learning.metrics import log_loss
from lungdb.learning.parameters import TrainingParameters

# The penalty is of standardised features; from nearly none to one that leaves little but the share of positives.
_PENALTIES = (1.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0)
_INNER_FOLDS = 5


@dataclass(frozen=True)
class Fitted:
    """A fitted classifier; the attributes are those of `lungdb.learning.training.Trained`."""

    library: str
    model: bytes
    best_iteration: int
    l2: float | None
    curve: dict[str, list[float]]


def fit_classifier(learning: Part, validation: Part | None, parameters: TrainingParameters, trees: int) -> Fitted:
    """Fit the algorithm that the parameters name; only LightGBM stops by the validation part and counts trees."""
    if parameters.algorithm == "lightgbm":
        boosted = boost(learning, validation, parameters, trees)
        return Fitted("lightgbm", boosted.model, boosted.best_iteration, None, boosted.curve)
    l2 = _choose_penalty(learning, parameters.seed) if parameters.l2 is None else parameters.l2
    model = logistic.fit(learning.vectors, learning.labels, l2, learning.weights)
    return Fitted("logistic", model.to_json().encode(), 0, l2, {"train": [], "validation": []})


def _choose_penalty(learning: Part, seed: int) -> float:
    """Give the penalty of the grid with the least log loss on inner folds of the patients learnt from."""
    fewest = min(int(np.sum(learning.labels == label)) for label in (0, 1))
    count = min(_INNER_FOLDS, fewest)
    folds = draw_folds(learning.labels, count, seed)
    losses = []
    for l2 in _PENALTIES:
        scores = np.empty(learning.labels.size, dtype=np.float64)
        for fold in range(count):
            chosen = folds != fold
            weights = None if learning.weights is None else learning.weights[chosen]
            model = logistic.fit(learning.vectors[chosen], learning.labels[chosen], l2, weights)
            scores[~chosen] = model.probabilities(learning.vectors[~chosen])
        losses.append(log_loss(learning.labels, scores, learning.weights))
    return _PENALTIES[int(np.argmin(losses))]
