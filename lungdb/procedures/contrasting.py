"""What dbo.CompareModels calls where it compares in detail."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.learning.comparing import METRICS, difference_interval
from lungdb.learning.questions.agreement import agreement
from lungdb.learning.questions.spaces import linear_cka, standardise, unbiased_cka
from lungdb.procedures.checks import check_columns, whole_numbers
from lungdb.procedures.leaving import MESSAGE, for_t_sql
from lungdb.procedures.spaces import read_space

MOST_SCANS = 10_000
"""Scans whose spaces are compared at most: two tables of all pairs, 800 MB each."""

_COLUMNS = ("patient", "label", "a", "b", "groups", "vector_a", "vector_b")
_RESAMPLES = 2000

Row = tuple[str, int, float, float, float, float]
Result = tuple[pd.DataFrame, int, str]


@for_t_sql({2: MESSAGE})
def contrast_models(scans: pd.DataFrame, metric: str, threshold: float, seed: int) -> Result:
    """Say where two models differ: by subgroup, in their errors, and in the spaces of their features.

    Parameters
    ----------
    scans : DataFrame
        One row a scan that both have scored: `patient` (a number), `label` (0 or 1), `a` and `b` (probabilities),
        `groups` (numbers with commas between, or NULL), `vector_a` and `vector_b` (JSON, or NULL where features are
        not there).
    metric : str
        As of `compare_scores`.
    threshold : float
        Percent from which a score counts as 1.
    seed : int
        Of the bootstrap.

    Returns
    -------
    result : DataFrame
        `kind` and `group_id` (-1 for none) say what `value_a`, `value_b`, `low` and `high` (float64, NaN for none) are:
        `group` the figures of both and the 95 % interval of their difference; the others have value_a alone:
        `both right`, `only a wrong`, `only b wrong` and `both wrong` (scans), `kappa` and `mcnemar` of the errors,
        `scans`, `cka` and `unbiased cka` of the spaces.
    error_number, error_message : int, str
        0 and empty, or a refusal: 50101 for an argument, 50110 for vectors of several widths, 50116 for one that cannot
        be read, 50400 for too many scans.
    """
    try:
        return _frame(_contrast(scans, metric, threshold, seed)), 0, ""
    except ProcedureError as refusal:
        return _frame([]), refusal.number, refusal.message
    except LungdbError as refusal:
        return _frame([]), ErrorNumber.UNREADABLE, str(refusal)


def _contrast(scans: pd.DataFrame, metric: str, threshold: float, seed: int) -> list[Row]:
    check_columns(scans, _COLUMNS)
    if metric not in METRICS:
        raise ProcedureError(
            ErrorNumber.ARGUMENT, f"The metric {metric!r} is not supported. Supported values are {', '.join(METRICS)}."
        )
    patients, labels = whole_numbers(scans, "patient"), whole_numbers(scans, "label")
    a, b = (scans[name].to_numpy(dtype=np.float64) for name in ("a", "b"))
    rows = _groups(scans["groups"].tolist(), patients, labels, a, b, metric, seed)
    errors = agreement((100 * a >= threshold) != (labels == 1), (100 * b >= threshold) != (labels == 1))
    told = {
        "both right": errors.both_right,
        "only a wrong": errors.only_a_wrong,
        "only b wrong": errors.only_b_wrong,
        "both wrong": errors.both_wrong,
        "kappa": errors.kappa,
        "mcnemar": errors.p_value,
    }
    return rows + [_one(kind, value) for kind, value in (told | _spaces(scans)).items()]


def _groups(
    texts: list[str | None],
    patients: NDArray[np.int64],
    labels: NDArray[np.int64],
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    metric: str,
    seed: int,
) -> list[Row]:
    members: dict[int, list[int]] = {}
    for row, text in enumerate(texts):
        for each in text.split(",") if isinstance(text, str) and text else []:
            members.setdefault(int(each), []).append(row)
    found = []
    for group, rows in sorted(members.items()):
        values = [METRICS[metric](labels[rows], scores[rows]) for scores in (a, b)]
        interval = difference_interval(labels[rows], a[rows], b[rows], metric, seed, _RESAMPLES, patients[rows])
        low, high = (np.nan, np.nan) if interval is None else interval
        one, other = (np.nan if value is None else value for value in values)
        found.append(("group", group, one, other, low, high))
    return found


def _spaces(scans: pd.DataFrame) -> dict[str, float | None]:
    texts = [(a, b) for a, b in zip(scans["vector_a"].tolist(), scans["vector_b"].tolist(), strict=True)]
    both = [(a, b) for a, b in texts if isinstance(a, str) and isinstance(b, str)]
    if len(both) > MOST_SCANS:
        raise ProcedureError(
            ErrorNumber.TOO_MANY_TO_CLUSTER,
            f"There are {len(both)} scans, and spaces of features are compared of {MOST_SCANS} at most. Compare "
            "without @InDetail.",
        )
    if len(both) < 2:
        return {"scans": float(len(both)), "cka": None, "unbiased cka": None}
    one, other = (standardise(read_space(list(side))) for side in zip(*both, strict=True))
    return {"scans": float(len(both)), "cka": linear_cka(one, other), "unbiased cka": unbiased_cka(one, other)}


def _one(kind: str, value: float | None) -> Row:
    return kind, -1, np.nan if value is None else float(value), np.nan, np.nan, np.nan


def _frame(rows: list[Row]) -> pd.DataFrame:
    names = ("kind", "group_id", "value_a", "value_b", "low", "high")
    types = (object, np.int32, *[np.float64] * 4)
    frame: pd.DataFrame = pd.DataFrame(
        {name: pd.Series([row[place] for row in rows], dtype=types[place]) for place, name in enumerate(names)}
    )
    return frame
