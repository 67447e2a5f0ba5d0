"""The primary scan of a patient: its facts, its voxels, its slices as pictures."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Response

from lungdb_web.api.blueprints import INDEX, new_blueprint, refuses
from lungdb_web.api.fields import LARGEST
from lungdb_web.api.representations import scan
from lungdb_web.api.schemas import Scan, SliceQuery
from lungdb_web.audit import record_view
from lungdb_web.pages.scans import slice_response, volume_response
from lungdb_web.queries.patients import show_patient
from lungdb_web.queries.scans import find_scan
from lungdb_web.scans.pictures import WINDOWS
from lungdb_web.services import call

blueprint = new_blueprint("Scans", f"/patients/{INDEX}/scan", "The primary scan of a patient.")
ETAG = {"ETag": {"description": "Changes when the scan does.", "schema": {"type": "string"}}}
IF_NONE_MATCH = {
    "in": "header",
    "name": "If-None-Match",
    "description": "The ETag of what the caller has already; the answer is 304 where that is still right.",
    "schema": {"type": "string", "example": 'W/"5f3c9a0e"'},
}
BYTES = {"type": "string", "format": "binary"}


@blueprint.route("")
@blueprint.response(HTTPStatus.OK, Scan)
@refuses(HTTPStatus.NOT_FOUND)
def show_scan(index: int) -> dict[str, Any]:
    """Show the facts of the scan."""
    found = scan(show_patient(call, index))
    record_view("view_scan", index)
    return found


@blueprint.route("/volume", parameters=[IF_NONE_MATCH])
@blueprint.alt_response(HTTPStatus.NOT_MODIFIED, "NOT_MODIFIED")
@blueprint.response(HTTPStatus.OK, BYTES, content_type="application/octet-stream", headers=ETAG)
@refuses(HTTPStatus.NOT_FOUND, HTTPStatus.TOO_MANY_REQUESTS)
def show_volume(index: int) -> Response:
    """Send the scan as a NIfTI-1 file: Hounsfield units as int16, millimetres in RAS+, nothing about the patient.

    Compressed on its way where the caller takes gzip. A slice that turns out damaged breaks the transfer off.
    """
    found = find_scan(call, index)
    record_view("view_scan", index)
    return volume_response(found)


@blueprint.route(f"/slices/<int(max={LARGEST}):number>", parameters=[IF_NONE_MATCH])
@blueprint.arguments(SliceQuery, location="query")
@blueprint.alt_response(HTTPStatus.NOT_MODIFIED, "NOT_MODIFIED")
@blueprint.response(HTTPStatus.OK, BYTES, content_type="image/png", headers=ETAG)
@refuses(HTTPStatus.NOT_FOUND)
def show_slice(query: dict[str, Any], index: int, number: int) -> Response:
    """Draw a slice, from 0 at the feet, as a grey PNG in which a millimetre is as long down as across."""
    return slice_response(index, number, WINDOWS[query["window"]])
