"""A patient: the result, what it means and why it is so, the scan, the history, the most similar patients."""

from __future__ import annotations

from contextlib import suppress

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from lungdb.errors import ErrorNumber, SqlError
from lungdb_web import why, wording
from lungdb_web.access import current_account, require
from lungdb_web.audit import record, record_similar
from lungdb_web.listing import present_place
from lungdb_web.queries import installed as absences
from lungdb_web.queries.installed import NotInstalled
from lungdb_web.queries.patients import TruthWithheld, show_patient, show_truth, similar_patients
from lungdb_web.queries.reasons import read_reasons
from lungdb_web.queries.reviews import LONGEST_NOTE, SUSPICIONS, list_reviews
from lungdb_web.queries.scans import has_images
from lungdb_web.queries.scores import explain_score, list_scores
from lungdb_web.recorded_scores import score_and_record
from lungdb_web.services import call, installed, services

blueprint = Blueprint("patient", __name__)


@blueprint.get("/patients/<int:index>")
def show(index: int) -> ResponseReturnValue:
    """Show a patient."""
    patient = show_patient(call, index)
    record("view_patient", index)
    scores = list_scores(call, index)
    sees_truth = current_account().sees_truth
    explanation = explain_score(call, scores[0].prediction_id, sees_truth=sees_truth) if scores else None
    reasons = None
    if scores:
        with suppress(NotInstalled):  # the page says that it cannot tell
            reasons = read_reasons(call, installed(), scores[0].prediction_id)
    reviews = None
    with suppress(NotInstalled):
        reviews = list_reviews(call, installed(), index)
    truth, is_withheld = None, False
    if sees_truth:
        try:
            truth = show_truth(call, index)
        except TruthWithheld:
            is_withheld = True
    if truth is not None:
        record("view_truth", index)
    return render_template(
        "patient.html",
        patient=patient,
        scores=scores,
        explanation=explanation,
        reasons=reasons,
        truth=truth,
        truth_is_withheld=is_withheld,
        why=why,
        wording=wording,
        installed=installed(),
        absences=absences,
        has_images=has_images(call, index),
        place=present_place(index),
        # Who has not read the scan is not told what others found, so that he reads it for himself.
        has_read=any(one.is_current and one.account == current_account().name for one in reviews or ()),
        reviews=reviews,
        suspicions=SUSPICIONS,
        longest_note=LONGEST_NOTE,
    )


@blueprint.post("/patients/<int:index>/score")
@require("scorer")
def score(index: int) -> ResponseReturnValue:
    """Score a patient, and show the result."""
    place = present_place(index)
    score_and_record(index)
    return redirect(url_for("patient.show", index=index, **(place.query if place else {}), _anchor="result"), 303)


@blueprint.get("/patients/<int:index>/similar")
def similar(index: int) -> ResponseReturnValue:
    """Show the patients most like this one by the features that the model reads."""
    patient = show_patient(call, index)
    found, reason = None, None
    try:
        found = similar_patients(call, installed(), index, services().settings.web_model)
    except SqlError as error:
        if error.number not in (ErrorNumber.NO_FEATURES, ErrorNumber.UNKNOWN_MODEL):
            raise
        reason = error.message
    record_similar(index, [other.patient_index for other in found or ()])
    return render_template("similar.html", patient=patient, similar=found, reason=reason)
