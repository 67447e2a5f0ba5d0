"""What dbo.CompareModels and dbo.CompareFigures call."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.learning.comparing import METRICS, difference_interval
from lungdb.procedures.checks import check_columns, whole_numbers
from lungdb.procedures.leaving import MESSAGE, for_t_sql

_MOST_RESAMPLES = 100_000

Result = tuple[float, float, int, str]


@for_t_sql({3: MESSAGE})
def compare_scores(scores: pd.DataFrame, metric: str, seed: int, resamples: int) -> Result:
    """Say how sure the difference of two models is, on the patients whom both scored.

    Parameters
    ----------
    scores : DataFrame
        One row a scan: `label` (0 or 1), `a` and `b` (probabilities, 0…1), `patient` (a number; patients are drawn).
    metric : str
        `auc` or `average_precision`, where more is better; `log_loss` or `brier`, where less is.
    seed : int
        Of the bootstrap.
    resamples : int
        Its number, 100 to 100000.

    Returns
    -------
    low, high : float
        The 95 % paired bootstrap interval of the first model's figure minus the second's.
    error_number, error_message : int, str
        0 and empty, or a refusal, with the interval 0 to 0: 50101 for an argument or value, 50112 when the patients
        are none or of one class.
    """
    try:
        return _compare(scores, metric, seed, resamples)
    except ProcedureError as refusal:
        return 0.0, 0.0, refusal.number, refusal.message


def _compare(scores: pd.DataFrame, metric: str, seed: int, resamples: int) -> Result:
    check_columns(scores, ("label", "a", "b", "patient"))
    if metric not in METRICS:
        raise ProcedureError(
            ErrorNumber.ARGUMENT, f"The metric {metric!r} is not supported. Supported values are {', '.join(METRICS)}."
        )
    if not 100 <= resamples <= _MOST_RESAMPLES:
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"The number {resamples} of resamples is not supported. Supported are 100 to {_MOST_RESAMPLES}.",
        )
    labels = whole_numbers(scores, "label")
    a, b = (scores[name].to_numpy(dtype=np.float64) for name in ("a", "b"))
    if not all(((values >= 0) & (values <= 1)).all() for values in (a, b)) or not np.isin(labels, (0, 1)).all():
        raise ProcedureError(
            ErrorNumber.ARGUMENT, "A label is not 0 or 1, or a probability is NULL, below 0 or above 1."
        )
    patients = whole_numbers(scores, "patient")
    found = difference_interval(labels, a, b, metric, seed, resamples, patients)
    if found is None:
        raise ProcedureError(
            ErrorNumber.ONE_CLASS,
            f"The {labels.size} patients whom both models scored are not of both labels, so there is nothing to "
            "compare. Train both models on the same splits with more patients.",
        )
    return *found, 0, ""
