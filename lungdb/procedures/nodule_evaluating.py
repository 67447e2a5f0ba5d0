"""What dbo.EvaluateNodules calls."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.learning.froc import RESAMPLES, Findings, Point, froc
from lungdb.procedures.checks import check_columns, whole_numbers
from lungdb.procedures.leaving import MESSAGE, for_t_sql

_COLUMNS = ("scan_id", "kind", "x", "y", "z", "value")
_SCAN, _NODULE, _IRRELEVANT, _CANDIDATE = range(4)
_COUNTS = 400


@for_t_sql({1: _COUNTS, 3: MESSAGE})
def evaluate_nodules(findings: pd.DataFrame, seed: int, most: int | None) -> tuple[pd.DataFrame, str, int, str]:
    """Measure a detector by free-response ROC.

    Parameters
    ----------
    findings : DataFrame
        `scan_id`; `kind` 0, a row a scan that counts, 1, a nodule, 2, an irrelevant finding, 3, a candidate; of those
        `x`, `y`, `z` of the centre in mm and `value`, the diameter in mm (NULL where it is not known) or the score.
    seed : int
        Of the bootstrap.
    most : int or None
        Candidates of a scan that count at most.

    Returns
    -------
    result : DataFrame
        `position` (int32; 0 is the mean of the others), `rate` (false alarms a scan, NaN of the mean), `sensitivity`,
        `low`, `high` (float64, NaN where not defined).
    counts : str
        JSON: `resamples`, and what `lungdb.learning.froc.Froc` counts.
    error_number, error_message : int, str
        0 and empty, or a refusal, with no rows: 50101 for a value or column.
    """
    try:
        return _evaluate(findings, seed, most)
    except ProcedureError as refusal:
        return _frame([]), "{}", refusal.number, refusal.message


def _evaluate(frame: pd.DataFrame, seed: int, most: int | None) -> tuple[pd.DataFrame, str, int, str]:
    check_columns(frame, _COLUMNS)
    scans, kinds = whole_numbers(frame, "scan_id"), whole_numbers(frame, "kind")
    numbers = frame[["x", "y", "z", "value"]].to_numpy(dtype=np.float64)
    is_placed = kinds != _SCAN
    if not np.isfinite(numbers[is_placed, :3]).all():
        raise ProcedureError(ErrorNumber.ARGUMENT, "A place is NULL. Load the marks, or search the scans, again.")
    scores = numbers[kinds == _CANDIDATE, 3]
    if not ((scores >= 0) & (scores <= 1)).all():
        raise ProcedureError(ErrorNumber.ARGUMENT, "A score is NULL, below 0 or above 1. Search the scans again.")
    order = np.argsort(scans, kind="stable")
    starts = np.flatnonzero(np.diff(scans[order], prepend=-1))
    groups = [rows for rows in np.split(order, starts[1:]) if (kinds[rows] == _SCAN).any()]
    if not groups:
        raise ProcedureError(ErrorNumber.ARGUMENT, "There is no scan to measure on. Give a data set with scans.")
    found = froc(
        [
            Findings(*(numbers[rows[kinds[rows] == kind]] for kind in (_NODULE, _IRRELEVANT, _CANDIDATE)))
            for rows in groups
        ],
        seed,
        most_per_scan=None if most is None or not np.isfinite(most) else int(most),
    )
    counts = {
        name: getattr(found, name) for name in ("candidates", "hits", "repeated", "ignored", "false_alarms", "beyond")
    }
    return _frame([found.mean, *found.points]), json.dumps({"resamples": RESAMPLES, **counts}), 0, ""


def _frame(points: list[Point]) -> pd.DataFrame:
    columns = {
        name: np.array([getattr(point, name) for point in points], dtype=np.float64)
        for name in ("rate", "sensitivity", "low", "high")
    }
    frame: pd.DataFrame = pd.DataFrame({"position": np.arange(len(points), dtype=np.int32), **columns})
    return frame
