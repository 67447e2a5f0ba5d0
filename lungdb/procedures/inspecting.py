"""What dbo.InspectDataset calls."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.learning.questions import leaks, oddities
from lungdb.procedures.checks import check_columns, whole_numbers
from lungdb.procedures.leaving import MESSAGE, for_t_sql
from lungdb.procedures.spaces import read_space

NOTICE, WARNING, ALARM = 0, 1, 2
MANY_MISSING = 0.2
"""Share of missing values from which on they are a warning."""

_COLUMNS = ("place", "patient", "stands", "part", "is_labelled", "label", "numbers", "texts", "vector")
_SHARES = 3  # checks that the rate of false alarms is divided among: near-duplicates, outliers, leaks

Values = NDArray[np.float64]
Result = tuple[pd.DataFrame, int, str]


@dataclass(frozen=True)
class Finding:
    """A row of the result; -1 where there is no column or scan, NaN where there is no number."""

    finding: str
    severity: int = NOTICE
    position: int = -1
    place: int = -1
    other: int = -1
    value: float = np.nan
    low: float = np.nan
    high: float = np.nan
    limit: float = np.nan
    p_value: float = np.nan
    q_value: float = np.nan
    of_class: int = -1


@for_t_sql({2: MESSAGE})
def inspect_dataset(scans: pd.DataFrame, task: str, alpha: float, top: int) -> Result:
    """Look for what is wrong with a data set.

    Parameters
    ----------
    scans : DataFrame
        One row a scan: `place` (whole number, 0 and up), `patient` (a number for the patient), `stands` (1 for the one
        scan that stands for its patient), `part` (0 train, 1 test, -1 not known), `is_labelled` (0 or 1), `label` (a
        class or a number; NULL where it is not known, or is not to be looked at), `numbers` and `texts` (JSON arrays
        of columns, as long in every row, null where a value is missing), `vector` (JSON, or NULL without features).
    task : str
        `classification` or `regression`: labels are classes, or numbers.
    alpha : float
        Share of data sets without anything wrong that raise an alarm or name an outlier at most, above 0 to 0.5.
    top : int
        Rows of near-duplicates, of outliers and of features at most, each.

    Returns
    -------
    result : DataFrame
        `finding` (a name), `severity` (0 notice, 1 warning, 2 alarm), `position` (of the column, numbers before texts,
        or of the feature; -1 for none), `place`, `other` (of scans; -1 for none), `of_class` (which is told from all
        others, where there are more than two; else -1), `value`, `low`, `high`, `alarm_limit`, `p_value`, `q_value`
        (float64, NaN where there is none).
    error_number, error_message : int, str
        0 and empty, or a refusal: 50101 for an argument, 50110 when vectors differ in length, 50116 for one that
        cannot be read.
    """
    try:
        return _frame(_inspect(scans, task, alpha, top)), 0, ""
    except ProcedureError as refusal:
        return _frame([]), refusal.number, refusal.message
    except LungdbError as refusal:
        return _frame([]), ErrorNumber.UNREADABLE, str(refusal)


def _inspect(scans: pd.DataFrame, task: str, alpha: float, top: int) -> list[Finding]:
    check_columns(scans, _COLUMNS)
    if task not in ("classification", "regression"):
        raise ProcedureError(ErrorNumber.ARGUMENT, f"The task '{task}' is not supported: classification or regression.")
    if not 0 < alpha <= 0.5:
        raise ProcedureError(ErrorNumber.ARGUMENT, f"The value {alpha} of alpha is not supported: above 0 to 0.5.")
    places, patients, stands, part, labelled = (whole_numbers(scans, name) for name in _COLUMNS[:5])
    label = np.asarray(scans["label"], dtype=np.float64)
    numbers = _table(scans["numbers"].tolist())
    texts = list(zip(*(json.loads(row) for row in scans["texts"].tolist()), strict=True))
    each = alpha / _SHARES
    found = _missing(numbers, texts, labelled == 1)

    has_vector = np.array([isinstance(text, str) for text in scans["vector"].tolist()], dtype=bool)
    vectors = read_space(scans["vector"][has_vector].tolist())
    if not has_vector.any():
        found.append(Finding("no features"))
    else:
        if not has_vector.all():
            lacking = float(1 - has_vector.mean())
            found.append(Finding("no features", WARNING, value=lacking, limit=MANY_MISSING))
        found += _missing_features(vectors)[:top]
        found += _alike(vectors, places[has_vector], patients[has_vector], part[has_vector], each, top)
        found += _apart(vectors, places[has_vector], each, top)

    one = stands == 1
    for target, values in (("label", label), ("part", np.where(part < 0, np.nan, part))):
        chosen = one & np.isfinite(values)
        is_amount = target == "label" and task == "regression"
        second = _second_size(values[chosen], is_amount)
        if second < leaks.FEWEST:
            found.append(Finding(f"{target} not compared", value=second, limit=leaks.FEWEST))
            continue
        kept = [[column[place] for place in np.flatnonzero(chosen)] for column in texts]
        if is_amount:
            told = leaks.amount_leaks(numbers[chosen], kept, values[chosen], each / 2)
        else:
            told = leaks.class_leaks(numbers[chosen], kept, values[chosen].astype(np.int64), each / 2)
        found += [_told(target, leak) for leak in told if leak.is_there]
    return found + _features(vectors, label[has_vector], one[has_vector], task, top)


def _second_size(values: Values, is_amount: bool) -> int:
    """Return how many are in the second largest class, or on the smaller side of the median; 0 where there is none."""
    if is_amount:
        above = int((values > np.median(values)).sum()) if values.size else 0
        return min(above, values.size - above)
    return int(sorted([0, 0, *np.unique(values, return_counts=True)[1]])[-2])


def _told(target: str, leak: leaks.Leak) -> Finding:
    effect, severity = leak.effect, ALARM if leak.is_alarm else NOTICE
    return Finding(
        f"{leak.measure} tells {target}", severity, leak.column, value=effect.value, low=effect.low, high=effect.high,
        limit=leak.limit, of_class=leak.of_class,
    )  # fmt: skip


def _missing(numbers: Values, texts: list[tuple[str | None, ...]], labelled: NDArray[np.bool_]) -> list[Finding]:
    shares = [float(1 - np.isfinite(column).mean()) for column in numbers.T]
    shares += [sum(text is None for text in column) / len(column) for column in texts]
    found = [
        Finding("missing", _severity(share), position, value=share, limit=MANY_MISSING)
        for position, share in enumerate(shares)
        if share > 0
    ]
    share = float(1 - labelled.mean()) if labelled.size else 0.0
    return [*([Finding("no label", _severity(share), value=share, limit=MANY_MISSING)] if share > 0 else []), *found]


def _missing_features(vectors: NDArray[np.float32]) -> list[Finding]:
    shares = np.isnan(vectors).mean(axis=0)
    return [
        Finding("missing in features", _severity(shares[place]), int(place), value=shares[place], limit=MANY_MISSING)
        for place in np.argsort(-shares, kind="stable")
        if shares[place] > 0
    ]


def _severity(share: float) -> int:
    return WARNING if share > MANY_MISSING else NOTICE


def _alike(
    vectors: NDArray[np.float32],
    places: NDArray[np.int64],
    patients: NDArray[np.int64],
    part: NDArray[np.int64],
    alpha: float,
    top: int,
) -> list[Finding]:
    likeness = oddities.near_duplicates(vectors, patients, alpha)
    if likeness is None:
        return [Finding("duplicates not looked for", value=float(np.unique(patients).size), limit=oddities.FEWEST)]
    if likeness.is_coarse:
        return [Finding("coarse features", value=likeness.equal, limit=oddities.COARSE)]
    found = []
    for pair in likeness.pairs[:top]:
        crosses = {int(part[pair.one]), int(part[pair.other])} == {0, 1}
        kind = "near duplicate across parts" if crosses else "near duplicate"
        one, other = int(places[pair.one]), int(places[pair.other])
        found.append(Finding(kind, ALARM, -1, one, other, pair.ratio, limit=pair.limit))
    return found


def _apart(vectors: NDArray[np.float32], places: NDArray[np.int64], alpha: float, top: int) -> list[Finding]:
    found = oddities.outliers(vectors, alpha)
    if found is None:
        return [Finding("outliers not looked for", value=float(len(vectors)), limit=oddities.FEWEST_SCANS)]
    scores, limit = found
    return [
        Finding("outlier", WARNING, -1, int(places[row]), value=float(scores[row]), limit=limit)
        for row in np.argsort(-scores, kind="stable")[:top]
        if scores[row] > limit
    ]


def _features(
    vectors: NDArray[np.float32], label: Values, one: NDArray[np.bool_], task: str, top: int
) -> list[Finding]:
    chosen = one & np.isfinite(label)
    if task == "regression":
        found = leaks.amount_associations(vectors[chosen], label[chosen])
    else:
        found = leaks.associations(vectors[chosen], label[chosen].astype(np.int64))
    order = [int(place) for place in np.argsort(found.p_value, kind="stable") if np.isfinite(found.p_value[place])]
    name = "ranked feature" if task == "regression" else "feature"
    return [
        Finding(
            name, NOTICE, place, -1, -1, found.value[place], found.low[place], found.high[place], np.nan,
            found.p_value[place], found.q_value[place], int(found.of_class[place]),
        )
        for place in order[:top]
    ]  # fmt: skip


def _table(rows: list[str]) -> Values:
    read: list[list[Any]] = [json.loads(row) for row in rows]
    table = np.array([[np.nan if value is None else value for value in row] for row in read], dtype=np.float64)
    return table.reshape(len(rows), -1)


def _frame(found: list[Finding]) -> pd.DataFrame:
    numbers = ("value", "low", "high", "limit", "p_value", "q_value")
    columns: dict[str, Any] = {"finding": pd.Series([each.finding for each in found], dtype=object)}
    for name in ("severity", "position", "place", "other", "of_class"):
        columns[name] = np.array([getattr(each, name) for each in found], dtype=np.int32)
    for name in numbers:
        columns["alarm_limit" if name == "limit" else name] = np.array(
            [getattr(each, name) for each in found], dtype=np.float64
        )
    frame: pd.DataFrame = pd.DataFrame(columns)
    return frame
