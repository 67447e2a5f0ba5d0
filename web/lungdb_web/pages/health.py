"""/health: whether the page can work, for probes; it tells nothing else."""

from __future__ import annotations

from flask import Blueprint, Response

from lungdb_web.services import call

blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
def health() -> Response:
    """Answer 200 where the database answers; DatabaseUnavailable becomes 503."""
    call("SELECT 1 AS one;")
    return Response("ok\n", mimetype="text/plain")
