"""FeatureImportance, against LightGBM's own importances and contributions and scikit-learn's permutation_importance."""

from __future__ import annotations

import json

import lightgbm
import numpy as np
import pytest

from lungdb.database import Connection, run
from lungdb.learning.explaining import importance as module
from lungdb.learning.explaining.importance import importance
from lungdb.learning.explaining.margins import margins
from lungdb.learning.logistic import Logistic
from tests.support.databases import refused, rows

inspection = pytest.importorskip("sklearn.inspection")


def learnt_from(connection: Connection) -> tuple[np.ndarray, np.ndarray, lightgbm.Booster]:
    """Read vectors and labels of the scans that the model lightgbm_sql learnt from, and the model."""
    found = rows(
        connection,
        "SELECT f.vector, p.label FROM dbo.experiment_patients AS p INNER JOIN dbo.pooled_features AS f "
        "ON f.scan_id = p.scan_id WHERE p.experiment_id = 1 AND p.part <> 'test' ORDER BY p.scan_id;",
    )
    [(text,)] = rows(connection, "SELECT model FROM dbo.classifiers WHERE classifier_id = 1;")
    vectors = np.array([json.loads(vector) for vector, _ in found], dtype=np.float32)
    return vectors, np.array([label for _, label in found]), lightgbm.Booster(model_str=text.decode())


def test_gain_and_contributions_are_those_of_lightgbm(trained: Connection) -> None:
    """Every feature is there once, the most important first, and test patients are not looked at."""
    vectors, _, booster = learnt_from(trained)
    found = rows(trained, "EXECUTE dbo.FeatureImportance @Top = 1000;")
    assert sorted(row[0] for row in found) == list(range(vectors.shape[1]))
    by_feature = sorted(found)
    assert [row[5] for row in by_feature] == booster.feature_importance("split").tolist()
    np.testing.assert_allclose([row[6] for row in by_feature], booster.feature_importance("gain"), rtol=1e-5)
    contributions = booster.predict(vectors, pred_contrib=True)[:, :-1]
    np.testing.assert_allclose([row[2] for row in by_feature], np.abs(contributions).mean(axis=0), atol=1e-9)
    assert [row[2] for row in found] == sorted((row[2] for row in found), reverse=True)
    assert rows(trained, "SELECT COUNT(*) FROM dbo.test_looks WHERE looked_with = N'FeatureImportance';") == [(0,)]


def test_shuffling_loses_what_it_loses_with_scikit_learn(trained: Connection) -> None:
    """The means agree within four standard errors of both."""
    vectors, labels, booster = learnt_from(trained)

    class Scorer:
        """What scikit-learn takes for a classifier that is fitted."""

        def fit(self, *_: object) -> None:
            """Do nothing."""

        def predict(self, values: np.ndarray) -> np.ndarray:
            """Give scores."""
            return np.asarray(booster.predict(values))

    theirs = inspection.permutation_importance(
        Scorer(), vectors, labels, scoring=lambda m, x, y: area(y, m.predict(x)), n_repeats=40, random_state=1
    )
    ours = sorted(rows(trained, "EXECUTE dbo.FeatureImportance @Top = 1000, @Repeats = 40;"))
    error = np.hypot([row[4] for row in ours], theirs.importances.std(axis=1, ddof=1) / np.sqrt(40))
    difference = np.abs(np.array([row[3] for row in ours]) - theirs.importances_mean)
    assert (difference <= 4 * error + 1e-12).all()


def area(labels: np.ndarray, scores: np.ndarray) -> float:
    """Compute the AUC pair by pair."""
    pairs = np.subtract.outer(scores[labels == 1], scores[labels == 0])
    return float((pairs > 0).mean() + 0.5 * (pairs == 0).mean())


def test_a_linear_model_relies_on_its_coefficients() -> None:
    """The mean absolute term, and a loss for the one that it reads alone; without labels there is no loss."""
    vectors = np.random.default_rng(2).normal(size=(300, 3)).astype(np.float32)
    model = Logistic(mean=np.zeros(3), scale=np.ones(3), coefficients=np.array([2.0, 0.0, -0.5]), intercept=0.1)
    labels = (vectors[:, 0] > 0).astype(float)
    found = importance("logistic", model.to_json().encode(), {}, vectors, labels, 10, 1)
    terms = np.abs(vectors.astype(float) * [2, 0, -0.5]).mean(axis=0)
    np.testing.assert_allclose(found.mean_absolute, terms, atol=1e-12)
    assert found.loss[1] == 0
    # A shuffled feature tells nothing; what is left is the third one's share.
    assert found.loss[0] > 0.3
    assert found.loss[2] < 0.01
    unknown = importance("logistic", model.to_json().encode(), {}, vectors, np.full(300, np.nan), 10, 1)
    assert np.isnan(unknown.figure)
    assert np.isnan(unknown.loss).all()
    np.testing.assert_allclose(unknown.mean_absolute, terms, atol=1e-12)


def test_a_block_at_a_time_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no more of them are scored at once than a block takes."""
    vectors = np.random.default_rng(2).normal(size=(50, 4)).astype(np.float32)
    model = Logistic(mean=np.zeros(4), scale=np.ones(4), coefficients=np.array([2.0, 0.0, -0.5, 1.0]), intercept=0.1)
    labels = (vectors[:, 0] > 0).astype(float)
    arguments = ("logistic", model.to_json().encode(), {}, vectors, labels, 7, 1)
    whole = module.importance(*arguments)
    scored: list[int] = []

    def spy(library: str, data: bytes, details: dict[str, object], given: np.ndarray) -> np.ndarray:
        scored.append(given.nbytes)
        return margins(library, data, details, given)

    monkeypatch.setattr(module, "BLOCK_BYTES", 3 * vectors.nbytes)
    monkeypatch.setattr(module, "margins", spy)
    parted = module.importance(*arguments)
    np.testing.assert_array_equal(parted.loss, whole.loss)
    np.testing.assert_array_equal(parted.loss_error, whole.loss_error)
    assert max(scored) == 3 * vectors.nbytes


def test_a_look_is_counted_at_test_patients_of_other_models(trained: Connection) -> None:
    """The part of a patient whom the model's own experiment did not have is that of dbo.splits."""
    run(
        trained,
        "DELETE FROM dbo.experiment_patients WHERE part = 'test';"
        "EXECUTE dbo.CreateDataset @Name = N'all', @Query = N'SELECT scan_id FROM dbo.scans';"
        "EXECUTE dbo.FeatureImportance @Dataset = N'all', @Top = 3, @Repeats = 2;",
    )
    assert rows(trained, "SELECT COUNT(*) FROM dbo.test_looks WHERE looked_with = N'FeatureImportance';") == [(1,)]


def test_a_data_set_with_test_patients_is_a_look_at_them(trained: Connection) -> None:
    """And one with none but scans without features is refused."""
    run(trained, "EXECUTE dbo.CreateDataset @Name = N'all', @Query = N'SELECT scan_id FROM dbo.scans';")
    assert len(rows(trained, "EXECUTE dbo.FeatureImportance @Dataset = N'all', @Top = 3, @Repeats = 2;")) == 3
    assert rows(trained, "SELECT COUNT(*) FROM dbo.test_looks WHERE looked_with = N'FeatureImportance';") == [(1,)]
    run(trained, "DELETE FROM dbo.pooled_features;")
    refused(trained, "EXECUTE dbo.FeatureImportance @Dataset = N'all';", 50109)


@pytest.mark.parametrize(
    ("arguments", "number"),
    [("@Repeats = 1", 50101), ("@Seed = -1", 50101), ("@Top = 0", 50101), ("@ModelName = N'none'", 50108)],
)
def test_arguments_that_cannot_be_are_refused(trained: Connection, arguments: str, number: int) -> None:
    """By value and name."""
    refused(trained, f"EXECUTE dbo.FeatureImportance {arguments};", number)
