"""How many scores are computed at a time, and that nothing else waits for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.web.conftest import csrf_of, sign_in
from web.scoring import WAITING, WORKERS, ScoringPool, TooBusy
from web.services import Services

EVENTUALLY = 60.0


@contextmanager
def full(app: Flask) -> Iterator[None]:
    """Take every place of the application's pool, as so many requests do."""
    services = app.extensions["lungdb"]
    assert isinstance(services, Services)
    go, entered = threading.Event(), threading.Semaphore(0)

    def hold() -> None:
        with services.scoring.place():
            entered.release()
            go.wait(EVENTUALLY)

    threads = [threading.Thread(target=hold) for _ in range(WORKERS + WAITING)]
    for thread in threads:
        thread.start()
    for _ in range(WORKERS):
        assert entered.acquire(timeout=EVENTUALLY)
    try:
        yield
    finally:
        go.set()
        for thread in threads:
            thread.join()


def test_only_so_many_are_at_work_and_one_too_many_is_refused() -> None:
    """Of six, two are at work, three wait, and one is told to come later; the five come to their turn."""
    pool, go, refused, lock = ScoringPool(workers=2, waiting=3), threading.Event(), threading.Event(), threading.Lock()
    at_work = most = done = refusals = 0

    def work() -> None:
        nonlocal at_work, most, done, refusals
        try:
            with pool.place():
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
    pool = ScoringPool(workers=1, waiting=0)
    for _ in range(3):
        with pytest.raises(ValueError, match="no"), pool.place():
            raise ValueError("no")


def test_a_full_server_refuses_a_score_and_says_when_to_come_again(app: Flask, signed_in: FlaskClient) -> None:
    """The page says so in words, a script reads Retry-After; nothing is stored, and the worklist answers as ever."""
    token = csrf_of(signed_in.get("/").text)
    with full(app):
        answer = signed_in.post("/patients/0/score", data={"csrf_token": token})
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 0
        assert "Try again" in answer.text
        started = time.perf_counter()
        assert signed_in.get("/").status_code == 200
        assert time.perf_counter() - started < 2
    assert "Not scored yet" in signed_in.get("/patients/0").text


def test_the_worklist_answers_while_scores_are_computed(app: Flask) -> None:
    """Twelve ask at once for scores that Python really computes: each gets one or a 429, and readers notice nothing."""
    clients = [sign_in(app.test_client(), "ana") for _ in range(12)]
    tokens = [csrf_of(client.get("/").text) for client in clients]
    reader, statuses = sign_in(app.test_client(), "rob"), []

    def score(number: int) -> None:
        answer = clients[number].post(f"/patients/{number}/score", data={"csrf_token": tokens[number]})
        statuses.append(answer.status_code)

    threads = [threading.Thread(target=score, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    slowest = 0.0
    while any(thread.is_alive() for thread in threads):
        started = time.perf_counter()
        assert reader.get("/").status_code == 200
        slowest = max(slowest, time.perf_counter() - started)
    assert set(statuses) <= {303, 429}
    assert statuses.count(303) >= WORKERS + WAITING
    assert slowest < 2
