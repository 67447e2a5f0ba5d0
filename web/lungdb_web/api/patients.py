"""The worklist, a patient, the patients most like one, and the truth."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import g
from werkzeug.exceptions import Conflict, Forbidden

from lungdb_web.access import current_account
from lungdb_web.api.blueprints import INDEX, new_blueprint, refuses
from lungdb_web.api.paging import link_header
from lungdb_web.api.representations import patient, patient_row, similar_patient
from lungdb_web.api.schemas import (
    Patient,
    SimilarPatients,
    SimilarQuery,
    Truth,
    Worklist,
    WorklistQuery,
    WorklistSearch,
)
from lungdb_web.audit import record, record_list, record_similar, refuse
from lungdb_web.queries import patients as queries
from lungdb_web.queries.scores import list_scores
from lungdb_web.services import call, installed, services

blueprint = new_blueprint("Patients", "/patients", "Patients with their newest score, and those most like one.")
LINKS = {"Link": {"description": "The first, previous, next and last page (RFC 8288).", "schema": {"type": "string"}}}


@blueprint.route("")
@blueprint.arguments(WorklistQuery, location="query")
@blueprint.response(HTTPStatus.OK, Worklist, headers=LINKS)
@refuses()
def list_patients(query: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """List a page of the patients."""
    found = _page(query)
    return found, {"Link": link_header(found["page"], found["page_size"], found["total"])}


@blueprint.route("/search", methods=["POST"])
@blueprint.arguments(WorklistSearch)
@blueprint.response(HTTPStatus.OK, Worklist)
@refuses(HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
def search_patients(query: dict[str, Any]) -> dict[str, Any]:
    """List a page of the patients found by part of a name or id, or by an index."""
    return _page(query)


@blueprint.route(f"/{INDEX}")
@blueprint.response(HTTPStatus.OK, Patient)
@refuses(HTTPStatus.NOT_FOUND)
def show_patient(index: int) -> dict[str, Any]:
    """Show a patient."""
    found = patient(queries.show_patient(call, index))
    record("view_patient", index)
    return found


@blueprint.route(f"/{INDEX}/similar")
@blueprint.arguments(SimilarQuery, location="query")
@blueprint.response(HTTPStatus.OK, SimilarPatients)
@refuses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.NOT_IMPLEMENTED)
def list_similar(query: dict[str, Any], index: int) -> dict[str, Any]:
    """List the patients most like one, by the features that a model reads.

    501 on a server without Python, where similar patients cannot be found.
    """
    model = query.get("model", services().settings.web_model)
    found = queries.similar_patients(call, installed(), index, model, query["limit"])
    record_similar(index, [row.patient_index for row in found])
    return {"items": [similar_patient(row) for row in found]}


@blueprint.route(f"/{INDEX}/truth")
@blueprint.response(HTTPStatus.OK, Truth)
@refuses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
def show_truth(index: int) -> dict[str, Any]:
    """Show whether the patient has cancer, where that is known. The account needs the right to see it.

    409 for who is signed in on the page, while the scan is not scored; a program with a token is told in any case.
    """
    account = current_account()
    if not account.sees_truth:
        refuse("may not see the truth")
        raise Forbidden(
            f"The account '{account.name}' may not see what is known of patients' cancer. "
            "Ask the administrator of this site for the right."
        )
    if not g.get("is_program", False) and not list_scores(call, index, 1):
        record("view_truth", index, "refused", "the scan is not scored")
        raise Conflict("The truth is shown once the scan is scored: known before, it would bias the reading.")
    try:
        truth = queries.show_truth(call, index)
    except queries.TruthWithheld as error:
        raise Forbidden(str(error)) from error
    record("view_truth", index)
    if truth is None:
        return {"cancer": None, "label": None, "source": None}
    return {"cancer": bool(truth.label) if truth.label < 2 else None, "label": truth.label, "source": truth.source}


def _page(query: dict[str, Any]) -> dict[str, Any]:
    offset = (query["page"] - 1) * query["page_size"]
    rows, total = queries.list_patients(
        call,
        search=query.get("text", ""),
        state=query.get("state"),
        sort=query["sort"],
        descending=query["order"] == "descending",
        offset=offset,
        limit=query["page_size"],
    )
    record_list([row.patient_index for row in rows], searched=bool(query.get("text")))
    return {
        "items": [patient_row(row) for row in rows],
        "total": total,
        "page": query["page"],
        "page_size": query["page_size"],
    }
