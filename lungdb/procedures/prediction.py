"""What dbo.PredictLungCancer calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.learning.scope import scope_of
from lungdb.learning.scoring import score_all
from lungdb.learning.vectors import read_model_numbers
from lungdb.procedures.checks import check_model
from lungdb.procedures.leaving import MESSAGE, for_t_sql
from lungdb.procedures.probability import check_prevalence, probabilities, task_of

if TYPE_CHECKING:
    import pandas as pd

_UNKNOWN = -1.0


@for_t_sql({3: MESSAGE})
def predict_lung_cancer(
    model: bytes, model_sha256: str, library: str, details: str, vector: str, prevalence: float | None
) -> tuple[float, float, int, str]:
    """Score one patient, as procedures of earlier versions call it: `predict_and_measure_patient` without distance."""
    return predict_and_measure_patient(model, model_sha256, library, details, vector, prevalence)[:4]


@for_t_sql({3: MESSAGE})
def predict_and_measure_patient(
    model: bytes,
    model_sha256: str,
    library: str,
    details: str,
    vector: str,
    prevalence: float | None,
    scope: pd.DataFrame | None = None,
) -> tuple[float, float, int, str, float]:
    """Score one patient, and measure how far his features are from those that the model was trained on.

    Parameters
    ----------
    model : bytes
        The model's text, from `classifiers.model`.
    model_sha256 : str
        Its SHA-256 in hexadecimal.
    library : str
        `classifiers.library`: `lightgbm` or `logistic`.
    details : str
        `classifiers.details`, JSON; `width` is the number of values that the model reads, `calibration` and
        `prevalence` are those of training.
    vector : str
        `pooled_features.vector`, JSON.
    prevalence : float or None
        Share of positives at the site, above 0 and below 1; None (or NaN, NULL's other face) corrects nothing.
    scope : DataFrame or None
        `feature_index`, `mean` and `sd` of dbo.model_scope_features, a row a feature that the model knows.

    Returns
    -------
    probability : float
        Calibrated, for the site; 0…1; 0 on a refusal and of a regression, which has none.
    raw : float
        The model's own score; 0…1; of a regression the number predicted; 0 on a refusal.
    error_number, error_message : int, str
        0 and empty, or a refusal: 50101 for a prevalence that cannot be, 50105 when the model's bytes are damaged,
        50110 when the features have another width than the model's, 50116 when the model or the vector cannot be read,
        50279 when a value is missing that the model needs.
    distance : float
        As `lungdb.learning.scope.Scope.distances` has it; -1 where it is not known, and on a refusal.
    """
    try:
        site = check_prevalence(prevalence)
        read = check_model(model, model_sha256, library, details)
        numbers = read_model_numbers(vector, library, read)
        if numbers.size != read.get("width"):
            raise ProcedureError(
                ErrorNumber.OTHER_WIDTH,
                f"The patient has {numbers.size} features and the model reads {read.get('width')}. Generate the "
                "features that the model was trained on, or train again.",
            )
        raw = score_all(library, model, numbers[None].astype(np.float32), task_of(read))
        found = float(probabilities(raw, read, site)[0])
        probability = 0.0 if task_of(read) == "regression" else found
        return probability, float(raw[0]), 0, "", _distance(numbers, scope)
    except ProcedureError as refusal:
        return 0.0, 0.0, refusal.number, refusal.message, _UNKNOWN
    except LungdbError as refusal:
        return 0.0, 0.0, ErrorNumber.UNREADABLE, str(refusal), _UNKNOWN


def _distance(numbers: NDArray[np.float64], scope: pd.DataFrame | None) -> float:
    if scope is None or not len(scope.columns):
        return _UNKNOWN
    columns = [scope[name].to_numpy(dtype=np.float64) for name in ("feature_index", "mean", "sd")]
    found = float(scope_of(np.stack(columns, axis=1)).distances(numbers[None])[0])
    return _UNKNOWN if np.isnan(found) else found
