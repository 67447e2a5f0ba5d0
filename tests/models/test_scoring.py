"""PredictLungCancer and PredictPatients: what is scored, what is recorded, and where it comes from."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from pathlib import Path

import lightgbm
import numpy as np
import pytest

from lungdb.database import Connection, connect, install, run
from lungdb.errors import SqlError
from tests.support.databases import SLICES, fill, hash_vectors, refused, rows, said, target_of, vectors_and_labels
from tests.support.fixtures import PATIENTS

PREDICTIONS = (
    "SELECT p.scan_id - 1, p.probability, p.raw_probability, p.prevalence, p.vector_sha256, p.classifier_id "
    "FROM dbo.predictions AS p ORDER BY p.prediction_id;"
)


def _raw_by_lightgbm(connection: Connection, classifier: int) -> list[float]:
    [(model,)] = rows(connection, "SELECT model FROM dbo.classifiers WHERE classifier_id = ?;", (classifier,))
    vectors = [
        json.loads(text) for (text,) in rows(connection, "SELECT vector FROM dbo.pooled_features ORDER BY scan_id;")
    ]
    return list(lightgbm.Booster(model_str=model.decode()).predict(np.array(vectors)))


def test_all_patients_are_scored_as_each_one_alone(trained: Connection) -> None:
    """The rows equal those of PredictLungCancer, and their raw values are LightGBM's own."""
    (result,) = run(trained, "EXECUTE dbo.PredictPatients @Version = 1;")
    together = rows(trained, PREDICTIONS)
    assert [index for index, _ in result.rows] == list(range(PATIENTS))
    assert [percent for _, percent in result.rows] == pytest.approx([100 * row[1] for row in together])
    assert [row[2] for row in together] == pytest.approx(_raw_by_lightgbm(trained, 1))
    run(trained, "DELETE FROM dbo.predictions;")
    for index in (0, 7, 119):
        run(trained, f"EXECUTE dbo.PredictLungCancer @PatientIndex = {index}, @Version = 1;")
    assert rows(trained, PREDICTIONS) == [together[index] for index in (0, 7, 119)]


def test_the_test_scores_of_the_run_are_what_scoring_gives(trained: Connection) -> None:
    """A test patient's stored probability is that of a prediction with the same model, for either algorithm."""
    for name, experiment in (("lightgbm_sql", 1), ("100% linear", 3)):
        run(trained, "DELETE FROM dbo.predictions;")
        run(trained, "EXECUTE dbo.PredictPatients @ModelName = ?;", (name,))
        pairs = rows(
            trained,
            "SELECT t.probability, p.probability FROM dbo.test_scores AS t INNER JOIN dbo.scans AS s "
            "ON s.patient_id = t.patient_id INNER JOIN dbo.predictions AS p ON p.scan_id = s.scan_id "
            "WHERE t.experiment_id = ?;",
            (experiment,),
        )
        assert len(pairs) > 20
        np.testing.assert_allclose(*zip(*pairs, strict=True), rtol=1e-12)


def test_those_of_a_query_are_scored(trained: Connection) -> None:
    """A list with blanks and a repetition, made by STRING_AGG or by hand, and the vectors' hashes beside."""
    run(
        trained,
        "DECLARE @Some NVARCHAR(MAX) = (SELECT STRING_AGG(CAST(idx AS NVARCHAR(MAX)), N', ') FROM dbo.patients "
        "WHERE idx < 3); EXECUTE dbo.PredictPatients @Patients = @Some; "
        "EXECUTE dbo.PredictPatients @Patients = N'9, 4,9';",
    )
    found = rows(trained, PREDICTIONS)
    assert [row[0] for row in found] == [0, 1, 2, 4, 9]
    [(vector,)] = rows(trained, "SELECT vector FROM dbo.pooled_features WHERE scan_id = 5;")
    assert found[3][4] == hashlib.sha256(vector.encode("utf-16-le")).digest()


def test_a_prevalence_moves_the_odds_by_the_ratio_of_the_prior_odds(trained: Connection) -> None:
    """By argument, else by the setting; NULL in both leaves the calibrated score; each is recorded."""
    [(details,)] = rows(trained, "SELECT details FROM dbo.classifiers WHERE classifier_id = 2;")
    trained_on = json.loads(details)["prevalence"]
    run(trained, "EXECUTE dbo.PredictLungCancer @PatientIndex = 3;")
    run(trained, "EXECUTE dbo.PredictLungCancer @PatientIndex = 3, @Prevalence = 0.01;")
    run(trained, "UPDATE dbo.settings SET value = N'0.26' WHERE name = N'prevalence';")
    run(trained, "EXECUTE dbo.PredictLungCancer @PatientIndex = 3;")
    run(trained, "EXECUTE dbo.PredictPatients @Patients = N'3';")
    run(trained, "EXECUTE dbo.PredictPatients @Patients = N'3', @Prevalence = 0.01;")
    found = rows(trained, PREDICTIONS)
    assert [row[3] for row in found] == [None, 0.01, 0.26, 0.26, 0.01]
    odds = found[0][1] / (1 - found[0][1]) * (1 - trained_on) / trained_on
    for row in found[1:]:
        expected = odds * row[3] / (1 - row[3])
        assert row[1] == pytest.approx(expected / (1 + expected))
    assert len({row[2] for row in found}) == 1


def test_patients_without_features_are_listed_and_left_out_only_when_asked(trained: Connection) -> None:
    """Error 50140 with the indices; @SkipMissing = 1 scores the rest and says who is left out."""
    run(trained, "DELETE FROM dbo.pooled_features WHERE scan_id IN (2, 6);")
    message = refused(trained, "EXECUTE dbo.PredictPatients;", 50140)
    assert message.startswith("2 patients have no features")
    assert "1, 5" in message
    text = said(trained, "EXECUTE dbo.PredictPatients @SkipMissing = 1;")
    assert "2 patients without features are left out; the first indices: 1, 5." in text
    assert f"has scored {PATIENTS - 2} patients" in text
    assert "1. Call GenerateFeatures for their scans." in refused(
        trained, "EXECUTE dbo.PredictPatients @Patients = N'1', @SkipMissing = 1;", 50140
    )


def test_the_rest_is_scored_when_a_vector_is_damaged(trained: Connection) -> None:
    """Error 50120 names the first patient and why; the other 119 scores are stored."""
    run(trained, "UPDATE dbo.pooled_features SET vector = N'[1, 2, 3]' WHERE scan_id = 8;")
    hash_vectors(trained)
    with pytest.raises(SqlError) as caught:
        run(trained, "EXECUTE dbo.PredictPatients;")
    assert caught.value.number == 50120
    assert "index 7" in caught.value.message
    assert "3 features" in caught.value.message
    assert len(rows(trained, PREDICTIONS)) == PATIENTS - 1


@pytest.mark.slow
def test_1595_patients_are_scored_in_one_call_each_as_alone(tmp_path: Path) -> None:
    """As many as the original project had, at the width of ResNet-18; several chunks of vectors."""
    with closing(connect(target_of(tmp_path / "lung_cancer_database.db"))) as connection:
        install(connection)
        fill(connection, *vectors_and_labels(1595, 512, signal=2.0, seed=5), 512)
        run(connection, "EXECUTE dbo.TrainLungCancerModel @Folds = 0;")
        run(connection, "EXECUTE dbo.PredictPatients;")
        together = {row[0]: row[1:] for row in rows(connection, PREDICTIONS)}
        assert len(together) == 1595
        run(connection, "DELETE FROM dbo.predictions; EXECUTE dbo.PredictPatients @Patients = N'0, 7, 1594';")
        alone = {row[0]: row[1:] for row in rows(connection, PREDICTIONS)}
        assert len(alone) == 3
        assert alone == {scan: together[scan] for scan in alone}


DAMAGE = "UPDATE dbo.classifiers SET model = CONVERT(VARBINARY(MAX), '00', 2) + model;"
REFUSALS = {
    "an unknown name": ("", "PredictPatients @ModelName = N'5%s'", 50108, "'5%s'"),
    "an unknown version": ("", "PredictPatients @Version = 3", 50108, "no version 3"),
    "a version of one patient's score": (
        "",
        "PredictLungCancer @PatientIndex = 0, @Version = 3",
        50108,
        "no version 3",
    ),
    "a list with a word": ("", "PredictPatients @Patients = N'1,two%,3'", 50101, "'two%'"),
    "a list with a gap": ("", "PredictPatients @Patients = N'1,,3'", 50101, "''"),
    "an empty list": ("", "PredictPatients @Patients = N''", 50101, "''"),
    "an index of nobody": ("", "PredictPatients @Patients = N'3,4000'", 50107, "4000"),
    "a NULL option": ("", "PredictPatients @SkipMissing = NULL", 50101, "@SkipMissing"),
    "a prevalence of all": ("", "PredictPatients @Prevalence = 1", 50101, "@Prevalence"),
    "a prevalence of none": ("", "PredictLungCancer @PatientIndex = 0, @Prevalence = 0", 50101, "@Prevalence"),
    "a prevalence in percent": (
        "UPDATE dbo.settings SET value = N'26 %' WHERE name = N'prevalence';",
        "PredictLungCancer @PatientIndex = 0",
        50101,
        "'26 %'",
    ),
    "damaged bytes": (DAMAGE, "PredictPatients", 50105, "SHA-256"),
    "damaged bytes for one patient": (DAMAGE, "PredictLungCancer @PatientIndex = 0", 50105, "SHA-256"),
    "a library that is none": (
        "UPDATE dbo.classifiers SET library = N'sklearn';",
        "PredictPatients",
        50116,
        "sklearn",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_scoring_is_refused_and_nothing_is_half_written(trained: Connection, case: str) -> None:
    """Number and value are in the error, and every table is as before."""
    before, call, number, part = REFUSALS[case]
    if before:
        run(trained, before)
    assert part in refused(trained, f"EXECUTE dbo.{call};", number)


def test_the_lineage_of_a_score_is_complete_and_as_in_the_tables(trained: Connection) -> None:
    """Every kind of step in order, and each SHA-256 computed again from the bytes that the tables hold."""
    run(trained, "EXECUTE dbo.PredictLungCancer @PatientIndex = 6, @ModelName = N'100% linear', @Prevalence = 0.2;")
    chain = rows(trained, "EXECUTE dbo.LineageOf @PredictionId = 1;")
    assert [position for position, *_ in chain] == sorted(position for position, *_ in chain)
    kinds = list(dict.fromkeys(kind for _, kind, *_ in chain))
    assert kinds == [
        "prediction", "model", "experiment", "patients", "test figure", "vector", "features", "network", "scan",
        "slice",
    ]  # fmt: skip
    hashes = {(kind, name): sha256 for _, kind, name, _, sha256 in chain}
    stored = {
        ("model", "100% linear"): "SELECT model FROM dbo.classifiers WHERE classifier_id = 3;",
        ("vector", "mean"): "SELECT CONVERT(VARBINARY(MAX), vector) FROM dbo.pooled_features WHERE scan_id = 7;",
        ("features", "1"): "SELECT array FROM dbo.features WHERE scan_id = 7;",
        ("network", "made up"): "SELECT model FROM dbo.networks;",
    }
    for step, sql in stored.items():
        assert hashes[step] == hashlib.sha256(rows(trained, sql)[0][0]).digest()
    slices = rows(trained, "SELECT slice_index, pixels FROM dbo.scan_images WHERE scan_id = 7 ORDER BY slice_index;")
    assert [hashes["slice", str(index)] for index, _ in slices] == [hashlib.sha256(p).digest() for _, p in slices]
    assert len([kind for _, kind, *_ in chain if kind == "slice"]) == SLICES
    assert hashes["scan", "1.2.6"] == rows(trained, "SELECT content_sha256 FROM dbo.scans WHERE scan_id = 7;")[0][0]
    details = {(kind, name): detail for _, kind, name, detail, _ in chain}
    assert details["vector", "mean"] == "as stored"
    assert "prevalence 0.2" in details["prediction", "1"]
    figures = dict(
        rows(trained, "SELECT metric, value FROM dbo.experiment_metrics WHERE experiment_id = 3 AND part = 'test';")
    )
    assert float(details["test figure", "auc"]) == pytest.approx(figures["auc"], abs=1e-6)
    parts = rows(trained, "SELECT part, COUNT(*) FROM dbo.experiment_patients WHERE experiment_id = 3 GROUP BY part;")
    assert len(parts) == 2
    for part, count in parts:
        assert details["patients", part].startswith(f"{count} patients")


def test_the_lineage_tells_what_is_no_longer_as_it_was(trained: Connection) -> None:
    """Changed and missing vectors and damaged bytes are said, beside the hash of what was used."""
    run(trained, "EXECUTE dbo.PredictLungCancer @PatientIndex = 6;")
    used = rows(trained, PREDICTIONS)[0][4]
    run(trained, "UPDATE dbo.pooled_features SET vector = N'[1]' WHERE scan_id = 7;")
    run(trained, f"UPDATE dbo.features SET array = 0x01; {DAMAGE}")
    chain = {
        kind: (detail, sha256)
        for _, kind, _, detail, sha256 in rows(trained, "EXECUTE dbo.LineageOf @PredictionId = 1;")
    }
    assert chain["vector"] == ("another vector is stored now", used)
    assert chain["features"][0].endswith("the stored bytes are damaged")
    assert chain["model"][0].endswith("the stored bytes are damaged")
    run(trained, "DELETE FROM dbo.pooled_features WHERE scan_id = 7;")
    chain = {
        kind: (detail, sha256)
        for _, kind, _, detail, sha256 in rows(trained, "EXECUTE dbo.LineageOf @PredictionId = 1;")
    }
    assert chain["vector"] == ("the stored vector is gone", used)


@pytest.mark.parametrize("argument", ["", " @PredictionId = 4"])
def test_the_lineage_of_nothing_is_refused(trained: Connection, argument: str) -> None:
    """Error 50145."""
    refused(trained, f"EXECUTE dbo.LineageOf{argument};", 50145)
