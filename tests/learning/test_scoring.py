"""Scoring through LightGBM's library gives what its Python package gives, and refuses what is no model of ours."""

import lightgbm
import numpy as np
import pytest

from lungdb.errors import ProcedureError
from lungdb.learning.scoring import score


def booster(vectors, labels, **settings):
    """Train with LightGBM directly."""
    settings = {"objective": "binary", "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5, **settings}
    return lightgbm.train(settings, lightgbm.Dataset(vectors, labels), 20)


def test_a_score_equals_lightgbms_own_prediction(cohort):
    """Bit for bit, for every patient."""
    vectors, labels, _ = cohort
    trained = booster(vectors, labels)
    model = trained.model_to_string().encode()
    assert [score(model, vector) for vector in vectors] == trained.predict(vectors).tolist()


def test_a_vector_of_another_width_is_refused(cohort):
    """LightGBM itself would read past its end."""
    vectors, labels, _ = cohort
    model = booster(vectors, labels).model_to_string().encode()
    for size in (0, 19, 21):
        with pytest.raises(ProcedureError, match=f"has {size} features and the model reads 20") as caught:
            score(model, np.zeros(size, np.float32))
        assert caught.value.number == 50110


def test_text_that_is_no_whole_model_is_refused(cohort):
    """Empty, foreign and cut at any place."""
    vectors, labels, _ = cohort
    model = booster(vectors, labels).model_to_string().encode()
    for content in (b"", b"tree", b"PK\x03\x04", model[:100], model[: len(model) // 2], model[7:]):
        with pytest.raises(ProcedureError) as caught:
            score(content, vectors[0])
        assert caught.value.number == 50116


def test_a_header_that_lightgbm_does_not_read_is_refused(cohort):
    """With LightGBM's own words."""
    vectors, labels, _ = cohort
    model = booster(vectors, labels).model_to_string().encode().replace(b"num_class=1\n", b"")
    with pytest.raises(ProcedureError, match="number of classes") as caught:
        score(model, vectors[0])
    assert caught.value.number == 50116


def test_a_model_that_gives_no_probability_is_refused(cohort):
    """A regression or a classifier of several classes scores something else."""
    vectors, labels, _ = cohort
    regression = booster(vectors, labels * 100.0, objective="regression").model_to_string().encode()
    several = booster(vectors, np.arange(100) % 3, objective="multiclass", num_class=3).model_to_string().encode()
    for model in (regression, several):
        with pytest.raises(ProcedureError, match="no binary classifier") as caught:
            score(model, vectors[1])
        assert caught.value.number == 50116
