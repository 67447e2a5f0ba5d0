"""What every response and every changing request is held to: cookies, forgery, headers, sizes, hosts, the log."""

from __future__ import annotations

import json
import logging
import secrets
import time
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, g, request, session
from markupsafe import Markup
from werkzeug.exceptions import SecurityError

from lungdb.config import Settings
from lungdb.errors import LungdbError
from lungdb_web.addresses import client_address
from lungdb_web.audit import refuse
from lungdb_web.converters import SqlInteger
from lungdb_web.logs import REQUEST, route_of_request
from lungdb_web.metrics import requests_of
from lungdb_web.queries.accounts import SESSION_HOURS, read_page_secret
from lungdb_web.rate_limit import Limits
from lungdb_web.services import call

LEAST_SECRET = 16
MOST_BODY_BYTES = 64 * 1024
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "font-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_CACHES = ("private", "none")
_OF_NOBODY = frozenset({"static", "scans.viewer_script"})
"""What browsers may keep whatever the site says: it is the same for everybody, and of no patient."""
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_PROBLEMS = logging.getLogger("lungdb_web")
_LOG = logging.getLogger("lungdb_web.access")


def register(app: Flask, settings: Settings) -> None:
    """Set an application up for all of it, but for the check of forgery, which needs to know who asks: see `access`.

    Raises
    ------
    LungdbError
        The site's secret is shorter than 16 characters, or the names of the site are needed and not given.
    """
    is_https = settings.web_scheme == "https"
    app.secret_key = _secret(app, settings)
    app.config.update(
        SESSION_COOKIE_NAME="__Host-lungdb" if is_https else "lungdb",
        SESSION_COOKIE_HTTPONLY=True,
        # Lax, not Strict, so that a link to a patient from another system of the clinic finds its reader signed in.
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=is_https,
        PERMANENT_SESSION_LIFETIME=SESSION_HOURS * 3600,
        MAX_CONTENT_LENGTH=MOST_BODY_BYTES,
        MAX_FORM_MEMORY_SIZE=MOST_BODY_BYTES,
        MAX_FORM_PARTS=50,
    )
    app.extensions["lungdb.hosts"] = _known_hosts(settings)
    app.extensions["lungdb.limits"] = Limits()
    app.jinja_env.globals.update(csrf_token=csrf_token, csrf_field=csrf_field)
    app.url_map.converters["int"] = SqlInteger
    app.before_request_funcs.setdefault(None, []).insert(0, _start_clock)
    keeps_nothing = _keeps_nothing(settings)
    app.after_request(lambda response: _add_headers(response, is_https, keeps_nothing))
    app.after_request(_log_request)


def csrf_token() -> str:
    """Give the token that a changing request of this session has to bring, for the header X-CSRF-Token."""
    if "csrf" not in session:
        session["csrf"] = secrets.token_urlsafe(32)
    return str(session["csrf"])


def csrf_field() -> Markup:
    """Write the token as a hidden field of a form."""
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(csrf_token())


def check_forgery() -> None:
    """Refuse a changing request without the session's token, unless it is a program's with a token of its own."""
    if request.method in _SAFE_METHODS or g.get("is_program", False):
        return
    given = request.headers.get("X-CSRF-Token") or request.form.get("csrf_token", "")
    expected = session.get("csrf")
    if not expected or not secrets.compare_digest(given.encode("utf-8"), str(expected).encode("utf-8")):
        refuse("forged or missing CSRF token")
        abort(403, "The form is not from this session, or it is out of date. Load the page again and repeat it.")


def check_json() -> None:
    """Refuse a JSON body that no text of the database can hold, or that is nested deeper than anything is read.

    Whether it is JSON at all, and what is asked for, is for those who read it to say.
    """
    if not request.is_json:
        return
    try:
        # A half of a pair of UTF-16 alone, as "\\ud800" writes it, is no character.
        json.dumps(json.loads(request.get_data()), ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError:
        return
    except RecursionError:
        abort(400, "The JSON of the request is nested too deep. Send it as the API's documentation describes.")
    except ValueError:  # lone surrogates, bytes that are no UTF-8, numbers of thousands of digits
        abort(400, "The JSON of the request has a text or a number that cannot be read. Send texts in UTF-8.")


def _secret(app: Flask, settings: Settings) -> str | bytes:
    if not settings.web_secret:
        with app.app_context():
            try:
                return read_page_secret(call)
            except LungdbError as error:
                # A database that is not there yet, or an older one: whoever signs in is signed out by the next start.
                _PROBLEMS.warning(
                    "No secret could be read from the database, so this start has one of its own: %s", error
                )
                return secrets.token_bytes(32)
    if len(settings.web_secret) < LEAST_SECRET:
        raise LungdbError(
            f"The setting web_secret has {len(settings.web_secret)} characters. Give {LEAST_SECRET} or more, "
            'such as what python -c "import secrets; print(secrets.token_hex(32))" prints.'
        )
    return settings.web_secret


def is_known_host() -> bool:
    """Tell whether the request names this server by a name of the site: nobody gets here by a name of his own."""
    known: frozenset[str] = current_app.extensions["lungdb.hosts"]
    return _asked_host() in known


def _asked_host() -> str | None:
    try:
        return _host_name(request.host)
    except SecurityError:
        return None


def _host_name(host: str) -> str | None:
    """Take the name out of a host that may have a port, without the brackets of IPv6; None where it is not a host."""
    try:
        parts = urlsplit(f"//{host}")
    except ValueError:
        return None
    return parts.hostname if parts.netloc == host and parts.username is None else None


def _known_hosts(settings: Settings) -> frozenset[str]:
    hosts = [host.strip() for host in settings.web_hosts.split(",") if host.strip()]
    is_local = settings.web_host in _LOOPBACK and settings.web_scheme == "http" and not settings.web_user_header
    if not hosts and not is_local:
        raise LungdbError(
            "The site is reached by other names than this machine's own, and the setting web_hosts names none. "
            'Give the names that stand in browsers\' addresses, such as web_hosts = "ct.clinic.example".'
        )
    names = set()
    for host in hosts:
        name = _host_name(host)
        if name is None:
            raise LungdbError(
                f"The setting web_hosts has '{host}', which is not the name of a host. "
                "Give names or addresses alone, with commas between them and without http:// or a path."
            )
        names.add(name)
    return _LOOPBACK | names


def _keeps_nothing(settings: Settings) -> bool:
    if settings.web_cache not in _CACHES:
        raise LungdbError(
            f"The setting web_cache is '{settings.web_cache}', which is not known. Give one of: {', '.join(_CACHES)}."
        )
    return settings.web_cache == "none"


def _start_clock() -> None:
    g.started = time.perf_counter()


def _add_headers(response: Response, is_https: bool, keeps_nothing: bool) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if is_https:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "private, no-cache" if "ETag" in response.headers else "no-store"
    if keeps_nothing and request.endpoint not in _OF_NOBODY:
        response.headers["Cache-Control"] = "no-store"
    return response


def _log_request(response: Response) -> Response:
    """Log the route, never the address as it was typed: that may hold a name. What was refused is a warning."""
    seconds = time.perf_counter() - g.get("started", time.perf_counter())
    route = route_of_request()
    is_refused = response.status_code in (403, 413, 429) or response.status_code >= 500
    level = logging.WARNING if is_refused else logging.INFO
    requests_of(current_app).observe(request.method, route, response.status_code, seconds)
    said = (client_address(), request.method, route, response.status_code, 1000 * seconds)
    fields = dict(zip(("method", "route", "status", "ms"), (*said[1:4], round(1000 * seconds, 1)), strict=True))
    _LOG.log(level, "%s %s %s %d %.0f ms", *said, extra={REQUEST: fields})
    return response
