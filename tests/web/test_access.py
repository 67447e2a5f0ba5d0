"""Who gets in, and who does not."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from flask.testing import FlaskClient
from lungdb_web import create_app

from lungdb.config import Settings
from lungdb.errors import LungdbError
from tests.support.fixtures import PASSWORD, PEOPLE
from tests.support.web import MakeApp, csrf_of, sign_in
from tests.web.looking import attempt, audit, query
from tests.web.routes import Route, routes

TOKEN = "lungdb_a-token-of-the-tests"


def _is_refused(route: Route, answer: Any) -> bool:
    """Whether a stranger was told to sign in, in the way that suits the route."""
    if route.is_for_programs:
        return answer.status_code == 401 and answer.headers["WWW-Authenticate"].lower().startswith("bearer")
    return answer.status_code == 303 and answer.location.partition("?")[0] == "/sign-in"


def _give_token(database: Path, account: str, days: int = 1) -> dict[str, str]:
    sha256 = hashlib.sha256(TOKEN.encode()).digest()
    query(
        database,
        "EXECUTE dbo.StoreToken @Name = ?, @TokenName = N'tests', @Sha256 = ?, @Days = ?;",
        account,
        sha256,
        days,
    )
    return {"Authorization": f"Bearer {TOKEN}"}


def _session_cookie(client: FlaskClient) -> str:
    cookie = client.get_cookie("lungdb")
    assert cookie is not None
    return cookie.value


def _serializer(app: Flask) -> Any:
    return SecureCookieSessionInterface().get_signing_serializer(app)


def test_nothing_is_shown_without_an_account(app: Flask, client: FlaskClient) -> None:
    """Every route but a short list sends a stranger to sign in, and no answer holds a patient's name."""
    tried = [route for route in routes(app) if not route.is_public]
    assert len(tried) > 20
    for route in tried:
        answer = client.open(route.path, method=route.method, buffered=True)
        assert _is_refused(route, answer), f"{route}: {answer.status}"
        assert not any(name in answer.text for name in PEOPLE), str(route)


def test_an_address_that_is_no_page_tells_a_stranger_nothing(client: FlaskClient) -> None:
    """It is answered like any other, so that nobody can tell which addresses there are."""
    assert client.get("/no/such/page").location == "/sign-in?next=/no/such/page"
    assert client.get("/api/v1/nothing").status_code == 401


def test_a_script_of_a_page_is_told_401_and_not_led_to_a_form(client: FlaskClient) -> None:
    """Else it would show the sign-in page where a result belongs."""
    assert client.get("/patients/0", headers={"Sec-Fetch-Mode": "cors"}).status_code == 401
    assert client.get("/patients/0", headers={"Sec-Fetch-Mode": "navigate"}).status_code == 303


def test_signing_in_leads_to_the_page_that_was_asked_for(client: FlaskClient) -> None:
    """The search of an address is left behind: it may hold a name."""
    location = client.get("/patients/3?q=Anthony").location
    assert location == "/sign-in?next=/patients/3"
    following = re.search(r'name="next" value="([^"]*)"', client.get(location).text)
    assert following is not None
    assert attempt(client, "ana", PASSWORD, next=following.group(1)).location == "/patients/3"


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "evil.example",
        "javascript:alert(1)",
        "/%0d%0aSet-Cookie:x=1\r\n",
        "/\u2028/evil.example",
        "",
    ],
)
def test_signing_in_leads_to_no_other_site(client: FlaskClient, path: str) -> None:
    """What looks like another site, or is no plain path, leads to the worklist."""
    assert attempt(client, "ana", PASSWORD, next=path).location == "/"
    assert f'value="{path}"' not in client.get("/sign-in", query_string={"next": path}).text or path == ""


def test_a_cookie_that_was_changed_is_worth_nothing(app: Flask, signed_in: FlaskClient) -> None:
    """Neither a changed character nor another key's signature gets in."""
    good = _session_cookie(signed_in)
    content = _serializer(app).loads(good)
    app.secret_key, kept = "another key altogether", app.secret_key
    forged = _serializer(app).dumps(content)
    app.secret_key = kept
    middle = len(good) // 3
    changed = good[:middle] + ("A" if good[middle] != "A" else "B") + good[middle + 1 :]
    for cookie in (changed, forged, "", "é" * 40, good[:-1]):
        other = app.test_client()
        other.set_cookie("lungdb", cookie)
        assert other.get("/").status_code == 303, cookie
    other.set_cookie("lungdb", good)
    assert other.get("/").status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        "EXECUTE dbo.StoreAccount @Name = N'ana', @IsEnabled = 0;",
        "EXECUTE dbo.StoreAccount @Name = N'ana', @PasswordHash = N'another';",
        "UPDATE dbo.sessions SET last_seen_at = DATEADD(MINUTE, -61, SYSUTCDATETIME());",
        "UPDATE dbo.sessions SET expires_at = SYSUTCDATETIME();",
    ],
    ids=["disabled", "other password", "an hour idle", "too old"],
)
def test_a_session_ends_at_once(signed_in: FlaskClient, web_database: Path, change: str) -> None:
    """Disabling the account, changing its password, idling and old age all do."""
    assert signed_in.get("/").status_code == 200
    query(web_database, change)
    assert signed_in.get("/").status_code == 303


def test_enabling_an_account_again_does_not_bring_its_sessions_back(signed_in: FlaskClient, web_database: Path) -> None:
    """Whoever was sent out signs in anew."""
    for enabled in (0, 1):
        query(web_database, "EXECUTE dbo.StoreAccount @Name = N'ana', @IsEnabled = ?;", enabled)
    assert signed_in.get("/").status_code == 303


def test_using_a_session_keeps_it_alive(signed_in: FlaskClient, web_database: Path) -> None:
    """After half an hour a request makes the hour of idling begin again."""
    query(web_database, "UPDATE dbo.sessions SET last_seen_at = DATEADD(MINUTE, -40, SYSUTCDATETIME());")
    assert signed_in.get("/").status_code == 200
    query(web_database, "UPDATE dbo.sessions SET last_seen_at = DATEADD(MINUTE, -40, last_seen_at);")
    assert signed_in.get("/").status_code == 200


def test_signing_out_ends_a_cookie_that_was_copied_too(
    app: Flask, signed_in: FlaskClient, post: Callable[..., Any]
) -> None:
    """The session itself ends, not only this browser's memory of it."""
    thief = app.test_client()
    thief.set_cookie("lungdb", _session_cookie(signed_in))
    assert thief.get("/").status_code == 200
    answer = post(signed_in, "/sign-out")
    assert (answer.status_code, answer.location) == (303, "/sign-in")
    assert signed_in.get("/").status_code == 303
    assert thief.get("/").status_code == 303


def test_a_session_planted_before_signing_in_is_not_used(app: Flask, client: FlaskClient) -> None:
    """Its contents, the token of its forms among them, are gone afterwards."""
    client.get("/sign-in")
    before = _serializer(app).loads(_session_cookie(client))
    sign_in(client, "ana")
    after = _serializer(app).loads(_session_cookie(client))
    assert "id" in after
    assert before["csrf"] != after.get("csrf")


def test_the_database_keeps_no_secret(signed_in: FlaskClient, app: Flask, web_database: Path, tmp_path: Path) -> None:
    """Neither password nor token nor session can be read from the file; the password's hash is argon2id's."""
    _give_token(web_database, "ana")
    session = _serializer(app).loads(_session_cookie(signed_in))["id"]
    files = [file.read_bytes() for file in tmp_path.glob("lung_cancer_database.db*")]
    for secret in (PASSWORD, TOKEN, session):
        assert not any(secret.encode(coding) in file for file in files for coding in ("utf-8", "utf-16-le"))
    [(stored,)] = query(web_database, "SELECT password_hash FROM dbo.accounts WHERE name = N'ana';")
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_the_cookie_is_kept_from_scripts_and_other_sites(
    client: FlaskClient, settings: Settings, make_app: MakeApp
) -> None:
    """HttpOnly and SameSite always; Secure, and bound to this host, where the page is reached by HTTPS."""
    cookie = client.get("/sign-in").headers["Set-Cookie"]
    assert re.match(r"lungdb=\S+; HttpOnly; Path=/; SameSite=Lax$", cookie)
    secure = (
        make_app(replace(settings, web_scheme="https", web_hosts="ct.example"))
        .test_client()
        .get("/sign-in", base_url="https://ct.example")
    )
    assert re.match(r"__Host-lungdb=\S+; Secure; HttpOnly; Path=/; SameSite=Lax$", secure.headers["Set-Cookie"])


def test_without_a_secret_in_the_settings_the_database_keeps_one(
    settings: Settings, make_app: MakeApp, web_database: Path
) -> None:
    """A restart signs nobody out; the secret is random, and another one signs all out."""
    bare = replace(settings, web_secret="")
    first = sign_in(make_app(bare).test_client(), "ana")

    def status_after_a_restart() -> int:
        again = make_app(bare).test_client()
        again.set_cookie("lungdb", _session_cookie(first))
        return again.get("/").status_code

    assert status_after_a_restart() == 200
    [(before,)] = query(web_database, "SELECT secret FROM dbo.page_secrets;")
    query(web_database, "DELETE FROM dbo.page_secrets; SELECT 1;")
    assert status_after_a_restart() == 303
    [(after,)] = query(web_database, "SELECT secret FROM dbo.page_secrets;")
    assert len(before) == len(after) == 32
    assert before != after


@pytest.mark.parametrize("change", ["DROP PROCEDURE dbo.ReadPageSecret;", None], ids=["older", "gone"])
def test_where_no_secret_can_be_read_a_restart_ends_every_session(
    settings: Settings, make_app: MakeApp, web_database: Path, change: str | None
) -> None:
    """A database of an older version, or one that is not there yet: each start makes a key of its own."""
    bare = replace(settings, web_secret="")
    if change is None:
        bare = replace(bare, database=f"sqlite:///{web_database.with_name('not there.db')}")
        keys = {make_app(bare).secret_key for _ in range(2)}
        assert len(keys) == 2
        return
    query(web_database, f"{change} SELECT 1;")
    first = sign_in(make_app(bare).test_client(), "ana")
    second = make_app(bare).test_client()
    second.set_cookie("lungdb", _session_cookie(first))
    assert second.get("/").status_code == 303


def test_a_short_secret_is_refused(settings: Settings) -> None:
    """It could be guessed; the refusal does not repeat it."""
    with pytest.raises(LungdbError, match=r"web_secret has 15 characters\. Give 16 or more") as refusal:
        create_app(replace(settings, web_secret="fifteen letters"))
    assert "fifteen" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ana", "wrong"),
        ("nobody", PASSWORD),
        ("", ""),
        ("ana", ""),
        ("ana", PASSWORD * 99),
        ("ana\0", PASSWORD),
        ("x" * 5000, "y" * 5000),
    ],
)
def test_a_wrong_name_or_password_is_refused(client: FlaskClient, name: str, password: str) -> None:
    """In the same words, whichever it was."""
    answer = attempt(client, name, password)
    assert answer.status_code == 403
    assert "Name or password is wrong." in answer.text
    assert client.get("/").status_code == 303


def test_a_disabled_account_cannot_sign_in(client: FlaskClient, web_database: Path) -> None:
    """Its password is right, and it is told what anybody is told."""
    query(web_database, "EXECUTE dbo.StoreAccount @Name = N'ana', @IsEnabled = 0;")
    answer = attempt(client, "ana", PASSWORD)
    assert answer.status_code == 403
    assert "Name or password is wrong." in answer.text


def test_a_hash_of_old_parameters_is_made_anew_at_sign_in(client: FlaskClient, web_database: Path) -> None:
    """The password stays, and so does the session that just began."""
    from argon2 import PasswordHasher

    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    query(web_database, "EXECUTE dbo.StoreAccount @Name = N'ana', @PasswordHash = ?;", weak)
    sign_in(client, "ana")
    assert client.get("/").status_code == 200
    [(stored,)] = query(web_database, "SELECT password_hash FROM dbo.accounts WHERE name = N'ana';")
    assert "m=65536,t=3,p=4" in stored
    assert PasswordHasher().verify(stored, PASSWORD)


def test_guessing_is_stopped_for_a_while(client: FlaskClient, web_database: Path) -> None:
    """After ten wrong passwords the right one does not help, however the name is written; other accounts go on."""
    for _ in range(10):
        assert attempt(client, "ana", "wrong").status_code == 403
    answer = attempt(client, "ANA", PASSWORD)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 600
    assert attempt(client, "rob", PASSWORD).status_code == 303
    assert (None, "sign_in", "refused", "too many attempts") in audit(web_database, "account, action, outcome, detail")


def test_strangers_elsewhere_cannot_lock_anybody_out(client: FlaskClient, app: Flask) -> None:
    """Who guesses from one address, or from many of the same IPv6 network, stops himself alone."""
    for number in range(12):
        answer = _attempt_from(client, f"2001:db8:1:2:{number}::{number}", "wrong")
        assert answer.status_code == (403 if number < 10 else 429)
    assert _attempt_from(app.test_client(), "2001:db8:1:3::1", PASSWORD).status_code == 303


def test_guessing_a_name_from_everywhere_is_stopped(client: FlaskClient) -> None:
    """Each address stays below its own limit, but together they try too often."""
    limits = client.application.extensions["lungdb.limits"]
    for number in range(199):
        assert limits.names.attempt("ana") == 0, number
    assert _attempt_from(client, "192.0.2.1", "wrong").status_code == 403
    assert _attempt_from(client, "192.0.2.2", PASSWORD).status_code == 429


def _attempt_from(client: FlaskClient, address: str, password: str) -> Any:
    token = csrf_of(client.get("/sign-in").text)
    form = {"name": "ana", "password": password, "csrf_token": token}
    return client.post("/sign-in", data=form, environ_base={"REMOTE_ADDR": address})


def test_guessing_many_names_is_stopped_for_the_address(client: FlaskClient) -> None:
    """One password tried on everybody is a guess as well."""
    statuses = [attempt(client, f"name {number}", "").status_code for number in range(51)]
    assert statuses == [403] * 50 + [429]


def test_a_role_given_or_taken_counts_from_the_next_request(
    signed_in: FlaskClient, web_database: Path, post: Callable[..., Any]
) -> None:
    """A scorer who was made a reader cannot score any more, without signing in again."""
    query(web_database, "EXECUTE dbo.StoreAccount @Name = N'ana', @Role = 'reader';")
    answer = post(signed_in, "/patients/0/score")
    assert answer.status_code == 403
    assert "role scorer" in answer.text
    assert query(web_database, "SELECT COUNT(*) FROM dbo.predictions;") == [(0,)]


def test_a_token_speaks_for_its_account(client: FlaskClient, web_database: Path) -> None:
    """It needs no cookie and no token of a form; the time of its use is kept."""
    headers = _give_token(web_database, "rob")
    query(web_database, "UPDATE dbo.access_tokens SET created_at = DATEADD(HOUR, -1, SYSUTCDATETIME());")
    assert client.get("/patients/0", headers=headers).status_code == 200
    assert audit(web_database)[-1] == ("rob", "view_patient", 0, "ok")
    assert query(web_database, "SELECT COUNT(*) FROM dbo.access_tokens WHERE last_used_at IS NOT NULL;") == [(1,)]
    assert client.post("/patients/0/score", headers=headers).status_code == 403
    assert audit(web_database)[-1] == ("rob", "refused", 0, "refused")


@pytest.mark.parametrize(
    "change",
    [
        "EXECUTE dbo.RevokeToken @TokenId = 1;",
        "UPDATE dbo.access_tokens SET expires_at = SYSUTCDATETIME();",
        "EXECUTE dbo.StoreAccount @Name = N'ana', @IsEnabled = 0;",
        "UPDATE dbo.access_tokens SET sha256 = HASHBYTES('SHA2_256', 'another token');",
    ],
    ids=["revoked", "expired", "account disabled", "unknown"],
)
def test_a_token_that_has_ended_is_refused(app: Flask, web_database: Path, change: str) -> None:
    """Also when the same request brings a cookie that would do: a program must learn that its token is no good."""
    headers = _give_token(web_database, "ana")
    query(web_database, change)
    client = sign_in(app.test_client(), "rob")
    answer = client.get("/patients/0", headers=headers)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"].replace(
        "error=invalid_token", 'error="invalid_token"'
    )
    assert audit(web_database)[-1][1:] == ("refused", 0, "refused")


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer é", "Bearer \x00", "bearer lungdb_x y", "Bearer a=b, c=d"]
)
def test_a_malformed_token_is_refused(client: FlaskClient, header: str) -> None:
    """401, never 500."""
    assert client.get("/api/v1/patients", headers={"Authorization": header}).status_code == 401


@pytest.mark.parametrize("path", ["//[", "/[", "/\\[", "//[::1]/", "http://[", "/%5B", "/ ", "//"])
def test_where_one_is_led_after_signing_in_is_never_an_error(client: FlaskClient, path: str) -> None:
    """What is no path of this site is left out, as brackets that are no address."""
    assert client.get("/sign-in", query_string={"next": path}).status_code == 200
    token = csrf_of(client.get("/sign-in").text)
    answer = client.post("/sign-in", data={"name": "ana", "password": PASSWORD, "csrf_token": token, "next": path})
    assert answer.status_code == 303
    assert answer.location.startswith("/")
    assert not answer.location.startswith("//")
