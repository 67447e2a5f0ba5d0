"""How many scores are computed at a time and how many volumes are sent, and that nothing else waits for them."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from lungdb_web import passwords
from lungdb_web.database import READERS
from lungdb_web.pages import scans
from lungdb_web.services import Services
from lungdb_web.serving import THREADS
from lungdb_web.turns import TooBusy, Turns

from lungdb.database import connect, run
from tests.support.databases import target_of
from tests.support.fixtures import PASSWORD
from tests.support.web import Program, csrf_of, sign_in

EVENTUALLY = 60.0


def services_of(app: Flask) -> Services:
    """Find the parts of an application."""
    services = app.extensions["lungdb"]
    assert isinstance(services, Services)
    return services


def test_only_so_many_are_at_work_and_one_too_many_is_refused() -> None:
    """Of six, two are at work, three wait, and one is told to come later; the five come to their turn."""
    turns, go, refused, lock = Turns(workers=2, waiting=3), threading.Event(), threading.Event(), threading.Lock()
    at_work = most = done = refusals = 0

    def work() -> None:
        nonlocal at_work, most, done, refusals
        try:
            with turns.take():
                with lock:
                    at_work += 1
                    most = max(most, at_work)
                go.wait(EVENTUALLY)
                with lock:
                    at_work -= 1
                    done += 1
        except TooBusy:
            refusals += 1
            refused.set()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    assert refused.wait(EVENTUALLY)
    go.set()
    for thread in threads:
        thread.join()
    assert (most, done, refusals) == (2, 5, 1)


def test_a_place_is_free_again_after_an_error() -> None:
    """Else every failed score would take one for good."""
    turns = Turns(workers=1, waiting=0)
    for _ in range(3):
        with pytest.raises(ValueError, match="no"), turns.take():
            raise ValueError("no")


def test_who_waits_behind_something_stuck_is_told_so_and_leaves_the_queue() -> None:
    """Else a script that never ends would hold the threads of all who wait, for good."""
    turns = Turns(workers=1, waiting=1, wait=0.05)
    with turns.take():
        for _ in range(3):
            started = time.monotonic()
            with pytest.raises(TooBusy), turns.take():
                pass
            assert time.monotonic() - started >= 0.05  # it did wait, so its place was free again
    with turns.take():
        pass


def test_a_full_server_refuses_a_score_and_says_when_to_come_again(app: Flask, signed_in: FlaskClient) -> None:
    """The page says so in words, a script reads Retry-After; nothing is stored, and the worklist answers as ever."""
    token = csrf_of(signed_in.get("/").text)
    scoring = Turns(workers=1, waiting=0)
    app.extensions["lungdb"] = replace(services_of(app), scoring=scoring)
    with scoring.take():
        answer = signed_in.post("/patients/0/score", data={"csrf_token": token})
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 0
        assert "Try again" in answer.text
        assert signed_in.get("/").status_code == 200
    assert "Not scored yet" in signed_in.get("/patients/0").text


def test_who_looks_at_similar_patients_keeps_nobody_from_scoring(app: Flask, signed_in: FlaskClient) -> None:
    """While no more may be compared, Analyze works; while no more may be scored, comparing works."""
    token = csrf_of(signed_in.get("/").text)
    one = Turns(workers=1, waiting=0)
    services = services_of(app)
    app.extensions["lungdb"] = replace(services, comparing=one)
    with one.take():
        assert signed_in.get("/patients/0/similar").status_code == 429
        assert signed_in.post("/patients/0/score", data={"csrf_token": token}).status_code == 303
    app.extensions["lungdb"] = replace(services, scoring=one)
    with one.take():
        assert signed_in.post("/patients/0/score", data={"csrf_token": token}).status_code == 429
        assert signed_in.get("/patients/0/similar").status_code == 200


def test_a_score_does_not_wait_for_the_connections_of_those_who_read(
    app: Flask, signed_in: FlaskClient, program: Program
) -> None:
    """While all of them are in use, each way to ask for a score finds out who asks, tells the audit, and scores."""
    token = csrf_of(signed_in.get("/").text)
    with ExitStack() as readers:
        for _ in range(READERS):
            readers.enter_context(services_of(app).database._pools["pages"].connection(None))
        assert signed_in.post("/patients/0/score", data={"csrf_token": token}).status_code == 303
        assert program("GET", "/predict/0").status_code == 200
        assert program("POST", "/api/v1/patients/0/predictions", json={}).status_code == 201
    assert "Not scored yet" not in signed_in.get("/patients/0").text


def test_a_stored_score_that_is_not_found_again_is_no_failure_of_the_page(
    app: Flask, signed_in: FlaskClient, web_database: Path
) -> None:
    """As when a crowd has the patient scored at once: 503 with the advice to come again, not 500."""
    token = csrf_of(signed_in.get("/").text)
    with closing(connect(target_of(web_database))) as connection:
        sql = "SELECT definition FROM sys.sql_modules WHERE object_id = OBJECT_ID(N'dbo.ListScores');"
        definition = run(connection, sql)[0].scalar()
        run(connection, definition.replace("r.scan_id = @ScanId", "r.scan_id = -1"))
    assert signed_in.post("/patients/0/score", data={"csrf_token": token}).status_code == 503


def test_slow_readers_of_volumes_do_not_take_every_thread(
    app: Flask, signed_in: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A volume holds its place until it is sent or given up; one more is told to come later. 304 and HEAD hold none."""
    monkeypatch.setattr(scans, "VOLUMES", Turns(workers=1, waiting=0))
    volume = "/patients/0/volume.nii"
    tag = {"If-None-Match": signed_in.get(volume, buffered=True).headers["ETag"]}
    slow = signed_in.get(volume)
    assert slow.status_code == 200
    next(iter(slow.response))
    refused = signed_in.get(volume)
    assert (refused.status_code, int(refused.headers["Retry-After"]) > 0) == (429, True)
    assert signed_in.get(volume, headers=tag).status_code == 304
    assert signed_in.head(volume).status_code == 200
    assert signed_in.get("/patients/0").status_code == 200
    slow.close()
    for _ in range(2):
        assert signed_in.get(volume, buffered=True).status_code == 200


@pytest.mark.parametrize("path", ["scan/volume", "similar"])
def test_the_api_documents_and_gives_429_as_the_pages_do(
    app: Flask, program: Program, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """The same bounds hold for programs, which read in the description that they may meet them."""
    one = Turns(workers=1, waiting=0)
    monkeypatch.setattr(scans, "VOLUMES", one)
    app.extensions["lungdb"] = replace(services_of(app), comparing=one)
    with one.take():
        assert program("GET", f"/api/v1/patients/0/{path}").status_code == 429
    described = program("GET", "/api/v1/openapi.json").json
    assert described is not None
    (operation,) = (value["get"] for name, value in described["paths"].items() if name.endswith(f"}}/{path}"))
    assert "429" in operation["responses"]


def test_who_waits_for_animations_is_bounded(
    app: Flask, signed_in: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One too many is told to come later."""
    one = Turns(workers=1, waiting=0)
    monkeypatch.setattr(scans, "ANIMATIONS", one)
    with one.take():
        assert signed_in.get("/patients/0/animation").status_code == 429
    assert signed_in.get("/patients/0/animation").status_code == 200


def test_who_waits_to_sign_in_is_bounded(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are checked before anybody is known, so anybody could take every thread."""
    one = Turns(workers=1, waiting=0)
    monkeypatch.setattr(passwords, "TURNS", one)
    token = csrf_of(client.get("/sign-in").text)
    fields = {"name": "ana", "password": PASSWORD, "csrf_token": token}
    with one.take():
        answer = client.post("/sign-in", data=fields)
        assert (answer.status_code, int(answer.headers["Retry-After"]) > 0) == (429, True)
    assert client.post("/sign-in", data=fields).status_code == 303


def test_threads_are_left_when_all_that_takes_long_is_asked_for(app: Flask) -> None:
    """Each that works or waits holds a thread of the server."""
    services = services_of(app)
    bounds = (services.scoring, services.comparing, scans.VOLUMES, scans.ANIMATIONS, passwords.TURNS)
    assert THREADS - sum(turns.places for turns in bounds) >= READERS


def test_the_worklist_answers_while_scores_are_computed(app: Flask) -> None:
    """Twelve ask at once for scores that Python really computes: each gets one or a 429; pages go on."""
    clients = [sign_in(app.test_client(), "ana") for _ in range(12)]
    tokens = [csrf_of(client.get("/").text) for client in clients]
    reader, statuses = sign_in(app.test_client(), "rob"), []

    def score(number: int) -> None:
        answer = clients[number].post(f"/patients/{number}/score", data={"csrf_token": tokens[number]})
        statuses.append(answer.status_code)

    threads = [threading.Thread(target=score, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    pages = 0
    while any(thread.is_alive() for thread in threads):
        assert reader.get("/").status_code == 200
        pages += 1
    assert set(statuses) <= {303, 429}
    assert statuses.count(303) >= services_of(app).scoring.places
    assert pages > 1  # a page that waited for the scores would be the only one
