"""A patient: the result, what it means and why it is so, the scan, the history, the most similar patients."""

from __future__ import annotations

from contextlib import suppress

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Conflict, Forbidden

from lungdb.errors import ErrorNumber, SqlError
from lungdb_web import nodules, why, wording
from lungdb_web.access import current_account, require
from lungdb_web.audit import record, record_similar, refuse
from lungdb_web.listing import present_place
from lungdb_web.pages.nodules import found_in
from lungdb_web.queries import installed as absences
from lungdb_web.queries.installed import NotInstalled
from lungdb_web.queries.patients import TruthWithheld, show_patient, show_truth, similar_patients
from lungdb_web.queries.reasons import read_reasons
from lungdb_web.queries.reviews import LONGEST_NOTE, SUSPICIONS, list_reviews
from lungdb_web.queries.scans import has_images
from lungdb_web.queries.scores import explain_score, list_scores
from lungdb_web.recorded_scores import score_and_record
from lungdb_web.services import call, installed, services
from lungdb_web.strip import legend_stops, strip_of

blueprint = Blueprint("patient", __name__)
MOST_TRIPLES = 1000
"""As many as dbo.ReadExplanation tells; the strip below the slices has them all."""


@blueprint.get("/patients/<int:index>")
def show(index: int) -> ResponseReturnValue:
    """Show a patient."""
    patient = show_patient(call, index)
    record("view_patient", index)
    scores = list_scores(call, index)
    explanation = (
        explain_score(call, scores[0].prediction_id, sees_truth=current_account().sees_truth) if scores else None
    )
    reasons = None
    if scores:
        with suppress(NotInstalled):  # the page says that it cannot tell
            reasons = read_reasons(call, installed(), scores[0].prediction_id, slices=MOST_TRIPLES)
    reviews = None
    with suppress(NotInstalled):
        reviews = list_reviews(call, installed(), index)
    return render_template(
        "patient.html",
        patient=patient,
        scores=scores,
        explanation=explanation,
        reasons=reasons,
        why=why,
        strip_of=strip_of,
        legend_stops=legend_stops,
        wording=wording,
        installed=installed(),
        absences=absences,
        nodules=nodules,
        detectors=found_in(index, patient),
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


@blueprint.post("/patients/<int:index>/truth")
def reveal_truth(index: int) -> str:
    """Show what is known of a patient whose scan is scored, and record that it was looked at."""
    account = current_account()
    if not account.sees_truth:
        refuse("may not see the truth")
        raise Forbidden(
            f"The account '{account.name}' may not see what is known of patients' cancer. "
            "Ask the administrator of this site for the right."
        )
    patient = show_patient(call, index)
    scores = list_scores(call, index, 1)
    if not scores:
        record("view_truth", index, "refused", "the scan is not scored")
        raise Conflict("The truth is shown once the scan is scored: known before, it would bias the reading.")
    truth, is_withheld = None, False
    try:
        truth = show_truth(call, index)
    except TruthWithheld:
        is_withheld = True
    known = "withheld by the site" if is_withheld else "not known" if truth is None else None
    record("view_truth", index, "refused" if is_withheld else "ok", known)
    return render_template(
        "truth.html", patient=patient, scores=scores, is_asked=True, truth=truth, truth_is_withheld=is_withheld
    )


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
