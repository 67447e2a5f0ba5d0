"""/metrics is read by Prometheus' own parser, and tells nothing of patients and accounts; the log neither."""

from __future__ import annotations

import io
import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from lungdb_web.background import Background, Say
from lungdb_web.logs import JsonFormatter
from lungdb_web.metrics import BUCKETS, Requests
from prometheus_client.parser import text_string_to_metric_families

from lungdb.cli.serve import main
from lungdb.config import Settings
from lungdb.errors import LungdbError, SqlError
from tests.support.fixtures import PEOPLE
from tests.support.web import MakeApp, give_token, sign_in
from tests.web.looking import query

LOOPBACK = {"REMOTE_ADDR": "127.0.0.1"}
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def _read(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _labels(**labels: str) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())


def test_it_is_off_unless_the_site_turns_it_on(signed_in: FlaskClient, client: FlaskClient) -> None:
    """404 for whoever is signed in, 401 for a stranger, as of any address."""
    assert signed_in.get("/metrics").status_code == 404
    assert client.application.test_client().get("/metrics").status_code == 401


def test_programs_of_this_machine_read_it_without_an_account_and_nobody_else(
    make_app: MakeApp, settings: Settings, web_database: Path
) -> None:
    """What came through a proxy is not from here, whatever address it comes from."""
    client = make_app(replace(settings, web_metrics="loopback")).test_client()
    assert client.get("/metrics", environ_base=LOOPBACK).status_code == 200
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "10.0.0.9"}).status_code == 401
    for header in ("X-Forwarded-For", "Forwarded", "Via"):
        assert client.get("/metrics", environ_base=LOOPBACK, headers={header: "10.0.0.9"}).status_code == 401
    token = {"Authorization": f"Bearer {give_token(web_database, 'rob')}"}
    far = client.get("/metrics", environ_base={"REMOTE_ADDR": "10.0.0.9"}, headers=token)
    assert far.status_code == 404


def test_an_account_reads_it_by_its_token(make_app: MakeApp, settings: Settings, web_database: Path) -> None:
    """Also behind a proxy of the same machine; no account is none."""
    client = make_app(replace(settings, web_metrics="token")).test_client()
    token = {"Authorization": f"Bearer {give_token(web_database, 'rob')}"}
    assert client.get("/metrics", headers=token).status_code == 200
    assert client.get("/metrics", environ_base=LOOPBACK).status_code == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"web_metrics": "yes"},
        {"web_metrics": "loopback", "web_scheme": "https", "web_hosts": "ct.clinic.example"},
        {"web_metrics": "loopback", "web_user_header": "X-User", "web_hosts": "ct.clinic.example"},
    ],
)
def test_settings_that_would_let_everybody_in_are_refused(
    make_app: MakeApp, settings: Settings, changes: dict[str, str]
) -> None:
    """A proxy on this machine asks for the whole world."""
    with pytest.raises(LungdbError, match="web_metrics"):
        make_app(replace(settings, **changes))


def test_what_it_says_is_what_was_asked_and_what_the_tables_hold(
    make_app: MakeApp, settings: Settings, web_database: Path
) -> None:
    """Requests by route, their durations in buckets that add up, scores by version; no name of anybody."""
    app = make_app(replace(settings, web_metrics="loopback"))
    client = sign_in(app.test_client(), "ana")
    for _ in range(3):
        client.get("/patients/0")
    client.get("/patients/99999")
    client.open("/patients/0", method="BREW")
    query(web_database, "EXECUTE dbo.PredictPatients @ModelName = N'lightgbm_sql', @SkipMissing = 1;")
    query(web_database, "INSERT INTO dbo.scan_failures (scan_id, message) VALUES (37, N'damaged');")
    answer = client.get("/metrics", environ_base=LOOPBACK)
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = _read(answer.text)
    route = "/patients/<int:index>"
    assert found["lungdb_requests_total", _labels(method="GET", route=route, status="200")] == 3
    assert found["lungdb_requests_total", _labels(method="GET", route=route, status="404")] == 1
    assert found["lungdb_requests_total", _labels(method="other", route="(no such page)", status="403")] == 1
    assert found["lungdb_request_seconds_count", _labels(route=route)] == 4
    assert found["lungdb_request_seconds_bucket", _labels(route=route, le="+Inf")] == 4
    assert found["lungdb_database_up", frozenset()] == 1
    assert found["lungdb_unreadable_scans", frozenset()] == 1
    stored = query(web_database, "SELECT COUNT(*) FROM dbo.score_list;")[0][0]
    assert stored > 0
    assert found["lungdb_scores", _labels(model="lightgbm_sql", version="1")] == stored
    assert found["lungdb_runs", _labels(procedure="TrainLungCancerModel", state="done")] == 1
    assert not any(name in answer.text for name in (*PEOPLE, "ana", "rob", "127.0.0.1"))


def test_it_answers_without_the_database(make_app: MakeApp, settings: Settings, web_database: Path) -> None:
    """What the process knows itself, and that the database does not answer."""
    client = make_app(replace(settings, web_metrics="loopback")).test_client()
    web_database.rename(web_database.with_name("away.db"))
    found = _read(client.get("/metrics", environ_base=LOOPBACK).text)
    assert found["lungdb_database_up", frozenset()] == 0
    assert not any(name == "lungdb_scores" for name, _ in found)


def test_buckets_hold_what_is_no_longer_than_their_ends() -> None:
    """An end belongs to its bucket; each holds those before it."""
    requests = Requests()
    for seconds in (0.005, 0.0051, 0.3, 61.0):
        requests.observe("GET", 'a "route" \\ of\nours', 200, seconds)
    found = _read("\n".join(requests.written()) + "\n")
    counts = {float(dict(labels)["le"]): value for (name, labels), value in found.items() if name.endswith("_bucket")}
    assert counts == {end: sum(one <= end for one in (0.005, 0.0051, 0.3, 61.0)) for end in (*BUCKETS, float("inf"))}
    (total,) = (value for (name, _), value in found.items() if name.endswith("_sum"))
    assert total == pytest.approx(61.3101)
    assert {dict(labels)["route"] for _, labels in found} == {'a "route" \\ of\nours'}


def test_a_line_of_the_log_is_json_without_who_asked(signed_in: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    """Time, level, method, route, status and duration; no address, no query, no account."""
    with caplog.at_level(logging.INFO, logger="lungdb_web.access"):
        signed_in.get("/patients/3?q=Anthony", environ_base={"REMOTE_ADDR": "10.1.2.3"})
        signed_in.get("/audit")
    lines = [JsonFormatter().format(record) for record in caplog.records if record.name == "lungdb_web.access"]
    said = [json.loads(line) for line in lines]
    assert [(one["method"], one["route"], one["status"], one["level"]) for one in said] == [
        ("GET", "/patients/<int:index>", 200, "info"),
        ("GET", "/audit", 403, "warning"),
    ]
    assert all(set(one) == {"time", "level", "logger", "method", "route", "status", "ms"} for one in said)
    assert not any(word in line for line in lines for word in ("Anthony", "10.1.2.3", "ana", "patients/3"))


def test_a_request_that_fails_is_logged_by_its_route(
    app: Flask, signed_in: FlaskClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With where it happened and what it followed, without the address or a text, which may say whose page it was."""

    def fail(index: int) -> str:
        try:
            raise ValueError(PEOPLE[0])
        except ValueError as error:
            raise ZeroDivisionError(PEOPLE[0]) from error

    monkeypatch.setitem(app.view_functions, "patient.show", fail)
    with caplog.at_level(logging.INFO):
        assert signed_in.get("/patients/3?q=Anthony").status_code == 500
    assert "GET /patients/<int:index> ended by ZeroDivisionError" in caplog.text
    assert "after ValueError" in caplog.text
    assert "test_metrics.py" in caplog.text
    assert not any(word in caplog.text for word in ("patients/3", "Anthony"))


@pytest.mark.parametrize(
    ("error", "shown", "logged"),
    [
        (SqlError(50140, "2 patients have no features; their indices: 7, 9."), "(not shown here)", "error 50140"),
        (LungdbError("There is no scan 12 of this patient."), "There is no scan (not shown here)", ""),
        (KeyError(PEOPLE[0]), "It could not go on.", "KeyError"),
    ],
)
def test_work_in_the_background_that_fails_names_nobody(
    caplog: pytest.LogCaptureFixture, error: Exception, shown: str, logged: str
) -> None:
    """Neither to those who watch it nor in the log, which says what kind of error it was and where."""
    background = Background()

    def fail(say: Say) -> None:
        raise error

    background.start("Training", "ana", fail)
    background.wait(60)
    assert background.job is not None
    assert background.job.state == "failed"
    assert shown in background.job.said
    assert logged in caplog.text
    assert not any(word in background.job.said + caplog.text for word in ("Anthony", "7, 9", "scan 12"))


def test_an_error_of_the_log_is_one_line_of_json() -> None:
    """With its exception, however many lines that has."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.Logger("lungdb_web")
    logger.addHandler(handler)
    try:
        raise ValueError("no\nnumber")
    except ValueError:
        logger.exception("It failed: %s", "twice")
    (line,) = stream.getvalue().splitlines()
    said = json.loads(line)
    assert (said["level"], said["message"]) == ("error", "It failed: twice")
    assert "ValueError: no\nnumber" in said["exception"]


@pytest.mark.parametrize(("name", "value"), [("WEB_LOG", "xml"), ("WEB_LOG_LEVEL", "loud"), ("WEB_METRICS", "on")])
def test_a_setting_that_is_not_known_stops_the_server(
    web_database: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    """With what is wrong and what may stand there."""
    monkeypatch.setenv(f"LUNGDB_{name}", value)
    assert main(["-d", f"sqlite:///{web_database}", "--port", "0"]) == 1
    assert f"The setting {name.lower()} is '{value}'" in capsys.readouterr().err
