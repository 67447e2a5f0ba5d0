"""Scoring gives what LightGBM's Python package and the fitted regression give, and refuses what is no model of ours."""

import lightgbm
import numpy as np
import pytest

from lungdb.errors import ProcedureError
from lungdb.learning import logistic
from lungdb.learning.scoring import score_all


def booster(vectors, labels, **settings):
    """Train with LightGBM directly."""
    settings = {"objective": "binary", "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5, **settings}
    return lightgbm.train(settings, lightgbm.Dataset(vectors, labels), 20)


def test_a_score_equals_lightgbms_own_prediction(cohort):
    """Bit for bit, for every patient."""
    vectors, labels, _ = cohort
    trained = booster(vectors, labels)
    model = trained.model_to_string().encode()
    np.testing.assert_array_equal(score_all("lightgbm", model, vectors), trained.predict(vectors))
    alone = [score_all("lightgbm", model, vector[None])[0] for vector in vectors]
    assert alone == trained.predict(vectors).tolist()


def test_models_that_are_scored_in_turn_are_not_mixed(cohort):
    """More of them than a process keeps, and bytes that are equal but another object."""
    vectors, labels, _ = cohort
    trained = [booster(vectors, labels, seed=seed, feature_fraction=0.5, max_depth=3) for seed in range(7)]
    expected = [each.predict(vectors) for each in trained]
    assert len({values.tobytes() for values in expected}) == len(trained)
    for _ in range(2):
        for each, values in zip(trained, expected, strict=True):
            for _ in range(2):
                model = each.model_to_string().encode()
                np.testing.assert_array_equal(score_all("lightgbm", model, vectors), values)


def test_a_logistic_regression_scores_as_it_was_fitted(cohort):
    """From its JSON."""
    vectors, labels, _ = cohort
    fitted = logistic.fit(vectors, labels, 10.0)
    found = score_all("logistic", fitted.to_json().encode(), vectors)
    np.testing.assert_array_equal(found, fitted.probabilities(vectors))


def test_another_library_is_refused():
    """By name, with those that there are."""
    with pytest.raises(
        ProcedureError, match=r"'xgboost' of the model is not supported\. Supported are lightgbm, logistic,"
    ):
        score_all("xgboost", b"", np.zeros((1, 2), np.float32))


def test_a_vector_of_another_width_is_refused(cohort):
    """LightGBM itself would read past its end."""
    vectors, labels, _ = cohort
    models = {
        "lightgbm": booster(vectors, labels).model_to_string().encode(),
        "logistic": logistic.fit(vectors, labels, 1.0).to_json().encode(),
    }
    for library, model in models.items():
        for size in (0, 19, 21):
            with pytest.raises(ProcedureError, match=f"has {size} features and the model reads 20") as caught:
                score_all(library, model, np.zeros((1, size), np.float32))
            assert caught.value.number == 50110


def test_text_that_is_no_whole_model_is_refused(cohort):
    """Empty, foreign and cut at any place."""
    vectors, labels, _ = cohort
    model = booster(vectors, labels).model_to_string().encode()
    for content in (b"", b"tree", b"PK\x03\x04", model[:100], model[: len(model) // 2], model[7:]):
        with pytest.raises(ProcedureError) as caught:
            score_all("lightgbm", content, vectors[:1])
        assert caught.value.number == 50116


def test_a_header_that_lightgbm_does_not_read_is_refused(cohort):
    """With LightGBM's own words."""
    vectors, labels, _ = cohort
    model = booster(vectors, labels).model_to_string().encode().replace(b"num_class=1\n", b"")
    with pytest.raises(ProcedureError, match="number of classes") as caught:
        score_all("lightgbm", model, vectors[:1])
    assert caught.value.number == 50116


def test_a_model_that_gives_no_probability_is_refused(cohort):
    """A regression or a classifier of several classes scores something else."""
    vectors, labels, _ = cohort
    regression = booster(vectors, labels * 100.0, objective="regression").model_to_string().encode()
    several = booster(vectors, np.arange(100) % 3, objective="multiclass", num_class=3).model_to_string().encode()
    for model in (regression, several):
        with pytest.raises(ProcedureError, match="no binary classifier") as caught:
            score_all("lightgbm", model, vectors[1:2])
        assert caught.value.number == 50116
