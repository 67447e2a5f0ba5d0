"""Fitting a classifier of either algorithm to patients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lungdb.learning import logistic
from lungdb.learning.boosting import Part, boost
from lungdb.learning.metrics import log_loss
from lungdb.learning.parameters import TrainingParameters

# Of standardised features; from nearly no penalty to one that leaves little but the share of positives.
_PENALTIES = (1.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0)


@dataclass(frozen=True)
class Fitted:
    """A fitted classifier; the attributes are those of `lungdb.learning.training.Trained`."""

    library: str
    model: bytes
    best_iteration: int
    l2: float | None
    curve: dict[str, list[float]]


def fit_classifier(learning: Part, validation: Part | None, parameters: TrainingParameters) -> Fitted:
    """Fit the algorithm that the parameters name.

    The validation part chooses the number of LightGBM's trees up to `max_iterations`, or the penalty `l2` of the
    logistic regression where it is None. Without a validation part the trees are exactly so many, and `l2` is given.
    """
    if parameters.algorithm == "lightgbm":
        boosted = boost(learning, validation, parameters)
        return Fitted("lightgbm", boosted.model, boosted.best_iteration, None, boosted.curve)
    l2 = parameters.l2
    if l2 is None:
        assert validation is not None
        l2 = _choose_penalty(learning, validation)
    model = logistic.fit(learning.vectors, learning.labels, l2, learning.weights)
    return Fitted("logistic", model.to_json().encode(), 0, l2, {"train": [], "validation": []})


def _choose_penalty(learning: Part, validation: Part) -> float:
    """Give the penalty of the grid with the least log loss on the validation part."""
    losses = []
    for l2 in _PENALTIES:
        model = logistic.fit(learning.vectors, learning.labels, l2, learning.weights)
        losses.append(log_loss(validation.labels, model.probabilities(validation.vectors), validation.weights))
    return _PENALTIES[int(np.argmin(np.array(losses, dtype=np.float64)))]
