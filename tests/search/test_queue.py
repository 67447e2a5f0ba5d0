"""The queue's edges, step by step on one connection."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from lungdb.database import run
from lungdb.procedures import run_trials
from tests.support.databases import vectors_and_labels
from tests.support.searching import Site

QUICK = "@ModelName = N'best', @Space = N'{\"num_leaves\": [3, 4, 5, 6, 7, 8], \"max_iterations\": [10]}'"
TAKEN = (
    "CREATE TABLE #taken (trial_id INT NOT NULL, attempts INT NOT NULL, rung INT NOT NULL, "
    "feature_set_id INT NOT NULL, pooling NVARCHAR(32) NOT NULL, parameters NVARCHAR(MAX) NOT NULL);"
)


def _take(site: Site, worker: str, count: int, seconds: int = 600) -> list[int]:
    found = site.rows(
        f"{TAKEN} EXECUTE internal.TakeTrials 1, ?, ?, ?; "
        "SELECT trial_id FROM #taken ORDER BY trial_id; DROP TABLE #taken;",
        (worker, seconds, count),
    )
    return [trial for (trial,) in found]


def _row(site: Site, trial: int) -> tuple[Any, ...]:
    [row] = site.rows("SELECT state, worker, attempts FROM dbo.search_trials WHERE trial_id = ?;", (trial,))
    return row


def test_what_one_worker_holds_no_other_is_given(site: Site) -> None:
    """Batches of one feature matrix, with nothing in common, until nothing is free."""
    site.search(f"{QUICK}, @Trials = 12")
    batches = []
    while batch := _take(site, f"worker {len(batches)}", 5):
        batches.append(batch)
    taken = [trial for batch in batches for trial in batch]
    assert sorted(taken) == list(range(1, 13))
    for batch in batches:
        marks = ", ".join("?" * len(batch))
        assert site.rows(
            f"SELECT COUNT(DISTINCT pooling) FROM dbo.search_trials WHERE trial_id IN ({marks});", tuple(batch)
        ) == [(1,)]


def test_an_expired_lease_gives_a_trial_to_the_next_alone_and_the_third_time_fails_it(site: Site) -> None:
    """Fresh trials go first; one that a worker was ended with is taken by itself."""
    site.search(f"{QUICK}, @Trials = 6, @Poolings = N'max'")
    expire = "UPDATE dbo.search_trials SET lease_until = '2000-01-01' WHERE state = 'running';"
    assert _take(site, "a", 40) == [1, 2, 3, 4, 5]
    run(site.connection, expire)
    assert _take(site, "b", 40) == [6]
    assert _take(site, "c", 40) == [1]
    assert _row(site, 1) == ("running", "c", 2)
    run(site.connection, "UPDATE dbo.search_trials SET attempts = 3 WHERE trial_id = 1;" + expire)
    _take(site, "d", 40)
    assert _row(site, 1) == ("failed", "c", 3)
    [(error,)] = site.rows("SELECT error FROM dbo.search_trials WHERE trial_id = 1;")
    assert error.startswith("Three workers were ended")


def test_figures_that_come_after_the_trial_was_given_to_another_are_not_stored(site: Site) -> None:
    """The later owner's are; also when both workers have one name."""
    site.search(f"{QUICK}, @Trials = 2, @Poolings = N'max'")
    _take(site, "one name", 1)
    run(
        site.connection,
        "UPDATE dbo.search_trials SET lease_until = '2000-01-01', attempts = 2 WHERE state = 'running';",
    )
    store = (
        f"{TAKEN} CREATE TABLE #trial_figures (trial_id INT, error NVARCHAR(2000), auc FLOAT, log_loss FLOAT);"
        "INSERT INTO #taken VALUES (1, ?, 0, 1, N'max', N'{}'); INSERT INTO #trial_figures VALUES (1, N'', ?, 0.5);"
        "EXECUTE internal.StoreTrials 1, N'one name', 1, '2026-01-01', 0, 0, 1, 1; DROP TABLE #taken;"
        "DROP TABLE #trial_figures;"
    )
    run(site.connection, store, (1, 0.25))
    assert _row(site, 1) == ("running", "one name", 2)
    run(site.connection, store, (2, 0.75))
    assert _row(site, 1) == ("done", "one name", 2)
    assert site.rows("SELECT auc FROM dbo.search_trials WHERE trial_id = 1;") == [(0.75,)]


def test_a_worker_ended_after_training_leaves_no_second_model(site: Site) -> None:
    """Its search is still in the state training with a lease that ended: the next worker finds the model."""
    site.search(f"{QUICK}, @Trials = 3")
    run(site.connection, "EXECUTE dbo.RunSearch;")
    forget = "UPDATE dbo.searches SET state = 'training', classifier_id = NULL, lease_until = '2000-01-01';"
    run(site.connection, forget)
    run(site.connection, "EXECUTE dbo.RunSearch;")
    assert site.rows("SELECT state, classifier_id FROM dbo.searches;") == [("done", 1)]
    assert site.rows("SELECT name, version FROM dbo.classifiers;") == [("best", 1)]
    # Another model of that name, trained in between, is not taken for it.
    run(site.connection, forget)
    run(site.connection, "UPDATE dbo.experiments SET parameters = JSON_MODIFY(parameters, N'$.num_leaves', 1000);")
    run(site.connection, "EXECUTE dbo.RunSearch;")
    assert site.rows("SELECT state, classifier_id FROM dbo.searches;") == [("done", 2)]


def test_released_trials_are_free_at_once(site: Site) -> None:
    """Of the worker named alone; as if never taken, or as one attempt."""
    site.search(f"{QUICK}, @Trials = 6, @Poolings = N'max'")
    kept, released = _take(site, "kept", 1), _take(site, "released", 20)
    run(site.connection, "EXECUTE dbo.ReleaseTrials @SearchId = 1, @Worker = N'released';")
    assert {_row(site, trial) for trial in released} == {("queued", None, 0)}
    assert _row(site, kept[0]) == ("running", "kept", 1)
    run(site.connection, "EXECUTE dbo.ReleaseTrials @SearchId = 1, @Worker = N'kept', @IsAttempt = 1;")
    assert _row(site, kept[0]) == ("running", "kept", 1)
    taken = []
    while batch := _take(site, "other", 100):
        taken += batch
    assert sorted(taken) == [1, 2, 3, 4, 5, 6]
    assert {trial: _row(site, trial)[2] for trial in taken} == {trial: 1 + (trial in kept) for trial in taken}


def test_a_call_stops_beginning_trials_when_its_time_is_over_but_tries_one() -> None:
    """The rows are those of the trials begun, in the order given, whatever the order of the patients."""
    vectors, labels = vectors_and_labels(60, 5, signal=1.0, seed=2)
    patients = pd.DataFrame(
        {
            "patient_id": pd.Series([f"p{index:02}" for index in range(60)], dtype=object),
            "scan_id": np.arange(60, dtype=np.int32),
            "label": np.array(labels, dtype=np.int32),
            "vector": pd.Series(vectors, dtype=object),
        }
    )
    trials = json.dumps([{"trial_id": trial, "rung": 0, "parameters": {"max_iterations": 5}} for trial in (9, 4, 6)])
    whole, number, _ = run_trials(patients, trials, 3, 1, 1, 600.0)
    assert number == 0
    assert whole["trial_id"].tolist() == [9, 4, 6]
    short, _, _ = run_trials(patients.iloc[::-1], trials, 3, 1, 1, 0.0)
    pd.testing.assert_frame_equal(short, whole.iloc[:1])
