"""Why a score is what it is: reading what is stored, having it explained, and its maps as pictures."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Response
from flask.views import MethodView

from lungdb_web.access import require
from lungdb_web.api.blueprints import INDEX, new_blueprint, refuses
from lungdb_web.api.explanation_schemas import MapQuery, ReasonsQuery, ScoreReasons
from lungdb_web.api.fields import LARGEST
from lungdb_web.api.representations import reasons
from lungdb_web.api.scans import BYTES, ETAG, IF_NONE_MATCH
from lungdb_web.audit import record
from lungdb_web.pages.reasons import map_response
from lungdb_web.queries.reasons import NotExplainedError
from lungdb_web.recorded_scores import explain_and_record, find_reasons

blueprint = new_blueprint(
    "Explanations",
    f"/patients/{INDEX}/predictions/<int(max={LARGEST}):prediction_id>/explanation",
    "Why a score is what it is.",
)


@blueprint.route("")
class PredictionExplanation(MethodView):
    """One rule for both methods, as for predictions."""

    @blueprint.doc(operationId="show_explanation")
    @blueprint.arguments(ReasonsQuery, location="query")
    @blueprint.response(HTTPStatus.OK, ScoreReasons)
    @refuses(HTTPStatus.NOT_FOUND, HTTPStatus.NOT_IMPLEMENTED)
    def get(self, query: dict[str, Any], index: int, prediction_id: int) -> dict[str, Any]:
        """Show why a score is what it is: what features and slices added to the margin, and which maps there are.

        404 of the kind not-explained where nobody has had it explained.
        """
        return _shown(index, prediction_id, query)

    @require("scorer")
    @blueprint.doc(operationId="make_explanation")
    @blueprint.arguments(ReasonsQuery, location="query")
    @blueprint.response(HTTPStatus.OK, ScoreReasons)
    @refuses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.NOT_IMPLEMENTED)
    def post(self, query: dict[str, Any], index: int, prediction_id: int) -> dict[str, Any]:
        """Have a score explained by features and slices, and show that. The account needs the role scorer.

        What is explained already is left as it is. 409 where what the score was made of is gone or has changed, or the
        model cannot be explained; 501 on a server without Python.
        """
        explain_and_record(index, prediction_id)
        return _shown(index, prediction_id, query)


@blueprint.route(f"/maps/<int(max={LARGEST}):number>", parameters=[IF_NONE_MATCH])
@blueprint.arguments(MapQuery, location="query")
@blueprint.alt_response(HTTPStatus.NOT_MODIFIED, "NOT_MODIFIED")
@blueprint.response(HTTPStatus.OK, BYTES, content_type="image/png", headers=ETAG)
@refuses(HTTPStatus.NOT_FOUND, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.NOT_IMPLEMENTED)
def show_map(query: dict[str, Any], index: int, prediction_id: int, number: int) -> Response:
    """Draw a map over its slice as PNG: alone on the left, on the right with the map; rows and columns as stored."""
    return map_response(index, prediction_id, number, query.get("method"))


def _shown(index: int, prediction_id: int, query: dict[str, Any]) -> dict[str, Any]:
    found = find_reasons(index, prediction_id, query["features"], query["slices"])
    if found.explained_at is None:
        raise NotExplainedError(prediction_id)
    record("view_patient", index)
    return reasons(found)
