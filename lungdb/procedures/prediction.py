"""What dbo.PredictLungCancer calls."""

from __future__ import annotations

from lungdb.errors import LungdbError, ProcedureError
from lungdb.imaging.codecs import decode_vector
from lungdb.learning.scoring import OTHER_WIDTH, score
from lungdb.procedures.checks import UNREADABLE, check_sha256, read_details


def predict_lung_cancer(model: bytes, model_sha256: str, details: str, vector: str) -> tuple[float, int, str]:
    """Score one patient.

    Parameters
    ----------
    model : bytes
        LightGBM's model text, from `classifiers.model`.
    model_sha256 : str
        Its SHA-256 in hexadecimal.
    details : str
        `classifiers.details`, JSON; `width` is the number of values that the model reads.
    vector : str
        `pooled_features.vector`, JSON.

    Returns
    -------
    probability : float
        0…1; 0 on a refusal.
    error_number, error_message : int, str
        0 and empty, or a refusal: 50105 when the model's bytes are damaged, 50110 when the features have another width
        than the model's, 50116 when the model or the vector cannot be read.
    """
    try:
        check_sha256(model, model_sha256, "model")
        width = read_details(details, "model").get("width")
        features = decode_vector(vector)
        if features.size != width:
            raise ProcedureError(
                OTHER_WIDTH,
                f"The patient has {features.size} features and the model reads {width}. Generate the features that "
                "the model was trained on, or train again.",
            )
        return score(model, features), 0, ""
    except ProcedureError as refusal:
        return 0.0, refusal.number, refusal.message
    except LungdbError as refusal:
        return 0.0, UNREADABLE, str(refusal)
