"""The procedures in plain T-SQL give what PredictLungCancer and PredictPatients give, and refuse what they must."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from lungdb.database import Connection, run
from tests.sql.gates.check import SQL
from tests.support.databases import digest_models, hash_vectors, refused, rows, said
from tests.support.fixtures import PATIENTS
from tests.support.trees import scores

ALLOWED = 1e-6


@pytest.mark.parametrize("options", ["", ", @Prevalence = 0.02", ", @Prevalence = 0.97", ", @Version = 1"])
@pytest.mark.parametrize("model", ["lightgbm_sql", "100% linear"])
def test_every_patient_gets_the_score_of_python(trained: Connection, model: str, options: str) -> None:
    """Platt's calibration, both algorithms, with and without a correction of the prevalence."""
    found = scores(trained, f"EXECUTE dbo.PredictPatientsSql @ModelName = N'{model}'{options};")
    wanted = scores(trained, f"EXECUTE dbo.PredictPatients @ModelName = N'{model}'{options};")
    assert len(found) == PATIENTS
    assert len(np.unique(found)) > 2
    assert np.abs(found - wanted).max() < ALLOWED


@pytest.mark.parametrize("calibration", ["none", "isotonic"])
def test_other_calibrations_score_as_python_does(featured: Connection, calibration: str) -> None:
    """Between, on and outside the points of an isotonic regression, and without any calibration."""
    run(featured, f"EXECUTE dbo.TrainLungCancerModel @Calibration = N'{calibration}';")
    run(featured, "UPDATE dbo.pooled_features SET vector = JSON_MODIFY(vector, '$[0]', 9) WHERE scan_id < 4;")
    run(featured, "UPDATE dbo.pooled_features SET vector = JSON_MODIFY(vector, '$[0]', -9) WHERE scan_id = 5;")
    hash_vectors(featured)
    found = scores(featured, "EXECUTE dbo.PredictPatientsSql @Prevalence = 0.1;")
    assert np.abs(found - scores(featured, "EXECUTE dbo.PredictPatients @Prevalence = 0.1;")).max() < ALLOWED


def test_training_stores_the_nodes_and_the_check(trained: Connection) -> None:
    """Every model that training stored was compared on all patients, and comes within the allowance."""
    checks = rows(trained, "SELECT patients, max_difference FROM dbo.model_checks;")
    assert len(checks) == rows(trained, "SELECT COUNT(*) FROM dbo.classifiers;")[0][0] == 3
    assert all(patients == PATIENTS and 0 <= difference < ALLOWED for patients, difference in checks)


@pytest.mark.parametrize("model", ["lightgbm_sql", "100% linear"])
def test_scores_can_be_had_without_being_kept(trained: Connection, model: str) -> None:
    """What PredictPatients says before it corrects for the site's share of positives; no prediction is left."""
    run(trained, "UPDATE dbo.settings SET value = N'0.01' WHERE name = N'prevalence';")
    found = rows(trained, f"EXECUTE dbo.ScorePatientsSql @ModelName = N'{model}', @Patients = N'7,3';")
    assert [index for index, *_ in found] == [3, 7]
    assert rows(trained, "SELECT COUNT(*) FROM dbo.predictions;") == [(0,)]
    call = f"EXECUTE dbo.PredictPatients @ModelName = N'{model}', @Patients = N'3,7';"
    assert [probability for _, _, probability in found] != pytest.approx(list(scores(trained, call)), abs=ALLOWED)
    run(trained, "UPDATE dbo.settings SET value = NULL WHERE name = N'prevalence';")
    wanted = scores(trained, call)
    assert [probability for _, _, probability in found] == pytest.approx(list(wanted), abs=ALLOWED)
    assert len(rows(trained, f"EXECUTE dbo.ScorePatientsSql @ModelName = N'{model}';")) == PATIENTS
    assert "4000" in refused(trained, "EXECUTE dbo.ScorePatientsSql @Patients = N'4000';", 50107)


def test_a_model_that_can_be_scored_says_how_near_it_comes(trained: Connection) -> None:
    """The row of the stored check; a model without nodes, or one that is not there, is refused as for scoring."""
    [(classifier_id, name, version, trees, patients, difference, _)] = rows(trained, "EXECUTE dbo.CheckModelSql;")
    assert (classifier_id, name, version, patients) == (1, "lightgbm_sql", 1, PATIENTS)
    assert trees > 0
    assert 0 <= difference < ALLOWED
    linear = rows(trained, "EXECUTE dbo.CheckModelSql @ModelName = N'100% linear', @Version = 1;")
    assert linear[0][:4] == (3, "100% linear", 1, 0)
    run(trained, "EXECUTE internal.DeleteModelNodes 1;")
    assert "StoreModelNodes" in refused(trained, "EXECUTE dbo.CheckModelSql;", 50150)
    refused(trained, "EXECUTE dbo.CheckModelSql @ModelName = N'no such';", 50108)


def test_the_check_finds_a_procedure_that_scores_wrongly(trained: Connection) -> None:
    """With another comparison in WalkTrees the stored difference is large, and scoring is refused until it is right."""
    right = (SQL / "procedures/native_scoring/internal/WalkTrees.sql").read_text(encoding="utf-8")
    wrong = re.sub(r"(x <= n\d?\.threshold)", r"\1 + 0.1", right)
    assert wrong != right
    run(trained, wrong)
    assert "cannot be scored" in said(trained, "EXECUTE dbo.StoreModelNodes;")
    assert rows(trained, "SELECT MAX(max_difference) FROM dbo.model_checks;")[0][0] > ALLOWED
    assert "1e-6" in refused(trained, "EXECUTE dbo.PredictPatientsSql;", 50151)
    run(trained, right)
    assert "can be scored with T-SQL alone" in said(trained, "EXECUTE dbo.StoreModelNodes;")
    scores(trained, "EXECUTE dbo.PredictPatientsSql;")


def test_a_calibration_that_cannot_be_read_keeps_the_nodes_that_were_there(trained: Connection) -> None:
    """Storing again is refused as scoring in Python is, and changes nothing."""
    run(trained, "UPDATE dbo.classifiers SET details = JSON_MODIFY(details, '$.calibration.method', 'unknown');")
    refused(trained, "EXECUTE dbo.StoreModelNodes;", 50116)


def test_one_patient_gets_the_same_percentage_and_a_row(trained: Connection) -> None:
    """As OUTPUT parameter, as result set and in dbo.predictions, with the hash of the vector."""
    call = (
        "DECLARE @R FLOAT; EXECUTE dbo.{} @PatientIndex = 7, @Prevalence = 0.2, @PredictionResult = @R OUTPUT; "
        "SELECT @R;"
    )
    shown, (found,) = (result.rows[0] for result in run(trained, call.format("PredictLungCancerSql")))
    assert shown == (found,)
    assert abs(found - run(trained, call.format("PredictLungCancer"))[-1].scalar()) < 100 * ALLOWED
    ours, theirs = rows(
        trained,
        "SELECT scan_id, classifier_id, prevalence, vector_sha256, ROUND(probability, 9), ROUND(raw_probability, 9) "
        "FROM dbo.predictions ORDER BY prediction_id;",
    )
    assert ours == theirs


def test_a_logistic_regression_refuses_a_missing_value(trained: Connection) -> None:
    """Trees have a rule for it; a sum has none."""
    run(trained, "UPDATE dbo.pooled_features SET vector = REPLACE(vector, N'[', N'[null,') WHERE scan_id = 3;")
    run(trained, "UPDATE dbo.model_scoring SET width = 13 WHERE trees = 0;")
    run(
        trained,
        "INSERT INTO dbo.model_coefficients SELECT classifier_id, 12, 0, 1, 0 FROM dbo.model_scoring WHERE trees = 0;",
    )
    hash_vectors(trained)
    digest_models(trained)
    message = refused(trained, "EXECUTE dbo.PredictPatientsSql @Patients = N'2', @ModelName = N'100% linear';", 50153)
    assert "missing" in message


@pytest.mark.parametrize("model", ["lightgbm_sql", "100% linear"])
def test_a_null_in_the_vector_of_a_patient_is_refused_as_python_does(trained: Connection, model: str) -> None:
    """PredictLungCancer cannot read the vector; neither is a score of it kept."""
    run(trained, "UPDATE dbo.pooled_features SET vector = JSON_MODIFY(vector, 'strict $[2]', NULL) WHERE scan_id = 3;")
    hash_vectors(trained)
    call = f"EXECUTE dbo.{{}} @PatientIndex = 2, @ModelName = N'{model}';"
    refused(trained, call.format("PredictLungCancer"), 50116)
    assert "The feature 2 of the scan 3 is null" in refused(trained, call.format("PredictLungCancerSql"), 50153)
    assert rows(trained, "SELECT COUNT(*) FROM dbo.predictions WHERE scan_id = 3;") == [(0,)]


def test_a_model_without_nodes_is_refused_until_they_are_stored(trained: Connection) -> None:
    """As a model of an older version, or one that lost a tree; the message has the call that helps."""
    before = scores(trained, "EXECUTE dbo.PredictPatientsSql @Version = 1;")
    for change in ("DELETE FROM dbo.model_nodes WHERE tree = 0;", "EXECUTE internal.DeleteModelNodes 1;"):
        run(trained, change)
        message = refused(trained, "EXECUTE dbo.PredictPatientsSql @Version = 1;", 50150)
        call = message[message.index("EXECUTE") : message.index(";") + 1]
        run(trained, call)
        assert (scores(trained, "EXECUTE dbo.PredictPatientsSql @Version = 1;") == before).all()


_WITH_A_NUMBER_BELOW_0 = "N'" + json.dumps({str(place): 1.5 for place in (-1, *range(1, 12))}) + "'"


@pytest.mark.parametrize(
    ("vector", "number", "word"),
    [
        ("N'[1,2]'", 50153, "has 2 features"),
        ("REPLACE(vector, N'[', N'[\"a\",')", 50153, "reads 12"),
        ("REPLACE(vector, N'[', N'[true,')", 50153, "reads 12"),
        ("JSON_MODIFY(vector, '$[2]', 'x')", 50153, "has 11 features"),
        ("JSON_MODIFY(vector, '$[2]', 1e39)", 50153, "The feature 2 of the scan 4 is 1"),
        ('N\'{"0": 1, "1": 2, "1": 3}\'', 50153, "scan 4 holds the feature 1 more than once"),
        ('N\'{"1": 0.5, "01": 0.5}\'', 50153, "scan 4 holds the feature 1 more than once"),
        ('N\'{"0": 1, "1": 2, "b%": 3}\'', 50153, "scan 4 holds a feature that is called 'b%' in place"),
        (_WITH_A_NUMBER_BELOW_0, 50153, "has 12 features, one of the number -1, and the model reads 12"),
    ],
)
def test_a_vector_that_does_not_fit_is_refused(trained: Connection, vector: str, number: int, word: str) -> None:
    """Another width, text or truth among the numbers, a feature twice, and what single precision cannot hold."""
    run(trained, f"UPDATE dbo.pooled_features SET vector = {vector} WHERE scan_id = 4;")
    hash_vectors(trained)
    assert word in refused(trained, "EXECUTE dbo.PredictPatientsSql;", number)


def test_features_of_another_pooling_are_refused_or_left_out(trained: Connection) -> None:
    """As PredictPatients does, with the index of the patient."""
    run(trained, "UPDATE dbo.pooled_features SET pooling = N'max' WHERE scan_id = 4;")
    assert "indices: 3" in refused(trained, "EXECUTE dbo.PredictPatientsSql;", 50140)
    assert len(scores(trained, "EXECUTE dbo.PredictPatientsSql @SkipMissing = 1;")) == PATIENTS - 1


def test_a_correction_needs_the_share_that_the_model_was_trained_on(trained: Connection) -> None:
    """A model that does not say it is scored without a correction only."""
    run(trained, "UPDATE dbo.model_scoring SET prevalence = NULL;")
    digest_models(trained)
    refused(trained, "EXECUTE dbo.PredictPatientsSql @Prevalence = 0.3;", 50154)
    scores(trained, "EXECUTE dbo.PredictPatientsSql;")


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        ("@PatientIndex = NULL", 50101),
        ("@PatientIndex = 9999", 50107),
        ("@PatientIndex = -1", 50107),
        ("@PatientIndex = 0, @ModelName = N'no such'", 50108),
        ("@PatientIndex = 0, @Version = 77", 50108),
        ("@PatientIndex = 0, @Prevalence = 1", 50101),
    ],
)
def test_wrong_arguments_are_refused(trained: Connection, arguments: str, number: int) -> None:
    """With the numbers of PredictLungCancer, and nothing is stored."""
    refused(trained, f"EXECUTE dbo.PredictLungCancerSql {arguments};", number)


def test_deleting_a_model_deletes_its_nodes(trained: Connection) -> None:
    """No row of it stays in any of the tables."""
    run(trained, "EXECUTE dbo.DeleteModel @ModelName = N'lightgbm_sql', @Version = 2;")
    for table in ("model_scoring", "model_nodes", "model_coefficients", "model_calibration", "model_checks"):
        assert rows(trained, f"SELECT COUNT(*) FROM dbo.{table} WHERE classifier_id = 2;") == [(0,)]


def test_the_tables_say_what_the_model_says(trained: Connection) -> None:
    """Calibration, coefficients and intercept are the numbers of the stored JSON, to the last bit."""
    (details, model) = rows(trained, "SELECT details, model FROM dbo.classifiers WHERE library = N'logistic';")[0]
    read, calibration = json.loads(model), json.loads(details)["calibration"]
    found = rows(trained, "SELECT mean, scale, coefficient FROM dbo.model_coefficients ORDER BY feature_index;")
    assert found == list(zip(read["mean"], read["scale"], read["coefficients"], strict=True))
    assert rows(trained, "SELECT intercept FROM dbo.model_scoring WHERE trees = 0;") == [(read["intercept"],)]
    assert rows(
        trained,
        "SELECT k.x, k.y FROM dbo.model_calibration AS k INNER JOIN dbo.model_scoring AS s "
        "ON s.classifier_id = k.classifier_id WHERE s.trees = 0;",
    ) == [(calibration["slope"], calibration["intercept"])]
