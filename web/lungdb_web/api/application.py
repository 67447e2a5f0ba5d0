"""The API as a part of the application: its blueprints, its OpenAPI document and the page that shows it."""

from __future__ import annotations

from http import HTTPStatus
from importlib import metadata
from typing import Any

from flask import Flask
from flask_smorest import Api

from lungdb_web.api import documentation, explanations, models, nodules, patients, predictions, scans
from lungdb_web.api.problems import MEDIA_TYPE, PREFIX
from lungdb_web.api.schemas import Problem

DESCRIPTION = """Patients, their CT scans, scores and models of a lungdb database. Research use only, not a medical
device.

A program sends `Authorization: Bearer TOKEN`; `lungdb accounts token NAME` makes a token. It may do what its account
may: readers read, scorers score too. Every read of a patient and every score is kept in the audit, with the account's
name.

Probabilities and shares are from 0 to 1, moments in UTC, lengths in millimetres. Errors are problem details as in RFC
9457."""


_RETRY = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string"}}}
HEADERS = {
    HTTPStatus.UNAUTHORIZED: {
        "WWW-Authenticate": {"description": "How to say who asks.", "schema": {"type": "string"}}
    },
    HTTPStatus.TOO_MANY_REQUESTS: _RETRY,
    HTTPStatus.SERVICE_UNAVAILABLE: _RETRY,
}
"""Headers that a problem comes with."""


class _Api(Api):
    """flask-smorest's Api with errors as problem details; the application answers them, for pages and the API alike."""

    ERROR_SCHEMA = Problem
    # Every status that an operation answers with is documented by itself.
    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        """Leave errors to the application."""

    def _register_responses(self) -> None:
        for status in HTTPStatus:
            if status >= HTTPStatus.BAD_REQUEST:
                content = {MEDIA_TYPE: {"schema": self.ERROR_SCHEMA}}
                response = {"description": status.phrase, "content": content, "headers": HEADERS.get(status, {})}
            else:
                response = {"description": status.phrase}
            self.spec.components.response(status.name, response, lazy=True)


def register_api(app: Flask) -> None:
    """Add /api/v1 to the application, whose session cookie has its name by now."""
    app.config.update(
        API_TITLE="lungdb",
        API_VERSION=metadata.version("lungdb"),
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=PREFIX,
        API_SPEC_OPTIONS=_options(),
    )
    api = _Api(app)
    api.spec.components.security_scheme(
        "token", {"type": "http", "scheme": "bearer", "description": "A token of an account, for programs."}
    )
    api.spec.components.security_scheme(
        "cookie",
        {
            "type": "apiKey",
            "in": "cookie",
            "name": app.config["SESSION_COOKIE_NAME"],
            "description": "The session of a person who signed in. What changes something also needs X-CSRF-Token.",
        },
    )
    for module in (patients, scans, nodules, predictions, explanations, models):
        api.register_blueprint(module.blueprint)
    app.register_blueprint(documentation.blueprint)


def _options() -> dict[str, Any]:
    return {
        "info": {"description": DESCRIPTION, "license": {"name": "MIT", "identifier": "MIT"}},
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"cookie": []}],
    }
