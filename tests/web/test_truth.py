"""The truth stands behind a button: never beside a scan that is not scored, and never without a row of the audit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from lungdb_web.database import Database

from lungdb.errors import SqlError
from tests.support.web import Program, csrf_of, sign_in
from tests.web.looking import audit, query

Post = Callable[..., Any]
PAGE, TRUTH = "/patients/2", "/patients/2/truth"
BUTTON = "Show the truth"
LABEL = (
    "SELECT l.label FROM dbo.patients AS p INNER JOIN dbo.labels AS l ON l.patient_id = p.patient_id WHERE p.idx = 2;"
)
LOOKS = ("view_truth", "refused")


@pytest.fixture
def web_database(web_database: Path) -> Path:
    """Patient 2 is scored."""
    query(web_database, "EXECUTE dbo.PredictLungCancer @PatientIndex = 2;")
    return web_database


def looks(database: Path) -> list[tuple[Any, ...]]:
    """Read the looks at a truth, and what was refused."""
    return [row for row in audit(database, "account, action, patient_index, outcome, detail") if row[1] in LOOKS]


def words(database: Path) -> str:
    """Say what is known of patient 2."""
    [(label,)] = query(database, LABEL)
    return "<strong>Cancer</strong>" if label else "<strong>No cancer</strong>"


def test_the_truth_is_shown_when_the_button_is_pressed_and_that_is_recorded(
    app: Flask, post: Post, web_database: Path
) -> None:
    """The page has the button and not the truth; each press is a row of the audit, a view of the page is none."""
    tess = sign_in(app.test_client(), "tess")
    page = tess.get(PAGE).text
    assert BUTTON in page
    assert words(web_database) not in page
    assert looks(web_database) == []
    shown = post(tess, TRUTH)
    assert (shown.status_code, words(web_database) in shown.text) == (200, True)
    assert looks(web_database) == [("tess", "view_truth", 2, "ok", None)]
    assert words(web_database) not in tess.get(PAGE).text
    post(tess, TRUTH)
    assert len(looks(web_database)) == 2


def test_who_may_not_see_it_has_no_button_and_is_refused(reader: FlaskClient, post: Post, web_database: Path) -> None:
    """The refusal is recorded."""
    page = reader.get(PAGE).text
    assert BUTTON not in page
    assert "Truth" not in page
    answer = post(reader, TRUTH)
    assert (answer.status_code, words(web_database) in answer.text) == (403, False)
    detail = "POST /patients/<int:index>/truth: may not see the truth"
    assert looks(web_database) == [("rob", "refused", 2, "refused", detail)]


def test_it_never_stands_beside_a_scan_that_is_not_scored(
    signed_in: FlaskClient, post: Post, web_database: Path
) -> None:
    """No button, and a press without one is refused and recorded; once it is scored, both are there."""
    assert BUTTON not in signed_in.get("/patients/3").text
    answer = post(signed_in, "/patients/3/truth")
    assert (answer.status_code, "once the scan is scored" in answer.text) == (409, True)
    assert looks(web_database) == [("ana", "view_truth", 3, "refused", "the scan is not scored")]
    post(signed_in, "/patients/3/score")
    assert BUTTON in signed_in.get("/patients/3").text
    assert post(signed_in, "/patients/3/truth").status_code == 200


def test_an_address_shows_no_truth(signed_in: FlaskClient, web_database: Path) -> None:
    """A link is no press of the button; nor is a form of another site."""
    assert signed_in.get(TRUTH).status_code == 405
    assert signed_in.post(TRUTH).status_code == 403
    assert "view_truth" not in {row[1] for row in looks(web_database)}


def test_what_cannot_be_recorded_is_not_shown(signed_in: FlaskClient, post: Post, web_database: Path) -> None:
    """503, and nothing of the truth."""
    token = csrf_of(signed_in.get(PAGE).text)
    query(web_database, "DROP PROCEDURE dbo.RecordAudit;")
    answer = signed_in.post(TRUTH, data={"csrf_token": token})
    assert (answer.status_code, words(web_database) in answer.text) == (503, False)


def test_a_site_that_withholds_the_truth_shows_the_page_without_it(
    signed_in: FlaskClient, post: Post, web_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQL Server's refusal, error 229, is no failure of the page; another error is."""
    number, call = 229, Database.call

    def refusing(database: Database, sql: str, *arguments: Any) -> Any:
        if "ShowTruth" in sql:
            raise SqlError(number, "The EXECUTE permission was denied on the object 'ShowTruth'.")
        return call(database, sql, *arguments)

    monkeypatch.setattr(Database, "call", refusing)
    answer = post(signed_in, TRUTH)
    assert (answer.status_code, "Not shown by this site." in answer.text) == (200, True)
    assert "Not known" not in answer.text
    assert looks(web_database) == [("ana", "view_truth", 2, "refused", "withheld by the site")]
    told = signed_in.get("/api/v1/patients/2/truth")
    assert (told.status_code, "does not show" in told.get_json()["detail"]) == (403, True)
    number = 208
    assert post(signed_in, TRUTH).status_code == 500
    assert signed_in.get(PAGE).status_code == 200


def test_a_truth_that_is_not_known_is_not_made_up(signed_in: FlaskClient, post: Post, web_database: Path) -> None:
    """It says so, and so does the audit."""
    query(web_database, "DELETE FROM dbo.labels;")
    assert "Not known" in post(signed_in, TRUTH).text
    assert looks(web_database) == [("ana", "view_truth", 2, "ok", "not known")]


def test_a_class_above_1_is_told_by_its_number(signed_in: FlaskClient, post: Post, web_database: Path) -> None:
    """Where a site has more than two classes the page does not call all but the first of them cancer."""
    query(
        web_database,
        "UPDATE dbo.labels SET label = 3 WHERE patient_id = (SELECT patient_id FROM dbo.patients WHERE idx = 2);",
    )
    page = post(signed_in, TRUTH).text
    assert "<strong>Class 3</strong>" in page
    assert "Cancer</strong>" not in page


def test_the_api_tells_a_browser_no_truth_beside_an_unscored_scan(
    signed_in: FlaskClient, program: Program, post: Post, web_database: Path
) -> None:
    """As the page does not; a program with a token is told, and so is the browser once the scan is scored."""
    path = "/api/v1/patients/3/truth"
    assert signed_in.get(path).status_code == 409
    assert looks(web_database) == [("ana", "view_truth", 3, "refused", "the scan is not scored")]
    assert program("GET", path).status_code == 200
    post(signed_in, "/patients/3/score")
    assert signed_in.get(path).status_code == 200
