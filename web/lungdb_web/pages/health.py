"""/health: whether the page can work, for probes; it tells nothing else."""

from __future__ import annotations

from flask import Blueprint, Response

from lungdb.errors import SqlError
from lungdb_web.api.problems import RETRY_SECONDS
from lungdb_web.database import DatabaseBusy, DatabaseUnavailable
from lungdb_web.services import call

blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
def health() -> Response:
    """Answer 200 ok where the database answers, 503 busy where others keep it, and 503 gone where it is not there."""
    try:
        call("SELECT OBJECT_ID(N'dbo.HasAccounts', N'P') AS found;", lane="health")
    except DatabaseBusy:
        return _said("busy", 503)
    except (DatabaseUnavailable, SqlError):
        return _said("gone", 503)
    return _said("ok", 200)


def _said(word: str, status: int) -> Response:
    headers = {} if status == 200 else {"Retry-After": str(RETRY_SECONDS)}
    return Response(f"{word}\n", status, headers, mimetype="text/plain")
