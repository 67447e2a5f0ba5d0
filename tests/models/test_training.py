"""TrainLungCancerModel and MeasureExperiment: what a run leaves behind, and that no test label leaks."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, confusion_matrix, log_loss, roc_auc_score

from lungdb.database import Connection, run
from lungdb.procedures import measure_scores
from tests.support.databases import hash_vectors, refused, rows, said
from tests.support.fixtures import PATIENTS

TRAIN = "EXECUTE dbo.TrainLungCancerModel"


def _figures(connection: Connection, part: str, experiment: int = 1) -> dict[str, float]:
    sql = "SELECT metric, value FROM dbo.experiment_metrics WHERE experiment_id = ? AND part = ?;"
    return dict(rows(connection, sql, (experiment, part)))


def test_test_figures_are_scikit_learns_on_the_rows_of_the_view(trained: Connection) -> None:
    """Each figure of the test part is computed again from dbo.test_scores."""
    for experiment in (1, 2, 3):
        sql = "SELECT label, probability, raw FROM dbo.test_scores WHERE experiment_id = ?;"
        labels, probabilities, raw = map(np.array, zip(*rows(trained, sql, (experiment,)), strict=True))
        figures = _figures(trained, "test", experiment)
        assert figures["patients"] == labels.size
        assert figures["auc"] == pytest.approx(roc_auc_score(labels, probabilities))
        assert figures["average_precision"] == pytest.approx(average_precision_score(labels, probabilities))
        assert figures["log_loss"] == pytest.approx(log_loss(labels, probabilities))
        assert figures["log_loss_raw"] == pytest.approx(log_loss(labels, raw))
        assert figures["brier"] == pytest.approx(brier_score_loss(labels, probabilities))
        matrix = confusion_matrix(labels, probabilities >= 0.5).ravel()
        names = ("true_negatives", "false_positives", "false_negatives", "true_positives")
        assert [figures[f"{name}_at_50"] for name in names] == matrix.tolist()


def test_the_constant_prediction_is_the_share_of_positives_in_training(trained: Connection) -> None:
    """log_loss_constant and brier_constant are those of saying that share to every test patient."""
    [(share,)] = rows(
        trained,
        "SELECT AVG(CAST(label AS FLOAT)) FROM dbo.experiment_scores WHERE experiment_id = 1 AND part <> 'test';",
    )
    labels = [label for (label,) in rows(trained, "SELECT label FROM dbo.test_scores WHERE experiment_id = 1;")]
    figures = _figures(trained, "test")
    assert figures["log_loss_constant"] == pytest.approx(log_loss(labels, [share] * len(labels)))
    assert figures["brier_constant"] == pytest.approx(brier_score_loss(labels, [share] * len(labels)))


def test_every_labelled_patient_is_in_one_part_which_is_that_of_the_splits(trained: Connection) -> None:
    """One row a patient, test there as in dbo.splits, label, scan and the vector's hash as in the tables."""
    found = rows(
        trained,
        "SELECT e.patient_id, e.part, sp.part, e.label, l.label, e.scan_id, s.scan_id, e.vector_sha256, f.vector, "
        "e.fold FROM dbo.experiment_patients AS e INNER JOIN dbo.splits AS sp ON sp.patient_id = e.patient_id "
        "INNER JOIN dbo.labels AS l ON l.patient_id = e.patient_id "
        "INNER JOIN dbo.scans AS s ON s.patient_id = e.patient_id "
        "INNER JOIN dbo.pooled_features AS f ON f.scan_id = s.scan_id WHERE e.experiment_id = 1;",
    )
    assert len({row[0] for row in found}) == len(found) == PATIENTS
    for _, part, split, kept, label, scan, its_scan, sha256, vector, fold in found:
        assert (part == "test") == (split == "test") == (fold is None)
        assert (kept, scan) == (label, its_scan)
        assert sha256 == hashlib.sha256(vector.encode("utf-16-le")).digest()
    assert {row[9] for row in found} == {None, 0, 1, 2, 3, 4}


def test_a_patient_moved_out_of_the_test_part_counts_no_longer(trained: Connection) -> None:
    """dbo.test_scores asks both the run and dbo.splits."""
    [(before,)] = rows(trained, "SELECT COUNT(*) FROM dbo.test_scores WHERE experiment_id = 1;")
    run(
        trained,
        "UPDATE dbo.splits SET part = 'train' WHERE patient_id = (SELECT MIN(patient_id) FROM dbo.splits "
        "WHERE part = 'test');",
    )
    assert rows(trained, "SELECT COUNT(*) FROM dbo.test_scores WHERE experiment_id = 1;") == [(before - 1,)]


def test_test_labels_change_the_test_figures_and_nothing_else(featured: Connection) -> None:
    """With the labels of all test patients turned round, model and training scores are the same byte for byte."""
    run(featured, f"{TRAIN};")
    run(
        featured,
        "UPDATE dbo.labels SET label = 1 - label WHERE patient_id IN (SELECT patient_id FROM dbo.splits "
        "WHERE part = 'test');",
    )
    run(featured, f"{TRAIN};")
    one, two = rows(featured, "SELECT sha256 FROM dbo.classifiers ORDER BY version;")
    assert one == two
    for part in ("train", "test"):
        sql = "SELECT patient_id, raw, probability FROM dbo.experiment_patients WHERE experiment_id = ? AND part = ?;"
        assert sorted(rows(featured, sql, (1, part))) == sorted(rows(featured, sql, (2, part)))
    assert _figures(featured, "train", 1) == _figures(featured, "train", 2)
    assert _figures(featured, "test", 2)["auc"] == pytest.approx(1 - _figures(featured, "test", 1)["auc"])


def test_another_order_of_rows_gives_the_same_model(featured: Connection) -> None:
    """Features and labels deleted and put back the other way round: the bytes are equal, with either algorithm."""
    for algorithm in ("lightgbm", "logistic"):
        run(featured, f"{TRAIN} @ModelName = N'{algorithm}', @Algorithm = N'{algorithm}';")
    run(featured, "BEGIN TRANSACTION;")
    for table, columns in (
        ("labels", "patient_id, label"),
        ("pooled_features", "scan_id, feature_set_id, pooling, vector, vector_sha256"),
    ):
        kept = rows(featured, f"SELECT {columns} FROM dbo.{table};")
        run(featured, f"DELETE FROM dbo.{table};")
        for row in sorted(kept, reverse=True):
            marks = ", ".join("?" * len(row))
            run(featured, f"INSERT INTO dbo.{table} ({columns}) VALUES ({marks});", row)
    run(featured, "COMMIT TRANSACTION;")
    for algorithm in ("lightgbm", "logistic"):
        run(featured, f"{TRAIN} @ModelName = N'{algorithm}', @Algorithm = N'{algorithm}';")
        one, two = rows(featured, "SELECT sha256 FROM dbo.classifiers WHERE name = ? ORDER BY version;", (algorithm,))
        assert one == two


def test_a_logistic_model_scores_as_scikit_learns(featured: Connection) -> None:
    """The raw test scores are those of LogisticRegression on standardised features with the same penalty."""
    run(featured, f"{TRAIN} @Algorithm = N'logistic', @L2 = 3, @Calibration = N'none';")
    found = rows(
        featured,
        "SELECT e.part, e.label, f.vector, e.raw FROM dbo.experiment_patients AS e "
        "INNER JOIN dbo.pooled_features AS f ON f.scan_id = e.scan_id ORDER BY e.patient_id;",
    )
    is_test = np.array([row[0] == "test" for row in found])
    labels = np.array([row[1] for row in found])
    vectors = np.array([json.loads(row[2]) for row in found])
    mean, scale = vectors[~is_test].mean(axis=0), vectors[~is_test].std(axis=0)
    standard = (vectors - mean) / scale
    reference = LogisticRegression(C=1 / 3, tol=1e-10, max_iter=10_000).fit(standard[~is_test], labels[~is_test])
    raw = np.array([row[3] for row in found])
    np.testing.assert_allclose(raw[is_test], reference.predict_proba(standard[is_test])[:, 1], atol=1e-4)


def test_parameters_versions_duration_and_user_are_recorded(featured: Connection) -> None:
    """Those that were not given are recorded with their defaults."""
    run(featured, "EXECUTE sp_set_session_context @key = N'user', @value = N'dr.who';")
    run(featured, f"{TRAIN} @NumLeaves = 5, @Seed = 11, @Imbalance = N'class_weight';")
    [(seed, parameters, seconds, user, details)] = rows(
        featured,
        "SELECT e.seed, e.parameters, DATEDIFF(MILLISECOND, e.started_at, e.ended_at) / 1000.0, e.run_by, c.details "
        "FROM dbo.experiments AS e INNER JOIN dbo.classifiers AS c ON c.classifier_id = e.classifier_id;",
    )
    read = json.loads(parameters)
    assert (seed, user, 0 < seconds < 60) == (11, "dr.who", True)
    assert (read["num_leaves"], read["learning_rate"], read["folds"], read["imbalance"]) == (5, 0.05, 5, "class_weight")
    assert {"lightgbm", "numpy", "lungdb"} <= json.loads(details)["libraries"].keys()


def test_curves_are_kept_as_rows(trained: Connection) -> None:
    """ROC from (0, 0) to (1, 1), whose area is the AUC; ten bins at most; the log loss after each tree."""
    curve = (
        "SELECT x, y, threshold FROM dbo.experiment_curves WHERE experiment_id = 1 AND part = ? AND curve = ? "
        "ORDER BY position;"
    )
    x, y, _ = zip(*rows(trained, curve, ("test", "roc")), strict=True)
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(y, x) == pytest.approx(_figures(trained, "test")["auc"])
    bins = rows(trained, curve, ("test", "calibration"))
    assert 1 <= len(bins) <= 10
    assert sum(patients for *_, patients in bins) == _figures(trained, "test")["patients"]
    assert len(rows(trained, curve, ("validation", "training_validation"))) > 1


def test_the_figures_are_those_of_the_stored_scores(trained: Connection) -> None:
    """Measured from what the tables hold, they are what training wrote before the rows were there."""
    stored = rows(
        trained,
        "SELECT part, CAST(label AS INT), raw, probability, CAST(out_of_fold AS INT) FROM dbo.experiment_scores "
        "WHERE experiment_id = 2 ORDER BY patient_id;",
    )
    [(seed, details)] = rows(
        trained,
        "SELECT e.seed, c.details FROM dbo.experiments AS e "
        "INNER JOIN dbo.classifiers AS c ON c.classifier_id = e.classifier_id WHERE e.experiment_id = 2;",
    )
    scores = pd.DataFrame(stored, columns=["part", "label", "raw", "probability", "out_of_fold"])
    measured, number, _ = measure_scores(scores, seed, details)
    assert number == 0
    metrics = measured[measured["kind"] == "metric"]
    wanted = {(row.part, row.name): None if np.isnan(row.y) else row.y for row in metrics.itertuples(index=False)}
    found = rows(trained, "SELECT part, metric, value FROM dbo.experiment_metrics WHERE experiment_id = 2;")
    assert {(part, metric): value for part, metric, value in found} == pytest.approx(wanted, nan_ok=True)


@pytest.mark.slow
@pytest.mark.parametrize("settings", ["@Algorithm = N'logistic', @L2 = 10", "@MaxIterations = 20"])
def test_shuffled_labels_give_an_auc_of_a_half_within_its_interval(featured: Connection, settings: str) -> None:
    """Over 20 shuffles through the procedure, 95 % intervals miss 0.5 three times at most, and the mean is near it."""
    rng = np.random.default_rng(1)
    found = []
    for seed in range(20):
        run(
            featured,
            "UPDATE l SET l.label = CAST(j.[value] AS TINYINT) FROM dbo.labels AS l "
            "INNER JOIN dbo.patients AS p ON p.patient_id = l.patient_id "
            "INNER JOIN OPENJSON(?) AS j ON CAST(j.[key] AS INT) = p.idx;",
            (json.dumps(rng.permutation(np.arange(PATIENTS) % 2).tolist()),),
        )
        run(featured, f"{TRAIN} @Seed = {seed}, @Folds = 2, @Calibration = N'none', {settings};")
        figures = _figures(featured, "test", seed + 1)
        found.append((figures["auc_low"], figures["auc"], figures["auc_high"]))
    # One and the same score for everybody has an AUC of exactly 0.5 and no interval.
    missed = [value for low, value, high in found if (value != 0.5 if low is None else not low <= 0.5 <= high)]
    assert len(missed) <= 3
    assert np.mean([value for _, value, _ in found]) == pytest.approx(0.5, abs=0.05)


def test_a_feature_that_is_the_label_of_training_patients_only_gains_nothing(featured: Connection) -> None:
    """Noise elsewhere: the model learns the leak, and the test part shows that it knows nothing."""
    rng = np.random.default_rng(2)
    run(featured, "EXECUTE dbo.AssignSplits;")
    patients = rows(
        featured,
        "SELECT s.scan_id, l.label, sp.part FROM dbo.scans AS s "
        "INNER JOIN dbo.labels AS l ON l.patient_id = s.patient_id "
        "INNER JOIN dbo.splits AS sp ON sp.patient_id = s.patient_id;",
    )
    run(featured, "BEGIN TRANSACTION;")
    for scan, label, part in patients:
        vector = rng.normal(size=12).tolist()
        vector[3] = float(label) if part == "train" else float(rng.integers(2))
        run(featured, "UPDATE dbo.pooled_features SET vector = ? WHERE scan_id = ?;", (json.dumps(vector), scan))
    run(featured, "COMMIT TRANSACTION;")
    hash_vectors(featured)
    run(featured, f"{TRAIN};")
    assert _figures(featured, "train")["auc"] > 0.95
    test = _figures(featured, "test")
    assert test["auc_low"] <= 0.5 <= test["auc_high"]


def test_labelled_patients_without_features_are_listed_and_left_out_only_when_asked(featured: Connection) -> None:
    """Error 50140 names number and indices; @SkipMissing = 1 trains on the others and says so."""
    run(featured, "EXECUTE dbo.AssignSplits; DELETE FROM dbo.pooled_features WHERE scan_id IN (3, 8, 21);")
    message = refused(featured, f"{TRAIN};", 50140)
    assert message.startswith("3 labelled patients")
    assert "2, 7, 20" in message
    assert "@SkipMissing = 1" in message
    assert "3 labelled patients without features are left out; the first indices: 2, 7, 20." in said(
        featured, f"{TRAIN} @SkipMissing = 1;"
    )
    assert rows(featured, "SELECT COUNT(*) FROM dbo.experiment_patients;") == [(PATIENTS - 3,)]


REFUSALS = {
    "one fold": (f"{TRAIN} @Folds = 1;", 50101, "@Folds"),
    "an unknown algorithm": (f"{TRAIN} @Algorithm = N'90% net';", 50101, "'90% net'"),
    "an unknown imbalance": (f"{TRAIN} @Imbalance = N'smote';", 50101, "'smote'"),
    "an unknown calibration": (f"{TRAIN} @Calibration = N'beta';", 50101, "'beta'"),
    "a penalty with trees": (f"{TRAIN} @L2 = 1;", 50101, "@L2 = 1 has no meaning with @Algorithm = N'lightgbm'"),
    "trees with logistic": (
        f"{TRAIN} @Algorithm = N'logistic', @NumLeaves = 3;",
        50101,
        "@NumLeaves = 3 has no meaning",
    ),
    "two faults at once": (
        f"{TRAIN} @Algorithm = N'logistic', @L2 = 0, @LearningRate = 0.1;",
        50101,
        "@LearningRate = 0.1",
    ),
    "more folds than patients of a class": (
        "DELETE FROM dbo.labels WHERE label = 1 AND patient_id NOT IN (SELECT TOP (7) l.patient_id "
        "FROM dbo.labels AS l INNER JOIN dbo.splits AS s ON s.patient_id = l.patient_id "
        "WHERE l.label = 1 AND s.part = 'train');"
        f"#{TRAIN} @Folds = 10;",
        50113,
        "7 patients with label 1",
    ),
    "one class": (f"UPDATE dbo.labels SET label = 0;#{TRAIN};", 50112, "nothing to tell apart"),
    "a feature set that does not fit": (f"UPDATE dbo.feature_sets SET width = 13;#{TRAIN};", 50110, "12 features"),
    "a vector of another width": (
        f"UPDATE dbo.pooled_features SET vector = N'[1, 2]' WHERE scan_id = 5;#{TRAIN};",
        50110,
        "2",
    ),
    "a leaf for more than all": (f"{TRAIN} @MinDataInLeaf = 1000;", 50113, "@MinDataInLeaf"),
    "a network without features": (f"{TRAIN} @NetworkName = N'50% off';", 50117, "'50% off'"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_training_is_refused_and_nothing_is_half_written(featured: Connection, case: str) -> None:
    """Number and value are in the error, and every table is as before."""
    run(featured, "EXECUTE dbo.AssignSplits;")
    text, number, part = REFUSALS[case]
    before, _, call = text.rpartition("#")
    if before:
        run(featured, before)
        hash_vectors(featured)
    assert part in refused(featured, call, number)
