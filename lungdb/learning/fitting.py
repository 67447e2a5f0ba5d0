"""Fitting a classifier of any algorithm to patients."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lungdb.learning import logistic, noisy_or, perceptron
from lungdb.learning.algorithms import fit_algorithm
from lungdb.learning.boosting import Part, boost
from lungdb.learning.metrics import log_loss
from lungdb.learning.parameters import READ_BY, TrainingParameters

# Of standardised features; from nearly no penalty to one that leaves little but the share of positives.
_PENALTIES = (1.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0)
_PENALTIES_OF_NETWORK = (1.0, 10.0, 100.0)


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

    The validation part chooses the number of boosted trees or of a network's passes up to `max_iterations`, or the
    penalty `l2` of a logistic regression or network where it is None. Without a validation part they are exactly so
    many, and `l2` is given. An algorithm of a package learns from the patients alone.
    """
    if parameters.algorithm not in READ_BY:
        own = parameters.algorithm_parameters or {}
        fitted = fit_algorithm(parameters.algorithm, learning.vectors, learning.labels, own, parameters.seed)
        return Fitted("onnx", fitted, 0, None, {"train": [], "validation": []})
    if parameters.algorithm == "noisy_or":
        combined, _ = noisy_or.fit(learning.vectors, learning.labels, learning.weights)
        return Fitted("onnx", combined, 0, None, {"train": [], "validation": []})
    if parameters.algorithm == "network":
        penalties = _PENALTIES_OF_NETWORK if parameters.l2 is None else (parameters.l2,)
        tried = [perceptron.fit(learning, validation, replace(parameters, l2=l2)) for l2 in penalties]
        chosen = int(np.argmin([min(each.curve["validation"], default=0.0) for each in tried]))
        learnt = tried[chosen]
        return Fitted("network", learnt.network.to_json().encode(), learnt.passes, penalties[chosen], learnt.curve)
    if parameters.algorithm != "logistic":
        boosted = boost(learning, validation, parameters)
        return Fitted("lightgbm", boosted.model, boosted.best_iteration, None, boosted.curve)
    l2 = parameters.l2
    if l2 is None:
        assert validation is not None
        l2 = _choose_penalty(learning, validation)
    model = logistic.fit(learning.vectors, learning.labels, l2, learning.weights)
    return Fitted("logistic", model.to_json().encode(), 0, l2, {"train": [], "validation": []})


def needs_validation(parameters: TrainingParameters) -> bool:
    """Tell whether there is something that a validation part chooses."""
    return parameters.algorithm in ("lightgbm", "network") or (
        parameters.algorithm == "logistic" and parameters.l2 is None
    )


def _choose_penalty(learning: Part, validation: Part) -> float:
    """Give the penalty of the grid with the least log loss on the validation part."""
    losses = []
    for l2 in _PENALTIES:
        model = logistic.fit(learning.vectors, learning.labels, l2, learning.weights)
        losses.append(log_loss(validation.labels, model.probabilities(validation.vectors), validation.weights))
    return _PENALTIES[int(np.argmin(np.array(losses, dtype=np.float64)))]
