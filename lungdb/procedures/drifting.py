"""What dbo.CheckDrift calls."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.learning.drift import Drift, compare_groups
from lungdb.learning.scoring import score_all
from lungdb.learning.vectors import read_model_vector
from lungdb.procedures.checks import check_columns, check_model, whole_numbers
from lungdb.procedures.leaving import MESSAGE, for_t_sql
from lungdb.procedures.probability import probabilities, task_of

MIXES = ("manufacturer", "convolution_kernel")
_COLUMNS = ("is_later", "vector", "spacing_z", *MIXES)

Result = tuple[pd.DataFrame, float, float, int, str]


@for_t_sql({4: MESSAGE})
def check_drift(
    patients: pd.DataFrame,
    model: bytes,
    model_sha256: str,
    library: str,
    details: str,
    permutations: int,
    seed: int,
) -> Result:
    """Compare patients who came later with those whom a model was tested on.

    Parameters
    ----------
    patients : DataFrame
        One row a patient: `is_later` (0 or 1), `vector` (JSON), `spacing_z`, `manufacturer` and `convolution_kernel`
        (NULL where not known; what is not known of a whole group is not compared).
    model, model_sha256, library, details
        As of `predict_lung_cancer`.
    permutations, seed : int
        As of `lungdb.learning.drift.compare_groups`.

    Returns
    -------
    result : DataFrame
        One row an item: `kind` (feature, score, spacing, scanner or kernel), `feature_index` (int32, from 0; -1 for
        what is no feature), `statistic`, `p_value` (of the largest statistic of all items) and `stability_index`
        (float64).
    statistic, p_value : float
        The largest statistic and its p value; 0 on a refusal.
    error_number, error_message : int, str
        0 and empty, or a refusal: 50101, 50105, 50110, 50116 and 50279 as `predict_patients` gives them, 50113
        when all patients are of one group.
    """
    try:
        drift, width = _check(patients, model, model_sha256, library, details, permutations, seed)
        return _frame(drift, width), drift.statistic, drift.p_value, 0, ""
    except ProcedureError as refusal:
        return _frame(Drift([], 0.0, 0.0), 0), 0.0, 0.0, refusal.number, refusal.message
    except LungdbError as refusal:
        return _frame(Drift([], 0.0, 0.0), 0), 0.0, 0.0, ErrorNumber.UNREADABLE, str(refusal)


def _check(
    patients: pd.DataFrame, model: bytes, sha256: str, library: str, details: str, permutations: int, seed: int
) -> tuple[Drift, int]:
    check_columns(patients, _COLUMNS)
    read = check_model(model, sha256, library, details)
    is_later = whole_numbers(patients, "is_later") == 1
    if is_later.all() or not is_later.any():
        raise ProcedureError(
            ErrorNumber.TOO_FEW, f"All {is_later.size} patients are of one group, so there is nothing to compare."
        )
    vectors = _read(patients["vector"].tolist(), library, read)
    raw = score_all(library, model, vectors, task_of(read))
    scores = raw if task_of(read) == "regression" else probabilities(raw, read, None)
    spacing = patients["spacing_z"].to_numpy(dtype=np.float64)
    if not _is_comparable(np.isfinite(spacing), is_later):
        spacing = np.full(spacing.size, np.nan)
    numbers = np.column_stack([vectors.astype(np.float64), scores, spacing])
    mixes: list[list[str | None]] = []
    for name in MIXES:
        texts = [text if isinstance(text, str) else None for text in patients[name].tolist()]
        is_known = np.array([text is not None for text in texts], dtype=bool)
        mixes.append(texts if _is_comparable(is_known, is_later) else [None] * len(texts))
    return compare_groups(is_later, numbers, mixes, permutations, seed), vectors.shape[1]


def _is_comparable(is_known: NDArray[np.bool_], is_later: NDArray[np.bool_]) -> bool:
    """Say whether both groups have values: what was not recorded then and is now has not drifted."""
    return bool(is_known[is_later].any() and is_known[~is_later].any())


def _read(texts: list[str], library: str, details: dict[str, Any]) -> NDArray[np.float32]:
    width = details.get("width")
    vectors = [read_model_vector(text, library, details) for text in texts]
    for vector in vectors:
        if vector.size != width:
            raise ProcedureError(
                ErrorNumber.OTHER_WIDTH,
                f"A scan has {vector.size} features and the model reads {width}. Generate the features that the model "
                "was trained on, or train again.",
            )
    return np.stack(vectors)


def _frame(drift: Drift, width: int) -> pd.DataFrame:
    kinds = ["feature"] * width + (["score", "spacing", "scanner", "kernel"] if drift.items else [])
    frame: pd.DataFrame = pd.DataFrame(
        {
            "kind": pd.Series(kinds, dtype=object),
            "feature_index": np.array([*range(width), *[-1] * (len(kinds) - width)], dtype=np.int32),
            "statistic": np.array([item.statistic for item in drift.items], dtype=np.float64),
            "p_value": np.array([item.p_value for item in drift.items], dtype=np.float64),
            "stability_index": np.array([item.stability_index for item in drift.items], dtype=np.float64),
        }
    )
    return frame
