"""A change needs the session's own token."""

from __future__ import annotations

from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from tests.support.fixtures import PASSWORD
from tests.support.web import csrf_of, sign_in
from tests.web.looking import audit, query
from tests.web.routes import routes

CHANGES = "SELECT (SELECT COUNT(*) FROM dbo.predictions), (SELECT COUNT(*) FROM dbo.sessions);"


def test_every_change_without_the_sessions_token_is_refused(
    app: Flask, signed_in: FlaskClient, web_database: Path
) -> None:
    """No token, a made-up one and another session's are 403 on every route, recorded, and nothing happens."""
    others = csrf_of(sign_in(app.test_client(), "rob").get("/").text)
    before = query(web_database, CHANGES)
    changing = [route for route in routes(app) if route.changes]
    assert len(changing) > 3
    for route in changing:
        for token in (None, "", "forged", others, "é\0"):
            form = {"patient_index": "0", "q": "x"} if token is None else {"patient_index": "0", "csrf_token": token}
            rows = len(audit(web_database))
            answer = signed_in.open(route.path, method=route.method, data=form)
            assert answer.status_code == 403, f"{route} with {token!r}: {answer.status}"
            new = audit(web_database, "action, outcome, detail")[rows:]
            assert [row[:2] for row in new] in ([("refused", "refused")], []), str(route)
            assert new or route.is_public, str(route)
            if token:
                headers = {"X-CSRF-Token": token.encode("latin-1", "replace").decode("latin-1").replace("\0", "")}
                assert signed_in.open(route.path, method=route.method, headers=headers).status_code == 403, str(route)
    assert query(web_database, CHANGES) == before


def test_the_token_is_taken_from_a_field_or_a_header(signed_in: FlaskClient) -> None:
    """Forms send the one, scripts the other."""
    token = csrf_of(signed_in.get("/").text)
    assert signed_in.post("/search", data={"q": "", "csrf_token": token}).status_code == 303
    assert signed_in.post("/search", data={"q": ""}, headers={"X-CSRF-Token": token}).status_code == 303


def test_nobody_can_be_signed_in_by_another_site(client: FlaskClient) -> None:
    """The form of signing in needs its token as well, and the token of one visit is no good in another browser."""
    form = {"name": "ana", "password": PASSWORD}
    assert client.post("/sign-in", data=form).status_code == 403
    token = csrf_of(client.application.test_client().get("/sign-in").text)
    assert client.post("/sign-in", data={**form, "csrf_token": token}).status_code == 403


def test_a_cookie_beside_a_token_of_a_program_does_not_spare_the_check(app: Flask, signed_in: FlaskClient) -> None:
    """Only a token that is valid does; another kind of Authorization, which a proxy may ask for, is none."""
    for header in ("Basic YW5hOnBhc3N3b3Jk", "Digest username=ana", "Bearer"):
        answer = signed_in.post("/search", data={"q": "x"}, headers={"Authorization": header})
        assert answer.status_code in (401, 403), header
