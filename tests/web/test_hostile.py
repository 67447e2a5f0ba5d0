"""Hostile addresses, searches and forms meet every route: refused or taken as they stand, never an error."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from tests.support.fixtures import PEOPLE
from tests.support.web import csrf_of
from tests.web.routes import routes

NUMBERS = (
    "-1",
    "99999999999999999999",
    "2147483648",
    "1e3",
    "1.0",
    "0x1",
    "+1",
    "1_0",
    "%20 1",
    "\u0661",  # ARABIC-INDIC DIGIT ONE
    "\uff11",  # FULLWIDTH DIGIT ONE
    "NaN",
    "%00",
    "0%00",
    "..",
    "../",
    "..%2f..%2fetc%2fpasswd",
    "0;%20DROP%20TABLE%20dbo.patients",
    "0%20OR%201=1",
    "'",
    "%ff",
    "%0d%0aX-Evil:%201",
    "%F0%9F%98%80",
    "9" * 5000,
)
TEXTS = (
    "%",
    "_",
    "[",
    "[^a]%",
    "'",
    "'; DROP TABLE dbo.patients; --",
    '"',
    "\\",
    "\0",
    "a\0b",
    "\r\nSet-Cookie: evil=1",
    "{{ 7 * 7 }}",
    "<script>alert(1)</script>",
    "\ud83d".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
    "😀" * 200,
    "Ａｎａ",
    "é" * 4000,
    "\u202e0",
    "9" * 5000,
    "-1",
    "1e999",
    "NaN",
    "",
)
FEW = ("'; DROP TABLE dbo.patients; --", "a\0b", "😀" * 200, "1e999", "-1", "")
"""For routes that take time, such as scoring."""


def _hostile_paths(rule: Rule) -> Iterator[str]:
    """Write a rule's address with each hostile text in the place of each of its arguments."""
    places = [text for is_argument, text in rule._trace if is_argument]
    for place in places:
        for hostile in NUMBERS:
            path = "".join(
                text if not is_argument else hostile if text == place else "1" for is_argument, text in rule._trace
            )
            yield path.partition("|")[2]


def _open(client: FlaskClient, path: str, method: str, headers: dict[str, str]) -> Any:
    raw = path if path.isascii() else path.encode("utf-8").decode("latin-1")
    return client.open(path, method=method, headers=headers, environ_overrides={"RAW_URI": raw}, buffered=True)


def test_no_hostile_address_is_an_error_of_the_server(app: Flask, signed_in: FlaskClient) -> None:
    """Each is no page, or refused, whoever sends it; none shows a patient, for no patient is a default."""
    headers = {"X-CSRF-Token": csrf_of(signed_in.get("/").text)}
    tried = 0
    for route in routes(app):
        if "index" not in route.rule.arguments and "version" not in route.rule.arguments:
            continue
        for path in _hostile_paths(route.rule):
            answer = _open(signed_in, path, route.method, headers)
            tried += 1
            assert 300 <= answer.status_code < 500, f"{route.method} {path[:80]}: {answer.status}"
            assert not any(name in answer.text for name in PEOPLE), f"{route.method} {path[:80]}"
            assert "X-Evil" not in answer.headers
    assert tried > 300


def test_no_hostile_query_is_an_error_of_the_server(app: Flask, signed_in: FlaskClient) -> None:
    """Every route with every hostile text as each argument that any page reads, and with one that none does."""
    names = (
        "q",
        "state",
        "sort",
        "order",
        "page",
        "page_size",
        "limit",
        "window",
        "a",
        "b",
        "model",
        "version",
        "part",
        "method",
        "features",
        "slices",
        "x",
    )
    for route in routes(app):
        if route.changes:
            continue
        for text in FEW:
            answer = signed_in.get(route.path, query_string=dict.fromkeys(names, text), buffered=True)
            assert answer.status_code < 500, f"{route} with {text[:40]!r}: {answer.status}"
            assert "evil" not in str(answer.headers.get("Set-Cookie", ""))


def test_no_hostile_form_is_an_error_of_the_server(app: Flask, signed_in: FlaskClient) -> None:
    """Every changing route with every hostile text in each field, and as a body that is no form."""
    fields = ("q", "patient_index", "name", "password", "next")
    for route in routes(app):
        if not route.changes or route.rule.rule == "/sign-out":
            continue
        for text in FEW:
            headers = {"X-CSRF-Token": csrf_of(signed_in.get("/models").text)}
            bodies: list[dict[str, Any]] = [
                {"data": dict.fromkeys(fields, text)},
                {"json": {"search": text, "model": text}},
                {"json": [text]},
                {"data": text.encode("utf-8", "replace"), "content_type": "application/json"},
            ]
            answers = [signed_in.open(route.path, method=route.method, headers=headers, **body) for body in bodies]
            for answer in answers:
                assert answer.status_code < 500, f"{route} with {text[:40]!r}: {answer.status}"


@pytest.mark.parametrize(
    "body",
    [
        b'{"search": "\\ud800"}',
        b'{"search": "a\\udfffb", "model": "\\ud83d"}',
        b'{"\\ud800": 1}',
        b'{"search": "\xed\xa0\x80"}',
        b'{"search": "\xff"}',
        b'"\\udc00"',
        b"[" * 30_000 + b"]" * 30_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b"[" * 30_000,
        b'{"limit": ' + b"9" * 5000 + b"}",
        b'{"limit": NaN, "offset": Infinity}',
        b'{"limit": 1e999, "offset": -1e999}',
        "{}".encode("utf-16"),
        b"",
    ],
    ids=range(14),
)
def test_no_hostile_json_is_an_error_of_the_server(app: Flask, signed_in: FlaskClient, body: bytes) -> None:
    """Halves of characters, nesting deeper than Python goes, numbers longer than it reads, other encodings."""
    headers = {"X-CSRF-Token": csrf_of(signed_in.get("/models").text)}
    for route in routes(app):
        if route.rule.rule == "/sign-out":
            continue
        for kind in ("application/json", "application/problem+json; charset=utf-16"):
            answer = signed_in.open(
                route.path, method=route.method, headers=headers, data=body, content_type=kind, buffered=True
            )
            assert answer.status_code < 500, f"{route}: {answer.status}"


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_a_search_is_for_the_text_as_it_stands(signed_in: FlaskClient, post: Callable[..., Any], text: str) -> None:
    """It finds names with that text in them, no others, and is shown as text, not as a part of the page."""
    answer = post(signed_in, "/search", q=text)
    assert answer.status_code == 303
    page = signed_in.get(answer.location).text
    wanted = unicodedata.normalize("NFKC", text.strip()[:128]).casefold()  # wide letters are letters to the database
    for name in ("Anthony Okafor", "Mei Tanaka", "Fatima Haddad"):
        assert (name in page) == (wanted in name.casefold() or not wanted), name
    assert "<script>alert(1)" not in page
    assert "49" not in page or "7 * 7" not in text


def test_a_wildcard_is_a_character_like_any_other(signed_in: FlaskClient, post: Callable[..., Any]) -> None:
    """A per cent sign finds the name that has one, an apostrophe the name with an apostrophe."""
    for text, name in (("%", "100% Müller"), ("'", "O&#39;Neil Brennan")):
        page = signed_in.get(post(signed_in, "/search", q=text).location).text
        assert name in page
        assert "Anthony Okafor" not in page


def test_too_much_is_refused(signed_in: FlaskClient) -> None:
    """More than the page ever sends is 413, before it is read."""
    token = csrf_of(signed_in.get("/").text)
    for path in ("/search", "/sign-in", "/api/v1/patients/search"):
        headers = {"X-CSRF-Token": token, "Content-Type": "application/x-www-form-urlencoded"}
        answer = signed_in.post(path, data=b"q=" + b"x" * 70_000, headers=headers)
        assert answer.status_code in (413, 415), path
    assert signed_in.post("/search", data={f"q{n}": "" for n in range(20_000)}).status_code in (403, 413)


def test_other_methods_are_refused(app: Flask, signed_in: FlaskClient) -> None:
    """A route answers the methods it has, and 403 or 405 to the others."""
    for route in routes(app):
        for method in {"PUT", "DELETE", "PATCH", "TRACE", "BREW"} - route.rule.methods:
            assert signed_in.open(route.path, method=method).status_code in (403, 405), f"{method} {route.path}"


def test_logs_tell_no_patient_and_no_search(
    app: Flask, signed_in: FlaskClient, post: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """What the server writes down of a search, a mistyped address and every page names nobody."""
    for name in ("", "lungdb_web"):  # a server in this process may have set the level of its own
        caplog.set_level(logging.DEBUG, logger=name)
    post(signed_in, "/search", q="Okafor")
    signed_in.get("/patients/Okafor?q=Okafor")
    signed_in.get("/?q=Okafor")
    signed_in.get("/%0aOkafor")
    for route in routes(app):
        if not route.changes:
            signed_in.get(route.path, buffered=True)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) > 20
    names = re.compile(r"\b(" + "|".join(re.escape(part) for name in PEOPLE for part in name.split()) + r")\b")
    assert not [line for line in lines if "\n" in line or names.search(line)]
