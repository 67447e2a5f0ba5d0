"""The addresses of Microsoft's demonstration of 2017, in their old form, for what was written to call them.

Unlike there, a patient who is not known is a 404 that says so, never somebody else.
"""

from __future__ import annotations

from flask import Blueprint, g, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Forbidden, NotFound

from lungdb_web.access import require
from lungdb_web.audit import record, record_list, refuse
from lungdb_web.pages.worklist import kept_search
from lungdb_web.queries import installed as absences
from lungdb_web.queries.patients import list_patients, show_patient
from lungdb_web.queries.scans import has_images
from lungdb_web.recorded_scores import score_and_record
from lungdb_web.services import call, installed, services

blueprint = Blueprint("original", __name__)
INDEX = "<int(max=2147483647):index>"


@blueprint.get(f"/predict/{INDEX}")
@require("scorer")
def predict(index: int) -> ResponseReturnValue:
    """Score a patient: {"status": 200, "prob": percent}."""
    # A GET that changes something: a browser may be led here by any page, and sends its session by itself.
    if not g.get("is_program", False):
        refuse("a score asked for without a token")
        raise Forbidden("This address is for programs. Ask for the score on the patient's page, or send a token.")
    return jsonify(status=200, prob=score_and_record(index).probability_percent)


@blueprint.get(f"/gif/{INDEX}")
def gif(index: int) -> ResponseReturnValue:
    """Say where the animation of a patient's scan is: {"status": 200, "gif_url": address}."""
    show_patient(call, index)
    return jsonify(status=200, gif_url=_animation(index))


@blueprint.post("/patient_info")
def patient_info() -> ResponseReturnValue:
    """Show the animation of the patient that the field patient_index names, by an index or a part of a name."""
    index = _find_patient()
    return _search() if index is None else _page(index)


@blueprint.post("/patient_prob")
@require("scorer")
def patient_prob() -> ResponseReturnValue:
    """Score the patient that the field patient_index names, and show the prediction with the animation."""
    index = _find_patient()
    return _search() if index is None else _page(index, score_and_record(index).probability_percent)


def _find_patient() -> int | None:
    """Find the index of the one patient who is named; None when several are."""
    text = _wanted()
    if text.isdecimal() and text.isascii():
        return _checked(int(text))
    found, total = list_patients(call, text, limit=1) if text else ([], 0)
    if text:
        record_list([row.patient_index for row in found] if total == 1 else [], searched=True)
    if total == 0:
        raise NotFound(
            "No patient has this index or a name with this in it. "
            "Give an index, or a part of a name, as the worklist shows them."
        )
    return found[0].patient_index if total == 1 else None


def _checked(index: int) -> int:
    if index > 2**31 - 1:
        raise NotFound("No patient has an index that large. Give an index as the worklist shows them.")
    return show_patient(call, index).patient_index


def _wanted() -> str:
    return request.form.get("patient_index", "").strip()[:128]


def _search() -> ResponseReturnValue:
    """Lead to the worklist, searched as if by its own form."""
    return redirect(url_for("worklist.index", s=kept_search(_wanted())), 303)


def _page(index: int, percent: float | None = None) -> str:
    patient = show_patient(call, index)
    record("view_patient", index)
    return render_template(
        "original.html",
        patient=patient,
        percent=percent,
        has_images=has_images(call, index),
        installed=installed(),
        absences=absences,
    )


def _animation(index: int) -> str:
    return url_for("scans.show_animation", index=index, _external=True, _scheme=services().settings.web_scheme)
