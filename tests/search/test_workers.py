"""Real worker processes: killed, interrupted, several at once."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from lungdb.database import run
from tests.support.searching import Site, Start, wait_until

# Some tenths of a second a trial, so that a worker can be met at work.
SLOW = (
    '{"learning_rate": {"low": 0.001, "high": 0.002, "log": true}, "max_iterations": [400], '
    '"early_stopping_rounds": [400]}'
)
TRIALS = 12


def _search(site: Site, trials: int = TRIALS) -> int:
    return site.search(f"@ModelName = N'best', @Trials = {trials}, @Space = N'{SLOW}'")


def _worker(start: Start, name: str, lease: int) -> Any:
    return start("sql", "-q", f"EXECUTE dbo.RunSearch @Worker = N'{name}', @LeaseSeconds = {lease};")


def _is_finished(site: Site, trials: int = TRIALS) -> None:
    """Every trial is done, and one model was trained."""
    assert site.states() == {"done": trials}
    assert site.rows("SELECT COUNT(*) FROM dbo.search_trials WHERE auc IS NULL;") == [(0,)]
    assert site.rows("SELECT name, version FROM dbo.classifiers;") == [("best", 1)]
    assert site.rows("SELECT state, classifier_id FROM dbo.searches;") == [("done", 1)]


def test_a_killed_workers_trials_are_taken_again_after_its_lease(site: Site, start: Start) -> None:
    """SIGKILL in the middle of a batch: not before the lease ends, then by another; nothing is lost or done twice."""
    _search(site)
    first = _worker(start, "first", 8)
    wait_until(lambda: site.states().get("done") and site.states().get("running"))
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    held = site.rows(
        "SELECT trial_id, lease_until FROM dbo.search_trials WHERE state = 'running' AND worker = N'first';"
    )
    finished = site.rows("SELECT trial_id, auc FROM dbo.search_trials WHERE state = 'done' ORDER BY trial_id;")
    assert held
    run(site.connection, "UPDATE dbo.search_trials SET lease_until = '9999-01-01' WHERE state = 'running';")
    second = _worker(start, "second", 60)
    wait_until(lambda: site.states() == {"done": TRIALS - len(held), "running": len(held)})
    assert second.poll() is None
    run(site.connection, "UPDATE dbo.search_trials SET lease_until = ? WHERE state = 'running';", (held[0][1],))
    assert second.wait(60) == 0
    _is_finished(site)
    taken = dict(site.rows("SELECT trial_id, attempts FROM dbo.search_trials;"))
    again = {trial for trial, _ in held}
    assert {trial for trial, attempts in taken.items() if attempts == 2} == again
    assert {trial for trial, attempts in taken.items() if attempts == 1} == set(taken) - again
    workers = site.rows("SELECT DISTINCT worker FROM dbo.search_trials WHERE attempts = 2;")
    assert workers == [("second",)]
    kept = dict(site.rows("SELECT trial_id, auc FROM dbo.search_trials;"))
    assert [(trial, kept[trial]) for trial, _ in finished] == finished


def test_workers_at_once_share_the_trials_and_train_once(site: Site, start: Start) -> None:
    """Three processes on one search: each trial is taken once, each worker has some, one model comes of it."""
    _search(site, 24)
    process = start("search", "--workers", "3", "--lease-seconds", "600")
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "24 of 24 trials" in output
    _is_finished(site, 24)
    assert site.rows("SELECT DISTINCT attempts FROM dbo.search_trials;") == [(1,)]
    shares = site.rows("SELECT worker, COUNT(*) FROM dbo.search_trials GROUP BY worker;")
    assert len(shares) == 3
    assert sum(count for _, count in shares) == 24


def test_the_command_makes_a_search_on_a_data_set_and_works_on_it(site: Site, start: Start) -> None:
    """Two processes see the same members, which the model was trained on."""
    run(site.connection, "EXECUTE dbo.CreateDataset @Name = N'few', @Query = N'SELECT scan_id FROM dbo.scans "
        "WHERE scan_id <= 70';")  # fmt: skip
    process = start("search", "--dataset", "few", "--model", "best", "--trials", "4", "--workers", "2")
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "4 trials on 2 kinds of features" in output
    _is_finished(site, 4)
    assert site.rows("SELECT dataset_version_id FROM dbo.experiments;") == [(1,)]
    assert site.rows("SELECT COUNT(*), MAX(scan_id) FROM dbo.experiment_patients;") == [(70, 70)]


@pytest.mark.slow
def test_workers_that_meet_at_the_end_of_each_rung_begin_the_next_once(site: Site, start: Start) -> None:
    """Halving with three processes: 9 trials, 3, 1; nothing twice."""
    site.search(f"@ModelName = N'best', @Trials = 9, @Halving = 3, @Space = N'{SLOW}'")
    process = start("search", "1", "--workers", "3", "--lease-seconds", "600")
    assert process.wait(120) == 0
    _is_finished(site, 13)
    assert site.rows("SELECT rung, COUNT(*) FROM dbo.search_trials GROUP BY rung ORDER BY rung;") == [
        (0, 9),
        (1, 3),
        (2, 1),
    ]


@pytest.mark.slow
def test_ctrl_c_frees_what_the_workers_hold_and_the_command_goes_on(site: Site, start: Start) -> None:
    """Exit status 130 without a traceback, no trial left with a worker, and a second call does the rest."""
    _search(site)
    process = start("search", "--workers", "2", "--lease-seconds", "600")
    wait_until(lambda: site.states().get("done") and site.states().get("running", 0) >= 2)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.startswith("Interrupted.")
    assert "Traceback" not in errors
    states = site.states()
    assert states.keys() == {"done", "queued"}
    assert start("search", "--workers", "2").wait(120) == 0
    _is_finished(site)
    assert site.rows("SELECT DISTINCT attempts FROM dbo.search_trials;") == [(1,)]


@pytest.mark.skipif(
    not Path("/proc/self/task").is_dir(), reason="the children of a process are read from Linux's /proc"
)
def test_the_other_worker_does_what_a_killed_one_held(site: Site, start: Start) -> None:
    """The command sees that a worker was killed and frees its trials long before the lease ends."""
    _search(site)
    process = start("search", "--workers", "2", "--lease-seconds", "600")
    wait_until(lambda: len(site.rows("SELECT DISTINCT worker FROM dbo.search_trials WHERE state = 'running';")) == 2)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    workers = [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
    assert len(workers) == 2
    os.kill(workers[1], signal.SIGKILL)
    assert process.wait(120) == 0
    _is_finished(site)
    attempts = [attempt for (attempt,) in site.rows("SELECT attempts FROM dbo.search_trials;")]
    assert set(attempts) == {1, 2}


@pytest.mark.skipif(
    not Path("/proc/self/task").is_dir(), reason="the children of a process are read from Linux's /proc"
)
def test_the_workers_of_a_killed_command_end_and_free_their_trials(site: Site, start: Start) -> None:
    """SIGKILL to `lungdb search` alone: no worker lives on, no trial stays with one, and the command goes on later."""
    _search(site)
    process = start("search", "--workers", "2", "--lease-seconds", "600")
    wait_until(lambda: len(site.rows("SELECT DISTINCT worker FROM dbo.search_trials WHERE state = 'running';")) == 2)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    workers = [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
    assert len(workers) == 2
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_until(lambda: not any(_is_alive(worker) for worker in workers))
    wait_until(lambda: not site.states().get("running"))
    assert site.rows("SELECT DISTINCT attempts FROM dbo.search_trials WHERE state = 'queued';") == [(0,)]
    assert start("search", "--workers", "2").wait(120) == 0
    _is_finished(site)


def _is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
