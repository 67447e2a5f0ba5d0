"""What every answer says to the browser, and that no page needs what the policy forbids."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from flask import Flask
from flask.testing import FlaskClient
from lungdb_web.scans import niivue

from lungdb.config import Settings
from lungdb.errors import LungdbError
from tests.support.web import MakeApp, sign_in
from tests.web.routes import routes

POLICY = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'", "blob:", "data:"],
    "connect-src": ["'self'"],
    "worker-src": ["'self'", "blob:"],
    "font-src": ["'self'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
    "base-uri": ["'none'"],
}
ADDRESSES = {"src", "href", "action", "formaction", "poster", "data", "srcset"}


class _Forbidden(HTMLParser):
    """Collects what Content-Security-Policy would not let a browser run, and addresses of other servers."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        is_data = (names.get("type") or "").startswith("application/")
        if tag in ("style", "base", "iframe", "object", "embed") or (
            tag == "script" and "src" not in names and not is_data
        ):
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            if name == "style" or name.startswith("on"):
                self.found.append(f"{name}={value}")
            if name in ADDRESSES and re.match(r"(\w+:)?//|javascript:", (value or "").strip().lower()):
                self.found.append(f"{name}={value}")


def test_every_answer_has_the_headers(app: Flask, signed_in: FlaskClient) -> None:
    """Pages, pictures, errors, redirections, for those who are signed in and for others."""
    tried = [route.path for route in routes(app) if not route.changes] + ["/no/such/page", "/patients/999", "/%00"]
    for browser in (signed_in, app.test_client()):
        for path in tried:
            answer = browser.get(path, buffered=True)
            policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
            assert {name: sources.split() for name, sources in policy.items()} == POLICY, path
            assert answer.headers["X-Content-Type-Options"] == "nosniff", path
            assert answer.headers["Referrer-Policy"] == "no-referrer", path
            assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin", path
            assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin", path
            assert "Strict-Transport-Security" not in answer.headers, path


def test_no_shared_cache_and_no_page_is_kept(app: Flask, signed_in: FlaskClient) -> None:
    """What shows patients is not stored, or asked about again each time and by one browser only."""
    for route in routes(app):
        if not route.changes and not route.is_public:
            answer = signed_in.get(route.path, buffered=True)
            caching = answer.headers["Cache-Control"]
            if answer.mimetype == "text/html" or "ETag" not in answer.headers:
                assert caching == "no-store", f"{route}: {caching}"
            elif "index" in route.rule.arguments:
                assert {part.strip() for part in caching.split(",")} >= {"private", "no-cache"}, f"{route}: {caching}"


def test_a_site_may_have_browsers_keep_nothing(settings: Settings, make_app: MakeApp) -> None:
    """With web_cache "none" all but what is the same for everybody is not stored; another word is refused."""
    app = make_app(replace(settings, web_cache="none"))
    client = sign_in(app.test_client(), "ana")
    kept = set()
    for route in routes(app):
        if not route.changes and client.get(route.path, buffered=True).headers["Cache-Control"] != "no-store":
            kept.add(route.rule.endpoint)
    assert kept == {"static"}
    if niivue.version():
        assert "immutable" in client.get(f"/viewer/niivue-{niivue.version()}.js").headers["Cache-Control"]
    with pytest.raises(LungdbError, match=r"web_cache is 'never'.*private, none"):
        make_app(replace(settings, web_cache="never"))


def test_no_page_needs_what_the_policy_forbids(app: Flask, signed_in: FlaskClient) -> None:
    """No script, style or handler stands in a page, and no address leads to another server."""
    pages = 0
    for browser in (signed_in, app.test_client()):
        for path in [route.path for route in routes(app) if not route.changes] + ["/no/such/page"]:
            answer = browser.get(path, buffered=True)
            if answer.mimetype == "text/html":
                pages += 1
                parser = _Forbidden()
                parser.feed(answer.text)
                assert parser.found == [], path
    assert pages > 6


def test_https_is_asked_for_where_the_site_has_it(settings: Settings, make_app: MakeApp) -> None:
    """For a year."""
    client = make_app(replace(settings, web_scheme="https", web_hosts="ct.clinic.example")).test_client()
    assert client.get("/sign-in").headers["Strict-Transport-Security"] == "max-age=31536000"


def test_every_form_that_posts_has_the_token(app: Flask, signed_in: FlaskClient) -> None:
    """So that none is refused when it is sent."""
    forms = 0
    for path in [route.path for route in routes(app) if not route.changes]:
        answer = signed_in.get(path, buffered=True)
        if answer.mimetype == "text/html":
            for form in re.findall(r"<form\b[^>]*method=\"post\".*?</form>", answer.text, re.DOTALL | re.IGNORECASE):
                forms += 1
                assert 'name="csrf_token"' in form, f"{path}: {form[:200]}"
    assert forms > 6
