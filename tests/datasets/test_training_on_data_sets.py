"""TrainLungCancerModel on the scans of a data set: who learns from whom, which labels, nothing in noise."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from lungdb.database import Connection, connect, run
from tests.support.databases import copy_to, fill, hash_vectors, refused, rows, said, target_of, vectors_and_labels

ALL = "EXECUTE dbo.CreateDataset @Name = N'all', @Query = N'SELECT scan_id FROM dbo.scans';"


@pytest.mark.parametrize(
    "settings", ["", ", @Folds = 0", ", @Imbalance = N'undersample'", ", @Algorithm = N'logistic'"]
)
def test_no_patient_is_in_two_parts_or_two_folds(visits: Connection, settings: str) -> None:
    """However many scans there are of one; every scan of the set has one row and a number among its patient's."""
    run(visits, ALL)
    assert "with 180 scans" in said(visits, f"EXECUTE dbo.TrainLungCancerModel @Dataset = N'all'{settings};")
    found = rows(visits, "SELECT patient_id, part, fold, member, scan_id, label FROM dbo.experiment_patients;")
    assert sorted(row[4] for row in found) == list(range(1, 181))
    assert len({row[:3] for row in found}) == 60
    assert {(row[0], row[3]) for row in found} == {(row[0], member) for row in found for member in range(3)}
    truth = dict(rows(visits, "SELECT patient_id, label FROM dbo.labels;"))
    splits = dict(rows(visits, "SELECT patient_id, part FROM dbo.splits;"))
    assert all(truth[row[0]] == row[5] for row in found)
    assert all((row[1] == "test") == (splits[row[0]] == "test") for row in found)
    [(patients, scans)] = rows(
        visits, "SELECT MAX(CASE metric WHEN N'patients' THEN value END), "
        "MAX(CASE metric WHEN N'scans' THEN value END) FROM dbo.experiment_metrics WHERE part = 'test';"
    )  # fmt: skip
    assert scans == 3 * patients == sum(row[1] == "test" for row in found)


def test_the_primary_scans_as_a_data_set_give_the_same_model(visits: Connection) -> None:
    """To the byte, with the same scores and figures: a data set changes nothing but who is a member."""
    run(
        visits,
        "EXECUTE dbo.CreateDataset @Name = N'p', @Query = N'SELECT scan_id FROM dbo.scans WHERE is_primary = 1';",
    )
    run(visits, "EXECUTE dbo.TrainLungCancerModel; EXECUTE dbo.TrainLungCancerModel @Dataset = N'p';")
    first, second = rows(visits, "SELECT sha256 FROM dbo.classifiers;")
    assert first == second
    figures = "SELECT part, metric, value FROM dbo.experiment_metrics WHERE experiment_id = {} ORDER BY part, metric;"
    assert rows(visits, figures.format(1)) == rows(visits, figures.format(2))
    assert rows(visits, "SELECT dataset_version_id FROM dbo.experiments;") == [(None,), (1,)]


def test_labels_of_a_horizon_are_those_of_the_scans(visits: Connection) -> None:
    """Scans without one are left out, and said; a patient may have a scan of either label."""
    run(visits, ALL)
    run(visits, "UPDATE dbo.scan_labels SET label = 0 WHERE scan_id <= 60;")
    text = said(visits, "EXECUTE dbo.TrainLungCancerModel @Dataset = N'all', @Horizon = 365;")
    assert "36 scans of the data set have no label and are left out" in text
    found = rows(visits, "SELECT scan_id, label FROM dbo.experiment_patients ORDER BY scan_id;")
    assert found == rows(visits, "SELECT scan_id, label FROM dbo.scan_labels ORDER BY scan_id;")
    run(visits, "EXECUTE dbo.TrainLungCancerModel @ModelName = N'all labelled', @Horizon = 365;")
    assert rows(visits, "SELECT horizon_days, dataset_version_id FROM dbo.experiments;") == [(365, 1), (365, None)]
    assert len(rows(visits, "SELECT DISTINCT sha256 FROM dbo.classifiers;")) == 1


def test_a_horizon_nobody_has_labels_for_is_refused(visits: Connection) -> None:
    """Those that there are are told."""
    for horizon in (30, 36500):
        message = refused(visits, f"EXECUTE dbo.TrainLungCancerModel @Horizon = {horizon};", 50276)
        assert f"within {horizon} days" in message
        assert "365" in message
    assert "@Horizon" in refused(visits, "EXECUTE dbo.TrainLungCancerModel @Horizon = 0;", 50101)


def test_labels_of_more_classes_need_a_word_which_are_positive(visits: Connection) -> None:
    """With it the model is that of the same labels as 0 and 1."""
    run(visits, "EXECUTE dbo.TrainLungCancerModel;")
    run(visits, "UPDATE dbo.labels SET label = CASE WHEN label = 1 THEN 4 WHEN patient_id < N'patient 0020' THEN 2 "
        "ELSE 1 END;")  # fmt: skip
    message = refused(visits, "EXECUTE dbo.TrainLungCancerModel;", 50276)
    assert "4 (20 scans)" in message
    assert "@PositiveFrom" in message
    run(visits, "EXECUTE dbo.TrainLungCancerModel @PositiveFrom = 3;")
    assert len(rows(visits, "SELECT DISTINCT sha256 FROM dbo.classifiers;")) == 1
    refused(visits, "EXECUTE dbo.TrainLungCancerModel @PositiveFrom = 0;", 50101)


def test_members_without_features_are_refused_or_left_out(visits: Connection) -> None:
    """As labelled patients are."""
    run(visits, ALL)
    run(visits, "DELETE FROM dbo.pooled_features WHERE scan_id = 61 AND pooling = N'mean';")
    assert "indices: 0." in refused(visits, "EXECUTE dbo.TrainLungCancerModel @Dataset = N'all';", 50140)
    run(visits, "EXECUTE dbo.TrainLungCancerModel @Dataset = N'all', @SkipMissing = 1;")
    assert rows(visits, "SELECT COUNT(*) FROM dbo.experiment_patients;") == [(179,)]


def test_a_column_that_equals_the_label_in_training_patients_only_gains_nothing(visits: Connection) -> None:
    """The test patients' values are missing: the model is perfect in training, and its test figures are of chance."""
    run(visits, "EXECUTE dbo.AssignSplits;")
    run(
        visits,
        "CREATE TABLE dbo.leak (scan_id INT NOT NULL PRIMARY KEY, label INT NULL);"
        "INSERT INTO dbo.leak SELECT s.scan_id, CASE WHEN p.part = 'train' THEN l.label END FROM dbo.scans AS s "
        "INNER JOIN dbo.splits AS p ON p.patient_id = s.patient_id "
        "INNER JOIN dbo.labels AS l ON l.patient_id = s.patient_id;",
    )
    run(visits, ALL)
    run(
        visits,
        "EXECUTE dbo.TrainLungCancerModel @Dataset = N'all', @Features = N'none', @Columns = N'label', "
        "@ColumnsFrom = N'dbo.leak', @MinDataInLeaf = 2;",
    )
    auc = dict(rows(visits, "SELECT part, value FROM dbo.experiment_metrics WHERE metric = N'auc';"))
    assert auc["train"] == 1
    assert auc["test"] == 0.5


@pytest.mark.slow
def test_permuted_labels_give_an_auc_of_one_half(installed_file: Path, tmp_path: Path) -> None:
    """Over twenty permutations the mean is within three standard errors, through data sets, layers and columns."""
    areas = []
    with closing(connect(target_of(copy_to(tmp_path, installed_file)))) as connection:
        vectors, labels = vectors_and_labels(120, 6, signal=2.0, seed=5)
        fill(connection, vectors, labels, 6)
        others, _ = vectors_and_labels(120, 6, signal=2.0, seed=9)
        for scan, vector in enumerate(others, start=1):
            run(connection, "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector) "
                "VALUES (?, 1, N'max', ?);", (scan, vector))  # fmt: skip
        hash_vectors(connection)
        run(
            connection,
            "UPDATE dbo.settings SET value = N'40' WHERE name = N'test_percent';"
            "UPDATE dbo.scans SET patient_age = 50 + scan_id % 37, slice_thickness = scan_id % 3;"
            "EXECUTE dbo.CreateDataset @Name = N'd', @Query = N'SELECT scan_id FROM dbo.scans WHERE scan_id > 4';",
        )
        for seed in range(20):
            permuted = np.random.default_rng(seed).permutation(labels)
            for index, label in enumerate(permuted):
                run(
                    connection,
                    "UPDATE dbo.labels SET label = ? WHERE patient_id = ?;",
                    (int(label), f"patient {index:04}"),
                )
            run(connection, "EXECUTE dbo.TrainLungCancerModel @Dataset = N'd', @Features = N'mean; max', "
                "@Columns = N'age, slice_thickness', @Seed = ?;", (seed,))  # fmt: skip
            scored = rows(
                connection,
                "SELECT label, probability FROM dbo.test_scores WHERE experiment_id = "
                "(SELECT MAX(experiment_id) FROM dbo.experiments);",
            )
            areas.append(roc_auc_score(*zip(*scored, strict=True)))
    assert abs(np.mean(areas) - 0.5) < 3 * np.std(areas, ddof=1) / np.sqrt(20), areas
