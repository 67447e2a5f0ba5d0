"""A reverse proxy that says who asks, and the names by which a site is reached."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from lungdb_web import create_app

from lungdb.config import Settings
from lungdb.errors import LungdbError
from tests.support.web import MakeApp, csrf_of
from tests.web.looking import audit, query


@pytest.fixture
def behind_proxy(make_app: MakeApp, settings: Settings) -> Flask:
    """The application behind a proxy at 10.0.0.7."""
    return make_app(replace(settings, web_user_header="X-Remote-User", web_proxy="10.0.0.7", web_hosts="ct.example"))


def _from(address: str) -> dict[str, Any]:
    return {"environ_base": {"REMOTE_ADDR": address}}


def test_the_proxy_says_who_asks(behind_proxy: Flask, web_database: Path) -> None:
    """The account of that name is used, and the address that the proxy saw is kept."""
    client = behind_proxy.test_client()
    headers = {"X-Remote-User": "rob", "X-Forwarded-For": "203.0.113.9, 10.1.2.3"}
    assert client.get("/patients/0", headers=headers, **_from("10.0.0.7")).status_code == 200
    assert audit(web_database, "account, action, patient_index, address")[-1] == ("rob", "view_patient", 0, "10.1.2.3")


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("Anthony Okafor", "10.0.0.7"),
        ("203.0.113.9, <script>", "10.0.0.7"),
        ("", "10.0.0.7"),
        ("2001:DB8::7", "2001:db8::7"),
        ("203.0.113.9:4711", "10.0.0.7"),
        ("fe80::1%Anthony Okafor", "fe80::1"),
    ],
)
def test_what_is_no_address_is_not_recorded_as_one(
    behind_proxy: Flask, web_database: Path, given: str, stored: str
) -> None:
    """The proxy's own stands for it, so nobody writes into the audit or makes himself many."""
    headers = {"X-Remote-User": "rob", "X-Forwarded-For": given}
    assert behind_proxy.test_client().get("/patients/0", headers=headers, **_from("10.0.0.7")).status_code == 200
    assert audit(web_database, "address")[-1] == (stored,)


def test_nobody_else_is_believed_to_be_the_proxy(behind_proxy: Flask, client: FlaskClient) -> None:
    """The header from another address, or on a site without a proxy, is nothing."""
    headers = {"X-Remote-User": "ana"}
    assert behind_proxy.test_client().get("/", headers=headers, **_from("10.0.0.8")).status_code == 303
    assert client.get("/", headers=headers, **_from("127.0.0.1")).status_code == 303
    assert client.get("/", headers={"X-Forwarded-For": "127.0.0.1", **headers}, **_from("10.0.0.7")).status_code == 303


@pytest.mark.parametrize("name", ["stranger", "ana,rob", "ana; DROP TABLE dbo.accounts", "x" * 4000, "dis"])
def test_the_proxys_user_without_an_account_is_refused(behind_proxy: Flask, web_database: Path, name: str) -> None:
    """403 with whom to ask, and no second chance by the form."""
    query(web_database, "EXECUTE dbo.StoreAccount @Name = N'dis', @IsNew = 1, @IsEnabled = 0;")
    answer = behind_proxy.test_client().get("/", headers={"X-Remote-User": name}, **_from("10.0.0.7"))
    assert answer.status_code == 403
    assert "have no account here" in answer.text


def test_a_change_behind_the_proxy_needs_the_forms_token_too(behind_proxy: Flask) -> None:
    """The proxy adds its header to every request of the browser, also to one that another site made it send."""
    client = behind_proxy.test_client()
    known = {"headers": {"X-Remote-User": "ana"}, **_from("10.0.0.7")}
    assert client.post("/search", data={"q": "x"}, **known).status_code == 403
    token = csrf_of(client.get("/", **known).text)
    assert client.post("/search", data={"q": "x", "csrf_token": token}, **known).status_code == 303


def test_another_name_of_this_server_is_refused(client: FlaskClient, settings: Settings, make_app: MakeApp) -> None:
    """A page elsewhere could have its own name lead to this computer, also to one behind a proxy."""
    hosts = "ct.clinic.example, 10.1.2.3,[2001:db8::7]"
    behind = replace(settings, web_scheme="https", web_user_header="X-Remote-User", web_hosts=hosts)
    public = replace(settings, web_host="0.0.0.0", web_hosts=hosts)
    others = [make_app(site).test_client() for site in (behind, public)]
    for browser in (client, *others):
        for host in ("evil.example", "evil.example:5000", "localhost.evil.example", "x@localhost", "[::2]", "a/b", ""):
            answer = browser.get("/sign-in", headers={"Host": host})
            assert answer.status_code == 400, host
            assert "name of the server" in answer.text or host == "", host
        for host in ("localhost:5000", "127.0.0.1", "[::1]:5000", "LOCALHOST"):
            assert browser.get("/sign-in", headers={"Host": host}).status_code == 200, host
    for browser in others:
        for host in ("ct.clinic.example", "CT.clinic.example:443", "10.1.2.3:5000", "[2001:db8::7]:5000"):
            assert browser.get("/sign-in", headers={"Host": host}).status_code == 200, host
    assert client.get("/sign-in", headers={"Host": "ct.clinic.example"}).status_code == 400


@pytest.mark.parametrize(
    "change", [{"web_scheme": "https"}, {"web_user_header": "X-Remote-User"}, {"web_host": "0.0.0.0"}]
)
def test_a_site_for_others_says_by_which_names_it_is_reached(settings: Settings, change: dict[str, str]) -> None:
    """Without its names it could not tell its own from a stranger's; an address of a page is not a name."""
    with pytest.raises(LungdbError, match="web_hosts names none"):
        create_app(replace(settings, **change))
    for wrong in ("https://ct.clinic.example", "ct.clinic.example/lungdb", "ct.example,a@b", "[::"):
        with pytest.raises(LungdbError, match="is not the name of a host"):
            create_app(replace(settings, web_hosts=wrong, **change))


def test_the_proxys_user_may_have_any_name(behind_proxy: Flask, web_database: Path) -> None:
    """Proxies send UTF-8, which arrives as Latin-1; what is no UTF-8 is nobody."""
    query(web_database, "EXECUTE dbo.StoreAccount @Name = N'José Łuk', @IsNew = 1, @Role = 'reader';")
    client = behind_proxy.test_client()
    for sent, status in (("José Łuk".encode(), 200), ("José Łuk".encode("latin-1", "ignore"), 403), (b"\xff", 403)):
        headers = {"X-Remote-User": sent.decode("latin-1")}
        assert client.get("/", headers=headers, **_from("10.0.0.7")).status_code == status, sent
