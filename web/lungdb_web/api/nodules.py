"""Nodules of a patient: what detectors found, and what readers marked."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from werkzeug.exceptions import Forbidden

from lungdb_web.api.blueprints import INDEX, new_blueprint, refuses
from lungdb_web.api.nodule_schemas import MarkedNodules, Nodules
from lungdb_web.api.representations import detector, marked_nodule
from lungdb_web.audit import record
from lungdb_web.pages.nodules import marked_and_recorded
from lungdb_web.queries.nodules import read_nodules
from lungdb_web.queries.patients import TruthWithheld, show_patient
from lungdb_web.services import call, installed

blueprint = new_blueprint(
    "Nodules", f"/patients/{INDEX}/nodules", "What detectors found in a scan, and what readers marked."
)


@blueprint.route("")
@blueprint.response(HTTPStatus.OK, Nodules)
@refuses(HTTPStatus.NOT_FOUND, HTTPStatus.NOT_IMPLEMENTED)
def list_nodules(index: int) -> dict[str, Any]:
    """List what detectors found in the patient's primary scan."""
    found = read_nodules(call, installed(), index, show_patient(call, index))
    record("view_patient", index)
    return {"items": [detector(one) for one in found]}


@blueprint.route("/truth")
@blueprint.response(HTTPStatus.OK, MarkedNodules)
@refuses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
def list_marked_nodules(index: int) -> dict[str, Any]:
    """List what readers marked in the scan, and which detectors found it. The account needs the right to see the truth.

    409 for who is signed in on the page, while the scan is not scored; a program with a token is told in any case.
    """
    patient = show_patient(call, index)
    try:
        marked = marked_and_recorded(index, patient)
    except TruthWithheld as error:
        raise Forbidden(str(error)) from error
    return {"items": [marked_nodule(one) for one in marked]}
