"""What a training run can be told, checked."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.learning.algorithms import algorithm_names, check_package, complete_parameters, find_algorithm


@dataclass(frozen=True)
class TrainingParameters:
    """Parameters of `train`; the defaults suit some hundred patients.

    Attributes
    ----------
    algorithm : str
        `lightgbm`, boosted trees; `random_forest`; `extra_trees`, a forest whose thresholds are drawn; `logistic`,
        L2-regularised logistic regression; `network`, a small dense network; `noisy_or`, of
        the scores of nodules. `READ_BY` says which of the settings
        below each of them reads, `DEFAULTS` where its defaults are others. Or an algorithm of a package.
    seed : int
        Of the folds, the validation part, undersampling and the algorithm.
    folds : int
        Folds of the cross-validation, 2 to 20; 0 keeps a validation part out instead.
    validation_fraction : float
        Share of the training part (of what a fold learns from) that is kept for early stopping, or for choosing `l2`.
    imbalance : str
        `none`; `class_weight`, both classes weigh the same; `undersample`, as many of the larger class as of the other.
    calibration : str
        `none`, `platt` or `isotonic`, fitted on scores of patients that the scoring model has not learnt from.
    learning_rate : float
        Shrinkage of each tree; size of a network's steps.
    num_leaves : int
        Leaves of a tree at most.
    min_data_in_leaf : int
        Patients in a leaf at least.
    max_iterations : int
        Trees at most; the trees of a forest; passes of a network over its patients at most.
    early_stopping_rounds : int
        Trees, or passes, without a better log loss on the validation part before training stops.
    feature_fraction : float
        Share of the features that each tree may use.
    l2 : float or None
        Strength of the penalty of `logistic` and `network`; None chooses it on the validation part (of each fold).
    hidden : tuple of int
        Units of the hidden layers of `network`, one to three of them.
    task : str
        `classification`, labels 0 and 1; `regression`, a number, which `REGRESSORS` learn, without weights of classes
        and without calibration.
    algorithm_parameters : dict or None
        The parameters of an algorithm of a package, all of them.
    package : str or None
        The package and version that it was registered from.
    """

    algorithm: str = "lightgbm"
    seed: int = 20170401
    folds: int = 0
    validation_fraction: float = 0.2
    imbalance: str = "none"
    calibration: str = "none"
    learning_rate: float = 0.05
    num_leaves: int = 7
    min_data_in_leaf: int = 10
    max_iterations: int = 500
    early_stopping_rounds: int = 50
    feature_fraction: float = 0.5
    l2: float | None = None
    hidden: tuple[int, ...] = (16,)
    task: str = "classification"
    algorithm_parameters: dict[str, int | float] | None = None
    package: str | None = None


FORESTS = ("random_forest", "extra_trees")
REGRESSORS = ("lightgbm", *FORESTS)
"""The algorithms that learn a number too."""
BAG = 0.632
"""Share of the patients that a tree of a forest learns from: what a bootstrap of as many draws holds of them."""

_OF_TREES = ("num_leaves", "min_data_in_leaf", "max_iterations", "feature_fraction")
READ_BY: dict[str, tuple[str, ...]] = {
    "lightgbm": (*_OF_TREES, "learning_rate", "early_stopping_rounds"),
    "logistic": ("l2",),
    **dict.fromkeys(FORESTS, _OF_TREES),
    "network": ("hidden", "learning_rate", "max_iterations", "early_stopping_rounds", "l2"),
    "noisy_or": (),
}
"""The settings that an algorithm reads beside seed, folds, validation_fraction, imbalance and calibration."""

DEFAULTS: dict[str, dict[str, Any]] = {
    **{
        forest: {"num_leaves": 15, "min_data_in_leaf": 5, "max_iterations": 200, "feature_fraction": 0.2}
        for forest in FORESTS
    },
    "network": {"learning_rate": 0.005, "max_iterations": 150, "early_stopping_rounds": 15},
}
"""Where those of an algorithm are others than `TrainingParameters` has."""

_SETTINGS = {setting for settings in READ_BY.values() for setting in settings}
_MOST_LAYERS, _MOST_UNITS = 3, 256
_CHOICES: dict[str, tuple[str, ...]] = {
    "imbalance": ("none", "class_weight", "undersample"),
    "calibration": ("none", "platt", "isotonic"),
    "task": ("classification", "regression"),
}
_RANGES: dict[str, tuple[float, float]] = {
    "seed": (0, 2**31 - 1),
    "folds": (0, 20),
    "validation_fraction": (0.05, 0.5),
    "learning_rate": (0.001, 1),
    "num_leaves": (2, 1024),
    "min_data_in_leaf": (1, 10_000),
    "max_iterations": (1, 10_000),
    "early_stopping_rounds": (1, 1000),
    "feature_fraction": (0.01, 1),
    "l2": (1e-6, 1e6),
}
_WHOLE = {field.name for field in fields(TrainingParameters) if isinstance(field.default, int)}
_MAY_BE_NULL = {"l2", "algorithm_parameters", "package"}


def read_parameters(text: str) -> TrainingParameters:
    """Read parameters from a JSON object; those it does not name keep their defaults.

    Raises
    ------
    ProcedureError
        50101 when the text is no JSON object, names something else, a value is out of range, or two contradict.
    """
    try:
        given = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise ProcedureError(
            ErrorNumber.ARGUMENT, "The training parameters are not a JSON object. Give one such as {}."
        )
    of_package = isinstance(given.get("algorithm"), str) and given["algorithm"] not in READ_BY
    if of_package and isinstance(given.get("package"), str):
        check_package(given["algorithm"], given["package"])
    for name, value in given.items():
        if name not in {field.name for field in fields(TrainingParameters)}:
            names = ", ".join(field.name for field in fields(TrainingParameters))
            raise ProcedureError(
                ErrorNumber.ARGUMENT, f"The training parameter {name!r} is not supported. Supported are {names}."
            )
        supported = _unless_supported(name, value)
        if supported:
            raise ProcedureError(
                ErrorNumber.ARGUMENT,
                f"The value {value!r} for the training parameter {name} is not supported. Supported values are "
                f"{supported}.",
            )
    chosen = {name: value for name, value in given.items() if value is not None}
    if "hidden" in chosen:
        chosen["hidden"] = tuple(chosen["hidden"])
    parameters = TrainingParameters(**DEFAULTS.get(chosen.get("algorithm", ""), {}) | chosen)
    if parameters.folds == 1:
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            "The value 1 for the training parameter folds is not supported. Supported values are 0 for a validation "
            "part and 2 to 20.",
        )
    if of_package:
        return _of_package(parameters)
    if parameters.algorithm_parameters is not None or parameters.package is not None:
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"Parameters of a package were given with the algorithm {parameters.algorithm}, which is lungdb's own. "
            "Leave them out.",
        )
    if parameters.l2 is not None and "l2" not in READ_BY[parameters.algorithm]:
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"The training parameter l2 was given with the algorithm {parameters.algorithm}, which does not read it. "
            "Leave it out or take the algorithm logistic.",
        )
    if parameters.task == "regression":
        _check_regression(parameters)
    return parameters


def _of_package(parameters: TrainingParameters) -> TrainingParameters:
    if parameters.task != "classification" or parameters.imbalance == "class_weight":
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"The algorithm {parameters.algorithm!r} of a package learns two classes, and no weights of patients. "
            "Leave out the task regression and the imbalance class_weight; undersample is taken.",
        )
    _, package = find_algorithm(parameters.algorithm)
    completed = complete_parameters(parameters.algorithm, parameters.algorithm_parameters or {})
    return replace(parameters, algorithm_parameters=completed, package=package)


def _check_regression(parameters: TrainingParameters) -> None:
    wanted = {"algorithm": REGRESSORS, "imbalance": ("none",), "calibration": ("none",)}
    for name, supported in wanted.items():
        if getattr(parameters, name) not in supported:
            raise ProcedureError(
                ErrorNumber.ARGUMENT,
                f"The value {getattr(parameters, name)!r} for the training parameter {name} is not supported with the "
                f"task regression. Supported are {', '.join(supported)}.",
            )


def recorded(parameters: TrainingParameters) -> dict[str, Any]:
    """Give the parameters as they are recorded of a run: those that were read, and all of the older algorithms."""
    told = asdict(parameters)
    if parameters.algorithm in READ_BY:
        del told["algorithm_parameters"], told["package"]
    if parameters.task == "regression":
        read = ("algorithm", "seed", "folds", "validation_fraction", "task", *READ_BY[parameters.algorithm])
        return {name: told[name] for name in read}
    del told["task"]  # which is as it always was
    if parameters.algorithm in ("lightgbm", "logistic"):
        return {name: value for name, value in told.items() if name != "hidden"}
    unread = _SETTINGS - set(READ_BY.get(parameters.algorithm, ()))
    return {name: value for name, value in told.items() if name not in unread}


def least_to_learn_from(parameters: TrainingParameters) -> int:
    """Give how many patients are needed for two leaves of a tree; 0 where there are no trees."""
    if parameters.algorithm in FORESTS:
        return math.ceil(2 * parameters.min_data_in_leaf / BAG)
    return 2 * parameters.min_data_in_leaf if parameters.algorithm == "lightgbm" else 0


def _unless_supported(name: str, value: object) -> str:
    """Say what is supported, or nothing when the value is."""
    if name == "algorithm":
        known = (*READ_BY, *algorithm_names())
        return "" if value in known else ", ".join(known)
    if name in _CHOICES:
        return "" if value in _CHOICES[name] else ", ".join(_CHOICES[name])
    if value is None and name in _MAY_BE_NULL:
        return ""
    if name == "algorithm_parameters":
        return "" if isinstance(value, dict) else "JSON objects"
    if name == "package":
        return "" if isinstance(value, str) else "texts"
    if name == "hidden":
        layers = value if isinstance(value, (list, tuple)) else ()
        if 1 <= len(layers) <= _MOST_LAYERS and all(type(each) is int and 1 <= each <= _MOST_UNITS for each in layers):
            return ""
        return f"lists of one to {_MOST_LAYERS} whole numbers from 1 to {_MOST_UNITS}"
    low, high = _RANGES[name]
    kinds = (int,) if name in _WHOLE else (int, float)
    if type(value) in kinds and isinstance(value, (int, float)) and low <= value <= high:
        return ""
    return f"{'whole numbers' if name in _WHOLE else 'numbers'} from {low} to {high}"
