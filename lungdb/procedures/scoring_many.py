"""What dbo.PredictPatients calls."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.learning.scoring import score_all
from lungdb.learning.vectors import read_model_vector
from lungdb.procedures.checks import check_columns, check_model, whole_numbers
from lungdb.procedures.leaving import MESSAGE, for_t_sql
from lungdb.procedures.probability import check_prevalence, probabilities, task_of


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
    try:
        return _predict(patients, model, model_sha256, library, details, prevalence), 0, ""
    except ProcedureError as refusal:
        return _frame(np.empty(0, np.int64), [], np.empty(0), np.empty(0)), refusal.number, refusal.message


def _predict(
    patients: pd.DataFrame, model: bytes, model_sha256: str, library: str, details: str, prevalence: float | None
) -> pd.DataFrame:
    site = check_prevalence(prevalence)
    check_columns(patients, ("scan_id", "vector"))
    read = check_model(model, model_sha256, library, details)
    scan_ids = whole_numbers(patients, "scan_id")
    readable, errors = _read(patients["vector"].tolist(), library, read)
    raw, probability = np.full(scan_ids.size, np.nan), np.full(scan_ids.size, np.nan)
    if readable:
        is_readable = np.array([not error for error in errors])
        raw[is_readable] = score_all(library, model, np.stack(readable), task_of(read))
        probability[is_readable] = probabilities(raw[is_readable], read, site)
    return _frame(scan_ids, errors, raw, probability)


def _read(texts: list[str], library: str, details: dict[str, Any]) -> tuple[list[NDArray[np.float32]], list[str]]:
    """Read the vectors that can be scored; for every one, why it cannot, or an empty text."""
    width = details.get("width")
    readable, errors = [], []
    for text in texts:
        try:
            vector = read_model_vector(text, library, details)
            if vector.size != width:
                raise ProcedureError(
                    ErrorNumber.OTHER_WIDTH,
                    f"The scan has {vector.size} features and the model reads {width}. Generate the features that "
                    "the model was trained on, or train again.",
                )
        except LungdbError as error:
            errors.append(str(error))
        else:
            readable.append(vector)
            errors.append("")
    return readable, errors


def _frame(
    scan_ids: NDArray[np.int64], errors: list[str], raw: NDArray[np.float64], probability: NDArray[np.float64]
) -> pd.DataFrame:
    frame: pd.DataFrame = pd.DataFrame(
        {
            "scan_id": scan_ids.astype(np.int32),
            "error": pd.Series(errors, dtype=object),
            "raw": raw,
            "probability": probability,
        }
    )
    return frame
