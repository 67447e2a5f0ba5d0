"""From a model's raw scores to the probabilities that a site is told; shared by the procedures that score."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.learning.calibration import apply_calibration, correct_prevalence


def check_prevalence(prevalence: float | None) -> float | None:
    """Give the prevalence of the site, None for NULL; ProcedureError 50101 when it is not between 0 and 1."""
    if prevalence is None or math.isnan(prevalence):
        return None
    if not 0 < prevalence < 1:
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"The value {prevalence} for the parameter @Prevalence is not supported. Supported values are above 0 and "
            "below 1, and NULL for no correction.",
        )
    return float(prevalence)


def task_of(details: dict[str, Any]) -> str:
    """Give the task that a model was trained for, by its details: `classification` or `regression`."""
    return "regression" if details.get("task") == "regression" else "classification"


def probabilities(raw: NDArray[np.float64], details: dict[str, Any], prevalence: float | None) -> NDArray[np.float64]:
    """Calibrate raw scores as `details` of the model say, and correct them for the prevalence of the site.

    The numbers of a regression have no probabilities: they are NaN.

    Raises
    ------
    ProcedureError
        50116 when `details` lack what is needed.
    """
    if task_of(details) == "regression":
        if prevalence is not None:
            raise ProcedureError(
                ErrorNumber.ARGUMENT,
                f"The value {prevalence} for the parameter @Prevalence has no meaning with a model of the task "
                "regression. Leave it NULL.",
            )
        return np.full(raw.size, np.nan)
    calibrated = apply_calibration(details.get("calibration"), raw)
    if prevalence is None:
        return calibrated
    trained_on = details.get("prevalence")
    if not isinstance(trained_on, float) or not 0 < trained_on < 1:
        raise ProcedureError(
            ErrorNumber.UNREADABLE,
            "The model's details do not say which share of positives it was trained on. Train it again, or leave "
            "@Prevalence NULL.",
        )
    return correct_prevalence(calibrated, trained_on, prevalence)
