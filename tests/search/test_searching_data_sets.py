"""Searches over the members of a data set, and among features that are combined."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import log_loss, roc_auc_score

from lungdb.database import Connection, connect, run
from lungdb.errors import SqlError
from tests.datasets.conftest import fill_visits
from tests.support.databases import copy_to, refused, rows, said, target_of
from tests.support.fixtures import MakeDatabase

ALL = "EXECUTE dbo.CreateDataset @Name = N'all', @Query = N'SELECT scan_id FROM dbo.scans';"
QUICK = "@ModelName = N'best', @Space = N'{\"num_leaves\": [3, 4, 5, 6], \"max_iterations\": [10]}'"


@pytest.fixture(scope="module")
def searched_visits_file(make_database: MakeDatabase) -> Path:
    """Sixty patients with three scans each, two poolings and columns."""
    return make_database("searched visits", fill_visits)


@pytest.fixture
def visits(searched_visits_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a copy of it."""
    with closing(connect(target_of(copy_to(tmp_path, searched_visits_file)))) as connection:
        yield connection


def _tried(connection: Connection) -> list[tuple[Any, ...]]:
    return rows(
        connection,
        "SELECT DISTINCT f.layer, t.pooling FROM dbo.search_trials AS t "
        "INNER JOIN dbo.feature_sets AS f ON f.feature_set_id = t.feature_set_id ORDER BY f.layer, t.pooling;",
    )


def test_a_search_on_a_data_set_measures_and_trains_on_its_members(visits: Connection) -> None:
    """The best trial's figures are those of the model's own folds, by scikit-learn, a patient's scans together."""
    run(visits, ALL)
    run(visits, f"EXECUTE dbo.SearchModels @Dataset = N'all', {QUICK}, @Trials = 4, @Folds = 4;")
    run(visits, "EXECUTE dbo.RunSearch;")
    [(area, loss, version, horizon)] = rows(
        visits,
        "SELECT t.auc, t.log_loss, e.dataset_version_id, e.horizon_days FROM dbo.searches AS s "
        "INNER JOIN dbo.search_trials AS t ON t.trial_id = s.best_trial_id "
        "INNER JOIN dbo.experiments AS e ON e.classifier_id = s.classifier_id;",
    )
    assert (version, horizon) == (1, None)
    scored = rows(
        visits,
        "SELECT label, raw, patient_id, fold, scan_id FROM dbo.experiment_patients WHERE part = 'train' "
        "ORDER BY scan_id;",
    )
    labels, raw = [row[0] for row in scored], [row[1] for row in scored]
    assert area == pytest.approx(roc_auc_score(labels, raw), abs=1e-9)
    assert loss == pytest.approx(log_loss(labels, raw), abs=1e-9)
    assert len({row[2] for row in scored}) * 3 == len(scored)
    assert len({row[2:4] for row in scored}) * 3 == len(scored)
    [repeated] = rows(visits, "EXECUTE dbo.RepeatExperiment @ModelName = N'best';")
    assert repeated[3] == repeated[4]


def test_a_search_keeps_the_version_of_its_data_set(visits: Connection) -> None:
    """Made anew with other members while it runs, the set changes no figure; without them it would."""
    run(visits, ALL)
    for _ in range(2):
        run(visits, f"EXECUTE dbo.SearchModels @Dataset = N'all', {QUICK}, @Trials = 3;")
    run(visits, "EXECUTE dbo.RunSearch @SearchId = 1;")
    run(
        visits,
        "EXECUTE dbo.CreateDataset @Name = N'all', @Query = N'SELECT scan_id FROM dbo.scans WHERE is_primary = 1';",
    )
    run(visits, "EXECUTE dbo.RunSearch @SearchId = 2;")
    run(visits, f"EXECUTE dbo.SearchModels @Dataset = N'all', {QUICK}, @Trials = 3; EXECUTE dbo.RunSearch;")
    figures = [
        rows(visits, "SELECT candidate, auc, log_loss FROM dbo.search_trials WHERE search_id = ?;", (search,))
        for search in (1, 2, 3)
    ]
    assert figures[0] == figures[1]
    assert figures[0] != figures[2]
    assert rows(visits, "SELECT dataset_version_id FROM dbo.searches ORDER BY search_id;") == [(1,), (1,), (2,)]
    assert rows(visits, "SELECT dataset_version_id FROM dbo.experiments ORDER BY experiment_id;") == [(1,), (1,), (2,)]
    hashes = [sha256 for (sha256,) in rows(visits, "SELECT sha256 FROM dbo.classifiers ORDER BY version;")]
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_search_by_horizon_learns_the_labels_of_scans(visits: Connection) -> None:
    """Of the set's scans with one; a patient may have both labels."""
    run(visits, ALL)
    run(visits, "UPDATE dbo.scan_labels SET label = 0 WHERE scan_id <= 60;")
    run(visits, f"EXECUTE dbo.SearchModels @Dataset = N'all', @Horizon = 365, {QUICK}, @Trials = 3;")
    run(visits, "EXECUTE dbo.RunSearch;")
    assert rows(visits, "SELECT dataset_version_id, horizon_days FROM dbo.experiments;") == [(1, 365)]
    found = rows(visits, "SELECT scan_id, label FROM dbo.experiment_patients ORDER BY scan_id;")
    assert found == rows(visits, "SELECT scan_id, label FROM dbo.scan_labels ORDER BY scan_id;")
    [(area,)] = rows(
        visits,
        "SELECT t.auc FROM dbo.searches AS s INNER JOIN dbo.search_trials AS t ON t.trial_id = s.best_trial_id;",
    )
    scored = rows(visits, "SELECT label, raw FROM dbo.experiment_patients WHERE part = 'train';")
    assert area == pytest.approx(roc_auc_score(*zip(*scored, strict=True)), abs=1e-9)


def test_patients_who_all_fall_ill_later_can_be_searched_by_horizon(visits: Connection) -> None:
    """Every patient has an earlier scan of label 0 and a later one of label 1, as training allows too."""
    run(visits, ALL)
    run(visits, "UPDATE dbo.scan_labels SET label = CASE WHEN scan_id <= 60 THEN 0 ELSE 1 END;")
    run(visits, f"EXECUTE dbo.SearchModels @Dataset = N'all', @Horizon = 365, {QUICK}, @Trials = 2;")
    run(visits, "EXECUTE dbo.RunSearch;")
    assert rows(visits, "SELECT state FROM dbo.searches;") == [("done",)]


def test_labels_of_more_classes_are_searched_by_what_is_positive(visits: Connection) -> None:
    """The figures are those of the labels 0 and 1, and the model records from which class on."""
    run(visits, f"EXECUTE dbo.SearchModels {QUICK}, @Trials = 3; EXECUTE dbo.RunSearch;")
    run(visits, "UPDATE dbo.labels SET label = CASE label WHEN 1 THEN 4 ELSE 2 END;")
    message = refused(visits, f"EXECUTE dbo.SearchModels {QUICK}, @Trials = 3;", 50276)
    assert "@PositiveFrom = 2" in message
    run(visits, f"EXECUTE dbo.SearchModels {QUICK}, @Trials = 3, @PositiveFrom = 3; EXECUTE dbo.RunSearch;")
    first, second = (
        rows(visits, "SELECT auc, log_loss FROM dbo.search_trials WHERE search_id = ? ORDER BY candidate;", (search,))
        for search in (1, 2)
    )
    assert first == second
    assert len(rows(visits, "SELECT DISTINCT sha256 FROM dbo.classifiers;")) == 1
    assert rows(
        visits, "SELECT JSON_VALUE(parameters, N'$.positive_from') FROM dbo.experiments WHERE experiment_id = 2;"
    ) == [("3",)]


def test_a_search_chooses_the_columns_where_they_alone_tell_the_label(visits: Connection) -> None:
    """Among pixels, both poolings together, and each of them with the column beside; a scan loaded later is scored."""
    run(visits, ALL)
    run(
        visits,
        "CREATE TABLE dbo.lab (scan_id INT NOT NULL PRIMARY KEY, marker FLOAT NULL);"
        "INSERT INTO dbo.lab SELECT s.scan_id, 3.0 * l.label + 0.01 * (s.scan_id % 13) FROM dbo.scans AS s "
        "INNER JOIN dbo.labels AS l ON l.patient_id = s.patient_id;",
    )
    run(
        visits,
        "UPDATE f SET f.vector = N'[0,0,0,0]', f.vector_sha256 = HASHBYTES('SHA2_256', CONVERT(VARBINARY(MAX), "
        "CAST(N'[0,0,0,0]' AS NVARCHAR(MAX)))) FROM dbo.pooled_features AS f;",
    )
    search = (
        "EXECUTE dbo.SearchModels @ModelName = N'best', @Dataset = N'all', @Method = N'grid', "
        '@Space = N\'{"num_leaves": [3], "max_iterations": [20]}\', '
        "@Features = N'mean | max | mean; max', @Columns = N'marker', @ColumnsFrom = N'dbo.lab';"
    )
    assert "6 trials on 6 kinds of features" in said(visits, search)
    run(visits, "EXECUTE dbo.RunSearch;")
    found = rows(visits, "SELECT state, auc, feature_set_id FROM dbo.search_trials ORDER BY feature_set_id;")
    assert [row[0] for row in found] == ["done"] * 6
    has_column = {
        each for (each,) in rows(visits, "SELECT feature_set_id FROM dbo.feature_parts WHERE column_name = N'marker';")
    }
    assert len(has_column) == 3
    assert all(area > 0.9 for _, area, each in found if each in has_column)
    assert all(area < 0.7 for _, area, each in found if each not in has_column)
    [(chosen, pooling, version)] = rows(
        visits,
        "SELECT c.feature_set_id, c.pooling, e.dataset_version_id FROM dbo.classifiers AS c "
        "INNER JOIN dbo.experiments AS e ON e.classifier_id = c.classifier_id;",
    )
    assert chosen in has_column
    assert (pooling, version) == ("combined", 1)
    repeated = rows(visits, "EXECUTE dbo.RepeatExperiment @ModelName = N'best';")
    assert repeated[0][3] == repeated[0][4]
    assert len(rows(visits, "EXECUTE dbo.PredictPatientsSql @ModelName = N'best';")) == 60


def test_vectors_of_scans_that_came_later_are_combined_before_trials_read_them(visits: Connection) -> None:
    """A patient who is loaded between making and running takes part with both poolings."""
    run(visits, "EXECUTE dbo.SearchModels @ModelName = N'best', @Features = N'mean; max', @Trials = 2;")
    run(
        visits,
        "DELETE FROM dbo.pooled_features WHERE pooling = N'combined' AND scan_id <= 30;"
        "UPDATE dbo.pooled_features SET vector = N'[9,9,9,9]', vector_sha256 = HASHBYTES('SHA2_256', "
        "CONVERT(VARBINARY(MAX), CAST(N'[9,9,9,9]' AS NVARCHAR(MAX)))) WHERE pooling = N'max' AND scan_id = 40;",
    )
    run(visits, "EXECUTE dbo.RunSearch;")
    combined = {
        scan: json.loads(vector)
        for scan, vector in rows(visits, "SELECT scan_id, vector FROM dbo.pooled_features WHERE pooling = N'combined';")
    }
    assert sorted(combined) == list(range(1, 61))
    assert combined[40][:4] == [9, 9, 9, 9]
    assert rows(visits, "SELECT COUNT(*) FROM dbo.experiment_patients;") == [(60,)]


def test_a_combined_set_is_searched_by_its_name(visits: Connection) -> None:
    """Beside single ones; nothing is combined anew."""
    run(visits, "EXECUTE dbo.TrainLungCancerModel @ModelName = N'w', @Features = N'mean; max', @Columns = N'age';")
    [(name,)] = rows(visits, "SELECT layer FROM dbo.feature_sets WHERE network_id IS NULL;")
    run(visits, "EXECUTE dbo.SearchModels @ModelName = N'best', @Features = ?, @Trials = 8;", (f"max | {name}",))
    assert _tried(visits) == [(name, "combined"), ("penultimate", "max")]
    run(visits, "EXECUTE dbo.RunSearch;")
    assert rows(visits, "SELECT state FROM dbo.searches;") == [("done",)]


def test_items_that_leave_their_pooling_open_are_tried_with_each(visits: Connection) -> None:
    """Of @Poolings; the columns alone are none, and are tried with nothing beside."""
    run(
        visits,
        "EXECUTE dbo.SearchModels @ModelName = N'best', @Features = N'penultimate | none', @Poolings = N'mean, max', "
        "@Columns = N'age', @Method = N'grid', @Space = N'{\"num_leaves\": [3]}';",
    )
    assert _tried(visits) == [
        ("columns age", "combined"),
        ("made up/penultimate/lung/max; columns age", "combined"),
        ("made up/penultimate/lung/mean; columns age", "combined"),
        ("penultimate", "max"),
        ("penultimate", "mean"),
    ]


def test_a_pooling_that_one_layer_lacks_is_named(visits: Connection) -> None:
    """It is tried with the other, and the search is made."""
    run(
        visits,
        "INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width) "
        "SELECT network_id, N'early', preprocessing, width FROM dbo.feature_sets WHERE feature_set_id = 1;"
        "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector, vector_sha256) "
        "SELECT scan_id, (SELECT MAX(feature_set_id) FROM dbo.feature_sets), pooling, vector, vector_sha256 "
        "FROM dbo.pooled_features WHERE pooling = N'mean';",
    )
    search = "EXECUTE dbo.SearchModels @Method = N'grid', @Space = N'{\"num_leaves\": [3]}', @Poolings = N'"
    told = said(visits, f"{search}mean, max';")
    assert "Not tried, because there are no such features: layer 'early', lung, pooling 'max'" in told
    assert _tried(visits) == [("early", "mean"), ("penultimate", "max"), ("penultimate", "mean")]
    assert "Not tried" not in said(visits, f"{search}mean';")


def test_an_algorithm_that_needs_all_values_fails_its_trial_and_names_the_column(visits: Connection) -> None:
    """The others go on, and the best of them is trained."""
    space = '{"algorithm": ["logistic", "lightgbm", "network"], "max_iterations": [5]}'
    run(
        visits,
        "EXECUTE dbo.SearchModels @ModelName = N'best', @Method = N'grid', @Features = N'none', @Columns = N'age', "
        "@Space = ?;",
        (space,),
    )
    run(visits, "EXECUTE dbo.RunSearch;")
    found = {
        json.loads(text)["algorithm"]: (state, error)
        for text, state, error in rows(visits, "SELECT parameters, state, error FROM dbo.search_trials;")
    }
    assert found["lightgbm"] == ("done", None)
    for algorithm in ("logistic", "network"):
        assert found[algorithm][0] == "failed"
        assert "age (" in found[algorithm][1]
    assert rows(visits, "SELECT library FROM dbo.classifiers;") == [("lightgbm",)]


def test_values_missing_of_test_patients_alone_fail_such_a_trial_too(visits: Connection) -> None:
    """They have no part in the search, and the model that came of it could not score them."""
    run(visits, "EXECUTE dbo.AssignSplits; UPDATE dbo.scans SET patient_age = 60;")
    run(visits, "UPDATE s SET s.patient_age = NULL FROM dbo.scans AS s INNER JOIN dbo.splits AS p "
        "ON p.patient_id = s.patient_id WHERE p.part = 'test';")  # fmt: skip
    run(
        visits,
        "EXECUTE dbo.SearchModels @ModelName = N'best', @Method = N'grid', @Features = N'mean', @Columns = N'age', "
        '@Space = N\'{"algorithm": ["logistic"], "l2": [1]}\';',
    )
    run(visits, "EXECUTE dbo.RunSearch;")
    found = rows(visits, "SELECT pooling, state, error FROM dbo.search_trials ORDER BY pooling;")
    assert [row[:2] for row in found] == [("combined", "failed"), ("mean", "done")]
    assert "scans of test patients" in found[0][2]
    assert rows(visits, "SELECT pooling FROM dbo.classifiers;") == [("mean",)]


WRONG = [
    ("@Dataset = N'none such'", 50171, "'none such'"),
    ("@Dataset = N'all', @DatasetVersion = 7", 50171, "no version 7"),
    ("@DatasetVersion = 1", 50101, "@DatasetVersion"),
    ("@Horizon = 30", 50276, "within 30 days"),
    ("@Horizon = 0", 50101, "@Horizon"),
    ("@PositiveFrom = 0", 50101, "@PositiveFrom"),
    ("@Features = N'mean | median'", 50278, "'median'"),
    ("@Features = N'mean | '", 50278, "''"),
    ("@Features = N''", 50101, "@Features"),
    ("@Features = N'none'", 50101, "without @Columns"),
    ("@Features = N'mean | none'", 50101, "without @Columns"),
    ("@Features = N'mean', @Layers = N'penultimate'", 50101, "@Layers"),
    ("@Features = N'mean; max', @Poolings = N'mean, median'", 50117, "'median'"),
    (
        "@Features = N'penultimate/mean | none', @Columns = N'age', @Poolings = N'max'",
        50117,
        "'max' would not be tried",
    ),
    ("@ColumnsFrom = N'dbo.scans'", 50101, "@ColumnsFrom"),
    ("@Columns = N'wealth'", 50277, "'wealth'"),
    ("@Features = N'mean; max', @Columns = N'patient_id', @ColumnsFrom = N'dbo.scans'", 50277, "nvarchar"),
    ("@Features = N'mean; max', @Folds = 20", 50113, "label 1"),
    ("@Features = N'mean; max', @Trials = 9, @Space = N'{\"num_leaves\": [3]}'", 50161, "different trials"),
    ("@Features = N'mean; max', @Columns = N'age', @Space = N'[]'", 50160, "@Space"),
]


@pytest.mark.parametrize(("arguments", "number", "words"), WRONG)
def test_a_search_on_what_cannot_be_is_refused(visits: Connection, arguments: str, number: int, words: str) -> None:
    """With number and remedy; no search, trial or combined set is left behind."""
    run(visits, f"{ALL} EXECUTE dbo.AssignSplits;")
    assert words in refused(visits, f"EXECUTE dbo.SearchModels {arguments};", number)


def test_a_combined_set_that_no_trial_was_drawn_of_is_not_kept(visits: Connection) -> None:
    """One trial on one of two kinds of features."""
    run(visits, "EXECUTE dbo.SearchModels @Features = N'mean', @Columns = N'age', @Trials = 1, @Seed = 1;")
    run(visits, "EXECUTE dbo.SearchModels @Features = N'mean', @Columns = N'sex', @Trials = 1, @Seed = 2;")
    used = rows(visits, "SELECT DISTINCT feature_set_id FROM dbo.search_trials WHERE pooling = N'combined';")
    assert rows(visits, "SELECT feature_set_id FROM dbo.feature_sets WHERE network_id IS NULL;") == used


def test_an_error_after_the_sets_are_combined_leaves_none_of_them(visits: Connection) -> None:
    """Here what checks the rows of the script refuses them."""
    run(visits, "EXECUTE dbo.AssignSplits;")
    run(
        visits,
        "CREATE OR ALTER PROCEDURE internal.CheckRows @What NVARCHAR(60), @RunId INT = NULL AS "
        "BEGIN THROW 50230, N'not these rows', 1; END;",
    )
    refused(visits, "EXECUTE dbo.SearchModels @Features = N'mean', @Columns = N'age', @Trials = 1;", 50230)


def test_a_data_set_is_kept_while_a_search_on_it_is_not_finished(visits: Connection) -> None:
    """And a member that is replaced meanwhile fails the search, which nothing could finish; the set can go then."""
    run(visits, ALL)
    run(visits, f"EXECUTE dbo.SearchModels @Dataset = N'all', {QUICK}, @Trials = 3;")
    told = refused(visits, "EXECUTE dbo.DeleteDataset @Name = N'all';", 50275)
    assert "1 searches that are not finished (1)" in told
    assert "EXECUTE dbo.EndSearch" in told
    run(visits, "UPDATE dbo.scans SET content_sha256 = 0x01 WHERE scan_id = 17;")
    with pytest.raises(SqlError) as caught:
        run(visits, "EXECUTE dbo.RunSearch;")
    assert caught.value.number == 50274
    assert "scan_id 17" in caught.value.message
    assert "make another one with SearchModels" in caught.value.message
    assert rows(visits, "SELECT DISTINCT state FROM dbo.search_trials;") == [("failed",)]
    assert rows(visits, "SELECT state FROM dbo.searches;") == [("failed",)]
    refused(visits, "EXECUTE dbo.RunSearch;", 50162)
    assert "scan_id 17" in refused(visits, "EXECUTE dbo.RunSearch @SearchId = 1;", 50163)
    run(visits, "EXECUTE dbo.DeleteDataset @Name = N'all';")


def test_patients_of_a_search_on_a_data_set_are_known_to_an_evaluation(visits: Connection) -> None:
    """Those of its training part, by the labels that it read, also where the model itself learnt from fewer."""
    run(visits, ALL)
    run(visits, f"EXECUTE dbo.SearchModels @Dataset = N'all', {QUICK}, @Trials = 2; EXECUTE dbo.RunSearch;")
    run(visits, "EXECUTE dbo.CreateDataset @Name = N'learnt', @Part = N'train';")
    run(visits, "DELETE FROM dbo.experiment_patients WHERE part = 'train' AND patient_id < N'patient 0030';")
    [(count,)] = rows(
        visits,
        "SELECT COUNT(*) FROM dbo.splits WHERE part = 'train' AND patient_id < N'patient 0030';",
    )
    message = refused(visits, "EXECUTE dbo.EvaluateModel @ModelName = N'best', @Dataset = N'learnt';", 50285)
    assert f"{count} patients were used in the search" in message
