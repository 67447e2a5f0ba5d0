"""A patient: the result and what it means, the scan, the history, the most similar patients."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from web.access import current_account, require
from web.queries.accounts import record
from web.queries.patients import show_patient, show_truth
from web.queries.scores import explain_score, list_scores, score_patient
from web.services import services

blueprint = Blueprint("patient", __name__)


@blueprint.get("/patients/<int:index>")
def show(index: int) -> ResponseReturnValue:
    """Show a patient."""
    patient = show_patient(index)
    record("view_patient", index)
    scores = list_scores(index)
    explanation = explain_score(scores[0].prediction_id) if scores else None
    truth = show_truth(index) if current_account().sees_truth else None
    return render_template("patient.html", patient=patient, scores=scores, explanation=explanation, truth=truth)


@blueprint.post("/patients/<int:index>/score")
@require("scorer")
def score(index: int) -> ResponseReturnValue:
    """Score a patient, and show the result."""
    score_patient(index, services().settings.web_model)
    record("score", index)
    return redirect(url_for("patient.show", index=index), 303)
