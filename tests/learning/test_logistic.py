"""Logistic regression gives what scikit-learn gives, however few the rows and however large the scores."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from lungdb.errors import ProcedureError
from lungdb.learning.logistic import Logistic, fit, from_json


def data(rows: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features on very different scales, the first of which tells the class half of the time; one is constant."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, width)) * rng.uniform(0.01, 50, width) + 10 * rng.normal(size=width)
    first = (features[:, 0] - features[:, 0].mean()) / features[:, 0].std()
    features[:, 1] = 0.1
    return features, (first + rng.normal(size=rows) > 0).astype(int)


def gradient(model: Logistic, features: np.ndarray, labels: np.ndarray, l2: float) -> np.ndarray:
    """The derivative of the penalised loss by coefficients and intercept, which is 0 at the optimum."""
    standardised = (features - model.mean) / model.scale
    wrong = 1 / (1 + np.exp(-(standardised @ model.coefficients + model.intercept))) - labels
    return np.append(standardised.T @ wrong + l2 * model.coefficients, wrong.sum())


@pytest.mark.parametrize(("rows", "width", "l2"), [(300, 20, 1.0), (120, 60, 1e-3), (60, 59, 100.0), (40, 400, 1.0)])
def test_coefficients_and_probabilities_are_scikit_learns(rows: int, width: int, l2: float) -> None:
    """LogisticRegression with C = 1 / l2 on the features that scikit-learn's own scaler standardised, within 1e-6."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    features, labels = data(rows, width)
    standardised = preprocessing.StandardScaler().fit_transform(features)
    theirs = linear_model.LogisticRegression(C=1 / l2, tol=1e-12, max_iter=10_000, solver="newton-cholesky")
    theirs.fit(standardised, labels)
    ours = fit(features, labels, l2)
    np.testing.assert_allclose(ours.probabilities(features), theirs.predict_proba(standardised)[:, 1], atol=1e-6)
    np.testing.assert_allclose(ours.coefficients, theirs.coef_[0], atol=1e-6)
    assert ours.intercept == pytest.approx(theirs.intercept_[0], abs=1e-6)


def test_sample_weights_are_scikit_learns() -> None:
    """Weights in the loss, on features standardised with them."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    features, labels = data(80, 10)
    weights = np.random.default_rng(3).uniform(0.2, 4, 80)
    standardised = preprocessing.StandardScaler().fit_transform(features, sample_weight=weights)
    theirs = linear_model.LogisticRegression(C=0.5, tol=1e-12, max_iter=10_000, solver="newton-cholesky")
    theirs.fit(standardised, labels, sample_weight=weights)
    ours = fit(features, labels, 2.0, weights)
    np.testing.assert_allclose(ours.probabilities(features), theirs.predict_proba(standardised)[:, 1], atol=1e-6)


@pytest.mark.parametrize("width", [5, 90])
def test_a_weight_of_two_is_the_row_twice(width: int) -> None:
    """With fewer and with more features than rows."""
    features, labels = data(40, width)
    weights = np.where(np.arange(40) % 3 == 0, 2.0, 1.0)
    repeats = weights.astype(int)
    weighted = fit(features, labels, 1.0, weights)
    repeated = fit(features.repeat(repeats, axis=0), labels.repeat(repeats), 1.0)
    np.testing.assert_allclose(weighted.probabilities(features), repeated.probabilities(features), atol=1e-9)


@pytest.mark.parametrize(("rows", "width"), [(200, 199), (200, 201), (30, 2048)])
@pytest.mark.parametrize("l2", [1e-6, 1.0, 1e6])
def test_the_gradient_vanishes_at_the_optimum(rows: int, width: int, l2: float) -> None:
    """The closed form of an optimum, on both sides of the change from one way of solving to the other."""
    features, labels = data(rows, width)
    model = fit(features, labels, l2)
    assert np.abs(gradient(model, features, labels, l2)).max() < 1e-7


def test_many_more_features_than_rows_are_solved_in_the_dimensions_of_the_rows() -> None:
    """A Hessian of 100 000 features would take 80 GB."""
    features, labels = data(20, 100_000)
    model = fit(features, labels, 1.0)
    assert np.abs(gradient(model, features, labels, 1.0)).max() < 1e-7


def test_the_same_input_gives_the_same_model() -> None:
    """Bit for bit."""
    features, labels = data(50, 80)
    assert fit(features, labels, 1.0).to_json() == fit(features, labels, 1.0).to_json()


def test_a_constant_feature_counts_nothing() -> None:
    """Not even where rounding makes its mean differ from it."""
    features, labels = data(60, 4)
    features[:, 1] = 0.1 + 0.2
    model = fit(features, labels, 1.0)
    assert abs(model.coefficients[1]) < 1e-12
    assert np.isfinite(model.probabilities(features)).all()


def test_separable_classes_are_told_apart() -> None:
    """Where an unpenalised fit would run to infinity, nearly no penalty still ends in finite coefficients."""
    features = np.linspace(-1, 1, 20)[:, None]
    model = fit(features, features[:, 0] > 0, 1e-9)
    assert np.isfinite(model.coefficients).all()
    probabilities = model.probabilities(features)
    assert (probabilities[:10] < 1e-3).all()
    assert (probabilities[10:] > 0.999).all()


def test_large_scores_neither_overflow_nor_lose_their_digits() -> None:
    """exp(−700) is a float64; beyond it probabilities are 0 and 1, without a warning."""
    model = Logistic(np.zeros(1), np.ones(1), np.ones(1), 0.0)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        scores = [[-1e308], [-700.0], [-30.0], [0.0], [30.0], [1e308]]
        found = model.probabilities(scores)
    expected = [0.0, math.exp(-700), math.exp(-30) / (1 + math.exp(-30)), 0.5, 1 / (1 + math.exp(-30)), 1.0]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_json_gives_the_same_numbers_back() -> None:
    """Every attribute, bit for bit, and it is standard JSON."""
    features, labels = data(30, 40)
    model = fit(features, labels, 1.0)
    read = from_json(model.to_json())
    for name in ("mean", "scale", "coefficients"):
        np.testing.assert_array_equal(getattr(read, name), getattr(model, name))
    assert read.intercept == model.intercept
    json.loads(model.to_json(), parse_constant=lambda constant: pytest.fail(constant))


@pytest.mark.parametrize(
    "changes",
    [
        {"mean": None},
        {"mean": [1.0]},
        {"scale": [1.0, 0.0]},
        {"scale": [1.0, -1.0]},
        {"coefficients": [1.0, "2"]},
        {"coefficients": [1.0, math.nan]},
        {"coefficients": [1.0, 10**400]},
        {"intercept": None},
        {"intercept": True},
        {"mean": [], "scale": [], "coefficients": []},
    ],
)
def test_a_model_that_is_none_is_refused(changes: dict[str, object]) -> None:
    """A missing, wrong or infinite number is an error with the number of an unreadable model."""
    good = {"mean": [0.0, 1.0], "scale": [1.0, 2.0], "coefficients": [0.5, 0.25], "intercept": -1.0}
    assert from_json(json.dumps(good)).intercept == -1.0
    with pytest.raises(ProcedureError) as caught:
        from_json(json.dumps({**good, **changes}))
    assert caught.value.number == 50116


@pytest.mark.parametrize("text", ["", "[]", "null", "{" * 100_000, "tree\nversion=v4"])
def test_a_text_that_is_no_model_is_refused(text: str) -> None:
    """Whatever it is."""
    with pytest.raises(ProcedureError):
        from_json(text)


@pytest.mark.parametrize(
    ("features", "labels", "l2", "weights", "number"),
    [
        ([[1.0], [2.0]], [1, 1], 1.0, None, 50112),
        ([[1.0], [2.0]], [0, 2], 1.0, None, 50101),
        ([[1.0], [math.nan]], [0, 1], 1.0, None, 50101),
        ([[1.0], [2.0]], [0, 1], 0.0, None, 50101),
        ([[1.0], [2.0]], [0, 1], math.nan, None, 50101),
        ([[1.0], [2.0]], [0, 1], 1.0, [1.0, 0.0], 50101),
        ([[1.0], [2.0]], [0, 1], 1.0, [1.0], 50101),
        ([[1.0], [2.0]], [0, 1, 1], 1.0, None, 50101),
        ([1.0, 2.0], [0, 1], 1.0, None, 50101),
        ([[], []], [0, 1], 1.0, None, 50101),
    ],
)
def test_bad_input_is_refused(
    features: list[object], labels: list[int], l2: float, weights: list[float] | None, number: int
) -> None:
    """With the number that sql/README.md has for it."""
    with pytest.raises(ProcedureError) as caught:
        fit(features, labels, l2, weights)
    assert caught.value.number == number


def test_features_of_another_width_are_refused() -> None:
    """Both widths are in the message."""
    model = fit([[1.0, 2.0], [2.0, 1.0]], [0, 1], 1.0)
    with pytest.raises(ProcedureError, match=r"\[1, 3\].*\[n, 2\]") as caught:
        model.probabilities([[1.0, 2.0, 3.0]])
    assert caught.value.number == 50110
