"""What a training run can be told, checked."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields

from lungdb.errors import ProcedureError

ARGUMENT = 50101


@dataclass(frozen=True)
class TrainingParameters:
    """Parameters of `train`; the defaults suit some hundred patients.

    Attributes
    ----------
    seed : int
        Of the validation part and of LightGBM.
    learning_rate : float
        Shrinkage of each tree.
    num_leaves : int
        Leaves of a tree at most.
    min_data_in_leaf : int
        Patients in a leaf at least.
    max_iterations : int
        Trees at most.
    early_stopping_rounds : int
        Trees without a better log loss on the validation part before training stops.
    validation_fraction : float
        Share of the training part that is kept for early stopping.
    """

    seed: int = 20170401
    learning_rate: float = 0.05
    num_leaves: int = 7
    min_data_in_leaf: int = 10
    max_iterations: int = 500
    early_stopping_rounds: int = 50
    validation_fraction: float = 0.2


_RANGES: dict[str, tuple[float, float]] = {
    "seed": (0, 2**31 - 1),
    "learning_rate": (0.001, 1),
    "num_leaves": (2, 1024),
    "min_data_in_leaf": (1, 10_000),
    "max_iterations": (1, 10_000),
    "early_stopping_rounds": (1, 1000),
    "validation_fraction": (0.05, 0.5),
}
_WHOLE = {field.name for field in fields(TrainingParameters) if isinstance(field.default, int)}


def read_parameters(text: str) -> TrainingParameters:
    """Read parameters from a JSON object; those it does not name keep their defaults.

    Raises
    ------
    ProcedureError
        50101 when the text is no JSON object, names something else, or a value is out of range.
    """
    try:
        given = json.loads(text)
    except (TypeError, ValueError):
        given = None
    if not isinstance(given, dict):
        raise ProcedureError(ARGUMENT, "The training parameters are not a JSON object. Give one such as {}.")
    for name, value in given.items():
        if name not in _RANGES:
            raise ProcedureError(
                ARGUMENT, f"The training parameter {name!r} is not supported. Supported are {', '.join(_RANGES)}."
            )
        low, high = _RANGES[name]
        kinds = (int,) if name in _WHOLE else (int, float)
        if type(value) not in kinds or not math.isfinite(value) or not low <= value <= high:
            kind = "whole numbers" if name in _WHOLE else "numbers"
            raise ProcedureError(
                ARGUMENT,
                f"The value {value!r} for the training parameter {name} is not supported. Supported values are {kind} "
                f"from {low} to {high}.",
            )
    return TrainingParameters(**given)
