"""Margins of models, against the log-odds of their scores and LightGBM's own raw scores."""

from __future__ import annotations

import json
from typing import Any

import lightgbm
import numpy as np
import pytest

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.learning import ensembles, logistic, perceptron
from lungdb.learning.explaining.margins import margins
from lungdb.learning.scoring import score_all

RNG = np.random.default_rng(5)
VECTORS = RNG.normal(size=(60, 4)).astype(np.float32)
LABELS = (VECTORS[:, 0] + VECTORS[:, 1] * VECTORS[:, 2] > 0).astype(int)
FOREST = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}


def trees(**parameters: Any) -> lightgbm.Booster:
    """Fit a few small trees to the patients above."""
    given = {"objective": "binary", "num_leaves": 4, "min_data_in_leaf": 5, "verbosity": -1, **parameters}
    return lightgbm.train(given, lightgbm.Dataset(VECTORS, LABELS), 7)


def network() -> bytes:
    """Make a network of one hidden layer."""
    made = perceptron.Network((RNG.normal(size=(4, 3)), RNG.normal(size=(3, 1))), (RNG.normal(size=3), np.array([0.2])))
    return made.to_json().encode()


def ensemble(forest: bytes) -> bytes:
    """Make an ensemble of a forest on all features and a logistic regression on the last two."""
    half = logistic.fit(VECTORS[:, 2:], LABELS, 1.0).to_json().encode()
    platt = {"method": "platt", "slope": 0.7, "intercept": 0.1}
    members = (
        ensembles.Member("a", 1, "lightgbm", forest, 0, 4, platt, 0.4),
        ensembles.Member("b", 1, "logistic", half, 2, 2, None, 0.5),
    )
    return ensembles.Ensemble(members, 4, 0.3).to_json().encode()


@pytest.mark.parametrize(
    ("library", "model"),
    [
        ("lightgbm", trees().model_to_string().encode()),
        ("lightgbm", trees(sigmoid=2.0).model_to_string().encode()),
        ("lightgbm", trees(objective="cross_entropy").model_to_string().encode()),
        ("lightgbm", trees(**FOREST).model_to_string().encode()),
        ("logistic", logistic.fit(VECTORS, LABELS, 1.0).to_json().encode()),
        ("network", network()),
        ("ensemble", ensemble(trees(**FOREST).model_to_string().encode())),
    ],
    ids=["boosted", "steep", "cross entropy", "forest", "logistic", "network", "ensemble"],
)
def test_the_sigmoid_of_a_margin_is_the_raw_score(library: str, model: bytes) -> None:
    """Of every library, a forest's mean and LightGBM's parameter sigmoid included."""
    found = margins(library, model, {}, VECTORS)
    assert 1 / (1 + np.exp(-found)) == pytest.approx(score_all(library, model, VECTORS), abs=1e-12)
    assert np.ptp(found) > 0.5


def test_the_margin_of_a_regression_is_its_number() -> None:
    """Boosted and of a forest, as LightGBM predicts it."""
    for parameters in ({}, FOREST):
        booster = trees(objective="regression", **parameters)
        model = booster.model_to_string().encode()
        found = margins("lightgbm", model, {"task": "regression"}, VECTORS)
        assert found == pytest.approx(booster.predict(VECTORS), abs=1e-12)


def test_a_margin_keeps_what_a_probability_rounds_away() -> None:
    """Where the sigmoid is 1 to the last digit, the sum of the leaves is still told."""
    model = logistic.Logistic(np.zeros(1), np.ones(1), np.ones(1), 0.0).to_json().encode()
    assert margins("logistic", model, {}, np.array([[800.0]], np.float32)).tolist() == [800.0]


@pytest.mark.parametrize(
    ("objective", "task"), [("poisson", "regression"), ("reg_sqrt", "regression"), ("poisson", "classification")]
)
def test_a_link_that_is_no_sigmoid_is_refused(objective: str, task: str) -> None:
    """Sums of its leaves would be told for what they are not."""
    parameters = {"objective": "regression", "reg_sqrt": True} if objective == "reg_sqrt" else {"objective": objective}
    model = trees(**parameters).model_to_string().encode()
    with pytest.raises(ProcedureError, match="objective is") as refusal:
        margins("lightgbm", model, {"task": task}, VECTORS)
    assert refusal.value.number == ErrorNumber.NO_CONTRIBUTIONS


def test_values_that_are_missing_and_other_widths_are_refused_as_by_scoring() -> None:
    """A network cannot read NaN, and no model vectors that it was not trained on."""
    model = network()
    with pytest.raises(ProcedureError, match="missing"):
        margins("network", model, {}, np.full((1, 4), np.nan, np.float32))
    with pytest.raises(ProcedureError, match="reads 4"):
        margins("network", model, {}, VECTORS[:, :3])
    assert json.loads(model)["layers"][0]["activation"] == "relu"
