"""The OpenAPI document of the API is valid and complete, and the API keeps to it."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, request, request_finished
from flask.testing import FlaskClient
from lungdb_web.serving import make_server
from openapi_spec_validator import OpenAPIV31SpecValidator

from lungdb.config import Settings
from tests.support.web import Program, give_token
from tests.web.looking import query

DOCUMENT = "/api/v1/openapi.json"


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """Serve the application on a free port of this machine, and give its address."""
    server = make_server(app, Settings(web_host="127.0.0.1"), 0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        server.close()
        thread.join(10)


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Give (path, method) to operation."""
    return {
        (path, method): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method != "parameters"
    }


def schemathesis(app: Flask, database: Path, folder: Path, *options: str) -> set[tuple[str, str]]:
    """Run schemathesis on the served application as ana's program; give what it got a 2xx from: (endpoint, method).

    It fails on a 5xx, an answer that is not as documented, good input refused, bad input taken, and no token needed.
    """
    succeeded = set()

    def note(sender: Flask, response: Response) -> None:
        if request.endpoint is not None and response.status_code < 300:
            succeeded.add((request.endpoint, request.method))

    token = give_token(database, "ana")
    with serving(app) as address, request_finished.connected_to(note, app):
        done = subprocess.run(
            [
                Path(sys.executable).with_name("st"), "run", "--checks", "all", "--continue-on-failure", "--seed", "1",
                "-H", f"Authorization: Bearer {token}", *options, address + DOCUMENT,
            ],
            cwd=folder, capture_output=True, encoding="utf-8", timeout=900,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return succeeded


def test_the_document_is_valid_openapi(program: Program) -> None:
    """By the validator of the OpenAPI specification's schemas."""
    document = program("GET", DOCUMENT).get_json()
    assert document["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(document).validate()


def test_every_route_of_the_api_is_in_the_document(app: Flask, program: Program) -> None:
    """And every operation has a name of its own, words, its problems, and both ways to say who asks."""
    document = program("GET", DOCUMENT).get_json()
    documented = operations(document)
    routes = {
        (re.sub(r"<(?:[^:>]+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/") and rule.rule not in (DOCUMENT, "/api/v1/docs")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert routes == set(documented)
    assert len({operation["operationId"] for operation in documented.values()}) == len(documented)
    for operation in documented.values():
        assert operation["summary"]
        assert {"401", "403", "500", "503"} <= operation["responses"].keys()
    assert document["security"] == [{"token": []}, {"cookie": []}]
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    for name, response in document["components"]["responses"].items():
        assert list(response.get("content", ["application/problem+json"])) == ["application/problem+json"], name


def test_every_member_is_described(program: Program) -> None:
    """No document and no parameter has a member without words."""
    document = program("GET", DOCUMENT).get_json()
    for name, schema in document["components"]["schemas"].items():
        for member, described in schema["properties"].items():
            assert described.get("description"), f"{name}.{member}"
    for operation, body in operations(document).items():
        for parameter in body.get("parameters", []):
            assert parameter.get("description"), (operation, parameter["name"])


def test_a_stranger_who_opens_the_apis_page_is_led_to_sign_in(app: Flask, signed_in: FlaskClient) -> None:
    """It is a page for people, and every page links it; the rest of the API answers as to programs."""
    stranger = app.test_client()
    answer = stranger.get("/api/v1/docs")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in?next=/api/v1/docs")
    assert stranger.get("/api/v1/patients").status_code == 401
    assert stranger.get("/api/v1/docs", headers={"Sec-Fetch-Mode": "cors"}).status_code == 401
    assert 'href="/api/v1/docs"' in signed_in.get("/").text


def test_the_document_can_be_read_as_a_page(program: Program) -> None:
    """Every operation, document and kind of problem has its place there, and nothing comes from elsewhere."""
    document = program("GET", DOCUMENT).get_json()
    page = program("GET", "/api/v1/docs")
    assert page.content_type.startswith("text/html")
    for operation in operations(document).values():
        assert f'id="{operation["operationId"]}"' in page.text
    for name in document["components"]["schemas"]:
        assert f'id="schema-{name}"' in page.text
    kind = program("GET", "/api/v1/patients/999").get_json()["type"]
    assert kind.startswith("/api/v1/docs#")
    assert f'id="{kind.partition("#")[2]}"' in page.text
    assert "//" not in page.text.replace('xmlns="http://www.w3.org/2000/svg"', "")


def test_schemathesis_finds_the_examples_and_their_edges_kept(
    app: Flask, program: Program, web_database: Path, tmp_path: Path
) -> None:
    """Good input is taken, bad refused, every answer as documented; each operation has succeeded at least once."""
    assert program("POST", "/api/v1/patients/7/predictions").status_code == 201
    assert program("POST", "/api/v1/patients/7/predictions/1/explanation").status_code == 200
    query(web_database, "EXECUTE dbo.ExplainRegions @PredictionId = 1, @Slices = N'3', @Grid = 2;")
    succeeded = schemathesis(app, web_database, tmp_path, "--phases", "examples,coverage")
    wanted = {
        (rule.endpoint, method)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/")
        and rule.endpoint.partition(".")[0] in ("Patients", "Scans", "Predictions", "Explanations", "Models")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert wanted <= succeeded


@pytest.mark.slow
def test_schemathesis_finds_nothing_by_guessing(app: Flask, web_database: Path, tmp_path: Path) -> None:
    """Hundreds of requests made up from the document, alone and in sequences."""
    schemathesis(app, web_database, tmp_path, "--phases", "fuzzing,stateful", "--max-examples", "50")
