"""What dbo.FeatureImportance calls."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.learning.explaining.importance import Importance, importance
from lungdb.learning.vectors import read_model_vector
from lungdb.procedures.checks import check_columns, check_model, whole_numbers
from lungdb.procedures.leaving import MESSAGE, for_t_sql

_COLUMNS = ("splits", "gain", "mean_absolute", "loss", "loss_error")


@for_t_sql({3: MESSAGE})
def feature_importance(
    scans: pd.DataFrame, model: bytes, model_sha256: str, library: str, details: str, repeats: int, seed: int
) -> tuple[pd.DataFrame, float, int, str]:
    """Measure how much a model relies on each of its features.

    Parameters
    ----------
    scans : DataFrame
        One row a scan: `scan_id` (whole number), `label` (0 or 1, of a regression a number; NULL where none is known),
        `vector` (JSON).
    model, model_sha256, library, details
        As of `predict_lung_cancer`.
    repeats, seed : int
        Shuffles of each feature, 2 to 1000, and the seed of their order.

    Returns
    -------
    result : DataFrame
        One row a feature: `feature` (int32, from 0), `splits`, `gain`, `mean_absolute`, `loss`, `loss_error` (float64;
        NaN where there is none), see `lungdb.learning.explaining.importance.Importance`.
    figure : float
        AUC or root mean squared error of the scans with labels; -1 where it is not defined, because not every runtime
        takes a missing number for an output parameter.
    error_number, error_message : int, str
        0 and empty, or a refusal: 50101 for an argument, 50105, 50110, 50116 and 50279 for the model or a vector that
        it cannot read, 50371 for a model that has no contributions.
    """
    try:
        found = _measure(scans, model, model_sha256, library, details, repeats, seed)
    except ProcedureError as refusal:
        return _frame(None), -1.0, refusal.number, refusal.message
    return _frame(found), -1.0 if np.isnan(found.figure) else found.figure, 0, ""


def _measure(
    scans: pd.DataFrame, model: bytes, model_sha256: str, library: str, details: str, repeats: int, seed: int
) -> Importance:
    if not 2 <= repeats <= 1000:
        raise ProcedureError(
            ErrorNumber.ARGUMENT, f"The value {repeats} for the repeats is not supported. Give 2 to 1000."
        )
    check_columns(scans, ("scan_id", "label", "vector"))
    read = check_model(model, model_sha256, library, details)
    ids = whole_numbers(scans, "scan_id").tolist()
    vectors = []
    for scan_id, text in zip(ids, scans["vector"].tolist(), strict=True):
        try:
            vectors.append(read_model_vector(text, library, read))
        except ProcedureError:
            raise
        except LungdbError as error:
            raise ProcedureError(ErrorNumber.UNREADABLE, f"The vector of the scan {scan_id}: {error}") from None
    widths = {vector.size for vector in vectors}
    if len(widths) != 1:
        raise ProcedureError(
            ErrorNumber.OTHER_WIDTH,
            f"The vectors of the scans have {', '.join(map(str, sorted(widths))) or 'no'} features, and a model reads "
            "as many of each. Call GenerateFeatures with @Recompute = 1.",
        )
    labels = pd.to_numeric(scans["label"]).to_numpy(dtype=np.float64)
    return importance(library, model, read, np.stack(vectors), labels, repeats, seed)


def _frame(found: Importance | None) -> pd.DataFrame:
    values = {name: [] if found is None else getattr(found, name) for name in _COLUMNS}
    features = np.arange(len(values["gain"]), dtype=np.int32)
    frame: pd.DataFrame = pd.DataFrame({"feature": features}).assign(
        **{name: np.asarray(column, dtype=np.float64) for name, column in values.items()}
    )
    return frame
