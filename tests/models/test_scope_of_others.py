"""What ensembles and classifiers from elsewhere know, and why a score is not judged where that is not known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lungdb.cli import load_classifier
from lungdb.database import Connection, run
from tests.models.test_scope import NEWEST, PREDICT, WIDTH, _distance, _features, known
from tests.support.databases import refused, rows, target_of

__all__ = ["known"]


@pytest.fixture
def two(known: Connection) -> Connection:
    """Its model, a second one on the same patients, and an ensemble of both."""
    run(
        known,
        "EXECUTE dbo.TrainLungCancerModel @ModelName = N'linear', @Algorithm = N'logistic';"
        "EXECUTE dbo.CreateEnsemble @ModelName = N'both', @Members = N'lightgbm_sql:1, linear:1';",
    )
    return known


def test_an_ensemble_knows_what_its_members_have_learnt_from(two: Connection) -> None:
    """The same features: the same limit as numpy's for a member, and the share of held-out scans outside."""
    train, test = _features(two, "train"), _features(two, "test")
    for item in ("distance", "thickness", "coverage", "kernel", "contrast", "held_out"):
        found = {
            name: rows(
                two,
                "SELECT s.position, s.low, s.high, s.text, s.scans FROM dbo.model_scope AS s INNER JOIN "
                "dbo.classifiers AS c ON c.classifier_id = s.classifier_id WHERE c.name = ? AND s.item = ? "
                "ORDER BY s.position;",
                (name, item),
            )
            for name in ("both", "linear")
        }
        assert found["both"] == found["linear"] != []
    [(limit, share)] = rows(
        two,
        "SELECT d.high, h.high FROM dbo.model_scope AS d INNER JOIN dbo.model_scope AS h "
        "ON h.classifier_id = d.classifier_id AND h.item = 'held_out' INNER JOIN dbo.classifiers AS c "
        "ON c.classifier_id = d.classifier_id WHERE d.item = 'distance' AND c.name = N'both';",
    )
    assert share == pytest.approx(float(np.mean([_distance(x, train) > limit for x in test])))


@pytest.mark.parametrize("suffix", ["", "Sql"])
def test_a_score_of_an_ensemble_says_when_it_stands_outside(two: Connection, suffix: str) -> None:
    """By the thickness, with and without Python."""
    call = f"EXECUTE dbo.PredictLungCancer{suffix} @ModelName = N'both', @PatientIndex = 3;"
    run(two, call)
    assert rows(two, NEWEST)[0][0] == "inside"
    run(two, f"UPDATE dbo.scans SET slice_thickness = 9 WHERE scan_id = 4; {call}")
    [(scope, reason)] = rows(two, NEWEST)
    assert scope == "outside"
    assert reason.startswith("Outside what the model was trained on: slice thickness 9.00 mm (1.00 to 2.50)")


def test_an_ensemble_of_other_features_is_judged_by_its_own_combined_vector(known: Connection) -> None:
    """Members on two poolings: twice the features, the limit by numpy on both side by side."""
    run(
        known,
        "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector, vector_sha256) "
        "SELECT scan_id, feature_set_id, N'max', vector, vector_sha256 FROM dbo.pooled_features;"
        "EXECUTE dbo.TrainLungCancerModel @ModelName = N'second', @Pooling = N'max', @Algorithm = N'logistic';"
        "EXECUTE dbo.CreateEnsemble @ModelName = N'both', @Members = N'lightgbm_sql:1, second:1';",
    )
    query = (
        "SELECT {} FROM dbo.{} AS s INNER JOIN dbo.classifiers AS c ON c.classifier_id = s.classifier_id "
        "WHERE c.name = N'both'"
    )
    stored = rows(known, query.format("s.mean", "model_scope_features") + " ORDER BY s.feature_index;")
    run(known, "DELETE FROM dbo.pooled_features WHERE pooling <> N'mean';")
    train = _features(known, "train")
    np.testing.assert_allclose([mean for (mean,) in stored], np.tile(train.mean(axis=0), 2), rtol=1e-9, atol=1e-12)
    [(limit,)] = rows(known, query.format("s.high", "model_scope") + " AND s.item = 'distance';")
    [(own,)] = rows(known, "SELECT high FROM dbo.model_scope WHERE classifier_id = 1 AND item = 'distance';")
    assert limit == pytest.approx(own)


def test_an_ensemble_with_a_member_of_which_nothing_is_known_judges_nothing_and_says_so(known: Connection) -> None:
    """As of a member from before the scope was kept."""
    run(
        known,
        "EXECUTE dbo.TrainLungCancerModel @ModelName = N'linear', @Algorithm = N'logistic';"
        "DELETE FROM dbo.model_scope WHERE classifier_id = 2;"
        "EXECUTE dbo.CreateEnsemble @ModelName = N'both', @Members = N'lightgbm_sql:1, linear:1';",
    )
    run(known, "EXECUTE dbo.PredictLungCancer @ModelName = N'both', @PatientIndex = 3;")
    assert rows(known, NEWEST) == [
        (None, "Not judged: what the scans that the model was trained on are like is not recorded.")
    ]


@pytest.fixture
def apart(known: Connection) -> Connection:
    """Two models that hold patients out for validation, of whose training patients no score is out of fold."""
    for name, iterations in (("one", 5), ("two", 9)):
        call = "EXECUTE dbo.TrainLungCancerModel @ModelName = ?, @Folds = 0, @MaxIterations = ?;"
        run(known, call, (name, iterations))
    return known


MEMBERS = "EXECUTE dbo.CreateEnsemble @ModelName = N'both', @Members = N'one:1, two:1';"


def test_an_altered_vector_that_an_ensemble_would_learn_its_scope_from_is_refused(apart: Connection) -> None:
    """Of a training patient whom no member has scored: the run ends and no model is stored."""
    run(
        apart,
        "UPDATE dbo.pooled_features SET vector = N'[1,1,1,1,1,1]' WHERE scan_id = (SELECT MIN(p.scan_id) "
        "FROM dbo.experiment_patients AS p WHERE p.part = 'train' AND p.experiment_id = 2);",
    )
    assert "do not match their SHA-256" in refused(apart, MEMBERS, 50105)
    assert rows(apart, "SELECT COUNT(*) FROM dbo.runs WHERE ended_at IS NULL;") == [(0,)]
    assert rows(apart, "SELECT COUNT(*) FROM dbo.classifiers WHERE name = N'both';") == [(0,)]


def test_a_training_scan_without_its_vector_counts_for_nothing_in_an_ensemble(apart: Connection) -> None:
    """Neither in the thicknesses nor in the kernels, as it does not in the distances."""
    query = (
        "SELECT s.item, SUM(s.scans) FROM dbo.model_scope AS s INNER JOIN dbo.classifiers AS c "
        "ON c.classifier_id = s.classifier_id WHERE c.name = N'both' AND s.item IN ('distance', 'thickness', 'kernel') "
        "GROUP BY s.item ORDER BY s.item;"
    )
    run(
        apart,
        "DELETE FROM dbo.pooled_features WHERE scan_id = (SELECT MIN(p.scan_id) "
        "FROM dbo.experiment_patients AS p WHERE p.part = 'train' AND p.experiment_id = 2);",
    )
    run(apart, MEMBERS)
    ((learnt,),) = rows(
        apart, "SELECT COUNT(*) FROM dbo.experiment_patients WHERE part = 'train' AND experiment_id = 2;"
    )
    assert rows(apart, query) == [(item, learnt - 1) for item in ("distance", "kernel", "thickness")]


@pytest.fixture
def booster(known: Connection, tmp_path: Path) -> Path:
    """The model of the database as a file from elsewhere."""
    file = tmp_path / "theirs.txt"
    file.write_bytes(bytes(rows(known, "SELECT model FROM dbo.classifiers WHERE classifier_id = 1;")[0][0]))
    return file


def test_a_classifier_from_elsewhere_is_judged_by_the_data_set_that_it_was_trained_on(
    known: Connection, booster: Path, tmp_path: Path
) -> None:
    """The limits of the training patients named as a set, and the share of test patients beside it."""
    run(
        known,
        "EXECUTE dbo.CreateDataset @Name = N'theirs: all', @Query = N'SELECT s.scan_id FROM dbo.scans AS s "
        "INNER JOIN dbo.splits AS p ON p.patient_id = s.patient_id WHERE p.part = ''train''';",
    )
    target = target_of(next(tmp_path.glob("*.db")))
    assert load_classifier.main([str(booster), "-d", target, "--trained-on", "theirs: all"]) == 0
    own, theirs = (
        rows(
            known,
            "SELECT item, position, low, high, text, scans FROM dbo.model_scope WHERE classifier_id = ? "
            "ORDER BY item, position;",
            (number,),
        )
        for number in (1, 2)
    )
    assert theirs == own
    ((details,),) = rows(known, "SELECT details FROM dbo.classifiers WHERE classifier_id = 2;")
    assert json.loads(details)["origin"]["trained_on"] == "theirs: all version 1"
    run(known, "UPDATE dbo.scans SET slice_thickness = 9 WHERE scan_id = 4;")
    run(known, "EXECUTE dbo.PredictLungCancer @ModelName = N'theirs', @PatientIndex = 3;")
    assert rows(known, NEWEST)[0][0] == "outside"


def test_vectors_of_a_scope_are_read_before_anything_is_locked(
    known: Connection, booster: Path, tmp_path: Path
) -> None:
    """What measures them here refuses to do so in a transaction."""
    run(known, "EXECUTE dbo.CreateDataset @Name = N'theirs', @Query = N'SELECT scan_id FROM dbo.scans';")
    run(
        known,
        "CREATE OR ALTER PROCEDURE internal.FitScope @FeatureSetId INT, @Pooling NVARCHAR(32) AS "
        "BEGIN IF @@TRANCOUNT > 0 THROW 50100, N'in a transaction', 1; "
        "INSERT INTO #scope (item, position, low, high, scans) VALUES ('thickness', 0, 40, 80, 9); END;",
    )
    target = target_of(next(tmp_path.glob("*.db")))
    assert load_classifier.main([str(booster), "-d", target, "--trained-on", "theirs"]) == 0
    sql = "SELECT low, high, scans FROM dbo.model_scope WHERE classifier_id = 2 AND item = 'thickness';"
    assert rows(known, sql) == [(40, 80, 9)]


def test_without_a_data_set_its_scores_say_why_they_are_not_judged(
    known: Connection, booster: Path, tmp_path: Path
) -> None:
    """The sentence stands beside the score, whose scope is NULL."""
    assert load_classifier.main([str(booster), "-d", target_of(next(tmp_path.glob("*.db")))]) == 0
    run(known, "EXECUTE dbo.PredictLungCancer @ModelName = N'theirs', @PatientIndex = 3;")
    assert rows(known, NEWEST) == [
        (None, "Not judged: the model was made elsewhere, and what it was trained on is not known.")
    ]


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ("no such", "no such"),
        ("theirs:7", "7"),
        ("bare", "None of the 2 scans of the data set"),
        ("two", "2, of 2 patients, of the 4 scans of the data set"),
    ],
)
def test_a_data_set_that_says_nothing_of_it_is_refused_and_nothing_is_stored(
    known: Connection,
    booster: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    dataset: str,
    message: str,
) -> None:
    """One that is not there, a version that is not there, one without features, one with too few for a spread."""
    run(known, "EXECUTE dbo.CreateDataset @Name = N'theirs', @Query = N'SELECT scan_id FROM dbo.scans';")
    run(
        known,
        "INSERT INTO dbo.scans (patient_id, is_primary, series_uid, study_uid, image_rows, image_cols, number_images, "
        "content_sha256) SELECT TOP (2) patient_id, 0, CONCAT(series_uid, N'.9'), study_uid, 1, 1, 1, 0x00 "
        "FROM dbo.scans;"
        "EXECUTE dbo.CreateDataset @Name = N'bare', @Query = N'SELECT scan_id FROM dbo.scans WHERE is_primary = 0';"
        "EXECUTE dbo.CreateDataset @Name = N'two', @Query = N'SELECT scan_id FROM dbo.scans WHERE is_primary = 0 "
        "OR scan_id < 3';",
    )
    target = target_of(next(tmp_path.glob("*.db")))
    assert load_classifier.main([str(booster), "-d", target, "--trained-on", dataset]) == 1
    assert message in capsys.readouterr().err
    assert rows(known, "SELECT COUNT(*) FROM dbo.classifiers;") == [(1,)]


def test_that_its_scope_is_of_a_part_of_the_data_set_is_said(
    known: Connection, booster: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scans without these features say nothing of what it knows."""
    run(
        known,
        "EXECUTE dbo.CreateDataset @Name = N'theirs', @Query = N'SELECT scan_id FROM dbo.scans WHERE scan_id < 11';"
        "DELETE FROM dbo.pooled_features WHERE scan_id < 5;",
    )
    target = target_of(next(tmp_path.glob("*.db")))
    assert load_classifier.main([str(booster), "-d", target, "--trained-on", "theirs"]) == 0
    assert "6 of 10 scans of the data set have these features" in capsys.readouterr().out
    assert rows(known, "SELECT scans FROM dbo.model_scope WHERE classifier_id = 2 AND item = 'distance';") == [(6,)]


def test_a_version_without_its_data_set_is_refused(known: Connection) -> None:
    """By number, with what to give."""
    call = (
        "EXECUTE dbo.StoreClassifier @ModelName = N'x', @FeatureSetId = 1, @Library = N'onnx', @Classifier = 0x00, "
        f"@Details = N'{{\"width\": {WIDTH}}}', @DatasetVersion = 1;"
    )
    assert "@DatasetVersion" in refused(known, call, 50101)
    run(known, PREDICT, (3,))
