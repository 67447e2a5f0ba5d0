"""A worker that crashes, hangs or takes too much memory costs the item that it was at, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing import forkserver
from multiprocessing.connection import wait
from pathlib import Path

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
        case "parent":
            return str(os.getppid())
        case "imported":
            return str("pydicom" in sys.modules)
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


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere each worker is started afresh")
def test_workers_are_forked_from_one_process_that_is_not_this_one(workers: Workers[RejectedError]) -> None:
    """It has imported for all of them, also for those that come after a crash."""
    parents = {str(parent) for _, parent in workers.map(act, ["parent"] * 4)}
    list(workers.map(act, ["crash", "crash"]))
    parents |= {str(parent) for _, parent in workers.map(act, ["parent"] * 4)}
    (parent,) = parents
    assert int(parent) != os.getpid()
    assert [found for _, found in workers.map(act, ["imported"])] == ["True"]


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
    # The process that other tests' workers are forked from runs already.
    monkeypatch.setattr(forkserver, "connect_to_new_process", forkserver.ForkServer().connect_to_new_process)
    with Workers(1, BOUNDS) as started, pytest.raises(LungdbError, match="could not be started"):
        list(started.map(act, ["a"]))


_UNREACHED = """
import sys
from multiprocessing.process import current_process
from os.path import basename
from shutil import rmtree
from lungdb.errors import LungdbError
from lungdb.isolation import Bounds, Workers

def work():
    with Workers(1, Bounds(20, 500, LungdbError, "json")) as workers:
        print([result for _, result in workers.map(basename, ["/x/a", "/x/b"])])

if sys.argv[1] == "removed":
    work()
    rmtree(current_process()._config["tempdir"])
work()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere each worker is started afresh")
@pytest.mark.parametrize("way", ["long", "removed"])
def test_workers_start_where_the_process_that_forks_them_cannot_be_reached(tmp_path: Path, way: str) -> None:
    """A socket's path has at most 107 characters, and cleaners remove what lies in the folder of temporary files."""
    folder = tmp_path / ("d" * 120)
    folder.mkdir()
    environment = {**os.environ, "TMPDIR": str(folder)} if way == "long" else None
    ran = subprocess.run(
        [sys.executable, "-c", _UNREACHED, way],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.stdout.splitlines() == ["['a', 'b']"] * (1 if way == "long" else 2), ran.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody else takes leave of a worker")
def test_the_number_of_a_worker_that_has_ended_is_not_signalled(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be another process's by then."""
    signalled = []
    with Workers(1, BOUNDS) as started:
        ((_, first),) = started.map(act, ["a"])
        pid = int(str(first).split()[-1])
        os.kill(pid, signal.SIGKILL)
        assert wait([started._workers[0]._process.sentinel], 20)
        monkeypatch.setattr(os, "kill", lambda pid, _signal: signalled.append(pid))
    assert signalled == []


_INTERRUPTED = """
import time
from lungdb.dicom.limits import Limits
from lungdb.dicom.processes import start_workers
try:
    with start_workers(1, Limits()) as workers:
        workers.begin()
        time.sleep(0.3)
        print("begun", flush=True)
        time.sleep(30)
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.skipif(os.name != "posix", reason="process groups are POSIX's")
def test_ctrl_c_while_workers_import_is_told_by_nobody_but_the_command() -> None:
    """A terminal sends it to every process of the group, also to those that are just starting."""
    command = [sys.executable, "-c", _INTERRUPTED]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as one:
        assert one.stdout is not None
        assert one.stdout.readline() == "begun\n"
        os.killpg(one.pid, signal.SIGINT)
        said, wrong = one.communicate(timeout=60)
    assert (said, wrong) == ("interrupted\n", "")
