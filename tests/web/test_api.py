"""/api/v1 says what the procedures say, to programs with a token, in the forms that it documents."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from lungdb_web.services import Services
from lungdb_web.turns import Turns
from werkzeug.http import parse_options_header
from werkzeug.test import TestResponse

from lungdb.database import connect, run
from tests.support.databases import target_of
from tests.support.fixtures import ARCHIVED, PEOPLE, UNSCORED
from tests.support.web import Program, csrf_of

Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def ask(web_database: Path) -> Ask:
    """Give a function that calls a procedure as a DBA would, past the web, and returns the rows of its last result."""

    def execute(sql: str, *parameters: Any) -> list[dict[str, Any]]:
        with closing(connect(target_of(web_database))) as connection:
            return run(connection, sql, parameters)[-1].records()

    return execute


def problem(answer: TestResponse, status: int) -> dict[str, Any]:
    """Read a problem document, which has what RFC 9457 and this API promise."""
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    body: dict[str, Any] = answer.get_json()
    assert {"type", "title", "status", "detail", "instance"} <= body.keys()
    assert body["status"] == status
    assert body["instance"] == answer.request.path
    assert "Traceback" not in answer.text
    return body


def links(answer: TestResponse) -> dict[str, str]:
    """Read a Link header: relation to address."""
    parts = (part.split(">", 1) for part in answer.headers["Link"].split(", <"))
    return {parse_options_header("link" + rest)[1]["rel"]: address.lstrip("<") for address, rest in parts}


def test_a_patient_is_what_show_patient_says(program: Program, ask: Ask) -> None:
    """Patient and scan together hold every fact of the procedure's row, under the documented names."""
    (row,) = ask("EXECUTE dbo.ShowPatient @PatientIndex = 3;")
    patient = program("GET", "/api/v1/patients/3").get_json()
    scan = program("GET", "/api/v1/patients/3/scan").get_json()
    assert patient["index"] == row["patient_index"]
    for name in ("display_name", "sex", "birth_year", "part", "state", "failure"):
        assert patient[name] == row[name]
    for name in ("manufacturer", "slices", "spacing_z", "spacing_y", "spacing_x"):
        assert scan[name] == row[name]
    assert (scan["gantry_tilt"], scan["patient_orientation"]) == (row["gantry_tilt"], "LP")
    assert (scan["rows"], scan["columns"]) == (row["image_rows"], row["image_cols"])
    assert scan["study_date"] == row["study_date"].isoformat()
    assert scan["content_sha256"].upper() == row["content_sha256"].upper()


def test_following_next_from_the_first_page_meets_every_patient_once(program: Program) -> None:
    """The Link header alone leads through the list, and last is where it ends."""
    met = []
    answer = program("GET", "/api/v1/patients?page_size=7&sort=name&order=descending")
    last = links(answer)["last"]
    while True:
        page = answer.get_json()
        assert page["total"] == ARCHIVED
        met += [patient["index"] for patient in page["items"]]
        if "next" not in links(answer):
            break
        address = links(answer)["next"]
        answer = program("GET", address)
    assert sorted(met) == list(range(ARCHIVED))
    assert address == last
    assert "prev" in links(answer)


def test_the_list_is_the_procedures_list(program: Program, ask: Ask) -> None:
    """State, sort, order and page reach the procedure; its rows come back in its order."""
    program("POST", "/api/v1/patients/4/predictions")
    call = "EXECUTE dbo.ListPatients @State = N'not scored', @Sort = N'date', @Descending = 1, @Offset = 5, @Limit = 5"
    rows = ask(f"{call};")
    (counted,) = ask(f"DECLARE @Total INT; {call}, @Total = @Total OUTPUT; SELECT @Total AS total;")
    page = program("GET", "/api/v1/patients?state=not+scored&sort=date&order=descending&page=2&page_size=5").get_json()
    assert [patient["index"] for patient in page["items"]] == [row["patient_index"] for row in rows]
    assert len(rows) == 5
    assert page["total"] == counted["total"]
    scored = program("GET", "/api/v1/patients?state=scored").get_json()["items"]
    assert [(patient["index"], patient["state"]) for patient in scored] == [(4, "scored")]


def test_a_search_is_a_body_and_finds_parts_of_names(program: Program) -> None:
    """Names stay out of addresses; what is special in LIKE stands for itself."""
    found = program("POST", "/api/v1/patients/search", json={"text": "anthony", "sort": "name"}).get_json()
    assert [patient["display_name"] for patient in found["items"]] == ["Anthony Okafor", "Anthony Rossi"]
    assert found["total"] == 2
    percent = program("POST", "/api/v1/patients/search", json={"text": "0%"}).get_json()
    assert [patient["display_name"] for patient in percent["items"]] == ["100% Müller"]
    assert program("GET", "/api/v1/patients?text=anthony").status_code == 422


def test_a_score_by_the_api_is_the_percentage_of_predict_lung_cancer(program: Program, ask: Ask) -> None:
    """The probability of the new prediction is that that the procedure returns for the patient, over a hundred."""
    answer = program("POST", "/api/v1/patients/5/predictions", json={})
    assert answer.status_code == 201
    made = answer.get_json()
    (row,) = ask("EXECUTE dbo.PredictLungCancer @PatientIndex = 5;")
    assert made["probability"] == pytest.approx(row["prediction_percent"] / 100, rel=1e-12)
    assert made["predicted_by"] == "ana"
    assert made["predicted_at"].endswith("+00:00")
    explained = program("GET", answer.headers["Location"]).get_json()
    (meaning,) = ask("EXECUTE dbo.RankScore @PredictionId = ?;", made["id"])
    assert explained["probability"] == made["probability"]
    assert explained["higher_than"] == pytest.approx(meaning["higher_than"] / 100)
    for name in (
        "like_this",
        "like_this_with_cancer",
        "test_patients",
        "training_patients",
        "compared_patients",
        "training_prevalence",
        "test_auc",
        "model_name",
    ):
        assert explained[name] == meaning[name]


def test_the_newest_score_comes_first_and_the_list_shows_it(program: Program) -> None:
    """Two scores of a patient are listed newest first, as many as were asked for; the worklist has the newest."""
    ids = [program("POST", "/api/v1/patients/5/predictions").get_json()["id"] for _ in range(2)]
    listed = program("GET", "/api/v1/patients/5/predictions").get_json()["items"]
    assert [score["id"] for score in listed] == ids[::-1]
    assert len(program("GET", "/api/v1/patients/5/predictions?limit=1").get_json()["items"]) == 1
    older = program("GET", f"/api/v1/patients/5/predictions?before={ids[1]}").get_json()["items"]
    assert [score["id"] for score in older] == ids[:1]
    (row,) = program("GET", "/api/v1/patients?state=scored").get_json()["items"]
    assert (row["probability"], row["predicted_at"]) == (listed[0]["probability"], listed[0]["predicted_at"])


def test_similar_patients_are_those_of_the_procedure(program: Program, ask: Ask) -> None:
    """The same patients with the same cosines, in the same order."""
    rows = ask("EXECUTE dbo.SimilarPatients @PatientIndex = 2, @ModelName = N'lightgbm_sql', @Limit = 5;")
    found = program("GET", "/api/v1/patients/2/similar?limit=5").get_json()["items"]
    assert [(each["index"], each["similarity"]) for each in found] == [
        (row["patient_index"], row["similarity"]) for row in rows
    ]
    assert len(found) == 5


def test_the_truth_is_for_those_who_may_see_it(program: Program, ask: Ask) -> None:
    """ana and tess get the label of the table, rob a 403; views and the refusal are in the audit."""
    (row,) = ask("EXECUTE dbo.ShowTruth @PatientIndex = 1;")
    for name in ("ana", "tess"):
        assert program("GET", "/api/v1/patients/1/truth", name=name).get_json() == {
            "cancer": bool(row["label"]),
            "label": row["label"],
            "source": row["source"],
        }
    problem(program("GET", "/api/v1/patients/1/truth", name="rob"), 403)
    audit = ask("EXECUTE dbo.ReadAudit @PatientIndex = 1;")
    assert [(line["account"], line["action"], line["outcome"]) for line in reversed(audit)] == [
        ("ana", "view_truth", "ok"),
        ("tess", "view_truth", "ok"),
        ("rob", "refused", "refused"),
    ]


def test_reading_and_scoring_are_audited(program: Program, ask: Ask) -> None:
    """Each read of a patient and each score is a row with the account and the patient."""
    for method, path in (("GET", ""), ("GET", "/scan"), ("GET", "/predictions"), ("POST", "/predictions")):
        assert program(method, f"/api/v1/patients/6{path}").status_code < 300
    audit = ask("EXECUTE dbo.ReadAudit @PatientIndex = 6;")
    assert [line["action"] for line in reversed(audit)] == [
        "view_patient",
        "view_scan",
        "view_patient",
        "ask_score",
        "score",
    ]
    assert {line["account"] for line in audit} == {"ana"}


def test_a_reader_reads_and_does_not_score(program: Program, ask: Ask) -> None:
    """The role is that of the token's account: 403, and no prediction is stored."""
    assert program("GET", "/api/v1/patients/0", name="rob").status_code == 200
    refused = problem(program("POST", "/api/v1/patients/0/predictions", name="rob"), 403)
    assert "scorer" in refused["detail"]
    assert ask("EXECUTE dbo.ListScores @PatientIndex = 0;") == []


def test_a_session_scores_with_its_csrf_token_only(signed_in: FlaskClient) -> None:
    """A person's cookie may be sent by a forged page, so it needs the header; a bearer token needs none."""
    problem(signed_in.post("/api/v1/patients/0/predictions", json={}), 403)
    token = csrf_of(signed_in.get("/").text)
    answer = signed_in.post("/api/v1/patients/0/predictions", json={}, headers={"X-CSRF-Token": token})
    assert answer.status_code == 201


def test_nobody_gets_an_answer_without_a_token(client: FlaskClient) -> None:
    """Without one, and with a wrong one: 401 with a challenge, as a problem and never as the sign-in page."""
    for headers in ({}, {"Authorization": "Bearer lungdb_wrong"}, {"Authorization": "Basic YW5hOnBhc3N3b3Jk"}):
        answer = client.get("/api/v1/patients/0", headers=headers)
        problem(answer, 401)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["", "/scan", "/scan/volume", "/scan/slices/0", "/predictions", "/similar", "/truth"])
def test_an_unknown_patient_is_a_404_that_says_so(program: Program, path: str) -> None:
    """With the procedure's number and sentence; an index that is no INT is not found either."""
    body = problem(program("GET", f"/api/v1/patients/{ARCHIVED}{path}"), 404)
    assert body["number"] == 50107
    assert body["type"] == "/api/v1/docs#unknown-patient"
    assert f"index {ARCHIVED}" in body["detail"]
    problem(program("GET", f"/api/v1/patients/2147483648{path}"), 404)


def test_a_scan_without_features_is_a_conflict_that_names_the_remedy(program: Program, ask: Ask) -> None:
    """409 for scoring and for the similar patients, with GenerateFeatures in the detail; the audit has the attempt."""
    for method, path in (("POST", "predictions"), ("GET", "similar")):
        body = problem(program(method, f"/api/v1/patients/{UNSCORED}/{path}"), 409)
        assert body["number"] == 50109
        assert "GenerateFeatures" in body["detail"]
    (line,) = (line for line in ask("EXECUTE dbo.ReadAudit;") if line["action"] == "score")
    assert (line["patient_index"], line["outcome"], line["detail"]) == (UNSCORED, "failed", "error 50109")


def test_an_unknown_model_or_version_is_a_404(program: Program) -> None:
    """By the procedures for scores, by the views for models."""
    assert problem(program("POST", "/api/v1/patients/0/predictions", json={"model": "no'such"}), 404)["number"] == 50108
    assert problem(program("POST", "/api/v1/patients/0/predictions", json={"version": 7}), 404)["number"] == 50108
    for path in ("lightgbm_sql/7", "nope/1", "lightgbm_sql/7/curves"):
        problem(program("GET", f"/api/v1/models/{path}"), 404)


def test_refused_values_are_listed_with_their_places(program: Program) -> None:
    """422 names each parameter and member; text for a number, a truth for a number and unknown names are refused."""
    query = problem(program("GET", "/api/v1/patients?page_size=201&sort=age&nme=x"), 422)
    assert {error["pointer"] for error in query["errors"]} == {"/query/page_size", "/query/sort", "/query/nme"}
    for body, pointer in (
        ({"text": ""}, "/json/text"),
        ({}, "/json/text"),
        ({"text": "a", "page": "1"}, "/json/page"),
        ({"text": "a", "page": True}, "/json/page"),
        ({"text": "a", "page": 1.5}, "/json/page"),
        ({"text": "a" * 129}, "/json/text"),
        ([], "/json"),
    ):
        refused = problem(program("POST", "/api/v1/patients/search", json=body), 422)
        assert [error["pointer"] for error in refused["errors"]] == [pointer]


def test_errors_of_http_are_problems_too(program: Program) -> None:
    """No such address, method, form of body, size: each a problem document with the headers of its kind."""
    problem(program("GET", "/api"), 404)
    problem(program("GET", "/api/v1/nothing"), 404)
    assert "GET" in _allowed(program("DELETE", "/api/v1/patients"))
    assert _allowed(program("GET", "/api/v1/patients/search")) == {"POST", "OPTIONS"}
    search = "/api/v1/patients/search"
    problem(program("POST", search, data=b"text=ana", content_type="application/x-www-form-urlencoded"), 415)
    problem(program("POST", search, data=b"{", content_type="application/json"), 400)
    problem(program("POST", search, data=b'"' + b"a" * 100_000 + b'"', content_type="application/json"), 413)


def _allowed(answer: TestResponse) -> set[str]:
    problem(answer, 405)
    return set(answer.headers["Allow"].split(", "))


def test_a_full_queue_of_scores_is_429_with_retry_after(app: Flask, program: Program, ask: Ask) -> None:
    """While every place is taken a score is refused and none is stored; reading goes on."""
    services: Services = app.extensions["lungdb"]
    scoring = Turns(workers=1, waiting=0)
    app.extensions["lungdb"] = replace(services, scoring=scoring)
    with scoring.take():
        answer = program("POST", "/api/v1/patients/0/predictions")
        problem(answer, 429)
        assert int(answer.headers["Retry-After"]) > 0
        assert program("GET", "/api/v1/patients/0").status_code == 200
        assert ask("EXECUTE dbo.ListScores @PatientIndex = 0;") == []
    assert program("POST", "/api/v1/patients/0/predictions").status_code == 201


def test_a_database_that_goes_away_is_503_and_comes_back(program: Program, web_database: Path) -> None:
    """The file is moved away and back: a problem with Retry-After meanwhile, then answers without a restart."""
    assert program("GET", "/api/v1/models").status_code == 200
    away = web_database.with_suffix(".away")
    web_database.rename(away)
    answer = program("GET", "/api/v1/models")
    problem(answer, 503)
    assert int(answer.headers["Retry-After"]) > 0
    away.rename(web_database)
    assert program("GET", "/api/v1/models").status_code == 200


def test_names_are_those_that_were_loaded(program: Program) -> None:
    """Letters beyond ASCII survive the way from the file to the document."""
    listed = program("GET", f"/api/v1/patients?page_size={len(PEOPLE)}").get_json()["items"]
    assert [patient["display_name"] for patient in listed] == list(PEOPLE)
