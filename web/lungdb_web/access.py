"""Who asks, and what they may do.

Every route needs an account but for the few in PUBLIC, so a forgotten rule shows nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar
from urllib.parse import urlsplit

from flask import Flask, current_app, g, redirect, request, session, url_for
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, Unauthorized
from werkzeug.wrappers import Response

from lungdb_web.addresses import is_from_proxy
from lungdb_web.audit import refuse
from lungdb_web.pages.metrics import is_from_this_machine
from lungdb_web.queries.accounts import Account, find_account, find_session, find_token
from lungdb_web.security import check_forgery, check_json, is_known_host
from lungdb_web.services import call, services

PUBLIC = frozenset({"static", "sign_in.form", "sign_in.sign_in", "sign_in.use_link", "health.health"})
# The paths that programs use: they are told 401 where a browser is led to the sign-in page.
PROGRAM_PATHS = ("/api/", "/dicomweb/", "/predict/", "/gif/", "/metrics")
_ROLE = "needed_role"
"""What `require` calls its role among the attributes of a view."""
DOCUMENTATION = "api_documentation.show_documentation"

__all__ = ["Account", "current_account", "is_safe_path", "refuse", "register", "require", "signed_in_account"]

P = ParamSpec("P")
R = TypeVar("R")


def register(app: Flask) -> None:
    """Refuse every request that no account stands behind, and then every change that may be forged."""
    app.before_request(_identify)
    app.before_request(check_forgery)
    app.before_request(check_json)
    app.jinja_env.globals["signed_in_account"] = signed_in_account


def current_account() -> Account:
    """Give the account that asks; Unauthorized where nobody does."""
    account = signed_in_account()
    if account is None:
        raise _unauthorized()
    return account


def signed_in_account() -> Account | None:
    """Give the account that asks, or None on a public page."""
    account: Account | None = g.get("account")
    return account


def require(role: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a view run for accounts of a role only; others are told 403, and the audit has it."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def checked(*arguments: P.args, **named: P.kwargs) -> R:
            account = current_account()
            if not account.may(role):
                refuse(f"needs the role {role}")
                raise Forbidden(
                    f"The account '{account.name}' has the role {account.role}, and this needs the role {role}. "
                    "Ask the administrator of this site for it."
                )
            return view(*arguments, **named)

        checked.__dict__[_ROLE] = role
        return checked

    return decorate


def is_safe_path(path: str) -> bool:
    """Tell whether a path leads to a page of this site and nowhere else, whatever a browser makes of it."""
    is_printable = all(" " < character < "\x7f" for character in path)
    if not is_printable or not path.startswith("/") or path[1:2] in ("/", "\\"):
        return False
    try:
        parts = urlsplit(path)
    except ValueError:  # as of brackets that are no address
        return False
    return not parts.scheme and not parts.netloc


def _identify() -> Response | None:
    if not is_known_host():  # no page is drawn, because its links name the host
        return Response(
            "This name of the server is not known here. Use the address that it was started with, "
            "or have the administrator add the name to the setting web_hosts.\n",
            400,
        )
    if request.endpoint in PUBLIC or is_from_this_machine():
        return None
    if _needed_role() == "scorer":
        g.lane = "scorers"
    account = _account_of_token() or _account_of_proxy() or _account_of_session()
    if account is not None:
        g.account = account
        return None
    refuse("nobody is signed in")
    if _is_from_a_person():
        following = request.path if request.method == "GET" and is_safe_path(request.path) else None
        return redirect(url_for("sign_in.form", next=following), 303)
    raise _unauthorized()


def _needed_role() -> str | None:
    """Find the role that `require` asks for where this request leads, None where every account may."""
    view: object = current_app.view_functions.get(request.endpoint or "")
    by_method = getattr(view, "view_class", None)
    role: str | None = getattr(
        view if by_method is None else getattr(by_method, request.method.lower(), None), _ROLE, None
    )
    return role


def _account_of_token() -> Account | None:
    """Find the account of a bearer token. A wrong one is refused here, whatever else the request brings."""
    authorization = request.authorization
    if authorization is None or authorization.type != "bearer":
        return None
    account = find_token(call, authorization.token or "")
    if account is None:
        refuse("the token is unknown, revoked or expired")
        raise _unauthorized(error="invalid_token")
    g.is_program = True
    return account


def _account_of_proxy() -> Account | None:
    """Find the account that the site's reverse proxy names."""
    header = services().settings.web_user_header
    given = request.headers.get(header, "").strip() if header and is_from_proxy() else ""
    if not given:
        return None
    name = _utf8(given)
    stored = None if name is None else find_account(call, name)
    if stored is None or not stored.is_enabled:
        refuse("the proxy's user has no account")
        raise Forbidden(
            "You are known to the network, but have no account here. Ask the administrator of this site for one."
        )
    return stored.account


def _utf8(header: str) -> str | None:
    """Read a header's text, which WSGI hands on as Latin-1, as the UTF-8 that it is; None where it is not."""
    try:
        return header.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return None


def _account_of_session() -> Account | None:
    secret = session.get("id")
    if not isinstance(secret, str):
        return None
    account = find_session(call, secret)
    if account is None:
        session.clear()
    return account


def _is_from_a_person() -> bool:
    """Tell a browser that opens a page from a program, and from a script of a page that fetches something."""
    is_fetched = request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate" or "X-CSRF-Token" in request.headers
    is_for_programs = request.path.startswith(PROGRAM_PATHS) and request.endpoint != DOCUMENTATION
    return not (is_for_programs or is_fetched)


def _unauthorized(**parameters: str) -> Unauthorized:
    challenge = WWWAuthenticate("bearer", {"realm": "lungdb", **parameters})
    return Unauthorized(
        "Nobody is signed in. Sign in, or send a valid token as 'Authorization: Bearer …'.", www_authenticate=challenge
    )
