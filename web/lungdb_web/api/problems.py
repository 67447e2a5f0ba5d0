"""Errors of the API as problem details (RFC 9457), with a kind for each error of the procedures that a caller can meet.

A detail is what a caller may read: the sentences of the procedures and of the HTTP errors. Of an error that nobody
foresaw it says only that it was logged.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from flask import Response, json, jsonify, request
from werkzeug.exceptions import HTTPException

from lungdb.errors import ErrorNumber, LungdbError, SqlError
from lungdb_web.database import DatabaseBusy, DatabaseUnavailable
from lungdb_web.queries.installed import NotInstalled
from lungdb_web.queries.reasons import NotExplainedError
from lungdb_web.queries.scans import DamagedScanError, NoImagesError
from lungdb_web.turns import TooBusy

PREFIX = "/api/v1"
ORIGINAL_PATHS = ("/predict/", "/gif/")
"""Addresses that answer as those of Microsoft's demonstration did: {"status": 404, …}."""
MEDIA_TYPE = "application/problem+json"
UNFORESEEN = "The server met an error that it did not foresee. It was logged; tell the administrator when it happened."
OWN_WORDS = {
    HTTPStatus.INTERNAL_SERVER_ERROR: UNFORESEEN,
    HTTPStatus.NOT_FOUND: f"Nothing is at this address. {PREFIX}/openapi.json lists what there is.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not take the method. The header Allow lists those that it takes.",
}
"""Said where Werkzeug would speak to somebody at a browser."""
BUSY = "Others keep the database busy at the moment. Try again in a few seconds."
UNAVAILABLE = "The database cannot be reached at the moment. Try again in a few seconds."
UNCERTAIN = "Before that, look whether what you asked for was done."
"""Said to a request that changes something: the connection may have gone after the change."""
RETRY_SECONDS = 5
_log = logging.getLogger("lungdb_web")


@dataclass(frozen=True)
class Kind:
    """A kind of problem: the last part of its address in the documentation, its HTTP status and its title."""

    name: str
    status: HTTPStatus
    title: str


# By the error numbers of sql/README.md.
KINDS: Mapping[int, Kind] = {
    ErrorNumber.ARGUMENT: Kind("value-not-supported", HTTPStatus.UNPROCESSABLE_ENTITY, "A value is not supported"),
    ErrorNumber.DAMAGED: Kind("damaged-data", HTTPStatus.INTERNAL_SERVER_ERROR, "Stored data are damaged"),
    ErrorNumber.UNKNOWN_PATIENT: Kind("unknown-patient", HTTPStatus.NOT_FOUND, "No such patient"),
    ErrorNumber.UNKNOWN_MODEL: Kind("unknown-model", HTTPStatus.NOT_FOUND, "No such model"),
    ErrorNumber.NO_FEATURES: Kind(
        "no-features", HTTPStatus.CONFLICT, "The scan has no features that the model can read"
    ),
    ErrorNumber.OTHER_WIDTH: Kind(
        "features-do-not-fit", HTTPStatus.CONFLICT, "The features have another width than the model"
    ),
    ErrorNumber.UNREADABLE: Kind("unusable-model", HTTPStatus.CONFLICT, "The model cannot be run"),
    ErrorNumber.OUT_OF_ORDER: Kind("slices-missing", HTTPStatus.CONFLICT, "Slices of the scan are missing"),
    ErrorNumber.UNKNOWN_PREDICTION: Kind("unknown-prediction", HTTPStatus.NOT_FOUND, "No such prediction"),
    ErrorNumber.FEATURES_MISSING: Kind(
        "no-features", HTTPStatus.CONFLICT, "The scan has no features that the model can read"
    ),
    ErrorNumber.OTHER_FEATURES: Kind(
        "features-do-not-fit", HTTPStatus.CONFLICT, "The features are not those that the model reads"
    ),
    ErrorNumber.NO_NODES: Kind("unusable-model", HTTPStatus.CONFLICT, "The model cannot be run"),
    ErrorNumber.NOT_OF_THE_TASK: Kind("unusable-model", HTTPStatus.CONFLICT, "The model cannot be run"),
    ErrorNumber.NOT_CHECKED: Kind("unusable-model", HTTPStatus.CONFLICT, "The model cannot be run"),
    **dict.fromkeys(
        (
            ErrorNumber.NO_CONTRIBUTIONS,
            ErrorNumber.NO_REFERENCE,
            ErrorNumber.SCORE_OUTDATED,
            ErrorNumber.NO_STORED_FEATURES,
            ErrorNumber.NOT_EXPLAINED,
            ErrorNumber.NOT_REGISTERED,
        ),
        Kind("cannot-explain", HTTPStatus.CONFLICT, "The score cannot be explained"),
    ),
    ErrorNumber.CHANGED_MEANWHILE: Kind("changed-meanwhile", HTTPStatus.CONFLICT, "What was read changed meanwhile"),
    ErrorNumber.VALUES_MISSING: Kind("values-missing", HTTPStatus.CONFLICT, "Values that the model needs are missing"),
    ErrorNumber.NO_MAP: Kind("no-map", HTTPStatus.NOT_FOUND, "There is no such map"),
}
KINDS_OF_OURS: Mapping[type[LungdbError], Kind] = {
    NotInstalled: Kind("not-installed", HTTPStatus.NOT_IMPLEMENTED, "Not available on this server"),
    NotExplainedError: Kind("not-explained", HTTPStatus.NOT_FOUND, "The score is not explained yet"),
    NoImagesError: Kind("no-images", HTTPStatus.NOT_FOUND, "No images of the scan are stored"),
}
"""Of what the page finds missing itself."""


@dataclass(frozen=True)
class Problem:
    """What a problem document says.

    Attributes
    ----------
    status : HTTPStatus
        The status of the response.
    title : str
        The kind of problem, the same every time.
    detail : str
        What is wrong this time, and what to do.
    type : str
        Where the kind is described, ``about:blank`` where the status says all.
    number : int or None
        The error number of a stored procedure, as sql/README.md lists them.
    errors : list of dict
        For refused input: ``pointer``, where in the request, and ``detail``, what is wrong there.
    headers : mapping of str to str
        Headers of the response, such as Retry-After.
    """

    status: HTTPStatus
    title: str
    detail: str
    type: str = "about:blank"
    number: int | None = None
    errors: list[dict[str, str]] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=dict)


def answer_program(error: Exception) -> Response | None:
    """Answer an error of a request to the API, DICOMweb or an address of the original; None for a request to a page."""
    if request.path == "/api" or request.path.startswith(("/api/", "/dicomweb/")):
        return _problem_response(problem_of(error))
    if request.path.startswith(ORIGINAL_PATHS):
        problem = problem_of(error)
        response = jsonify({"status": int(problem.status), "message": problem.detail})
        response.status_code = problem.status
        response.headers.extend(problem.headers)
        return response
    return None


def _problem_response(problem: Problem) -> Response:
    body: dict[str, Any] = {
        "type": problem.type,
        "title": problem.title,
        "status": int(problem.status),
        "detail": problem.detail,
        "instance": request.path,
    }
    if problem.number is not None:
        body["number"] = problem.number
    if problem.errors:
        body["errors"] = problem.errors
    response = Response(json.dumps(body), status=problem.status, mimetype=MEDIA_TYPE)
    response.headers.extend(problem.headers)
    return response


def problem_of(error: Exception) -> Problem:
    """Turn an error into the problem that a caller is told."""
    if isinstance(error, SqlError):
        return _of_procedure(error)
    if isinstance(error, HTTPException) and error.code is not None:
        return _of_http(error, HTTPStatus(error.code))
    if isinstance(error, TooBusy):
        return _of_status(HTTPStatus.TOO_MANY_REQUESTS, str(error), retry_after=error.retry_after)
    if isinstance(error, DatabaseUnavailable):
        is_busy = isinstance(error, DatabaseBusy)
        _log.error("The database %s: %s", "is busy" if is_busy else "cannot be reached", error)
        said = BUSY if is_busy else UNAVAILABLE
        is_reading = request.method in ("GET", "HEAD")
        detail = said if is_reading else f"{said} {UNCERTAIN}"
        return _of_status(HTTPStatus.SERVICE_UNAVAILABLE, detail, retry_after=RETRY_SECONDS)
    for of_ours, kind in KINDS_OF_OURS.items():
        if isinstance(error, of_ours):
            return Problem(kind.status, kind.title, str(error), _described(kind))
    told = str(error) if isinstance(error, DamagedScanError) else UNFORESEEN
    return _of_status(HTTPStatus.INTERNAL_SERVER_ERROR, told)


def _of_status(status: HTTPStatus, detail: str, retry_after: int | None = None) -> Problem:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Problem(status, status.phrase, detail, headers=headers)


def _of_procedure(error: SqlError) -> Problem:
    kind = KINDS.get(error.number)
    if kind is None:
        _log.error("Error %s in %s, line %s.", error.number, error.procedure, error.line)
        return _of_status(HTTPStatus.INTERNAL_SERVER_ERROR, UNFORESEEN)
    return Problem(kind.status, kind.title, error.message, _described(kind), error.number)


def _described(kind: Kind) -> str:
    """Give the address at which a kind is described."""
    return f"{PREFIX}/docs#{kind.name}"


def _of_http(error: HTTPException, status: HTTPStatus) -> Problem:
    messages = getattr(error, "data", {}).get("messages")
    detail = OWN_WORDS.get(status, "") if error.description == type(error).description else ""
    detail = detail or error.description or status.description
    if messages:
        detail = "The request has values that are not supported. See errors, each with the place of the value."
    headers = {
        name: value
        for name, value in error.get_headers(request.environ)
        if name.lower() not in ("content-type", "content-length")
    }
    return Problem(status, status.phrase, detail, errors=_flat(messages or {}), headers=headers)


def _flat(messages: Any, pointer: str = "") -> list[dict[str, str]]:
    """List marshmallow's nested messages: the first level is the part of the request, the rest the path in it."""
    if isinstance(messages, Mapping):
        # "_schema" is marshmallow's name for the whole of a document.
        paths = {name: pointer if name == "_schema" else f"{pointer}/{name}" for name in messages}
        return [entry for name, below in messages.items() for entry in _flat(below, paths[name])]
    texts = messages if isinstance(messages, list) else [messages]
    return [{"pointer": pointer, "detail": str(text)} for text in texts]
