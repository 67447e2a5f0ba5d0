"""What dbo.PredictLungCancer calls."""

from __future__ import annotations

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.learning.scoring import score_all
from lungdb.learning.vectors import read_model_vector
from lungdb.procedures.checks import check_model
from lungdb.procedures.leaving import MESSAGE, for_t_sql
from lungdb.procedures.probability import check_prevalence, probabilities, task_of


@for_t_sql({3: MESSAGE})
def predict_lung_cancer(
    model: bytes, model_sha256: str, library: str, details: str, vector: str, prevalence: float | None
) -> tuple[float, float, int, str]:
    """Score one patient.

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
    """
    try:
        site = check_prevalence(prevalence)
        read = check_model(model, model_sha256, library, details)
        features = read_model_vector(vector, library, read)
        if features.size != read.get("width"):
            raise ProcedureError(
                ErrorNumber.OTHER_WIDTH,
                f"The patient has {features.size} features and the model reads {read.get('width')}. Generate the "
                "features that the model was trained on, or train again.",
            )
        raw = score_all(library, model, features[None], task_of(read))
        found = float(probabilities(raw, read, site)[0])
        return 0.0 if task_of(read) == "regression" else found, float(raw[0]), 0, ""
    except ProcedureError as refusal:
        return 0.0, 0.0, refusal.number, refusal.message
    except LungdbError as refusal:
        return 0.0, 0.0, ErrorNumber.UNREADABLE, str(refusal)
