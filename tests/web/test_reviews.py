"""Reviews on the page: who may give and see them, and the file of a reader study."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from lungdb_web.database import Database

from lungdb.errors import SqlError
from tests.support.web import sign_in
from tests.web.looking import audit, query

Post = Callable[..., Any]


def _lines(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))


def test_a_reader_reviews_a_scan_beside_its_score(
    signed_in: FlaskClient, reader: FlaskClient, post: Post, web_database: Path
) -> None:
    """Who, what, beside which score; the note is text, and stands in neither audit nor address."""
    post(signed_in, "/patients/3/score")
    score = query(web_database, "SELECT prediction_id FROM dbo.predictions;")[0][0]
    note = "<b>nodule</b> of Mr Brennan\r\n2nd line"
    answer = post(reader, "/patients/3/review", suspicion="4", note=note, prediction_id=str(score))
    assert answer.status_code == 303
    assert "Brennan" not in answer.headers["Location"]
    stored = query(web_database, "SELECT account, suspicion, note, prediction_id FROM dbo.reviews;")
    assert [tuple(row) for row in stored] == [("rob", 4, "<b>nodule</b> of Mr Brennan\n2nd line", score)]
    page = reader.get("/patients/3").text
    assert "Probably cancer" in page
    assert "&lt;b&gt;nodule&lt;/b&gt;" in page
    assert audit(web_database)[-2:] == [("rob", "review", 3, "ok"), ("rob", "view_patient", 3, "ok")]
    assert not any("Brennan" in str(row) for row in audit(web_database, "detail"))
    assert "You: 4 of 5" in reader.get("/").text


def test_what_others_found_is_shown_after_ones_own(signed_in: FlaskClient, reader: FlaskClient, post: Post) -> None:
    """A reader of a study must not be led by the first; his own second reading stands above his first."""
    post(reader, "/patients/3/review", suspicion="5", note="spiculated")
    before = signed_in.get("/patients/3").text
    assert "spiculated" not in before
    assert "Others have reviewed this scan" in before
    post(signed_in, "/patients/3/review", suspicion="2", note="first reading")
    post(signed_in, "/patients/3/review", suspicion="1", note="second reading")
    page = signed_in.get("/patients/3").text
    assert page.index("second reading") < page.index("first reading") < page.index("spiculated")
    listed = signed_in.get("/?unread=1").text
    assert 'href="/patients/3?' not in listed
    assert 'href="/patients/2?' in listed


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 400), ({"suspicion": "6"}, 400), ({"suspicion": "x"}, 400), ({"suspicion": "3", "note": "x" * 2001}, 400),
        ({"suspicion": "3", "note": "\U0001fac1" * 1000}, 303), ({"suspicion": "3", "prediction_id": "999"}, 404),
        ({"suspicion": "3", "prediction_id": "x"}, 303), ({"suspicion": "3", "note": "\0\ud800"}, 303),
    ],
)  # fmt: skip
def test_what_is_no_review_is_refused_in_a_sentence(
    signed_in: FlaskClient, post: Post, web_database: Path, fields: dict[str, str], status: int
) -> None:
    """And nothing is stored."""
    if "\ud800" in fields.get("note", ""):
        fields = {**fields, "note": "\0"}
    answer = post(signed_in, "/patients/3/review", **fields)
    assert answer.status_code == status
    assert len(query(web_database, "SELECT review_id FROM dbo.reviews;")) == (status == 303)
    assert post(signed_in, "/patients/999/review", suspicion="3").status_code == 404


def test_the_file_of_a_reader_study_has_the_newest_of_each_and_the_truth_for_whom_may_see_it(
    app: Flask, signed_in: FlaskClient, reader: FlaskClient, post: Post, web_database: Path
) -> None:
    """An administrator's; compared with plain queries of the tables; every case is recorded."""
    post(signed_in, "/patients/3/score")
    for client, index, suspicion, note in (
        (reader, 3, "2", "=cmd"), (reader, 3, "4", "=cmd"), (signed_in, 3, "5", ""), (signed_in, 7, "1", ""),
    ):  # fmt: skip
        post(client, f"/patients/{index}/review", suspicion=suspicion, note=note)
    assert signed_in.get("/reviews.csv").status_code == 403
    query(web_database, "UPDATE dbo.accounts SET role = 'administrator' WHERE name IN (N'ana', N'tess');")
    query(web_database, "UPDATE dbo.accounts SET sees_truth = 0 WHERE name = N'tess';")
    lines = _lines(signed_in.get("/reviews.csv"))
    assert [(one["reader"], one["case"], one["suspicion"], one["note"]) for one in lines] == [
        ("ana", "7", "1", ""), ("ana", "3", "5", ""), ("rob", "3", "4", "'=cmd"),
    ]  # fmt: skip
    truth = dict(
        query(
            web_database,
            "SELECT p.idx, l.label FROM dbo.labels AS l INNER JOIN dbo.patients AS p ON p.patient_id = l.patient_id;",
        )
    )
    assert [int(one["truth"]) for one in lines] == [truth[7], truth[3], truth[3]]
    told = [row for row in audit(web_database, "account, action, detail") if row[1] in ("view_list", "view_truth")][-2:]
    assert told == [("ana", "view_list", "patients: 3, 7"), ("ana", "view_truth", "patients: 3, 7")]
    blind = _lines(sign_in(app.test_client(), "tess").get("/reviews.csv"))
    assert [one["case"] for one in blind] == ["7", "3", "3"]
    assert not any("truth" in name for name in blind[0])


def test_without_the_right_to_review_the_patient_is_still_shown(
    signed_in: FlaskClient, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQL Server's error 229: a sentence stands where the form would."""
    asked = Database.call

    def refusing(database: Database, sql: str, *arguments: Any) -> Any:
        if "Review" in sql and "EXECUTE dbo." in sql:
            raise SqlError(229, "The EXECUTE permission was denied.")
        return asked(database, sql, *arguments)

    monkeypatch.setattr(Database, "call", refusing)
    page = signed_in.get("/patients/3")
    assert page.status_code == 200
    assert "Scans cannot be reviewed on this server" in page.text
    assert post(signed_in, "/patients/3/review", suspicion="3").status_code == 501
