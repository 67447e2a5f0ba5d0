"""What every blueprint of the API has in common: how arguments are read, and which refusals are documented."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import Request
from flask_smorest import Blueprint
from marshmallow import RAISE
from webargs import missing
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import UnsupportedMediaType

from lungdb_web.api.fields import LARGEST
from lungdb_web.api.problems import PREFIX

INDEX = f"<int(max={LARGEST}):index>"
"""A patient in an address; a larger number is no INT of T-SQL and so no patient."""

PATH_PARAMETERS: list[dict[str, Any]] = [
    {"in": "path", "name": name, "description": description, "example": example}
    for name, description, example in (
        ("index", "The patient's index.", 7),
        ("number", "The number of a slice, from 0 at the feet.", 3),
        ("prediction_id", "The number of the prediction.", 1),
        ("name", "The model's name.", "lightgbm_sql"),
        ("version", "The model's version.", 1),
    )
]
"""What the variables of addresses mean."""
COMMON_REFUSALS = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


class _Parser(FlaskParser):
    """Reads arguments strictly: an argument that is not known is refused, and so is a body that is not JSON."""

    DEFAULT_UNKNOWN_BY_LOCATION = {"query": RAISE, "json": RAISE}  # noqa: RUF012  as webargs declares it

    def _raw_load_json(self, req: Request) -> Any:
        body = super()._raw_load_json(req)
        if body is missing and req.get_data(cache=True):
            raise UnsupportedMediaType(
                "The body is not said to be JSON. Send it with 'Content-Type: application/json'."
            )
        return body


class _Blueprint(Blueprint):
    ARGUMENTS_PARSER = _Parser()

    def add_url_rule(self, rule: str, *arguments: Any, parameters: list[Any] | None = None, **options: Any) -> None:
        """Add a rule with the documentation of the variables in it."""
        path = f"{self.url_prefix}{rule}"
        described = [part for part in PATH_PARAMETERS if f"{part['name']}>" in path]
        super().add_url_rule(rule, *arguments, parameters=[*described, *(parameters or ())], **options)


def new_blueprint(name: str, path: str, description: str) -> Any:
    """Make a blueprint of the API under the path; its name is its tag in the document, "Patients" for instance."""
    return _Blueprint(name, __name__, url_prefix=PREFIX + path, description=description)


def refuses(*statuses: HTTPStatus) -> Callable[[Callable[..., Any]], Any]:
    """Document the problems that a view answers with: the common ones and these."""
    responses = {int(status): status.name for status in (*COMMON_REFUSALS, *statuses)}

    def decorate(view: Callable[..., Any]) -> Any:
        return Blueprint.doc(operationId=view.__name__, responses=responses)(view)

    return decorate
