"""A patient: the result and what it means, the scan, the history, the most similar patients."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from lungdb.errors import LungdbError, SqlError
from web import wording
from web.access import current_account, require
from web.queries.accounts import record
from web.queries.patients import Patient, show_patient, show_truth, similar_patients
from web.queries.scores import explain_score, list_scores, score_patient
from web.services import services

blueprint = Blueprint("patient", __name__)
NO_FEATURES = 50109
UNKNOWN_MODEL = 50108
_LARGEST_INT = 2**31 - 1


@blueprint.get("/patients/<int:index>")
def show(index: int) -> ResponseReturnValue:
    """Show a patient."""
    patient = _known(index)
    record("view_patient", index)
    scores = list_scores(index)
    explanation = explain_score(scores[0].prediction_id) if scores else None
    truth = None
    if current_account().sees_truth and (truth := show_truth(index)) is not None:
        record("view_truth", index)
    return render_template(
        "patient.html", patient=patient, scores=scores, explanation=explanation, truth=truth, wording=wording
    )


@blueprint.post("/patients/<int:index>/score")
@require("scorer")
def score(index: int) -> ResponseReturnValue:
    """Score a patient, and show the result."""
    _known(index)
    try:
        score_patient(index, services().settings.web_model)
    except LungdbError as error:
        number = f"error {error.number}" if isinstance(error, SqlError) else type(error).__name__
        record("score", index, "failed", number)
        raise
    record("score", index)
    return redirect(url_for("patient.show", index=index, _anchor="result"), 303)


@blueprint.get("/patients/<int:index>/similar")
def similar(index: int) -> ResponseReturnValue:
    """Show the patients most like this one by the features that the model reads."""
    patient = _known(index)
    record("view_patient", index, detail="similar patients")
    found, reason = None, None
    try:
        found = similar_patients(index, services().settings.web_model)
    except SqlError as error:
        if error.number not in (NO_FEATURES, UNKNOWN_MODEL):
            raise
        reason = error.message
    return render_template("similar.html", patient=patient, similar=found, reason=reason)


def _known(index: int) -> Patient:
    if index > _LARGEST_INT:
        raise NotFound("No patient has an index that large. Take an index from the worklist.")
    return show_patient(index)
