"""The scores of a patient: reading them, what one means, and asking for a new one."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import url_for
from flask.views import MethodView
from werkzeug.exceptions import NotFound

from lungdb_web.access import current_account, require
from lungdb_web.api.blueprints import INDEX, new_blueprint, refuses
from lungdb_web.api.fields import LARGEST
from lungdb_web.api.representations import explanation, prediction
from lungdb_web.api.schemas import Explanation, Prediction, Predictions, PredictionsQuery, ScoreRequest
from lungdb_web.audit import record
from lungdb_web.queries import scores as queries
from lungdb_web.recorded_scores import score_and_record
from lungdb_web.services import call

blueprint = new_blueprint("Predictions", f"/patients/{INDEX}/predictions", "Scores that patients were given.")
LOCATION = {"Location": {"description": "The address of the new score.", "schema": {"type": "string"}}}


@blueprint.route("")
class PatientPredictions(MethodView):
    """One rule for both methods: with two, an index that is too large would be a 405 instead of a 404."""

    @blueprint.doc(operationId="list_predictions")
    @blueprint.arguments(PredictionsQuery, location="query")
    @blueprint.response(HTTPStatus.OK, Predictions)
    @refuses(HTTPStatus.NOT_FOUND)
    def get(self, query: dict[str, Any], index: int) -> dict[str, Any]:
        """List the scores of a patient, newest first."""
        found = queries.list_scores(call, index, query["limit"], query.get("before"))
        record("view_patient", index)
        return {"items": [prediction(score) for score in found]}

    @require("scorer")
    @blueprint.doc(operationId="make_prediction")
    @blueprint.arguments(ScoreRequest, required=False)
    @blueprint.response(HTTPStatus.CREATED, Prediction, headers=LOCATION)
    @refuses(
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.NOT_IMPLEMENTED,
    )
    def post(self, body: dict[str, Any], index: int) -> tuple[dict[str, Any], dict[str, str]]:
        """Score a patient and keep the score. The account needs the role scorer.

        409 when the scan has no features that the model reads; the detail names the procedure that makes them. 429 with
        Retry-After while as many scores are computed as the server may. On a server without Python the score is
        computed in T-SQL: 409 when the model was not checked for that; 501 where nothing that scores is installed.
        """
        score = score_and_record(index, body.get("model"), body.get("version"))
        address = url_for("Predictions.show_prediction", index=index, prediction_id=score.prediction_id)
        return prediction(score), {"Location": address}


@blueprint.route(f"/<int(max={LARGEST}):prediction_id>")
@blueprint.response(HTTPStatus.OK, Explanation)
@refuses(HTTPStatus.NOT_FOUND)
def show_prediction(index: int, prediction_id: int) -> dict[str, Any]:
    """Show a score of a patient, and what it means beside the scores of the model's training run."""
    found = queries.explain_score(call, prediction_id, sees_truth=current_account().sees_truth)
    if found.patient_index != index:
        raise NotFound(
            f"The prediction {prediction_id} is of another patient. Ask for it under that patient's address."
        )
    record("view_patient", index)
    return explanation(found)
