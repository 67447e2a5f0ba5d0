"""GET /models, a version, and its curves."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from werkzeug.exceptions import NotFound

from lungdb_web.access import current_account
from lungdb_web.api.blueprints import new_blueprint, refuses
from lungdb_web.api.fields import LARGEST
from lungdb_web.api.model_schemas import Curves, ModelDetails, Models
from lungdb_web.api.problems import PREFIX
from lungdb_web.api.representations import model, origin
from lungdb_web.queries import models as queries
from lungdb_web.services import call
from lungdb_web.withheld import coarse_curves, without_counts

NUMBER = f"/<int(max={LARGEST}):number>"
# A model's name may hold slashes, also two in a row; one with /../ does not come through, and has its number.
VERSION = f"/<path:name>/<int(max={LARGEST}):version>"

blueprint = new_blueprint("Models", "/models", "Trained models: what they are made of and how good they are.")


@blueprint.route("")
@blueprint.response(HTTPStatus.OK, Models)
@refuses()
def list_models() -> dict[str, Any]:
    """List every version of every model."""
    return {"items": [model(version) for version in queries.list_versions(call)]}


@blueprint.route(VERSION, merge_slashes=False)
@blueprint.response(HTTPStatus.OK, ModelDetails)
@refuses(HTTPStatus.NOT_FOUND)
def show_model(name: str, version: int) -> dict[str, Any]:
    """Show a version of a model, with the figures of its training run."""
    return _details(_find(name, version))


@blueprint.route(NUMBER)
@blueprint.response(HTTPStatus.OK, ModelDetails)
@refuses(HTTPStatus.NOT_FOUND)
def show_numbered_model(number: int) -> dict[str, Any]:
    """Show the version with a number (`classifier_id`), whatever its name."""
    return _details(_numbered(number))


def _details(found: queries.Version) -> dict[str, Any]:
    figures = queries.read_figures(call, found.classifier_id)
    if not current_account().sees_truth:
        figures = without_counts(figures)
    return {
        **model(found),
        **origin(queries.read_origin(call, found.classifier_id)),
        "figures": [
            {"part": part, "metric": metric, "value": figures[part, metric]} for part, metric in sorted(figures)
        ],
    }


@blueprint.route(f"{VERSION}/curves", merge_slashes=False)
@blueprint.response(HTTPStatus.OK, Curves)
@refuses(HTTPStatus.NOT_FOUND)
def show_curves(name: str, version: int) -> dict[str, Any]:
    """Show the curves of a version: ROC, precision and recall, calibration, and those of its training.

    Who may not see the truth gets ROC and precision-recall at x = 0, 0.1, … 1 alone, with y to the nearest tenth: the
    whole curves would tell the truth of single patients.
    """
    return _curves(_find(name, version))


@blueprint.route(f"{NUMBER}/curves")
@blueprint.response(HTTPStatus.OK, Curves)
@refuses(HTTPStatus.NOT_FOUND)
def show_numbered_curves(number: int) -> dict[str, Any]:
    """Show the curves of the version with a number, as of a version by its name."""
    return _curves(_numbered(number))


def _curves(found: queries.Version) -> dict[str, Any]:
    stored = queries.read_curves(call, found.classifier_id)
    curves = stored if current_account().sees_truth else coarse_curves(stored)
    return {
        "items": [{"part": part, "curve": curve, "points": points} for (part, curve), points in sorted(curves.items())]
    }


def _find(name: str, version: int) -> queries.Version:
    found = queries.find_version(call, name, version)
    if found is None:
        raise NotFound(f"There is no version {version} of a model '{name}'. GET {PREFIX}/models lists what there is.")
    return found


def _numbered(number: int) -> queries.Version:
    found = queries.find_classifier(call, number)
    if found is None:
        raise NotFound(f"There is no model with the number {number}. GET {PREFIX}/models lists what there is.")
    return found
