"""What one worker makes of a search, against LightGBM and scikit-learn on the same patients."""

from __future__ import annotations

import json
import math
from typing import Any

import lightgbm
import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from lungdb.database import run
from lungdb.learning.drawing import draw_folds, draw_validation
from tests.support.databases import hash_vectors, rows
from tests.support.searching import Site

SEED = 11
FOLDS = 4
SPACE = '{"num_leaves": [3, 7], "learning_rate": {"low": 0.05, "high": 0.3, "log": true}, "max_iterations": [60]}'
ARGUMENTS = f"@ModelName = N'best', @Seed = {SEED}, @Folds = {FOLDS}, @Space = N'{SPACE}'"
TRIALS = (
    "SELECT trial_id, rung, candidate, pooling, parameters, auc, log_loss FROM dbo.search_trials "
    "WHERE state = 'done' ORDER BY trial_id;"
)


def _figures(site: Site, pooling: str, settings: dict[str, Any], trees: int) -> tuple[float, float]:
    """Cross-validate with LightGBM on the training patients in the order of their ids; AUC and log loss."""
    patients = site.rows(
        "SELECT l.label, f.vector FROM dbo.splits AS sp INNER JOIN dbo.labels AS l ON l.patient_id = sp.patient_id "
        "INNER JOIN dbo.scans AS s ON s.patient_id = sp.patient_id "
        "INNER JOIN dbo.pooled_features AS f ON f.scan_id = s.scan_id "
        "WHERE sp.part = 'train' AND f.pooling = ? ORDER BY sp.patient_id;",
        (pooling,),
    )
    labels = np.array([label for label, _ in patients])
    vectors = np.array([json.loads(vector) for _, vector in patients], dtype=np.float32)
    given = {"objective": "binary", "metric": "binary_logloss", "extra_trees": True, "feature_fraction": 0.5,
             "min_data_in_leaf": 10, "seed": SEED, "deterministic": True, "force_row_wise": True, "num_threads": 1,
             "verbosity": -1, **{name: settings[name] for name in ("num_leaves", "learning_rate")}}  # fmt: skip
    scores = np.empty(labels.size)
    folds = draw_folds(labels, FOLDS, SEED)
    for fold in range(FOLDS):
        learning, held_out = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        kept = draw_validation(labels[learning], 0.2, SEED + 1 + fold)
        train_set = lightgbm.Dataset(vectors[learning[~kept]], labels[learning[~kept]])
        stop_set = lightgbm.Dataset(vectors[learning[kept]], labels[learning[kept]], reference=train_set)
        stopping = lightgbm.early_stopping(50, verbose=False)
        booster = lightgbm.train(given, train_set, trees, valid_sets=[stop_set], callbacks=[stopping])
        scores[held_out] = booster.predict(vectors[held_out], num_iteration=booster.best_iteration)
    return float(roc_auc_score(labels, scores)), float(log_loss(labels, scores))


def test_every_trial_and_the_best_are_what_lightgbm_and_scikit_learn_find(site: Site) -> None:
    """AUC and log loss of each; the best by AUC, then log loss, is the model that is registered."""
    search = site.search(f"{ARGUMENTS}, @Trials = 8")
    run(site.connection, "EXECUTE dbo.RunSearch;")
    found = {}
    for trial, _, _, pooling, parameters, area, loss in site.rows(TRIALS):
        settings = json.loads(parameters)
        expected = _figures(site, pooling, settings, settings["max_iterations"])
        assert (area, loss) == pytest.approx(expected, abs=1e-9)
        found[trial] = (-expected[0], expected[1], pooling, settings)
    assert len(found) == 8
    assert len({pooling for _, _, pooling, _ in found.values()}) == 2
    best = min(found, key=lambda trial: found[trial][:2])
    [(state, stored, classifier)] = site.rows(
        "SELECT state, best_trial_id, classifier_id FROM dbo.searches WHERE search_id = ?;", (search,)
    )
    assert (state, stored) == ("done", best)
    [(name, version, pooling, text)] = site.rows(
        "SELECT c.name, c.version, c.pooling, e.parameters FROM dbo.classifiers AS c "
        "INNER JOIN dbo.experiments AS e ON e.classifier_id = c.classifier_id WHERE c.classifier_id = ?;",
        (classifier,),
    )
    assert (name, version, pooling) == ("best", 1, found[best][2])
    trained = json.loads(text)
    assert {name: trained[name] for name in found[best][3]} == found[best][3]
    assert (trained["seed"], trained["folds"]) == (SEED, FOLDS)


def test_the_trained_model_has_the_best_trial_as_its_cross_validation(site: Site) -> None:
    """Same folds, same raw scores: the experiment's out-of-fold scores give the trial's figures again."""
    site.search(f"{ARGUMENTS}, @Trials = 5, @Metric = N'log_loss'")
    run(site.connection, "EXECUTE dbo.RunSearch;")
    losses = [loss for *_, loss in site.rows(TRIALS)]
    scores = site.rows("SELECT label, raw FROM dbo.experiment_patients WHERE part = 'train' AND out_of_fold = 1;")
    labels, raw = zip(*scores, strict=True)
    assert min(losses) == pytest.approx(log_loss(labels, raw), abs=1e-9)


def test_successive_halving_tries_a_third_each_time_on_three_times_the_trees(site: Site) -> None:
    """20 trials on 60 / 9 trees, the best 7 on 20, the best 3 on 60."""
    site.search(f"{ARGUMENTS}, @Trials = 20, @Halving = 3")
    run(site.connection, "EXECUTE dbo.RunSearch;")
    by_rung: dict[int, dict[int, tuple[float, ...]]] = {0: {}, 1: {}, 2: {}}
    for place, (_, rung, candidate, pooling, parameters, area, loss) in enumerate(site.rows(TRIALS)):
        by_rung[rung][candidate] = (-area, loss, candidate)
        if place % 5 == 0 or rung == 2:
            trees = math.ceil(60 / 3 ** (2 - rung))
            assert (area, loss) == pytest.approx(_figures(site, pooling, json.loads(parameters), trees), abs=1e-9)
    assert [len(rung) for rung in by_rung.values()] == [20, 7, 3]
    for rung, kept in ((0, 7), (1, 3)):
        ranked = sorted(by_rung[rung], key=by_rung[rung].__getitem__)
        assert set(by_rung[rung + 1]) == set(ranked[:kept])
    [(planned, best)] = site.rows(
        "SELECT s.planned, t.candidate FROM dbo.searches AS s "
        "INNER JOIN dbo.search_trials AS t ON t.trial_id = s.best_trial_id;"
    )
    assert planned == 30
    assert best == min(by_rung[2], key=by_rung[2].__getitem__)


def test_a_grid_of_all_poolings_is_complete(site: Site) -> None:
    """Two poolings by four combinations, and with @Poolings one."""
    grid = "@Method = N'grid', @Space = N'{\"num_leaves\": [3, 7], \"learning_rate\": [0.1, 0.2]}'"
    site.search(f"@ModelName = N'best', {grid}")
    site.search(f"@ModelName = N'best', {grid}, @Poolings = N'max'")
    made = site.rows("SELECT search_id, pooling, parameters FROM dbo.search_trials;")
    combinations = {(leaves, rate) for leaves in (3, 7) for rate in (0.1, 0.2)}
    wanted = [(1, "max"), (1, "mean"), (2, "max")]
    for search, pooling in wanted:
        settings = [json.loads(text) for number, name, text in made if (number, name) == (search, pooling)]
        assert len(settings) == 4
        assert {(each["num_leaves"], each["learning_rate"]) for each in settings} == combinations
    assert len(made) == 12


def test_the_same_seed_gives_the_same_trials_and_figures(site: Site) -> None:
    """Two searches in one database."""
    site.search(f"{ARGUMENTS}, @Trials = 6")
    site.search(f"{ARGUMENTS}, @Trials = 6")
    run(site.connection, "EXECUTE dbo.RunSearch; EXECUTE dbo.RunSearch;")
    columns = "candidate, feature_set_id, pooling, parameters, auc, log_loss"
    first, second = (
        site.rows(f"SELECT {columns} FROM dbo.search_trials WHERE search_id = ? ORDER BY candidate;", (search,))
        for search in (1, 2)
    )
    assert len(first) == 6
    assert first == second
    models = site.rows("SELECT version, sha256 FROM dbo.classifiers ORDER BY version;")
    assert [version for version, _ in models] == [1, 2]
    assert models[0][1] == models[1][1]


def test_test_patients_have_no_part_in_a_search(site: Site) -> None:
    """With other labels and vectors of the test patients every trial has the same figures."""
    site.search(f"{ARGUMENTS}, @Trials = 4")
    site.search(f"{ARGUMENTS}, @Trials = 4")
    run(site.connection, "EXECUTE dbo.RunSearch @SearchId = 1;")
    run(
        site.connection,
        "UPDATE l SET l.label = 1 - l.label FROM dbo.labels AS l "
        "INNER JOIN dbo.splits AS sp ON sp.patient_id = l.patient_id WHERE sp.part = 'test';"
        "UPDATE f SET f.vector = N'[0,0,0,0,0,0,0,9]' FROM dbo.pooled_features AS f "
        "INNER JOIN dbo.scans AS s ON s.scan_id = f.scan_id "
        "INNER JOIN dbo.splits AS sp ON sp.patient_id = s.patient_id WHERE sp.part = 'test';",
    )
    hash_vectors(site.connection)
    run(site.connection, "EXECUTE dbo.RunSearch @SearchId = 2;")
    figures = [(area, loss) for *_, area, loss in site.rows(TRIALS)]
    assert len(figures) == 8
    assert figures[:4] == figures[4:]


def test_a_trial_that_cannot_be_trained_is_failed_and_the_others_go_on(site: Site) -> None:
    """Leaves of more patients than there are: its refusal stands in the row, and the best is one of the rest."""
    site.search(
        "@ModelName = N'best', @Method = N'grid', @Poolings = N'max', @Space = N'{\"min_data_in_leaf\": [5, 200]}'"
    )
    run(site.connection, "EXECUTE dbo.RunSearch;")
    found = site.rows("SELECT state, error, auc, JSON_VALUE(parameters, N'$.min_data_in_leaf') FROM dbo.search_trials;")
    by_leaf = {leaf: (state, error, area) for state, error, area, leaf in found}
    assert by_leaf["5"][:2] == ("done", None)
    assert by_leaf["200"][0] == "failed"
    assert "two leaves of 200" in by_leaf["200"][1]
    assert by_leaf["200"][2] is None
    assert site.rows("SELECT state FROM dbo.searches;") == [("done",)]


def test_the_best_of_several_algorithms_is_trained(site: Site) -> None:
    """Its settings reach TrainLungCancerModel, hidden layers too; of a forest none that it does not read."""
    space = '{"algorithm": ["random_forest", "network"], "max_iterations": [5], "hidden": [[4]], "num_leaves": [4]}'
    run(
        site.connection,
        "EXECUTE dbo.SearchModels @ModelName = N'best', @Method = N'grid', @Poolings = N'max', @Folds = 2, @Space = ?;",
        (space,),
    )
    run(site.connection, "EXECUTE dbo.RunSearch;")
    [(best, trained, library)] = rows(
        site.connection,
        "SELECT t.parameters, e.parameters, c.library FROM dbo.searches AS s "
        "INNER JOIN dbo.search_trials AS t ON t.trial_id = s.best_trial_id "
        "INNER JOIN dbo.classifiers AS c ON c.classifier_id = s.classifier_id "
        "INNER JOIN dbo.experiments AS e ON e.classifier_id = c.classifier_id;",
    )
    assert json.loads(best).items() <= json.loads(trained).items()
    assert library == {"random_forest": "lightgbm", "network": "network"}[json.loads(best)["algorithm"]]
