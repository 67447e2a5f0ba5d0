"""The primary scan of a patient: its facts."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from web.api.blueprints import INDEX, new_blueprint, refuses
from web.api.representations import scan
from web.api.schemas import Scan
from web.queries.accounts import record
from web.queries.patients import show_patient

blueprint = new_blueprint("Scans", f"/patients/{INDEX}/scan", "The primary scan of a patient.")


@blueprint.route("")
@blueprint.response(HTTPStatus.OK, Scan)
@refuses(HTTPStatus.NOT_FOUND)
def show_scan(index: int) -> dict[str, Any]:
    """Show the facts of the scan."""
    found = scan(show_patient(index))
    record("view_scan", index)
    return found
