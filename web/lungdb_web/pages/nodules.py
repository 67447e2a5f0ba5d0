"""Nodules that detectors found beside those that readers marked, once somebody who may see the truth asks."""

from __future__ import annotations

from contextlib import suppress

from flask import Blueprint, g, render_template
from werkzeug.exceptions import Conflict, Forbidden, NotFound

from lungdb_web import nodules
from lungdb_web.access import current_account
from lungdb_web.audit import record, refuse
from lungdb_web.queries.installed import NotInstalled
from lungdb_web.queries.nodules import Detector, Marked, read_nodules, show_nodule_truth
from lungdb_web.queries.patients import Patient, TruthWithheld, show_patient
from lungdb_web.queries.scans import has_images
from lungdb_web.queries.scores import list_scores
from lungdb_web.services import call, installed

blueprint = Blueprint("nodules", __name__)
_MARKED = "nodules that readers marked"


def found_in(index: int, patient: Patient) -> list[Detector]:
    """Read what detectors found in a patient's scan; empty where none saw it, or the database cannot tell."""
    with suppress(NotInstalled):
        return read_nodules(call, installed(), index, patient)
    return []


def marked_and_recorded(index: int, patient: Patient) -> list[Marked]:
    """Read what readers marked in a patient's scan, and record that it was looked at, or why it was not.

    Raises
    ------
    Forbidden
        The account may not see the truth.
    Conflict
        The scan is not scored, and no program asks.
    TruthWithheld
        The site does not show it.
    """
    account = current_account()
    if not account.sees_truth:
        refuse("may not see the truth")
        raise Forbidden(
            f"The account '{account.name}' may not see what is known of patients' cancer. "
            "Ask the administrator of this site for the right."
        )
    if not g.get("is_program", False) and not list_scores(call, index, 1):
        record("view_truth", index, "refused", f"{_MARKED}: the scan is not scored")
        raise Conflict("What readers marked is shown once the scan is scored: known before, it would bias the reading.")
    try:
        marked = show_nodule_truth(call, index, patient)
    except TruthWithheld:
        record("view_truth", index, "refused", f"{_MARKED}: withheld by the site")
        raise
    record("view_truth", index, "ok", _MARKED)
    return marked


@blueprint.post("/patients/<int:index>/nodules/truth")
def reveal_truth(index: int) -> str:
    """Show what readers marked beside what detectors found, and record that it was looked at."""
    patient = show_patient(call, index)
    marked, is_withheld = None, False
    try:
        marked = marked_and_recorded(index, patient)
    except TruthWithheld:
        is_withheld = True
    detectors = found_in(index, patient)
    if not detectors:
        raise NotFound("No detector has looked for nodules in this scan, so that there is nothing to compare.")
    return render_template(
        "nodules.html",
        patient=patient,
        nodules=nodules,
        detectors=detectors,
        has_images=has_images(call, index),
        scores=True,
        is_asked=True,
        marked=marked,
        truth_is_withheld=is_withheld,
    )
