"""The margin of a model: what it computes before the link that makes a probability of it, and before calibration."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.learning import ensembles, logistic, perceptron
from lungdb.learning.calibration import log_odds
from lungdb.learning.model_text import count_trees
from lungdb.learning.scoring import check_present, check_width, ensemble_log_odds, raw_sums, score_all

Features = NDArray[np.float32]
Values = NDArray[np.float64]

_LOGISTIC = ("binary", "cross_entropy")


def margins(library: str, model: bytes, details: Mapping[str, Any], vectors: Features) -> Values:
    """Compute the margins of scans.

    Of a classifier that is the log-odds of its raw score: of boosted trees the sum of their leaves, of a forest their
    mean, of a logistic regression and a network what enters the sigmoid, of an ensemble the mean of its members'
    calibrated log-odds. Of a classifier in ONNX, which gives a probability alone, it is taken from that and ends at
    the log-odds of 1e-12 and 1 − 1e-12. Of a regression it is the number predicted, in its own unit.

    Parameters
    ----------
    library : str
        `classifiers.library`: `lightgbm`, `logistic`, `network`, `ensemble` or `onnx`.
    model : bytes
        `classifiers.model`.
    details : mapping
        `classifiers.details` as read from JSON; `task` is used.
    vectors : float32[n, width]
        Pooled vectors as the model reads them; NaN is a missing value.

    Returns
    -------
    float64[n]

    Raises
    ------
    ProcedureError
        50110 and 50116 as `lungdb.learning.scoring.score_all`; 50371 when the trees have a link that is no sigmoid.
    """
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    if not len(vectors):
        return np.empty(0)
    if library == "lightgbm":
        return tree_factor(model, details) * raw_sums(model, vectors)
    if library == "logistic":
        regression = logistic.from_json(model.decode("utf-8", "replace"))
        check_width(vectors.shape[1], regression.mean.size)
        check_present(vectors, "logistic regression")
        return regression.margins(vectors)
    if library == "network":
        network = perceptron.from_json(model.decode("utf-8", "replace"))
        check_width(vectors.shape[1], network.width)
        check_present(vectors, "network")
        return network.margins(vectors)
    if library == "ensemble":
        return ensemble_log_odds(ensembles.from_json(model.decode("utf-8", "replace")), vectors)
    return log_odds(score_all(library, model, vectors))


def tree_factor(model: bytes, details: Mapping[str, Any]) -> float:
    """Give what LightGBM's sum of leaves is multiplied with to be the margin.

    That is its parameter `sigmoid`, by which the link multiplies, and of a forest, whose leaves are averaged, one over
    the number of trees.

    Raises
    ------
    ProcedureError
        50116 when it is no whole model text; 50371 for an objective whose link is no sigmoid, or of a regression none.
    """
    trees = count_trees(model)
    head = model[: model.find(b"\nTree=0\n")].decode("utf-8", "replace").splitlines()
    objective = next((line.partition("=")[2] for line in head if line.startswith("objective=")), "")
    name, *settings = objective.split() or ["none"]
    steepness = 1.0
    if details.get("task") == "regression":
        supported = name == "regression" and not settings  # with a setting it is of the square root
    else:
        supported = name in _LOGISTIC
        found = re.search(r"\bsigmoid:(\S+)", objective)
        steepness = _number(found[1]) if found and name == "binary" else 1.0
    if not supported or not (math.isfinite(steepness) and steepness > 0):
        raise ProcedureError(
            ErrorNumber.NO_CONTRIBUTIONS,
            f"The model's objective is {objective[:100] or 'not named'}, whose scores are not explained. Supported are "
            "binary, cross_entropy and regression; train it with TrainLungCancerModel.",
        )
    return steepness / trees if "average_output" in head else steepness


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
