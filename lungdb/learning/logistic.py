"""Logistic regression with an L2 penalty, in numpy alone."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lungdb.errors import ErrorNumber, ProcedureError

_STEPS = 100
_HALVINGS = 60
_ROUNDING = 1e-13  # of a sum of losses, relative
_ENOUGH = 1e-20  # of the squared Newton decrement, relative to the loss: the step after it changes nothing

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Logistic:
    """A fitted logistic regression.

    Attributes
    ----------
    mean, scale : float64[width]
        Each feature enters as (x − mean) / scale.
    coefficients : float64[width]
        Of the standardised features.
    intercept : float
    """

    mean: Vector
    scale: Vector
    coefficients: Vector
    intercept: float

    def probabilities(self, features: ArrayLike) -> Vector:
        """Compute the probability of class 1 for features [n, width]; ProcedureError 50110 for another width."""
        return _sigmoid(self.margins(features))

    def margins(self, features: ArrayLike) -> Vector:
        """Compute the log-odds of class 1 for features [n, width]; ProcedureError 50110 for another width."""
        values = np.asarray(features, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != self.mean.size:
            raise ProcedureError(
                ErrorNumber.OTHER_WIDTH,
                f"The features are {list(values.shape)} and the model reads [n, {self.mean.size}]. Generate the "
                "features that it was trained on, or train again.",
            )
        return np.asarray((values - self.mean) / self.scale @ self.coefficients + self.intercept)

    def to_json(self) -> str:
        """Write the model as a JSON object of its attributes; `from_json` reads back the same numbers."""
        return json.dumps(
            {
                "mean": self.mean.tolist(),
                "scale": self.scale.tolist(),
                "coefficients": self.coefficients.tolist(),
                "intercept": self.intercept,
            }
        )


def fit(features: ArrayLike, labels: ArrayLike, l2: float, sample_weights: ArrayLike | None = None) -> Logistic:
    """Fit by Newton's method to full precision; the same input gives the same model.

    With z = standardised features · coefficients + intercept it minimises
    Σ wᵢ log(1 + exp(−yᵢ zᵢ)) + l2 / 2 · |coefficients|², y being ±1, which is scikit-learn's LogisticRegression with
    C = 1 / l2. The intercept is not penalised.

    Parameters
    ----------
    features : [n, width]
        They are standardised with their weighted mean and standard deviation; a constant one counts nothing.
    labels : [n]
        0 and 1, both of them.
    l2 : float
        Above 0: how strongly the coefficients are held small.
    sample_weights : [n], optional
        Above 0; a weight of 2 is as good as the row twice.

    Raises
    ------
    ProcedureError
        50101 when a shape does not fit, a value is not finite, a label is not 0 or 1, or l2 or a weight is not above
        0; 50112 when there is one class only.
    """
    values, positive, weights = _checked(features, labels, l2, sample_weights)
    mean, scale = _standardisation(values, weights)
    standardised = (values - mean) / scale
    if standardised.shape[1] <= standardised.shape[0]:
        coefficients, intercept = _newton(standardised, positive, weights, l2)
        return Logistic(mean, scale, coefficients, intercept)
    # The best coefficients lie in the span of the rows, so with fewer rows than features the same problem is solved in
    # as many dimensions as there are rows (Hastie and Tibshirani, Efficient quadratic regularization for expression
    # arrays, Biostatistics 2004).
    basis, reduced = np.linalg.qr(standardised.T)
    coefficients, intercept = _newton(np.ascontiguousarray(reduced.T), positive, weights, l2)
    return Logistic(mean, scale, basis @ coefficients, intercept)


def from_json(text: str) -> Logistic:
    """Read what `to_json` wrote; ProcedureError 50116 for anything else."""
    try:
        read = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        read = None
    if isinstance(read, dict):
        mean, scale, coefficients = (_numbers(read.get(name)) for name in ("mean", "scale", "coefficients"))
        intercept = _numbers([read.get("intercept")])
        if 0 < len(mean) == len(scale) == len(coefficients) and min(scale) > 0 and intercept:
            return Logistic(np.array(mean), np.array(scale), np.array(coefficients), intercept[0])
    raise ProcedureError(
        ErrorNumber.UNREADABLE,
        "The model is not a logistic regression in JSON: mean, scale above 0 and coefficients of one length, and "
        "intercept. Train it again.",
    )


def _checked(
    features: ArrayLike, labels: ArrayLike, l2: float, sample_weights: ArrayLike | None
) -> tuple[Vector, NDArray[np.bool_], Vector]:
    values = np.asarray(features, dtype=np.float64)
    classes = np.asarray(labels)
    weights = np.ones(len(classes)) if sample_weights is None else np.asarray(sample_weights, dtype=np.float64)
    if values.ndim != 2 or 0 in values.shape or classes.shape != values.shape[:1] or weights.shape != classes.shape:
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"The features are {list(values.shape)}, the labels {list(classes.shape)} and the weights "
            f"{list(weights.shape)}. Give [n, width], [n] and [n].",
        )
    if not np.isfinite(values).all():
        raise ProcedureError(
            ErrorNumber.ARGUMENT, "A feature is NaN or infinite. Leave its row out, or generate it again."
        )
    if not np.isin(classes, (0, 1)).all():
        raise ProcedureError(
            ErrorNumber.ARGUMENT, "A label is neither 0 nor 1. Select the rows of two classes, as 0 and 1."
        )
    if not (np.isfinite(weights) & (weights > 0)).all() or not (math.isfinite(l2) and l2 > 0):
        raise ProcedureError(
            ErrorNumber.ARGUMENT, f"The penalty {l2} or a weight is not above 0. Give positive numbers."
        )
    positive = classes == 1
    if positive.all() or not positive.any():
        raise ProcedureError(
            ErrorNumber.ONE_CLASS,
            f"All {len(classes)} labels are {int(positive[0])}, so there is nothing to tell apart. Give rows of both "
            "labels.",
        )
    return values, positive, weights


def _standardisation(values: Vector, weights: Vector) -> tuple[Vector, Vector]:
    mean = np.average(values, axis=0, weights=weights)
    scale = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weights))
    # What rounding makes of a constant must not be blown up.
    is_constant = scale <= 1e-12 * np.abs(values).max(axis=0)
    return mean, np.where(is_constant, 1.0, scale)


def _newton(values: Vector, positive: NDArray[np.bool_], weights: Vector, l2: float) -> tuple[Vector, float]:
    """Minimise over coefficients and intercept, the last of the unknowns."""
    rows, width = values.shape
    design = np.column_stack([values, np.ones(rows)])
    penalty = np.append(np.full(width, l2), 0.0)
    share = weights[positive].sum() / weights.sum()
    unknowns = np.append(np.zeros(width), math.log(share / (1 - share)))
    scores = design @ unknowns

    def loss(at: Vector, scored: Vector) -> float:
        terms = np.logaddexp(0, np.where(positive, -scored, scored))
        return float(weights @ terms + 0.5 * (penalty * at) @ at)

    current = loss(unknowns, scores)
    for _ in range(_STEPS):
        probability = _sigmoid(scores)
        gradient = design.T @ (weights * (probability - positive)) + penalty * unknowns
        curvature = weights * probability * _sigmoid(-scores)
        hessian = (design.T * curvature) @ design
        hessian[np.diag_indices(width + 1)] += penalty
        step = np.linalg.solve(hessian, gradient)
        decrement = float(gradient @ step)
        if decrement <= _ENOUGH * (1 + current):
            break
        moved = design @ step
        length = 1.0
        for _ in range(_HALVINGS):
            tried, scored = unknowns - length * step, scores - length * moved
            new = loss(tried, scored)
            if new <= current - 1e-4 * length * decrement + _ROUNDING * current:
                break
            length /= 2
        else:
            break
        unknowns, scores, current = tried, scored, new
    return unknowns[:-1], float(unknowns[-1])


def _sigmoid(scores: Vector) -> Vector:
    """Give 1 / (1 + exp(−score)), exact to rounding however large the score is on either side."""
    probabilities: Vector = np.exp(-np.logaddexp(0, -scores))
    return probabilities


def _numbers(values: Any) -> Sequence[float]:
    """Give a list of finite numbers as floats; empty when it is none."""
    if not isinstance(values, list) or not all(type(value) in (int, float) for value in values):
        return []
    try:
        numbers = [float(value) for value in values]
    except OverflowError:
        return []
    return numbers if all(map(math.isfinite, numbers)) else []
