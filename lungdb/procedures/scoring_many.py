"""What dbo.PredictPatients calls."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lungdb.errors import ProcedureError
from lungdb.learning.scoring import score_all
from lungdb.learning.vectors import read_vectors
from lungdb.procedures.checks import check_columns, check_sha256, read_details, whole_numbers
from lungdb.procedures.probability import check_prevalence, probabilities


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
        (float64, 0…1; NaN where there is an error).
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
    check_sha256(model, model_sha256, "model")
    read = read_details(details, "model")
    scan_ids = whole_numbers(patients, "scan_id")
    vectors, errors = read_vectors(patients["vector"].tolist())
    width = read.get("width")
    for place, vector in enumerate(vectors):
        if vector is not None and vector.size != width:
            errors[place] = (
                f"The scan has {vector.size} features and the model reads {width}. Generate the features that the "
                "model was trained on, or train again."
            )
    raw, probability = np.full(scan_ids.size, np.nan), np.full(scan_ids.size, np.nan)
    readable = [vector for vector, error in zip(vectors, errors, strict=True) if vector is not None and not error]
    if readable:
        is_readable = np.array([not error for error in errors])
        raw[is_readable] = score_all(library, model, np.stack(readable))
        probability[is_readable] = probabilities(raw[is_readable], read, site)
    return _frame(scan_ids, errors, raw, probability)


def _frame(scan_ids: np.ndarray, errors: list[str], raw: np.ndarray, probability: np.ndarray) -> pd.DataFrame:
    frame: pd.DataFrame = pd.DataFrame(
        {
            "scan_id": scan_ids.astype(np.int32),
            "error": pd.Series(errors, dtype=object),
            "raw": raw,
            "probability": probability,
        }
    )
    return frame
