"""Forests, extra trees and networks: trained, scored in Python and in plain T-SQL alike, refused where not."""

from __future__ import annotations

import json

import lightgbm
import numpy as np
import pytest

from lungdb.database import Connection, run
from tests.models.conftest import ALGORITHMS
from tests.support.databases import refused, rows

TRAIN = "EXECUTE dbo.TrainLungCancerModel"


def _vectors(connection: Connection, pooling: str = "mean") -> np.ndarray:
    sql = "SELECT vector FROM dbo.pooled_features WHERE pooling = ? ORDER BY scan_id;"
    return np.array([json.loads(text) for (text,) in rows(connection, sql, (pooling,))], dtype=np.float32)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_plain_t_sql_scores_as_python_does(many_algorithms: Connection, algorithm: str) -> None:
    """Within 1e-6 of a probability for every patient; and the check that is stored says so."""
    given = dict(rows(many_algorithms, f"EXECUTE dbo.PredictPatients @ModelName = N'{algorithm}';"))
    found = dict(rows(many_algorithms, f"EXECUTE dbo.PredictPatientsSql @ModelName = N'{algorithm}';"))
    assert len(found) == 120
    assert found == pytest.approx(given, abs=1e-4)  # percent
    assert max(found.values()) - min(found.values()) > 5
    check = "SELECT k.max_difference FROM dbo.model_checks AS k INNER JOIN dbo.classifiers AS c ON c.classifier_id = " \
        "k.classifier_id WHERE c.name = ?;"  # fmt: skip
    assert rows(many_algorithms, check, (algorithm,))[0][0] < 1e-6


@pytest.mark.parametrize(("algorithm", "draws_thresholds"), [("random_forest", "0"), ("extra_trees", "1")])
def test_a_forest_is_lightgbms_and_scores_as_lightgbm_does(
    many_algorithms: Connection, algorithm: str, draws_thresholds: str
) -> None:
    """Boosting rf with 0.632 of the patients a tree; raw scores in T-SQL are LightGBM's, the mean leaf's sigmoid."""
    [(model,)] = rows(many_algorithms, "SELECT model FROM dbo.classifiers WHERE name = ?;", (algorithm,))
    text = bytes(model).decode()
    wanted = ("[boosting: rf]", "[bagging_freq: 1]", "[bagging_fraction: 0.632]", f"[extra_trees: {draws_thresholds}]")
    assert [each for each in wanted if each not in text] == []
    booster = lightgbm.Booster(model_str=text)
    assert booster.num_trees() == 20
    found = rows(many_algorithms, f"EXECUTE dbo.ScorePatientsSql @ModelName = N'{algorithm}';")
    np.testing.assert_allclose([raw for _, raw, _ in found], booster.predict(_vectors(many_algorithms)), atol=1e-9)


def test_a_networks_tensors_score_as_the_t_sql_networks_do(many_algorithms: Connection) -> None:
    """ScoreNetworkSql, over the features as a data set of examples, gives the raw scores of the classifier."""
    [(identity,)] = rows(many_algorithms, "SELECT classifier_id FROM dbo.classifiers WHERE library = N'network';")
    run(
        many_algorithms,
        "INSERT INTO dbo.examples (dataset, example_id, feature_index, value) "
        "SELECT N'vectors', f.scan_id, CAST(v.[key] AS INT), CAST(v.[value] AS REAL) FROM dbo.pooled_features AS f "
        "CROSS APPLY OPENJSON(f.vector) AS v WHERE f.pooling = N'mean';",
    )
    scored = rows(
        many_algorithms, f"EXECUTE dbo.ScoreNetworkSql @ModelName = N'classifier/{identity}', @Dataset = N'vectors';"
    )
    raw = {patient + 1: raw for patient, raw, _ in rows(many_algorithms, "EXECUTE dbo.ScorePatientsSql N'network';")}
    assert {example: value for example, label, value in scored if label == 1} == pytest.approx(raw, abs=1e-12)


def test_a_tensor_that_was_changed_is_not_scored_with(many_algorithms: Connection) -> None:
    """The digest of a model's rows covers layers and tensors; StoreModelNodes makes them again."""
    run(many_algorithms, "UPDATE dbo.tensors SET value = value + 1 WHERE tensor = N'1.bias';")
    refused(many_algorithms, "EXECUTE dbo.PredictPatientsSql @ModelName = N'network';", 50105)
    run(many_algorithms, "EXECUTE dbo.StoreModelNodes @ModelName = N'network';")
    assert len(rows(many_algorithms, "EXECUTE dbo.PredictPatientsSql @ModelName = N'network';")) == 120


def test_deleting_a_network_deletes_its_tensors(many_algorithms: Connection) -> None:
    """And its layers."""
    run(many_algorithms, "EXECUTE dbo.DeleteModel @ModelName = N'network', @Version = 1;")
    assert rows(many_algorithms, "SELECT COUNT(*) FROM dbo.tensors;") == [(0,)]
    assert rows(many_algorithms, "SELECT COUNT(*) FROM dbo.dense_layers;") == [(0,)]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_same_call_gives_the_same_bytes(many_algorithms: Connection, algorithm: str) -> None:
    """Seeds are fixed and there is one thread."""
    trees = "" if algorithm == "network" else ", @MaxIterations = 20"
    run(many_algorithms, f"{TRAIN} @ModelName = N'{algorithm}', @Algorithm = N'{algorithm}'{trees};")
    sql = "SELECT sha256 FROM dbo.classifiers WHERE name = ? ORDER BY version;"
    one, two = rows(many_algorithms, sql, (algorithm,))
    assert one == two


REFUSALS = {
    "early stopping of a forest": (
        "random_forest', @EarlyStoppingRounds = 5",
        "@EarlyStoppingRounds = 5 has no meaning",
    ),
    "a learning rate of a forest": ("extra_trees', @LearningRate = 0.1", "whose trees are averaged"),
    "leaves of a network": ("network', @NumLeaves = 5", "which has no trees"),
    "hidden units of trees": ("lightgbm', @Hidden = N'8'", "which has no hidden layers"),
    "no number among the units": ("network', @Hidden = N'16,x'", "'16,x' for the parameter @Hidden"),
    "a number with a zero before it": ("network', @Hidden = N'016'", "'016' for the parameter @Hidden"),
    "four hidden layers": ("network', @Hidden = N'4,4,4,4'", "@Hidden"),
    "members of what learns itself": ("network', @Members = N'a:1, b:2'", "@Members"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_setting_that_the_algorithm_does_not_read_is_refused(many_algorithms: Connection, case: str) -> None:
    """With its value."""
    settings, part = REFUSALS[case]
    assert part in refused(many_algorithms, f"{TRAIN} @Algorithm = N'{settings};", 50101)


def test_the_names_of_the_classifiers_networks_are_kept_for_them(many_algorithms: Connection) -> None:
    """TrainNetworkSql would write into a classifier's tensors."""
    call = "EXECUTE dbo.TrainNetworkSql @Dataset = N'd', @ModelName = N'Classifier/1';"
    assert "Give another name" in refused(many_algorithms, call, 50101)
