"""Why a score is what it is: its page, its maps, and having it explained."""

from __future__ import annotations

import hashlib

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, InternalServerError

from lungdb.errors import LungdbError
from lungdb_web import why
from lungdb_web.access import require
from lungdb_web.audit import record, record_view
from lungdb_web.pages.scans import cached
from lungdb_web.queries import installed as absences
from lungdb_web.queries.patients import show_patient
from lungdb_web.queries.reasons import read_map, render_map
from lungdb_web.queries.scans import has_images
from lungdb_web.queries.scores import list_scores
from lungdb_web.recorded_scores import explain_and_record, find_reasons
from lungdb_web.scans.maps import overlay_png
from lungdb_web.services import call, installed

blueprint = Blueprint("reasons", __name__)
_SCORE = "/patients/<int:index>/scores/<int:prediction_id>"
METHODS = ("occlusion", "gradcam")


@blueprint.get(_SCORE)
def show(index: int, prediction_id: int) -> str:
    """Show why one of a patient's scores is what it is."""
    reasons = find_reasons(index, prediction_id)
    patient = show_patient(call, index)
    record("view_patient", index)
    return render_template(
        "why.html",
        patient=patient,
        reasons=reasons,
        why=why,
        installed=installed(),
        absences=absences,
        has_images=has_images(call, index),
    )


@blueprint.post(f"{_SCORE}/explain")
@require("scorer")
def explain(index: int, prediction_id: int) -> ResponseReturnValue:
    """Have a score explained, and show it: the newest one on the patient's page."""
    explain_and_record(index, prediction_id)
    newest = list_scores(call, index, 1)
    if newest and newest[0].prediction_id == prediction_id:
        return redirect(url_for("patient.show", index=index, _anchor="why"), 303)
    return redirect(url_for("reasons.show", index=index, prediction_id=prediction_id), 303)


@blueprint.get(f"{_SCORE}/maps/<int:number>.png")
def show_map(index: int, prediction_id: int, number: int) -> Response:
    """Draw the map of a slice, by the method that the query names."""
    return map_response(index, prediction_id, number, request.args.get("method"))


@blueprint.get(f"{_SCORE}/maps/<int:number>/overlay.png")
def show_overlay(index: int, prediction_id: int, number: int) -> Response:
    """Draw the map of a slice without the slice, a pixel for each of its own, to be laid over it."""
    method = _known(request.args.get("method"))
    find_reasons(index, prediction_id, 0, 0)
    found = read_map(call, installed(), prediction_id, number, method)
    try:
        png = overlay_png(found)
    except LungdbError as error:
        raise InternalServerError("The stored map is damaged, so it is not shown. Have the map made again.") from error
    record_view("view_scan", index)
    return cached(Response(png, mimetype="image/png"), hashlib.sha256(png).hexdigest())


def map_response(index: int, prediction_id: int, number: int, method: str | None) -> Response:
    """Draw the map of slice `number`, from 0 up, over it as a PNG; without a method the exact one where there is one.

    Raises
    ------
    NotFound
        The score is of another patient.
    NotInstalled, TooBusy, SqlError
        As `lungdb_web.queries.reasons.render_map`.
    """
    method = _known(method)
    find_reasons(index, prediction_id, 0, 0)
    png = render_map(call, installed(), prediction_id, number, method)
    record_view("view_scan", index)
    return cached(Response(png, mimetype="image/png"), hashlib.sha256(png).hexdigest())


def _known(method: str | None) -> str | None:
    if method not in (None, *METHODS):
        raise BadRequest(f"There is no such method. Methods are {' and '.join(METHODS)}.")
    return method
