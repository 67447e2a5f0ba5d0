"""Signing in with a name and a password, and signing out."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as BaseResponse

from lungdb_web.access import is_safe_path
from lungdb_web.addresses import client_network
from lungdb_web.audit import record
from lungdb_web.passwords import MOST_CHARACTERS, renewed_hash, verify_password
from lungdb_web.queries.accounts import (
    StoredAccount,
    end_session,
    find_account,
    renew_password_hash,
    start_session,
    use_sign_in_link,
)
from lungdb_web.rate_limit import limits
from lungdb_web.services import call, installed

MOST_NAME_CHARACTERS = 128

blueprint = Blueprint("sign_in", __name__)


@blueprint.get("/sign-in")
def form() -> Response:
    """Ask for name and password."""
    return _form(200)


@blueprint.post("/sign-in")
def sign_in() -> BaseResponse:
    """Begin a session, or say that name or password is wrong, not which."""
    name, password = request.form.get("name", "").strip(), request.form.get("password", "")
    network = client_network()
    wait = limits().networks.attempt(network)
    if wait:
        return _too_many(wait, name)

    stored = find_account(call, name) if name and len(name) <= MOST_NAME_CHARACTERS else None
    # By the stored name: the database takes several spellings for it.
    counted = stored.account.name if stored is not None else name[:MOST_NAME_CHARACTERS].casefold()
    person = f"{network} {counted}"
    wait = limits().people.attempt(person) or limits().names.attempt(counted)
    if wait:
        return _too_many(wait, name)

    if not _is_right(stored, password) or stored is None:
        # A name that is unknown may be a password typed into the wrong field, so it is not written down.
        detail = "unknown name" if stored is None else "wrong password" if stored.is_enabled else "disabled account"
        record("sign_in", outcome="refused", detail=detail, account=stored.account.name if stored else None)
        return _form(403, "Name or password is wrong. Check both and try again.", name)

    record("sign_in", account=stored.account.name)
    limits().people.forget(person)
    limits().networks.take_back(network)
    _strengthen(stored, password)
    session.clear()
    session["id"] = start_session(call, stored.account.name)
    return redirect(_following(), 303)


@blueprint.get("/sign-in/link")
def use_link() -> BaseResponse:
    """Begin a session by a link that an administrator made; it works once, and its secret leaves the address bar.

    It stands behind the question mark, because what logs addresses, a proxy's too, leaves that out.
    """
    if request.method == "HEAD" or "prefetch" in request.headers.get("Sec-Purpose", ""):
        return _form(200)  # somebody looks where the link leads, and nobody opens it
    network = client_network()
    wait = limits().networks.attempt(network)
    if wait:
        return _too_many(wait, "")
    name = use_sign_in_link(call, request.args.get("key", "")) if installed().signs_in_by_link else None
    if name is None:
        record("sign_in", outcome="refused", detail="a link that is unknown, used or over")
        return _form(
            403, "This link was used, is over, or is none. Ask the administrator of this site for another one."
        )
    record("sign_in", detail="by a link", account=name)
    limits().networks.take_back(network)
    session.clear()
    session["id"] = start_session(call, name)
    return redirect(url_for("worklist.index"), 303)


@blueprint.post("/sign-out")
def sign_out() -> BaseResponse:
    """End the session for good and leave nothing of it in the browser."""
    record("sign_out")
    secret = session.get("id")
    if secret:
        end_session(call, secret)
    session.clear()
    response = redirect(url_for("sign_in.form"), 303)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def _is_right(stored: StoredAccount | None, password: str) -> bool:
    usable = stored.password_hash if stored is not None and stored.is_enabled else None
    return verify_password(usable, password[:MOST_CHARACTERS]) and len(password) <= MOST_CHARACTERS


def _too_many(wait: int, name: str) -> Response:
    if limits().refusals.attempt(client_network()) == 0:
        record("sign_in", outcome="refused", detail="too many attempts")
    response = _form(429, f"Too many attempts. Wait {_minutes(wait)} and try again.", name)
    response.headers["Retry-After"] = str(wait)
    return response


def _strengthen(stored: StoredAccount, password: str) -> None:
    before = stored.password_hash or ""
    after = renewed_hash(before, password)
    if after is not None:
        renew_password_hash(call, stored.account.name, before, after)


def _following() -> str:
    path = request.form.get("next", "")
    return path if is_safe_path(path) else url_for("worklist.index")


def _form(status: int, error: str | None = None, name: str = "") -> Response:
    following = request.values.get("next", "")
    page = render_template(
        "sign_in.html", error=error, name=name, following=following if is_safe_path(following) else ""
    )
    return make_response(page, status)


def _minutes(seconds: int) -> str:
    minutes = -(-seconds // 60)
    return "a minute" if minutes == 1 else f"{minutes} minutes"
