"""Counting attempts: exact, bounded, and right with many threads."""

from __future__ import annotations

import threading
import time

from lungdb_web.passwords import hash_password, verify_password
from lungdb_web.rate_limit import MOST_KEYS, RateLimit


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_attempts_are_counted_from_the_first_on() -> None:
    """Three in ten seconds, then a wait until the ten are over, then three more."""
    clock = _Clock()
    limit = RateLimit(3, 10, clock)
    waits = []
    for second in range(14):
        clock.now = 100.0 + second
        waits.append(limit.attempt("ana"))
    assert waits == [0, 0, 0, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0, 7]


def test_refused_attempts_do_not_make_the_wait_longer() -> None:
    """Who hammers on is let in when the time is over, like anybody."""
    clock = _Clock()
    limit = RateLimit(1, 10, clock)
    limit.attempt("ana")
    clock.now += 9.99
    assert [limit.attempt("ana") for _ in range(100)] == [1] * 100
    clock.now += 0.01
    assert limit.attempt("ana") == 0


def test_a_key_that_is_forgotten_starts_again() -> None:
    """And no other does."""
    limit = RateLimit(1, 10)
    limit.attempt("ana")
    limit.attempt("rob")
    limit.forget("ana")
    limit.forget("nobody")
    assert limit.attempt("ana") == 0
    assert limit.attempt("rob") > 0


def test_an_attempt_that_is_taken_back_does_not_count() -> None:
    """As often as it was taken back, and never less than none."""
    limit = RateLimit(2, 10)
    limit.take_back("ana")
    for _ in range(50):
        assert limit.attempt("ana") == 0
        limit.take_back("ana")
    assert [limit.attempt("ana") for _ in range(2)] == [0, 0]
    assert limit.attempt("ana") > 0


def test_memory_is_bounded() -> None:
    """Of more keys than are kept, those used longest ago are forgotten."""
    limit = RateLimit(1, 1000)
    for number in range(MOST_KEYS + 10):
        limit.attempt(str(number))
    assert limit.attempt("10") > 0
    assert limit.attempt("9") == 0


def test_threads_do_not_get_more_attempts() -> None:
    """Twenty threads that try at once get exactly the hundred there are."""
    limit = RateLimit(100, 1000)
    allowed = []
    start = threading.Barrier(20)

    def hammer() -> None:
        start.wait()
        allowed.append(sum(limit.attempt("ana") == 0 for _ in range(50)))

    threads = [threading.Thread(target=hammer) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(allowed) == 100


def test_an_unknown_name_takes_as_long_as_a_wrong_password() -> None:
    """So the time of an answer does not tell which names there are; processor time, as this machine has other work."""
    stored = hash_password("correct horse battery staple")
    verify_password(None, "warm")

    def seconds(password_hash: str | None) -> float:
        times = []
        for _ in range(5):
            began = time.process_time()
            assert not verify_password(password_hash, "wrong password")
            times.append(time.process_time() - began)
        return min(times)

    known, unknown = seconds(stored), seconds(None)
    assert known > 0.01
    assert 0.5 < unknown / known < 2


def test_a_hash_that_is_none_is_a_wrong_password() -> None:
    """Whatever stands in the column."""
    for stored in ("", "x", "$argon2id$", "$argon2id$v=19$m=65536,t=3,p=4$AAAA$AAAA", "correct horse battery staple"):
        assert not verify_password(stored, "correct horse battery staple")
