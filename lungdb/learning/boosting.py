"""Fitting LightGBM: gradient-boosted trees and forests, one thread and deterministic."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.learning.parameters import BAG, FORESTS, TrainingParameters

Features = NDArray[np.float32]
Values = NDArray[np.float64]

_LOSSES = {"classification": ("binary", "binary_logloss"), "regression": ("regression", "rmse")}
"""LightGBM's objective and metric of a task."""


@dataclass(frozen=True)
class Part:
    """Patients to learn from or to stop by: float32[patients, width], labels 0 or 1 or numbers, and what each weighs.

    names are those of the features, as LightGBM takes them; None for its own.
    """

    vectors: Features
    labels: NDArray[Any]
    weights: Values | None
    names: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Boosted:
    """A fitted model.

    Attributes
    ----------
    model : bytes
        LightGBM's model text, UTF-8, of the best iteration.
    best_iteration : int
        Number of trees in it.
    curve : dict
        `train` and `validation`: log loss after each tree, of a regression its root mean squared error; also of those
        after the best.
    """

    model: bytes
    best_iteration: int
    curve: dict[str, list[float]]


def boost(learning: Part, validation: Part | None, parameters: TrainingParameters) -> Boosted:
    """Fit `max_iterations` trees, or fewer where the loss of boosted ones on a validation part stops falling.

    The trees of a forest are as many as are asked for; its raw score is the sigmoid of their leaves' mean, of a
    regression that mean itself.
    """
    import lightgbm  # brings SciPy and, where installed, scikit-learn: only for those who train

    named = "auto" if learning.names is None else list(learning.names)
    scale = _scale(learning.labels, parameters)
    labels = scale.standard(learning.labels)
    train_set = lightgbm.Dataset(learning.vectors, labels, weight=learning.weights, feature_name=named)
    evaluated = {"train": train_set}
    recorded: dict[str, dict[str, list[float]]] = {}
    callbacks = [lightgbm.record_evaluation(recorded)]
    stops_early = validation is not None and parameters.algorithm not in FORESTS
    if validation is not None:
        evaluated["validation"] = lightgbm.Dataset(
            validation.vectors, scale.standard(validation.labels), weight=validation.weights, reference=train_set
        )
    if stops_early:
        callbacks.append(lightgbm.early_stopping(parameters.early_stopping_rounds, verbose=False))
    booster = lightgbm.train(
        lightgbm_settings(parameters),
        train_set,
        num_boost_round=parameters.max_iterations,
        valid_sets=list(evaluated.values()),
        valid_names=list(evaluated),
        callbacks=callbacks,
    )
    best = int(booster.best_iteration) if stops_early else parameters.max_iterations
    metric = _LOSSES[parameters.task][1]
    curve = {part: [scale.sd * float(value) for value in values[metric]] for part, values in recorded.items()}
    if parameters.task == "regression":
        _write_scale(booster, scale, is_mean=parameters.algorithm in FORESTS)
    return Boosted(booster.model_to_string(num_iteration=best).encode(), best, {"validation": [], **curve})


@dataclass(frozen=True)
class _Scale:
    """Mean and standard deviation that numbers are learnt in; 0 and 1 leave labels as they are."""

    mean: float
    sd: float

    def standard(self, labels: NDArray[Any]) -> NDArray[Any]:
        return labels if (self.mean, self.sd) == (0, 1) else (labels - self.mean) / self.sd


def _scale(labels: NDArray[Any], parameters: TrainingParameters) -> _Scale:
    """Take the scale of the numbers that are learnt from.

    LightGBM keeps them as float32, compares gains with constants, and gives a tree of a forest that finds no split the
    value 0, which is right only where 0 is the mean.
    """
    if parameters.task == "classification":
        return _Scale(0, 1)
    return _Scale(float(labels.mean()), float(labels.std()) or 1.0)


def _write_scale(booster: Any, scale: _Scale, *, is_mean: bool) -> None:
    """Write the scale into the leaves, so that the model gives numbers in their own unit."""
    for place, tree in enumerate(booster.dump_model(num_iteration=-1)["tree_info"]):
        added = scale.mean if is_mean or place == 0 else 0.0
        for leaf in range(tree["num_leaves"]):
            booster.set_leaf_output(place, leaf, scale.sd * booster.get_leaf_output(place, leaf) + added)


def lightgbm_names(names: Sequence[str]) -> tuple[str, ...]:
    """Give names of features in letters that LightGBM's model text takes, each once."""
    plain = [re.sub(r"[^0-9A-Za-z_./-]", "_", name) for name in names]
    return tuple(f"{name}_{place}" if plain.count(name) > 1 else name for place, name in enumerate(plain))


def lightgbm_settings(parameters: TrainingParameters) -> dict[str, Any]:
    """Give the settings that a training means, by LightGBM's own names; the number of trees is not among them."""
    kind: dict[str, Any] = {"learning_rate": parameters.learning_rate}
    if parameters.algorithm in FORESTS:
        # LightGBM's forests draw without replacement, anew for each tree.
        kind = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": BAG}
    return {
        "objective": _LOSSES[parameters.task][0],
        "metric": _LOSSES[parameters.task][1],
        **kind,
        "num_leaves": parameters.num_leaves,
        "min_data_in_leaf": parameters.min_data_in_leaf,
        # With a hundred patients and as many features or more, random thresholds on half of them overfit least.
        "extra_trees": parameters.algorithm != "random_forest",
        "feature_fraction": parameters.feature_fraction,
        "seed": parameters.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
