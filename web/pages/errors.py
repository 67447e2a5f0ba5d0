"""Error pages: each says what is wrong and what to do."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Flask, render_template
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, InternalServerError, NotFound, ServiceUnavailable, TooManyRequests

from lungdb.errors import SqlError
from web.api.problems import answer_program
from web.database import DatabaseUnavailable
from web.scoring import TooBusy

_log = logging.getLogger("web")
RETRY_SECONDS = "5"
UNKNOWN_PATIENT = 50107

TITLES = {
    400: "The request cannot be understood",
    401: "Sign in first",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible here",
    409: "Not possible now",
    413: "Too large",
    429: "The server is busy",
    500: "Something went wrong",
    503: "The database does not answer",
}


def register(app: Flask) -> None:
    """Answer errors: people with pages, programs with documents."""
    for kind, page in ((HTTPException, show), (DatabaseUnavailable, unavailable), (TooBusy, busy), (SqlError, refused)):
        app.register_error_handler(kind, partial(_answer, page))


def _answer(page: Callable[[Any], ResponseReturnValue], error: Exception) -> ResponseReturnValue:
    document = answer_program(error)
    return page(error) if document is None else document


def show(error: HTTPException) -> ResponseReturnValue:
    """Show an HTTP error."""
    status = error.code or 500
    if status < 400:
        return error.get_response()
    page = render_template("error.html", status=status, title=TITLES.get(status, error.name), detail=error.description)
    headers = [(name, value) for name, value in error.get_headers() if name.lower() not in ("content-type",)]
    return page, status, headers


def unavailable(error: DatabaseUnavailable) -> ResponseReturnValue:
    """Answer 503 while the database is away."""
    _log.error("The database cannot be reached: %s", error)
    sentence = "The database cannot be reached at the moment. Nothing was changed. Try again in a few seconds."
    return _with_retry(ServiceUnavailable(sentence), RETRY_SECONDS)


def busy(error: TooBusy) -> ResponseReturnValue:
    """Answer 429 while as many scores are computed as may be."""
    return _with_retry(TooManyRequests(str(error)), str(error.retry_after))


def refused(error: SqlError) -> ResponseReturnValue:
    """Answer 404 for an unknown patient; any other refusal that no page expects is logged without its text."""
    if error.number == UNKNOWN_PATIENT:
        return show(NotFound(error.message))
    _log.error("Error %s in %s, line %s.", error.number, error.procedure, error.line)
    return show(InternalServerError("The server met an error that it did not foresee, and logged it."))


def _with_retry(error: HTTPException, seconds: str) -> ResponseReturnValue:
    response = error.get_response()
    response.set_data(
        render_template("error.html", status=error.code, title=TITLES[error.code or 500], detail=error.description)
    )
    response.headers["Retry-After"] = seconds
    return response
