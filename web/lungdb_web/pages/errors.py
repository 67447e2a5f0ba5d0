"""Error pages: each says what is wrong and what to do. Programs are answered as `lungdb_web.api.problems` says."""

from __future__ import annotations

from http import HTTPStatus

from flask import Flask, make_response, render_template
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, NotFound

from lungdb.errors import SqlError
from lungdb_web.api.problems import answer_program, problem_of
from lungdb_web.audit import AuditUnavailable, record_unknown
from lungdb_web.database import DatabaseUnavailable
from lungdb_web.queries.installed import NotInstalled
from lungdb_web.queries.reasons import NotExplainedError
from lungdb_web.queries.scans import DamagedScanError, NoImagesError
from lungdb_web.turns import TooBusy

TITLES = {
    HTTPStatus.BAD_REQUEST: "The request cannot be understood",
    HTTPStatus.UNAUTHORIZED: "Sign in first",
    HTTPStatus.FORBIDDEN: "Not allowed",
    HTTPStatus.NOT_FOUND: "Not found",
    HTTPStatus.METHOD_NOT_ALLOWED: "Not possible here",
    HTTPStatus.CONFLICT: "Not possible now",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Too large",
    HTTPStatus.TOO_MANY_REQUESTS: "The server is busy",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Something went wrong",
    HTTPStatus.SERVICE_UNAVAILABLE: "Not available at the moment",
}
_NO_PAGE = "There is no page at this address. Check the address, or go on from the worklist."


def register(app: Flask) -> None:
    """Answer errors with pages."""
    found_missing = (DamagedScanError, NotInstalled, NoImagesError, NotExplainedError)
    for kind in (HTTPException, DatabaseUnavailable, TooBusy, SqlError, *found_missing):
        app.register_error_handler(kind, answer)


def answer(error: Exception) -> ResponseReturnValue:
    """Show an error to whoever asked."""
    if isinstance(error, HTTPException) and (error.code is None or error.code < HTTPStatus.BAD_REQUEST):
        return error
    try:
        record_unknown(error)
    except (AuditUnavailable, DatabaseUnavailable) as unrecorded:
        error = unrecorded
    for_program = answer_program(error)
    if for_program is not None:
        return for_program
    problem = problem_of(error)
    detail = problem.detail
    if isinstance(error, NotFound) and error.description == NotFound.description:
        detail = _NO_PAGE
    is_general = problem.title == problem.status.phrase
    title = TITLES.get(problem.status, problem.title) if is_general else problem.title
    page = render_template("error.html", status=int(problem.status), title=title, detail=detail)
    response = make_response(page, problem.status)
    response.headers.extend(problem.headers)
    return response
