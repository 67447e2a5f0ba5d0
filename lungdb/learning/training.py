"""Training LightGBM on the feature vectors of patients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ProcedureError
from lungdb.learning.metrics import auc, bootstrap_interval, log_loss
from lungdb.learning.parameters import TrainingParameters

ONE_CLASS = 50112
TOO_FEW = 50113

PARTS = ("train", "validation", "test")

_AT_LEAST = 4  # of a class in the training part: two to learn from, two to stop by
_IN_VALIDATION = 2


@dataclass(frozen=True)
class Trained:
    """A trained classifier.

    Attributes
    ----------
    model : bytes
        LightGBM's model text, UTF-8, of the best iteration.
    best_iteration : int
        Number of trees in it.
    parts : sequence of str
        For each patient `train`, `validation` or `test`.
    probabilities : float64[patients]
        Of class 1, in the order given.
    """

    model: bytes
    best_iteration: int
    parts: NDArray[np.str_]
    probabilities: NDArray[np.float64]


def train(
    vectors: NDArray[np.float32],
    labels: NDArray[np.int64],
    is_test: NDArray[np.bool_],
    parameters: TrainingParameters,
) -> Trained:
    """Train on the patients that are not test patients.

    A part of them, drawn by the seed within each class, is kept for early stopping. One thread and LightGBM's
    deterministic mode give the same bytes for the same patients in the same order.

    Parameters
    ----------
    vectors : float32[patients, width]
    labels : int64[patients]
        0 or 1.
    is_test : bool[patients]
        These take no part in training and are scored.
    parameters : TrainingParameters

    Raises
    ------
    ProcedureError
        50112 when the training part has one class only; 50113 when it has fewer than four patients of a class, or
        too few for two leaves of `min_data_in_leaf`.
    """
    parts = _parts(labels, is_test, parameters)
    import lightgbm  # brings SciPy and, where installed, scikit-learn: only for those who train

    rows = {part: parts == part for part in PARTS}
    settings = {
        "objective": "binary",
        "metric": "binary_logloss",
        "learning_rate": parameters.learning_rate,
        "num_leaves": parameters.num_leaves,
        "min_data_in_leaf": parameters.min_data_in_leaf,
        # With a hundred patients and as many features or more, random thresholds on half of them overfit least.
        "extra_trees": True,
        "feature_fraction": 0.5,
        "seed": parameters.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
    learning = lightgbm.Dataset(vectors[rows["train"]], labels[rows["train"]])
    validation = lightgbm.Dataset(vectors[rows["validation"]], labels[rows["validation"]], reference=learning)
    booster = lightgbm.train(
        settings,
        learning,
        num_boost_round=parameters.max_iterations,
        valid_sets=[validation],
        callbacks=[lightgbm.early_stopping(parameters.early_stopping_rounds, verbose=False)],
    )
    best = int(booster.best_iteration)
    return Trained(
        model=booster.model_to_string(num_iteration=best).encode(),
        best_iteration=best,
        parts=parts,
        probabilities=np.asarray(booster.predict(vectors, num_iteration=best), dtype=np.float64),
    )


def measure(trained: Trained, labels: NDArray[np.int64], seed: int) -> dict[str, dict[str, float | None]]:
    """Give AUC and log loss of each part, and for the test part the 95 % bootstrap interval of the AUC.

    A figure that a part does not allow (one class only, nobody in it) is None. Those of the training and validation
    parts show how far the model fits what it has seen; only the test part says how good it is.
    """
    figures: dict[str, dict[str, float | None]] = {}
    for part in PARTS:
        chosen = trained.parts == part
        truth, scores = labels[chosen], trained.probabilities[chosen]
        figures[part] = {"auc": auc(truth, scores), "log_loss": log_loss(truth, scores)}
        if part == "test":
            low, high = bootstrap_interval(truth, scores, auc, seed) or (None, None)
            figures[part].update(auc_low=low, auc_high=high)
    return figures


def _parts(labels: NDArray[np.int64], is_test: NDArray[np.bool_], parameters: TrainingParameters) -> NDArray[np.str_]:
    """Name each patient's part; the validation patients are drawn within each class."""
    counts = [int(np.sum(labels[~is_test] == label)) for label in (0, 1)]
    have = f"The training part has {counts[1]} patients with label 1 and {counts[0]} with label 0"
    if max(counts) > 0 and min(counts) == 0:
        raise ProcedureError(ONE_CLASS, f"{have}, so there is nothing to tell apart. Load patients of both labels.")
    if min(counts) < _AT_LEAST:
        raise ProcedureError(TOO_FEW, f"{have}. Load at least {_AT_LEAST} of each.")
    rng = np.random.default_rng(parameters.seed)
    parts = np.where(is_test, "test", "train").astype("<U10")
    for label, count in enumerate(counts):
        members = np.flatnonzero(~is_test & (labels == label))
        kept = max(_IN_VALIDATION, round(count * parameters.validation_fraction))
        parts[rng.permutation(members)[:kept]] = "validation"
    learning = int(np.sum(parts == "train"))
    if learning < 2 * parameters.min_data_in_leaf:
        raise ProcedureError(
            TOO_FEW,
            f"{learning} patients are left to learn from, too few for two leaves of {parameters.min_data_in_leaf}. "
            "Load more patients or lower @MinDataInLeaf.",
        )
    return parts
