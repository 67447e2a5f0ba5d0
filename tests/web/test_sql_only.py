"""The page over a database that install_sql_only.sql made: its whole job, and in words what only Python brings."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from lungdb_web.administration import add_account
from lungdb_web.passwords import hash_password
from lungdb_web.queries import installed as absences

from lungdb.cli.main import main
from lungdb.database import connect, run
from lungdb.errors import ErrorNumber
from tests.support.databases import copy_to, refused, target_of
from tests.support.fixtures import PASSWORD
from tests.support.once import Once
from tests.support.web import Program, csrf_of, sign_in
from tests.web.looking import audit, query

PATIENTS = "0,1,2,3,5,8"
NEWEST = "SELECT TOP (1) 100 * probability, predicted_by FROM dbo.predictions ORDER BY prediction_id DESC;"
PYTHON_SCORES = "EXECUTE dbo.PredictLungCancer @PatientIndex = 2;"
Post = Callable[..., Any]


@pytest.fixture(scope="session")
def web_database_file(once: Once, sql_only_file: Path, trained_file: Path) -> Path:
    """Two versions of a model and six patients, brought by `lungdb copy`; two of them named; ana and rob."""

    def make(folder: Path) -> Path:
        file = copy_to(folder, sql_only_file)
        target = target_of(file)
        copy = ["copy", "--from", target_of(trained_file), "--to", target, "--model", "lightgbm_sql"]
        for version in ("1", "2"):
            assert main([*copy, "--version", version, "--patients", PATIENTS]) == 0
        with closing(connect(target)) as connection:
            for index, name in ((2, "Mei Tanaka"), (5, "Pedro Álvarez")):
                run(connection, "UPDATE dbo.patients SET display_name = ? WHERE idx = ?;", (name, index))
            run(connection, "EXECUTE dbo.RefreshWorklist;")
            add_account(connection, "ana", hash_password(PASSWORD), "scorer", True)
            add_account(connection, "rob", hash_password(PASSWORD), "reader", False)
        return file

    return once("web_sql_only", make)


def text_of(client: FlaskClient, path: str) -> str:
    """Read a page that must be there, as a reader sees it."""
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.text)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def test_no_procedure_of_it_calls_an_external_script(web_database: Path) -> None:
    """Else the tests below would show nothing."""
    texts = query(web_database, "SELECT definition FROM sys.sql_modules;")
    assert len(texts) > 60
    assert not any("external_script" in text for (text,) in texts)


def test_the_worklist_is_read_and_searched(signed_in: FlaskClient, post: Post) -> None:
    """Every copied patient is listed; a name, and an index, find the one."""
    listed = signed_in.get("/")
    assert re.findall(r'href="/patients/(\d+)\?', listed.text) == PATIENTS.split(",")
    for wanted, index in (("tanaka", "2"), ("8", "8")):
        found = post(signed_in, "/search", q=wanted)
        assert re.findall(r'href="/patients/(\d+)\?', signed_in.get(found.headers["Location"]).text) == [index]
    assert re.findall(r'href="/patients/(\d+)\?', signed_in.get("/?state=scored").text) == []


def test_all_that_is_not_scored_is_scored_by_t_sql(
    app: Flask, signed_in: FlaskClient, post: Post, web_database: Path
) -> None:
    """By the button on the list, each by the newest version as PredictLungCancerSql scores him."""
    assert post(signed_in, "/scoring/start").status_code == 303
    app.extensions["lungdb"].bulk.wait(120.0)
    assert "Done: 6 of 6" in text_of(signed_in, "/")
    scores = dict(query(web_database, "SELECT idx, probability FROM dbo.worklist;"))
    for index in map(int, PATIENTS.split(",")):
        query(web_database, "EXECUTE dbo.PredictLungCancerSql @PatientIndex = ?;", index)
    assert scores == dict(query(web_database, "SELECT idx, probability FROM dbo.worklist;"))


def test_a_patient_is_shown_with_what_is_absent_in_words(signed_in: FlaskClient) -> None:
    """No picture, no link to similar scans, nothing that would be asked for in vain; scoring is offered."""
    page = signed_in.get("/patients/2")
    text = text_of(signed_in, "/patients/2")
    for sentence in (absences.NO_IMAGES, absences.NO_SIMILAR, absences.SCORED_IN_SQL):
        assert sentence in text
    assert "Mei Tanaka" in text
    assert "Not scored yet." in text
    for address in ("/similar", "/slices/", "/animation", "viewer.js", "scan.json"):
        assert address not in page.text
    assert "Analyze scan" in text


def test_a_scan_is_scored_as_plain_t_sql_scores_it(
    signed_in: FlaskClient, post: Post, web_database: Path, trained_file: Path, tmp_path: Path
) -> None:
    """The button gives what PredictLungCancerSql gives, in the name of who pressed it, and Python's score elsewhere."""
    answer = post(signed_in, "/patients/2/score")
    assert answer.status_code == 303
    [(stored, asker)] = query(web_database, NEWEST)
    found = re.search(r'<data id="probability" value="([^"]+)"', signed_in.get(answer.headers["Location"]).text)
    assert found is not None
    assert float(found[1]) == stored
    assert asker == "ana"
    (tmp_path / "elsewhere").mkdir()
    elsewhere_file = copy_to(tmp_path / "elsewhere", trained_file)
    [(elsewhere,)] = query(elsewhere_file, PYTHON_SCORES)
    assert stored == pytest.approx(elsewhere, abs=1e-4)
    assert "scored" in text_of(signed_in, "/?state=scored")
    assert absences.NOT_EXPLAINED_HERE in text_of(signed_in, "/patients/2")
    assert "Explain this score" not in text_of(signed_in, "/patients/2")
    # Said of the sentence and of the test AUC: a run is not copied.
    assert text_of(signed_in, "/patients/2").count("the training run of this model is not in this database") == 2
    page = post(signed_in, "/patient_prob", patient_index="tanaka")
    assert f"{stored:.2f}%" in page.text
    assert absences.NO_IMAGES in unescape(page.text)
    assert "/animation" not in page.text


def test_a_model_that_t_sql_cannot_score_is_refused_with_what_to_do(
    program: Program, signed_in: FlaskClient, post: Post, web_database: Path
) -> None:
    """409 with the procedure's sentence, for the page and for programs."""
    with closing(connect(target_of(web_database))) as connection:
        run(connection, "UPDATE dbo.model_checks SET max_difference = 0.1;")
    answer = post(signed_in, "/patients/2/score")
    assert (answer.status_code, "away from Python" in answer.text) == (409, True)
    problem = program("POST", "/api/v1/patients/2/predictions")
    assert (problem.status_code, problem.json["type"]) == (409, "/api/v1/docs#unusable-model")
    assert problem.json["number"] == ErrorNumber.NOT_CHECKED
    with closing(connect(target_of(web_database))) as connection:
        run(connection, "DELETE FROM dbo.pooled_features; UPDATE dbo.model_checks SET max_difference = 0;")
    problem = program("POST", "/api/v1/patients/2/predictions")
    assert (problem.status_code, problem.json["type"]) == (409, "/api/v1/docs#no-features")


def test_where_nothing_scores_the_page_says_so_and_has_no_button(
    signed_in: FlaskClient, post: Post, program: Program, web_database: Path
) -> None:
    """501, the sentence, and a failed row of the audit; installed again, the button is back without a restart."""
    [(made,)] = query(web_database, "SELECT OBJECT_DEFINITION(OBJECT_ID(N'dbo.PredictLungCancerSql'));")
    with closing(connect(target_of(web_database))) as connection:
        run(connection, "DROP PROCEDURE dbo.PredictLungCancerSql;")
    page = text_of(signed_in, "/patients/2")
    assert absences.NO_SCORES in page
    assert "Analyze scan" not in page
    answer = post(signed_in, "/patients/2/score")
    assert (answer.status_code, absences.NO_SCORES in unescape(answer.text)) == (501, True)
    problem = program("POST", "/api/v1/patients/2/predictions")
    assert (problem.status_code, problem.json["type"]) == (501, "/api/v1/docs#not-installed")
    assert ("ana", "score", 2, "failed") in audit(web_database)
    original = post(signed_in, "/patient_info", patient_index="2").text
    assert absences.NO_SCORES in unescape(original)
    assert "Analyze scan" not in original
    with closing(connect(target_of(web_database))) as connection:
        run(connection, made)
    assert "Analyze scan" in text_of(signed_in, "/patients/2")


def test_models_are_listed_and_shown_and_two_of_them_side_by_side(signed_in: FlaskClient) -> None:
    """The comparison is absent in words; no form asks for a figure to compare by."""
    listed = text_of(signed_in, "/models")
    assert absences.NO_COMPARISON in listed
    assert "Version 1" in listed
    assert "Version 2" in listed
    assert "LightGBM" in listed
    assert "lightgbm_sql, version 2" in text_of(signed_in, "/models/2")
    both = signed_in.get("/models/compare?a=1&b=2").text
    assert absences.NO_COMPARISON in unescape(both)
    assert "Side by side" in both
    assert 'name="metric"' not in both
    assert ">Compare<" not in both


def test_the_registry_and_lineage_work_and_the_page_shows_them(
    signed_in: FlaskClient, post: Post, web_database: Path
) -> None:
    """Promoted, refused without common patients, forced, rolled back; the champion scores; lineage says by what."""
    with closing(connect(target_of(web_database))) as connection:
        run(connection, "EXECUTE dbo.PromoteModel @Version = 1;")
        message = refused(connection, "EXECUTE dbo.PromoteModel @Version = 2;", ErrorNumber.NOT_COMPARABLE)
        assert "0 out-of-fold scores of training patients in common" in message
        assert "champion" in text_of(signed_in, "/models/1")
        post(signed_in, "/patients/3/score")
        run(connection, "EXECUTE dbo.PromoteModel @Version = 2, @Force = 1;")
        post(signed_in, "/patients/3/score")
        run(connection, "EXECUTE dbo.RollbackModel;")
    versions = "SELECT c.version FROM dbo.predictions AS p INNER JOIN dbo.classifiers AS c "
    scored_by = query(web_database, f"{versions} ON c.classifier_id = p.classifier_id ORDER BY p.prediction_id;")
    assert scored_by == [(1,), (2,)]
    assert "rolled back" in text_of(signed_in, "/models/2").lower()
    with closing(connect(target_of(web_database))) as connection:
        lineage = run(connection, "EXECUTE dbo.LineageOf @PredictionId = 2;")
    assert any("lightgbm_sql" in map(str, row) for result in lineage for row in result.rows)


def test_the_api_reads_scores_and_says_what_is_absent(program: Program) -> None:
    """Patients, scores and models as anywhere; similar patients 501, images 404, each of a kind that is described."""
    assert [row["index"] for row in program("GET", "/api/v1/patients").json["items"]] == [0, 1, 2, 3, 5, 8]
    assert program("GET", "/api/v1/patients/5").json["display_name"] == "Pedro Álvarez"
    made = program("POST", "/api/v1/patients/5/predictions")
    assert made.status_code == 201
    assert program("GET", made.headers["Location"]).json["model_version"] == 1
    assert program("GET", "/predict/5").json["prob"] == pytest.approx(100 * made.json["probability"])
    assert len(program("GET", "/api/v1/models").json["items"]) == 2
    assert program("GET", "/api/v1/models/lightgbm_sql/2").status_code == 200
    described = program("GET", "/api/v1/docs").text
    for path, status, kind, sentence in (
        ("/similar", 501, "not-installed", absences.NO_SIMILAR),
        ("/scan/volume", 404, "no-images", absences.NO_IMAGES),
    ):
        answer = program("GET", f"/api/v1/patients/5{path}")
        assert answer.mimetype == "application/problem+json"
        assert (answer.status_code, answer.json["type"]) == (status, f"/api/v1/docs#{kind}")
        assert answer.json["detail"] == sentence
        assert f'id="{kind}"' in described
    document = program("GET", "/api/v1/openapi.json").json["paths"]
    assert "501" in document["/api/v1/patients/{index}/similar"]["get"]["responses"]
    assert "501" in document["/api/v1/patients/{index}/predictions"]["post"]["responses"]


def test_who_asks_by_hand_for_what_is_absent_is_told_in_words(signed_in: FlaskClient) -> None:
    """An old bookmark of similar scans, the addresses of images: a page with the sentence, no error unforeseen."""
    for path, status, sentence in (
        ("/patients/2/similar", 501, absences.NO_SIMILAR),
        ("/patients/2/scan.json", 404, absences.NO_IMAGES),
        ("/patients/2/animation", 404, absences.NO_IMAGES),
    ):
        answer = signed_in.get(path)
        assert (answer.status_code, sentence in unescape(answer.text)) == (status, True), path
    assert signed_in.get("/patients/2/slices/0.png").status_code == 404


def test_the_audit_has_who_saw_and_who_scored(app: Flask, post: Post, web_database: Path) -> None:
    """As on every server; `lungdb accounts audit` reads it there too; a reader may not have scans scored."""
    ana, rob = sign_in(app.test_client(), "ana"), sign_in(app.test_client(), "rob")
    ana.get("/patients/1")
    post(ana, "/patients/1/score")
    token = csrf_of(rob.get("/").text)
    assert rob.post("/patients/1/score", data={"csrf_token": token}).status_code == 403
    rows = audit(web_database)
    for row in (("ana", "view_patient", 1, "ok"), ("ana", "score", 1, "ok"), ("rob", "refused", 1, "refused")):
        assert row in rows
    assert main(["accounts", "audit", "-d", target_of(web_database)]) == 0
