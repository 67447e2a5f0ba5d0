"""What dbo.PredictPatients calls."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.learning.scope import Scope, read_scope
from lungdb.learning.scoring import score_all
from lungdb.learning.vectors import parse_vectors, read_model_numbers
from lungdb.procedures.checks import check_columns, check_model, whole_numbers
from lungdb.procedures.leaving import MESSAGE, for_t_sql
from lungdb.procedures.probability import check_prevalence, probabilities, task_of

_AT_ONCE = 64  # vectors of a usual width that a processor's cache holds


@for_t_sql({2: MESSAGE}, {"error": MESSAGE})
def predict_patients(
    patients: pd.DataFrame, model: bytes, model_sha256: str, library: str, details: str, prevalence: float | None
) -> tuple[pd.DataFrame, int, str]:
    """Score many patients with one model.

    Parameters
    ----------
    patients : DataFrame
        One row a scan: `scan_id` (whole number), `vector` (JSON).
    model, model_sha256, library, details, prevalence
        As of `predict_lung_cancer`.

    Returns
    -------
    result : DataFrame
        In the order given: `scan_id` (int32); `error`, empty or why the scan was not scored; `raw` and `probability`
        (float64, 0…1; NaN where there is an error; of a regression the number predicted, and NaN).
    error_number, error_message : int, str
        0 and empty, or a refusal of all: 50101, 50105, 50110 and 50116 as `predict_lung_cancer` gives them for the
        prevalence and the model.
    """
    result, number, message = predict_and_measure(patients, model, model_sha256, library, details, prevalence, None)
    return result.drop(columns="distance"), number, message


@for_t_sql({2: MESSAGE}, {"error": MESSAGE})
def predict_and_measure(
    patients: pd.DataFrame,
    model: bytes,
    model_sha256: str,
    library: str,
    details: str,
    prevalence: float | None,
    scope: str | None,
) -> tuple[pd.DataFrame, int, str]:
    """Score many patients with one model, and measure how far their features are from those that it was trained on.

    Parameters
    ----------
    patients, model, model_sha256, library, details, prevalence
        As of `predict_patients`.
    scope : str or None
        JSON array of [feature_index, mean, sd], as dbo.model_scope_features has them.

    Returns
    -------
    result : DataFrame
        As of `predict_patients`, with a further column `distance` (float64), as
        `lungdb.learning.scope.Scope.distances` has it; NaN where it is not known.
    error_number, error_message : int, str
        As of `predict_patients`.
    """
    try:
        return _predict(patients, model, model_sha256, library, details, prevalence, read_scope(scope)), 0, ""
    except ProcedureError as refusal:
        nothing = np.empty(0)
        return _frame(np.empty(0, np.int64), [], nothing, nothing, nothing), refusal.number, refusal.message


def _predict(
    patients: pd.DataFrame,
    model: bytes,
    model_sha256: str,
    library: str,
    details: str,
    prevalence: float | None,
    scope: Scope,
) -> pd.DataFrame:
    site = check_prevalence(prevalence)
    check_columns(patients, ("scan_id", "vector"))
    read = check_model(model, model_sha256, library, details)
    scan_ids = whole_numbers(patients, "scan_id")
    readable, distances, errors = _read(patients["vector"].tolist(), library, read, scope)
    raw, probability, distance = (np.full(scan_ids.size, np.nan) for _ in range(3))
    if readable:
        is_readable = np.array([not error for error in errors])
        raw[is_readable] = score_all(library, model, np.concatenate(readable), task_of(read))
        probability[is_readable] = probabilities(raw[is_readable], read, site)
        distance[is_readable] = np.concatenate(distances)
    return _frame(scan_ids, errors, raw, probability, distance)


def _read(
    texts: list[str], library: str, details: dict[str, Any], scope: Scope
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float64]], list[str]]:
    """Read the vectors that can be scored, a few at a time, and measure them; of each why it cannot, or nothing."""
    readable, distances, errors = [], [], []
    for first in range(0, len(texts), _AT_ONCE):
        sound = []
        some = texts[first : first + _AT_ONCE]
        for text, parsed in zip(some, parse_vectors(some), strict=True):
            try:
                # What is no plain array is read by itself, for its missing values or its error.
                numbers = read_model_numbers(text, library, details) if parsed is None else parsed
                if numbers.size != details.get("width"):
                    raise ProcedureError(
                        ErrorNumber.OTHER_WIDTH,
                        f"The scan has {numbers.size} features and the model reads {details.get('width')}. Generate "
                        "the features that the model was trained on, or train again.",
                    )
            except LungdbError as error:
                errors.append(str(error))
            else:
                sound.append(numbers)
                errors.append("")
        if sound:
            block = np.stack(sound)
            readable.append(block.astype(np.float32))
            distances.append(scope.distances(block))
    return readable, distances, errors


def _frame(
    scan_ids: NDArray[np.int64],
    errors: list[str],
    raw: NDArray[np.float64],
    probability: NDArray[np.float64],
    distance: NDArray[np.float64],
) -> pd.DataFrame:
    frame: pd.DataFrame = pd.DataFrame(
        {
            "scan_id": scan_ids.astype(np.int32),
            "error": pd.Series(errors, dtype=object),
            "raw": raw,
            "probability": probability,
            "distance": distance,
        }
    )
    return frame
