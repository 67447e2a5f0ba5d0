"""Where the pages of models are, whatever their names hold."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from lungdb.database import Connection, run
from tests.web.models.conftest import HOSTILE, page_of


def test_a_name_is_text_whatever_it_holds(signed_in: FlaskClient) -> None:
    """Slashes lead to its page, and no tag of it becomes one of the page."""
    for path in ("/models", "/models/3", "/models/compare?a=1&b=3"):
        page = page_of(signed_in, path)
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


@pytest.mark.parametrize("name", ["a/../b", "..", ".", "%2e%2e/x", "find", "compare?a=1", "7", " / ", "\\..\\"])
def test_every_name_has_a_page_and_an_address_in_the_api(
    signed_in: FlaskClient, connection: Connection, name: str
) -> None:
    """By its number, to which the name leads as well; a browser makes /b of the path /a/../b."""
    run(connection, "UPDATE dbo.classifiers SET name = ? WHERE classifier_id = 3;", (name,))
    listed = [unescape(address) for address in re.findall(r'href="(/models/\d+)"', page_of(signed_in, "/models"))]
    assert "/models/3" in listed
    assert name in unescape(page_of(signed_in, "/models/3"))
    led = signed_in.get(f"/models/find?name={quote(name, safe='')}&version=1")
    assert (led.status_code, led.headers["Location"]) == (302, "/models/3")
    found = signed_in.get("/api/v1/models/3").get_json()
    assert (found["id"], found["name"]) == (3, name)
    assert signed_in.get("/api/v1/models/3/curves").get_json()["items"]
    assert signed_in.get("/api/v1/models/9").status_code == signed_in.get("/api/v1/models/9/curves").status_code == 404


def test_addresses_by_name_lead_to_those_by_number(signed_in: FlaskClient) -> None:
    """Links of before are not broken, also of names with slashes."""
    for path, number in (("lightgbm_sql/2", 2), (f"{quote(HOSTILE)}/1", 3)):
        assert signed_in.get(f"/models/{path}").headers["Location"] == f"/models/{number}"


def test_a_name_with_slashes_has_an_address_in_the_api(signed_in: FlaskClient) -> None:
    """Also with two in a row."""
    path = f"/api/v1/models/{quote(HOSTILE, safe='')}/1"
    assert signed_in.get(path).get_json()["name"] == HOSTILE
    assert signed_in.get(f"{path}/curves").get_json()["items"]
    assert signed_in.get("/api/v1/models/nobody/1").status_code == 404


def test_what_is_not_there_is_a_page_that_says_so(signed_in: FlaskClient) -> None:
    """Unknown names, versions, numbers, plots and figures."""
    for path, status, said in (
        ("/models/find?name=nobody&version=1", 404, "no version 1 of a model named 'nobody'"),
        ("/models/nobody/1", 404, "no version 1 of a model named 'nobody'"),
        ("/models/lightgbm_sql/3", 404, "no version 3 of a model named 'lightgbm_sql'"),
        ("/models/9", 404, "no model with the number 9"),
        ("/models/lightgbm_sql/99999999999999", 404, "no page at this address"),
        ("/models/1/heart.svg", 404, "no plot 'heart'"),
        ("/models/compare", 404, "no model with the number ''"),
        ("/models/compare?a=1&b=99999999999", 404, "no model with the number '99999999999'"),
        ("/models/compare?a=1&b=2&metric=luck", 400, "figure 'luck' is not known"),
    ):
        answer = signed_in.get(path)
        assert (answer.status_code, said in unescape(answer.text)) == (status, True), answer.text


def test_nobody_sees_a_model_without_signing_in(client: FlaskClient) -> None:
    """Not the list, not a drawing."""
    for path in ("/models", "/models/1", "/models/1/roc.svg", "/models/compare?a=1&b=2"):
        answer = client.get(path)
        assert answer.status_code == 303
        assert "/sign-in" in answer.headers["Location"]
