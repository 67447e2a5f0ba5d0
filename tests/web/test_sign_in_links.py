"""Links that sign in once: who makes them, how often they work, and where their secret stays."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import threading
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.request import HTTPCookieProcessor, build_opener

import pytest
from flask import Flask
from flask.testing import FlaskClient

from lungdb.cli import accounts
from tests.support.databases import target_of
from tests.support.web import MakeApp
from tests.web.looking import attempt, audit, query

LINK = re.compile(r"^(https?://[^/]+)(/sign-in/link\?key=(\S+))$", re.M)


def make_link(database: Path, capsys: pytest.CaptureFixture[str], *options: str, name: str = "ana") -> str:
    """Have an administrator make a link; returns its path."""
    assert accounts.main(["link", name, "-d", target_of(database), *options]) == 0
    found = LINK.search(capsys.readouterr().out)
    assert found is not None
    return found[2]


def test_a_link_signs_in_once_and_leaves_the_address_bar(
    client: FlaskClient, app: Flask, web_database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever opens it a second time is told to ask for another one; the audit has both."""
    link = make_link(web_database, capsys)
    answer = client.get(link)
    assert (answer.status_code, answer.location) == (303, "/")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ana</span>" in client.get("/").text
    again = app.test_client().get(link)
    assert again.status_code == 403
    assert "Ask the administrator" in again.text
    rows = [row for row in audit(web_database, "account, action, outcome, detail") if row[1] == "sign_in"]
    assert rows == [
        ("ana", "sign_in", "ok", "by a link"),
        (None, "sign_in", "refused", "a link that is unknown, used or over"),
    ]


def test_the_secret_is_kept_nowhere(
    client: FlaskClient, web_database: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither in the database's file before and after its use nor in the page's log of requests."""
    caplog.set_level(logging.DEBUG, logger="lungdb_web")
    link = make_link(web_database, capsys)
    secret = link.partition("key=")[2].encode()
    assert query(web_database, "SELECT DATALENGTH(sha256) FROM dbo.sign_in_links;") == [(32,)]
    assert client.get(link).status_code == 303
    files = [path.read_bytes() for path in web_database.parent.glob(f"{web_database.name}*")]
    assert not any(secret in content for content in files)
    assert "/sign-in/link" in caplog.text
    assert secret.decode() not in caplog.text
    assert query(web_database, "SELECT COUNT(*) FROM dbo.sign_in_links;") == [(0,)]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE dbo.sign_in_links SET expires_at = SYSUTCDATETIME();",
        "EXECUTE dbo.StoreAccount @Name = N'ana', @IsEnabled = 0;",
        "EXECUTE dbo.StoreAccount @Name = N'ana', @PasswordHash = N'another';",
        "UPDATE dbo.accounts SET is_enabled = 0;",
        "DROP PROCEDURE dbo.UseSignInLink;",
    ],
    ids=["over", "disabled", "new password", "disabled behind its back", "not granted"],
)
def test_a_link_that_is_not_valid_any_more_opens_nothing(
    client: FlaskClient, web_database: Path, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    """Whatever has ended it."""
    link = make_link(web_database, capsys)
    query(web_database, change)
    assert client.get(link).status_code == 403
    assert client.get("/").status_code == 303


def test_looking_where_a_link_leads_does_not_use_it_up(
    client: FlaskClient, web_database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither a program that asks for the head alone nor a browser that fetches ahead."""
    link = make_link(web_database, capsys)
    assert client.head(link).status_code == 200
    assert client.get(link, headers={"Sec-Purpose": "prefetch;prerender"}).status_code == 200
    assert client.get("/").status_code == 303
    assert client.get(link).status_code == 303
    assert client.get("/").status_code == 200


def test_of_many_who_open_a_link_at_once_one_is_signed_in(
    app: Flask, web_database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By real transactions of several connections."""
    link = make_link(web_database, capsys)
    app.test_client().get("/sign-in")
    ready, answers = threading.Barrier(4), []

    def open_it() -> None:
        ready.wait()
        answers.append(app.test_client().get(link).status_code)

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [303, 403, 403, 403]


def test_guesses_are_counted_with_wrong_passwords(client: FlaskClient, web_database: Path) -> None:
    """Fifty in ten minutes from one network, then none is looked at, nor is a password."""
    for _ in range(50):
        assert client.get("/sign-in/link?key=guess").status_code == 403
    assert client.get("/sign-in/link?key=guess").status_code == 429
    assert attempt(client, "ana", "any").status_code == 429


@pytest.mark.parametrize("key", ["", "\x00", "é" * 5000, "%00", "a&key=b"])
def test_a_key_that_is_none_is_refused(client: FlaskClient, key: str) -> None:
    """Whatever stands there."""
    assert client.get("/sign-in/link", query_string={"key": key}).status_code == 403


def test_the_command_says_what_is_wrong(
    web_database: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown account, minutes without end, an address that is none; and it prints the address that it is given."""
    target = ["-d", target_of(web_database)]
    for arguments, said in (
        (["link", "nobody"], "There is no enabled account 'nobody'"),
        (["link", "ana", "--minutes", "0"], "1 to 1440"),
        (["link", "ana", "--page", "ct.clinic.example"], "https://"),
    ):
        assert accounts.main([*arguments, *target]) == 1
        assert said in capsys.readouterr().err
    assert accounts.main(["link", "ana", "--page", "https://ct.clinic.example/", *target]) == 0
    assert "\nhttps://ct.clinic.example/sign-in/link?key=" in capsys.readouterr().out
    monkeypatch.setenv("LUNGDB_WEB_SCHEME", "https")
    monkeypatch.setenv("LUNGDB_WEB_HOSTS", "ct.clinic.example, 10.1.2.3")
    assert accounts.main(["link", "ana", *target]) == 0
    assert "\nhttps://ct.clinic.example/sign-in/link?key=" in capsys.readouterr().out


def test_the_sign_in_page_tells_who_lost_a_password_what_to_do(client: FlaskClient) -> None:
    """Whom to ask, and what he does."""
    page = client.get("/sign-in").text
    assert "password is lost" in page
    assert "lungdb accounts link NAME" in page


def test_a_finished_demo_is_served_with_a_link_that_opens_its_worklist(
    web_database_file: Path, tmp_path: Path, make_app: MakeApp
) -> None:
    """By the command itself: nothing is loaded or trained again, and Ctrl-C ends it."""
    folder = tmp_path / "demo"
    folder.mkdir()
    database = folder / "lung_cancer_database.db"
    database.write_bytes(web_database_file.read_bytes())
    assert accounts.main(["add", "demo", "--role", "scorer", "--generate", "-d", target_of(database)]) == 0
    command = [sys.executable, "-m", "lungdb.cli.main", "demo", "--folder", str(folder), "--serve", "--port", "0"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = ""
        while not (found := LINK.search(said)):
            line = process.stdout.readline()
            assert line, process.communicate()[1]
            said += line
        assert "is finished" in said
        assert found[1].startswith("http://127.0.0.1:")
        browser = build_opener(HTTPCookieProcessor(CookieJar()))
        with browser.open(found[0], timeout=60) as answer:
            assert answer.geturl() == found[1] + "/"
            assert "demo</span>" in answer.read().decode()
        assert not (folder / "scans").exists()
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
