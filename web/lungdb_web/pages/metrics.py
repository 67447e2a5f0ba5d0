"""/metrics: for Prometheus, where the site has turned it on."""

from __future__ import annotations

import ipaddress
from contextlib import suppress

from flask import Blueprint, Flask, Response, abort, current_app, request

from lungdb.config import Settings
from lungdb.errors import LungdbError
from lungdb_web.metrics import CONTENT_TYPE, Requests, requests_of, written
from lungdb_web.queries.watching import Work, read_work
from lungdb_web.services import call, services

blueprint = Blueprint("metrics", __name__)

MODES = ("", "loopback", "token")
ENDPOINT = "metrics.show"
# What proxies add: then the address on the other side says nothing of who asks.
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")


def register(app: Flask, settings: Settings) -> None:
    """Count requests from now on.

    Raises
    ------
    LungdbError
        The setting web_metrics is not known, or trusts an address from which a proxy calls for everybody.
    """
    if settings.web_metrics not in MODES:
        raise LungdbError(
            f"The setting web_metrics is '{settings.web_metrics}'. Leave it empty, or give loopback or token."
        )
    has_proxy = bool(settings.web_user_header) or settings.web_scheme == "https"
    if settings.web_metrics == "loopback" and has_proxy and _is_loopback(settings.web_proxy):
        raise LungdbError(
            "The setting web_metrics is loopback, but the reverse proxy calls from this machine too, for everybody. "
            'Set web_metrics = "token", and give Prometheus the token of an account.'
        )
    app.extensions["lungdb.requests"] = Requests()


def is_from_this_machine() -> bool:
    """Tell whether /metrics is asked for from this machine itself, where the site lets that do without an account."""
    return (
        request.endpoint == ENDPOINT
        and services().settings.web_metrics == "loopback"
        and _is_loopback(request.remote_addr or "")
        and not any(header in request.headers for header in _FORWARDED)
    )


@blueprint.get("/metrics")
def show() -> Response:
    """Write what is counted and measured; 404 where the site has not turned it on."""
    mode = services().settings.web_metrics
    if not mode or (mode == "loopback" and not is_from_this_machine()):
        abort(404)
    here = services()
    job = here.background.job
    text = written(
        requests_of(current_app),
        {str(lane): count for lane, count in here.database.busy().items()},
        background=job is not None and job.state == "running",
        work=_work(),
    )
    return Response(text, content_type=CONTENT_TYPE)


def _work() -> Work | None:
    """Ask the database, by a connection that no reader waits for; None where it does not answer in two seconds."""
    with suppress(LungdbError):
        return read_work(lambda sql, *parameters, lane="health": call(sql, *parameters, lane="health"))
    return None


def _is_loopback(address: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(address).is_loopback
    return address == "localhost"
