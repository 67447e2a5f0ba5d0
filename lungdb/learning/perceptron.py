"""A small dense network as a classifier: fitted by scikit-learn, written as JSON, scored in numpy alone."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.learning.boosting import Part
from lungdb.learning.metrics import log_loss
from lungdb.learning.parameters import TrainingParameters

_BATCH = 32  # patients a step
_CONSTANT = 1e-6  # of a feature's largest value: less is the rounding of single precision

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Network:
    """Layers of ReLU units and one sigmoid unit at the end; the features' standardisation is part of the first layer.

    Attributes
    ----------
    weights : tuple of float64[inputs, units]
    biases : tuple of float64[units]
    """

    weights: tuple[Values, ...]
    biases: tuple[Values, ...]

    @property
    def width(self) -> int:
        """Number of features that it reads."""
        return int(self.weights[0].shape[0])

    def probabilities(self, features: NDArray[Any]) -> Values:
        """Compute the probability of class 1 for features [n, width]."""
        return np.asarray(np.exp(-np.logaddexp(0, -self.margins(features))), dtype=np.float64)

    def margins(self, features: NDArray[Any]) -> Values:
        """Compute the log-odds of class 1 for features [n, width]."""
        return self.margins_of_sums(np.asarray(features, dtype=np.float64) @ self.weights[0] + self.biases[0])

    def margins_of_sums(self, sums: Values) -> Values:
        """Compute the log-odds from the sums [n, units] that enter the units of the first layer."""
        for weight, bias in zip(self.weights[1:], self.biases[1:], strict=True):
            sums = np.maximum(sums, 0) @ weight + bias
        return np.asarray(sums[:, 0], dtype=np.float64)

    def to_json(self) -> str:
        """Write the layers as a JSON object, which plain T-SQL reads too; `from_json` reads back the same numbers."""
        last = len(self.weights) - 1
        return json.dumps(
            {
                "layers": [
                    {
                        "weight": weight.tolist(),
                        "bias": bias.tolist(),
                        "activation": "sigmoid" if layer == last else "relu",
                    }
                    for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True))
                ]
            }
        )


@dataclass(frozen=True)
class Learnt:
    """A fitted network, the passes over the patients that it took, and the log loss after each pass."""

    network: Network
    passes: int
    curve: dict[str, list[float]]


def fit(learning: Part, validation: Part | None, parameters: TrainingParameters) -> Learnt:
    """Fit by Adam, on one thread, so that the same patients, parameters and versions give the same numbers.

    A validation part ends it where its log loss stops falling, and the best pass is kept; without one there are
    exactly `max_iterations` passes. Where classes are weighted, those of the smaller one are taken as often as makes
    both the same number.

    Raises
    ------
    ProcedureError
        50116 where scikit-learn is not installed; 50101 for a missing value; 50176 where the numbers grow too large.
    """
    try:
        from sklearn.neural_network import MLPClassifier
        from threadpoolctl import threadpool_limits
    except ImportError:
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            "The algorithm network needs scikit-learn, which is not installed where the scripts run. Run: "
            "pip install scikit-learn",
        ) from None
    if not np.isfinite(learning.vectors).all():
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            "A feature is missing for some patients, which the algorithm network cannot read. Take lightgbm, "
            "random_forest or extra_trees, or leave the column out.",
        )
    values = learning.vectors.astype(np.float64)
    mean, scale = _standardisation(values)
    standard, labels = (values - mean) / scale, learning.labels
    if learning.weights is not None:
        taken = _balanced(labels)
        standard, labels = standard[taken], labels[taken]
    model = MLPClassifier(
        hidden_layer_sizes=parameters.hidden,
        alpha=parameters.l2,
        batch_size=min(_BATCH, labels.size),
        learning_rate_init=parameters.learning_rate,
        random_state=parameters.seed,
    )
    kept, best = Network((), ()), 0
    curve: dict[str, list[float]] = {"train": [], "validation": []}
    with threadpool_limits(limits=1):
        for passed in range(1, parameters.max_iterations + 1):
            model.partial_fit(standard, labels, classes=np.array([0, 1]))
            network = _folded(model.coefs_, model.intercepts_, mean, scale)
            curve["train"].append(_loss(network, learning))
            if not math.isfinite(curve["train"][-1]):
                raise ProcedureError(
                    ErrorNumber.OVERFLOW, "The network's numbers grew too large. Lower the learning rate."
                )
            if validation is None:
                kept, best = network, passed
                continue
            curve["validation"].append(_loss(network, validation))
            if curve["validation"][-1] <= min(curve["validation"]):
                kept, best = network, passed
            if passed - best >= parameters.early_stopping_rounds:
                break
    return Learnt(kept, best, curve)


def from_json(text: str) -> Network:
    """Read what `to_json` wrote; ProcedureError 50116 for anything else."""
    try:
        layers = json.loads(text)["layers"]
        weights = tuple(np.array(layer["weight"], dtype=np.float64) for layer in layers)
        biases = tuple(np.array(layer["bias"], dtype=np.float64) for layer in layers)
        activations = [layer["activation"] for layer in layers]
    except (TypeError, ValueError, KeyError, RecursionError):
        weights, biases, activations = (), (), []
    if (
        weights
        and activations == ["relu"] * (len(weights) - 1) + ["sigmoid"]
        and all(weight.ndim == 2 and weight.size for weight in weights)
        and all(bias.shape == weight.shape[1:] for weight, bias in zip(weights, biases, strict=True))
        and all(before.shape[1] == after.shape[0] for before, after in pairwise(weights))
        and weights[-1].shape[1] == 1
        and all(np.isfinite(each).all() for each in (*weights, *biases))
    ):
        return Network(weights, biases)
    raise ProcedureError(
        ErrorNumber.UNREADABLE,
        "The model is not a dense network in JSON: layers with weight, bias and activation that fit, the last a "
        "sigmoid of one unit. Train it again.",
    )


def _standardisation(values: Values) -> tuple[Values, Values]:
    mean, scale = values.mean(axis=0), values.std(axis=0)
    return mean, np.where(scale <= _CONSTANT * np.abs(values).max(axis=0), 1.0, scale)


def _balanced(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give positions with as many of either class: those of the smaller one again from the first on."""
    classes = [np.flatnonzero(labels == label) for label in (0, 1)]
    most = max(members.size for members in classes)
    return np.sort(np.concatenate([np.resize(members, most) for members in classes]))


def _folded(coefficients: list[Values], intercepts: list[Values], mean: Values, scale: Values) -> Network:
    """Write the standardisation into the first layer: (x − mean) / scale · w = x · (w / scale) − mean · (w / scale)."""
    first = coefficients[0] / scale[:, None]
    return Network(
        (first, *(each.copy() for each in coefficients[1:])),
        (intercepts[0] - mean @ first, *(each.copy() for each in intercepts[1:])),
    )


def _loss(network: Network, part: Part) -> float:
    loss = log_loss(part.labels, network.probabilities(part.vectors), part.weights)
    assert loss is not None  # a part has patients
    return loss
