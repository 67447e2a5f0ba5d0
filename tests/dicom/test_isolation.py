"""A worker that crashes, hangs or takes too much memory costs the item that it was at, and nothing else."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from lungdb.dicom.rejection import RejectedError
from lungdb.errors import LungdbError
from lungdb.isolation import Bounds, Workers

MEGABYTES = 300
BOUNDS = Bounds(4, MEGABYTES, RejectedError, "lungdb.dicom.tasks")


def act(item: str) -> str:
    """Do in the worker what the item says."""
    match item:
        case "crash":
            os.abort()
        case "hang":
            time.sleep(60)
        case "grow":
            return str(len(bytearray(2 * MEGABYTES * 1_000_000)))
        case "reject":
            raise RejectedError("not_ct", "seen", "1.2.3")
    return f"{item} of {os.getpid()}"


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers[RejectedError]]:
    """Give two workers."""
    with Workers(2, BOUNDS) as started:
        yield started


def test_processes_that_are_not_admitted_yet_do_not_start() -> None:
    """One works, then both do."""
    with Workers(2, BOUNDS, at_first=1) as started:
        assert len({str(result).split()[-1] for _, result in started.map(act, "abcd")}) == 1
        started.admit(9)
        assert len({str(result).split()[-1] for _, result in started.map(act, "abcd")}) == 2


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("crash", "reader_crashed"),
        ("hang", "time_limit"),
        ("reject", "not_ct"),
        pytest.param(
            "grow", "memory_limit", marks=pytest.mark.skipif(sys.platform != "linux", reason="the limit is POSIX's")
        ),
    ],
)
def test_a_bad_item_is_rejected_and_the_others_are_done(workers: Workers[RejectedError], bad: str, reason: str) -> None:
    """Between good items, and the results are in order."""
    items = ["a", "b", bad, "c", bad, "d"]
    found = list(workers.map(act, items))
    assert [item for item, _ in found] == items
    for item, result in found:
        if item == bad:
            assert isinstance(result, RejectedError)
            assert result.reason == reason
        else:
            assert isinstance(result, str)
            assert result.startswith(item)
            assert str(os.getpid()) not in result.split()


def test_a_refusal_travels_whole(workers: Workers[RejectedError]) -> None:
    """With its detail and the series that lacks a slice."""
    ((_, error),) = workers.map(act, ["reject"])
    assert isinstance(error, RejectedError)
    assert (error.detail, error.series_uid) == ("seen", "1.2.3")


def test_items_are_drawn_only_a_few_ahead(workers: Workers[RejectedError]) -> None:
    """Of a million items a hundred are drawn when the first result is taken."""
    drawn = 0

    def items() -> Iterator[str]:
        nonlocal drawn
        for number in range(1_000_000):
            drawn += 1
            yield str(number)

    results = workers.map(act, items())
    next(results)
    assert drawn < 100
    assert not hasattr(results, "__len__")


def test_leaving_the_block_ends_a_hanging_worker() -> None:
    """An interrupt must not wait for a decoder."""
    with Workers(1, replace(BOUNDS, seconds=60)) as started:
        results = started.map(act, (item for item in [*["a"] * 64, "hang"]))
        ((_, first),) = [next(results)]
        assert isinstance(first, str)
        pid = int(first.split()[-1])
        began = time.monotonic()
    assert time.monotonic() - began < 20
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.skipif(os.name != "posix", reason="/bin/false is POSIX's")
def test_a_worker_that_cannot_start_is_an_error_and_no_rejection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise every file of the folder would be refused for it."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    monkeypatch.setattr("multiprocessing.spawn._python_exe", b"/bin/false")
    with Workers(1, BOUNDS) as started, pytest.raises(LungdbError, match="could not be started"):
        list(started.map(act, ["a"]))
