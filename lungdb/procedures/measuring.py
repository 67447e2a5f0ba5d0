"""What internal.MeasureExperiment calls."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.learning.measuring import PARTS, Scores, constant_prediction, curves, figures, operating_points
from lungdb.learning.regression import figures_of_numbers
from lungdb.procedures.checks import check_columns, read_details, whole_numbers
from lungdb.procedures.leaving import MESSAGE, for_t_sql
from lungdb.procedures.probability import task_of

_COLUMNS = ("part", "label", "raw", "probability", "out_of_fold")
_RESULT = {
    "kind": object,
    "part": object,
    "name": object,
    "position": np.int32,
    "x": np.float64,
    "y": np.float64,
    "threshold": np.float64,
}

Row = tuple[str, str, str, int, float | None, float | None, float | None]


@for_t_sql({2: MESSAGE})
def measure_scores(scores: pd.DataFrame, seed: int, details: str) -> tuple[pd.DataFrame, int, str]:
    """Measure a training run from the scores of its patients.

    Parameters
    ----------
    scores : DataFrame
        One row a scan: `patient_id` (optional; without it each row is a patient), `part` (train, validation or test),
        `label` (0 or 1), `raw` and `probability` (0…1), `out_of_fold` (0 or 1). For the task regression `target` is a
        number, `raw` what was predicted, and `label` and `probability` are not looked at.
    seed : int
        Of the bootstrap.
    details : str
        `classifiers.details`, JSON; `training_curve` and `task` are read.

    Returns
    -------
    result : DataFrame
        `kind` metric or curve; `part`; `name`; `position` (int32, from 0 in a curve); `x`, `y`, `threshold` (float64,
        NaN where not defined). A metric's value is `y`. The names are those of `lungdb.learning.measuring`, of a
        regression those of `lungdb.learning.regression`, and the curves `training_train` and `training_validation`
        with x the number of trees and y the log loss, of a regression the root mean squared error.
    error_number, error_message : int, str
        0 and empty, or a refusal, with no rows: 50101 for a value or column, 50116 for details that are no JSON object.
    """
    try:
        return _frame(_measure(scores, seed, details)), 0, ""
    except ProcedureError as refusal:
        return _frame([]), refusal.number, refusal.message


def _measure(frame: pd.DataFrame, seed: int, details: str) -> list[Row]:
    check_columns(frame, _COLUMNS)
    parts = frame["part"].to_numpy(dtype=object)
    if not np.isin(parts, PARTS).all():
        raise ProcedureError(
            ErrorNumber.ARGUMENT, f"The column part holds another value than {', '.join(PARTS)}. Train again."
        )
    if task_of(read_details(details, "model")) == "regression":
        return _measure_numbers(frame, parts, seed) + _training_curve(details)
    labels = whole_numbers(frame, "label")
    if not np.isin(labels, (0, 1)).all():
        raise ProcedureError(
            ErrorNumber.ARGUMENT, "The column label holds another value than 0 and 1. Correct dbo.labels."
        )
    raw, probability = (frame[name].to_numpy(dtype=np.float64) for name in ("raw", "probability"))
    if not all(((values >= 0) & (values <= 1)).all() for values in (raw, probability)):
        raise ProcedureError(ErrorNumber.ARGUMENT, "A score is NULL, below 0 or above 1. Train again.")
    scores = Scores(labels, raw, probability, whole_numbers(frame, "out_of_fold") == 1, _owners(frame))

    constant, points = constant_prediction(parts, scores), operating_points(parts, scores)
    rows: list[Row] = []
    for part in PARTS:
        chosen = scores.of(parts == part)
        if not chosen.labels.size:
            continue
        for name, value in figures(chosen, constant, points, seed).items():
            rows.append(("metric", part, name, 0, None, value, None))
        rows += [("curve", part, p.curve, p.position, p.x, p.y, p.threshold) for p in curves(chosen)]
    return rows + _training_curve(details)


def _measure_numbers(frame: pd.DataFrame, parts: NDArray[np.object_], seed: int) -> list[Row]:
    check_columns(frame, ("target",))
    targets, predicted = (frame[name].to_numpy(dtype=np.float64) for name in ("target", "raw"))
    if not (np.isfinite(targets) & np.isfinite(predicted)).all():
        raise ProcedureError(
            ErrorNumber.ARGUMENT, "A numeric label or a prediction is NULL or not finite. Train again."
        )
    out_of_fold, owners = whole_numbers(frame, "out_of_fold") == 1, _owners(frame)
    constant = float(targets[parts != "test"].mean()) if (parts != "test").any() else None
    rows: list[Row] = []
    for part in PARTS:
        chosen = parts == part
        if chosen.any():
            of_part = None if owners is None else owners[chosen]
            found = figures_of_numbers(targets[chosen], predicted[chosen], out_of_fold[chosen], of_part, constant, seed)
            rows += [("metric", part, name, 0, None, value, None) for name, value in found.items()]
    return rows


def _owners(frame: pd.DataFrame) -> NDArray[np.int64] | None:
    """Number the patients of the rows; None where each has one row."""
    if "patient_id" not in frame.columns:
        return None
    found, owners = np.unique(frame["patient_id"].map(str).to_numpy(dtype=object), return_inverse=True)
    return None if found.size == len(frame) else owners.reshape(-1).astype(np.int64)


def _training_curve(details: str) -> list[Row]:
    curve = read_details(details, "model").get("training_curve", {})
    try:
        return [
            ("curve", part, f"training_{part}", position, position + 1.0, float(loss), None)
            for part in ("train", "validation")
            for position, loss in enumerate(curve.get(part, []))
        ]
    except (AttributeError, TypeError, ValueError):
        raise ProcedureError(
            ErrorNumber.UNREADABLE, "The model's training curve cannot be read. Train the model again."
        ) from None


def _frame(rows: list[Row]) -> pd.DataFrame:
    columns = list(zip(*rows, strict=True)) if rows else [() for _ in _RESULT]
    frame: pd.DataFrame = pd.DataFrame(
        {
            name: pd.Series(list(values), dtype=dtype)
            for (name, dtype), values in zip(_RESULT.items(), columns, strict=True)
        }
    )
    return frame
