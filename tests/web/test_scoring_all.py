"""Scoring all that is not scored: in the background, in chunks, recorded, stopped and gone on with."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from lungdb_web import bulk as scoring
from lungdb_web.bulk import BulkScoring
from lungdb_web.queries import bulk as queries

from lungdb.errors import SqlError
from tests.support.fixtures import UNSCORED
from tests.web.looking import audit, query

Post = Callable[..., Any]
SECONDS = 120.0


@pytest.fixture
def bulk(app: Flask, monkeypatch: pytest.MonkeyPatch) -> BulkScoring:
    """The application's, in chunks of ten."""
    monkeypatch.setattr(scoring, "CHUNK", 10)
    found: BulkScoring = app.extensions["lungdb"].bulk
    return found


def _scored(database: Path) -> list[tuple[Any, ...]]:
    return query(
        database,
        "SELECT p.idx, r.predicted_by FROM dbo.predictions AS r INNER JOIN dbo.scans AS s ON s.scan_id = r.scan_id "
        "INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id ORDER BY r.prediction_id;",
    )


def _recorded(database: Path, action: str) -> list[int]:
    return [
        int(one)
        for account, found, outcome, detail in audit(database, "account, action, outcome, detail")
        if (account, found, outcome) == ("ana", action, "ok")
        for one in detail.removeprefix("patients: ").split(", ")
    ]


def test_stop_ends_it_after_a_chunk_and_the_next_press_scores_the_rest(
    bulk: BulkScoring, signed_in: FlaskClient, post: Post, web_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each once, by the account that asked, told to the audit before and after; the run log has both runs."""
    inside, go_on, asked = threading.Event(), threading.Event(), queries.score

    def slow(*arguments: Any) -> None:
        inside.set()
        assert go_on.wait(SECONDS)
        asked(*arguments)

    monkeypatch.setattr(queries, "score", slow)
    assert post(signed_in, "/scoring/start", q="").status_code == 303
    assert inside.wait(SECONDS)
    state = signed_in.get("/scoring/state.json").get_json()
    assert (state["status"], state["done"], state["total"]) == ("running", 0, UNSCORED)
    assert "Scoring: 0 of 36, 0 %" in signed_in.get("/").text
    assert post(signed_in, "/scoring/start").status_code == 303  # goes on as it is
    post(signed_in, "/scoring/stop")
    assert signed_in.get("/scoring/state.json").get_json()["status"] == "stopping"
    go_on.set()
    bulk.wait(SECONDS)
    state = signed_in.get("/scoring/state.json").get_json()
    assert (state["status"], state["done"], state["failed"]) == ("stopped", 10, 0)
    assert _scored(web_database) == [(index, "ana") for index in range(10)]
    assert "Go on scoring" in signed_in.get("/").text

    post(signed_in, "/scoring/start")
    bulk.wait(SECONDS)
    state = signed_in.get("/scoring/state.json").get_json()
    assert (state["status"], state["done"], state["total"], state["failed"]) == ("done", 26, 26, 0)
    assert _scored(web_database) == [(index, "ana") for index in range(UNSCORED)]
    assert _recorded(web_database, "ask_score") == _recorded(web_database, "score") == list(range(UNSCORED))
    runs = query(
        web_database,
        "SELECT status, run_by, done, scans FROM dbo.runs WHERE procedure_name = N'score-unscored' ORDER BY run_id;",
    )
    assert [tuple(run) for run in runs] == [("done", "ana", 10, 10), ("done", "ana", 26, 26)]


def test_an_error_ends_it_and_what_was_scored_stays(
    bulk: BulkScoring, signed_in: FlaskClient, post: Post, web_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list says what was wrong, the audit that it failed, the run log that it ended early."""
    asked = queries.score

    def failing(call: Any, installed: Any, model: str, indices: list[int]) -> None:
        if indices[0] >= 20:
            raise SqlError(50151, "Plain T-SQL is not known to score this model.")
        asked(call, installed, model, indices)

    monkeypatch.setattr(queries, "score", failing)
    post(signed_in, "/scoring/start")
    bulk.wait(SECONDS)
    page = signed_in.get("/").text
    assert "Ended early: 20 of 36" in page
    assert "Plain T-SQL is not known to score this model." in page
    assert len(_scored(web_database)) == 20
    failed = [row for row in audit(web_database, "action, outcome, detail") if row[1] == "failed"]
    assert failed == [("score", "failed", "patients: " + ", ".join(map(str, range(20, 30))))]
    assert query(web_database, "SELECT status FROM dbo.runs WHERE procedure_name = N'score-unscored';") == [("failed",)]


def test_of_a_chunk_that_failed_in_part_the_audit_has_both(
    bulk: BulkScoring, signed_in: FlaskClient, post: Post, web_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is scored is recorded as such, also where the next chunk comes after failures."""
    asked = queries.score

    def failing(call: Any, installed: Any, model: str, indices: list[int]) -> None:
        asked(call, installed, model, [index for index in indices if index % 9])
        if any(index % 9 == 0 for index in indices):
            raise SqlError(50120, "Some could not be scored.")

    monkeypatch.setattr(queries, "score", failing)
    post(signed_in, "/scoring/start")
    bulk.wait(SECONDS)
    assert (bulk.state().status, bulk.state().failed) == ("done", 4)
    assert _recorded(web_database, "score") == [index for index in range(UNSCORED) if index % 9]
    failed = [row for row in audit(web_database, "action, outcome, detail") if row[1] == "failed"]
    assert failed == [("score", "failed", f"patients: {some}") for some in ("0, 9", "18", "27")]


def test_no_patient_stands_in_what_every_account_may_read(
    bulk: BulkScoring, signed_in: FlaskClient, reader: FlaskClient, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How far it is is told to readers, too, without a row of the audit."""

    def failing(*arguments: Any) -> None:
        raise SqlError(50140, "2 patients have no features; their indices: 7, 9. Call GenerateFeatures.")

    monkeypatch.setattr(queries, "score", failing)
    post(signed_in, "/scoring/start")
    bulk.wait(SECONDS)
    message = reader.get("/scoring/state.json").get_json()["message"]
    assert message == "2 patients have no features; their indices: (not shown here). Call GenerateFeatures."


def test_a_reader_neither_begins_nor_stops_it(
    bulk: BulkScoring, reader: FlaskClient, post: Post, web_database: Path
) -> None:
    """The buttons are not there, and their addresses are refused."""
    assert "Score all unscored" not in reader.get("/").text
    for path in ("/scoring/start", "/scoring/stop"):
        assert post(reader, path).status_code == 403
    assert bulk.state().status == "idle"
    assert _scored(web_database) == []


def test_nothing_is_scored_that_cannot_be_recorded(
    bulk: BulkScoring, signed_in: FlaskClient, post: Post, web_database: Path
) -> None:
    """The audit is told first; where it cannot be, the run ends."""
    app = signed_in.application
    with app.app_context():
        bulk.start("ana", _installed(app), "lightgbm_sql", _refusing)
    bulk.wait(SECONDS)
    assert bulk.state().status == "failed"
    assert _scored(web_database) == []


def _refusing(action: str, patients: list[int], outcome: str) -> None:
    raise SqlError(208, f"Invalid object name: {action} {len(patients)} {outcome}.")


def _installed(app: Flask) -> Any:
    from lungdb_web.queries.installed import read_installed

    database = app.extensions["lungdb"].database

    def call(sql: str, *parameters: Any, lane: Any = "pages") -> Any:
        return database.call(sql, parameters, None, lane)

    return read_installed(call)
