"""/uploads: DICOM files that somebody hands in, in parts as small as the page's forms, and what became of them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, ParamSpec
from urllib.parse import unquote

from flask import Blueprint, Flask, Response, current_app, g, jsonify, make_response, render_template, request, session
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Forbidden, NotFound

from lungdb.errors import LungdbError
from lungdb_web.access import current_account, refuse, signed_in_account
from lungdb_web.audit import record
from lungdb_web.queries.accounts import write_audit
from lungdb_web.services import Services
from lungdb_web.uploads.limits import CHUNK, MEGABYTE, MOST_FILES, RefusedError
from lungdb_web.uploads.store import Uploads
from lungdb_web.uploads.upload import Upload

blueprint = Blueprint("uploads", __name__, url_prefix="/uploads")
P = ParamSpec("P")
View = Callable[P, ResponseReturnValue]
_KEY = "lungdb.uploads"
_LOG = logging.getLogger("lungdb_web")
_MOST_DIGITS = 15
_PATIENTS_A_ROW = 300
"""Of the audit, whose detail has 4,000 characters."""


def register(app: Flask) -> None:
    """Keep the uploads of an application; LungdbError where they are on and a setting is missing."""
    here: Services = app.extensions["lungdb"]
    app.extensions[_KEY] = Uploads(here.settings, lambda upload: _record_end(here, upload))
    app.jinja_env.globals["may_hand_in"] = may_hand_in
    app.register_blueprint(blueprint)


def uploads() -> Uploads:
    """Return those of the current application."""
    found: Uploads = current_app.extensions[_KEY]
    return found


def may_hand_in() -> bool:
    """Tell whether whoever asks may load files, and the site has that on."""
    account = signed_in_account()
    return account is not None and account.loads_scans and uploads().megabytes > 0


def _for_loaders(view: View[P]) -> View[P]:
    """Let a view run for accounts that load scans, where the site has that on; a refusal of its own is an answer."""

    @wraps(view)
    def checked(*arguments: P.args, **named: P.kwargs) -> ResponseReturnValue:
        if not uploads().megabytes:
            raise NotFound(
                "No files are taken on this page. The administrator turns that on by the setting web_uploads."
            )
        account = current_account()
        if not account.loads_scans:
            refuse("may not load scans")
            raise Forbidden(
                f"The account '{account.name}' may not load scans. Ask the administrator of this site for the right to "
                "(lungdb accounts role NAME --loads-scans)."
            )
        try:
            return view(*arguments, **named)
        except RefusedError as error:
            said: dict[str, Any] = {"error": str(error)}
            if error.received is not None:
                said["received"] = error.received
            return jsonify(said), error.status

    return checked


@blueprint.get("")
@_for_loaders
def form() -> ResponseReturnValue:
    """Ask for a folder or a zip archive."""
    megabytes = uploads().megabytes
    return render_template(
        "upload.html", megabytes=megabytes, bytes=megabytes * MEGABYTE, files=MOST_FILES, chunk=CHUNK
    )


@blueprint.post("")
@_for_loaders
def begin() -> ResponseReturnValue:
    """Make room for as many files and bytes as are announced."""
    files, size = _number("files"), _number("bytes")
    upload = uploads().begin(current_account().name, _session(), files, size)
    try:
        record("load", detail=f"{files} files, {size} bytes are handed in")
    except BaseException:
        uploads().cancel(upload)
        raise
    return jsonify({"id": upload.upload_id}), HTTPStatus.CREATED


@blueprint.post("/<upload_id>/files/<int:number>")
@_for_loaders
def take(upload_id: str, number: int) -> ResponseReturnValue:
    """Take a part of a file, which begins where those before it end."""
    upload = _mine(upload_id)
    if (request.content_length or 0) > CHUNK:
        raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A part may have {CHUNK} bytes. Send smaller ones.")
    offset = _digits(request.headers.get("X-Offset", ""))
    name = unquote(request.headers.get("X-File-Name", ""), errors="replace")
    return jsonify({"received": upload.take(number, offset, name, request.get_data(cache=False))})


@blueprint.post("/<upload_id>/finish")
@_for_loaders
def finish(upload_id: str) -> ResponseReturnValue:
    """Have it loaded."""
    upload = _mine(upload_id)
    uploads().finish(upload, lambda: record("load", detail=f"{upload.files} files are to be loaded"))
    return jsonify(_progress(upload)), HTTPStatus.ACCEPTED


@blueprint.post("/<upload_id>/cancel")
@_for_loaders
def cancel(upload_id: str) -> ResponseReturnValue:
    """Give it up before it is loaded."""
    uploads().cancel(_mine(upload_id))
    return Response(status=HTTPStatus.NO_CONTENT)


@blueprint.get("/<upload_id>")
@_for_loaders
def show(upload_id: str) -> ResponseReturnValue:
    """Show how far it is, or what became of it."""
    upload = _of_account(upload_id)
    report = upload.report or {}
    # A file's name may say more than the log of anybody else should have: only the account itself sees this page.
    files = [(upload.name_of(file), member, reason, text) for file, member, reason, text in report.get("files", ())]
    page = render_template("upload_result.html", upload=upload, report=report, files=files, progress=_progress(upload))
    return make_response(page)


@blueprint.get("/<upload_id>/progress")
@_for_loaders
def progress(upload_id: str) -> ResponseReturnValue:
    """Say how far it is."""
    return jsonify(_progress(_of_account(upload_id)))


def _progress(upload: Upload) -> dict[str, Any]:
    kind, done, total = upload.phase
    return {
        "state": upload.state,
        "received": upload.received,
        "bytes": upload.size,
        "kind": kind,
        "done": done,
        "total": total,
    }


def _of_account(upload_id: str) -> Upload:
    upload = uploads().find(upload_id, current_account().name)
    if upload is None:
        raise NotFound("There is no such upload: it was given up, the server was started anew, or it is another's.")
    return upload


def _mine(upload_id: str) -> Upload:
    upload = uploads().find(upload_id, current_account().name)
    if upload is None or upload.session != _session():
        raise RefusedError(
            HTTPStatus.NOT_FOUND,
            "There is no such upload in this session: it was given up, or you have signed in anew. Begin another one.",
        )
    return upload


def _session() -> str:
    """Name what an upload belongs to: the session's own secret, or the account's programs."""
    return f"program {current_account().name}" if g.get("is_program", False) else str(session.get("csrf", ""))


def _number(field: str) -> int:
    return _digits(request.form.get(field, ""))


def _digits(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "The request lacks a number that it needs. Load the page again.")
    return int(text)


def _record_end(here: Services, upload: Upload) -> None:
    """Tell the audit what was loaded, outside of any request."""
    if upload.report is None:
        outcome, details = "failed", ["loading did not come to its end"]
    else:
        patients = list(map(str, upload.report["patients"])) or ["none"]
        parts = (patients[first : first + _PATIENTS_A_ROW] for first in range(0, len(patients), _PATIENTS_A_ROW))
        outcome, details = "ok", [f"patients: {', '.join(part)}" for part in parts]

    def call(sql: str, *parameters: Any, lane: Any = "audit") -> Any:
        return here.database.call(sql, parameters, upload.account, lane)

    try:
        for detail in details:
            write_audit(call, "load", None, outcome, detail, None, upload.account)
    except LungdbError as error:
        _LOG.error("The audit was not told of an upload that was loaded: %s", type(error).__name__)
