"""What features add to a margin, against LightGBM's figures and over all subsets with the same value function."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from math import factorial
from typing import Any

import lightgbm
import numpy as np
import pytest
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.learning import ensembles, logistic, perceptron
from lungdb.learning.boosting import Part, boost
from lungdb.learning.explaining.attribution import contributions
from lungdb.learning.explaining.margins import margins
from lungdb.learning.parameters import TrainingParameters

RNG = np.random.default_rng(11)
VECTORS = RNG.normal(size=(80, 4)).astype(np.float32)
VECTORS[::9, 1] = np.nan
SUMS = VECTORS[:, 0] + np.nan_to_num(VECTORS[:, 1]) * VECTORS[:, 2]
LABELS = (SUMS > 0).astype(int)
FOREST = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}
WHOLE = np.nan_to_num(VECTORS)
NOWHERE = np.full(4, np.nan)

Values = NDArray[np.float64]


def trees(**parameters: Any) -> bytes:
    """Fit a few small trees to the patients above, as LightGBM's model text."""
    given = {"objective": "binary", "num_leaves": 5, "min_data_in_leaf": 4, "verbosity": -1, **parameters}
    labels = SUMS if given["objective"] == "regression" else LABELS
    booster = lightgbm.train(given, lightgbm.Dataset(VECTORS, labels), 6)
    return str(booster.model_to_string()).encode()


def shapley(value: Callable[[frozenset[int]], float], players: int) -> Values:
    """Compute Shapley values by their definition, over all subsets."""
    found = np.zeros(players)
    for player in range(players):
        others = [each for each in range(players) if each != player]
        for size in range(players):
            weight = factorial(size) * factorial(players - size - 1) / factorial(players)
            for some in combinations(others, size):
                known = frozenset(some)
                found[player] += weight * (value(known | {player}) - value(known))
    return found


def expected(node: dict[str, Any], vector: NDArray[np.float32], known: frozenset[int]) -> float:
    """Give what a tree gives when some features are known: else the mean of both ways by their patients."""
    if "leaf_value" in node:
        return float(node["leaf_value"])
    ways = [node["left_child"], node["right_child"]]
    feature = node["split_feature"]
    if feature not in known:
        counts = [each.get("internal_count", each.get("leaf_count")) for each in ways]
        return sum(n * expected(each, vector, known) for n, each in zip(counts, ways, strict=True)) / sum(counts)
    value = float(vector[feature])
    goes_left = node["default_left"] if np.isnan(value) else value <= node["threshold"]
    return expected(ways[0 if goes_left else 1], vector, known)


@pytest.mark.parametrize("parameters", [{}, {"sigmoid": 2.0}, FOREST], ids=["boosted", "steep", "forest"])
def test_the_values_of_trees_are_those_over_all_subsets(parameters: dict[str, Any]) -> None:
    """By the definition, each tree walked by its own patients; a forest divided by its trees, missing values too."""
    model = trees(**parameters)
    booster = lightgbm.Booster(model_str=model.decode())
    roots = [each["tree_structure"] for each in booster.dump_model()["tree_info"]]
    factor = parameters.get("sigmoid", 1.0) / (len(roots) if parameters is FOREST else 1)
    found = contributions("lightgbm", model, {}, VECTORS[:4], NOWHERE, 0, 0)[0]
    for row, vector in enumerate(VECTORS[:4]):

        def value(known: frozenset[int], vector: NDArray[np.float32] = vector) -> float:
            return factor * sum(expected(root, vector, known) for root in roots)

        assert found.values[row] == pytest.approx(shapley(value, 4), abs=1e-9)
        assert found.expected[row] == pytest.approx(value(frozenset()), abs=1e-9)
    assert np.abs(found.values).max() > 0.01


@pytest.mark.parametrize("parameters", [{}, FOREST, {"objective": "regression"}], ids=["boosted", "forest", "numbers"])
def test_the_values_of_trees_are_lightgbms(parameters: dict[str, Any]) -> None:
    """Its pred_contrib, which sums the trees of a forest."""
    model = trees(**parameters)
    booster = lightgbm.Booster(model_str=model.decode())
    wanted = booster.predict(VECTORS, pred_contrib=True) / (6 if parameters is FOREST else 1)
    task = "regression" if "objective" in parameters else "classification"
    found = contributions("lightgbm", model, {"task": task}, VECTORS, NOWHERE, 0, 0)[0]
    assert found.values == pytest.approx(wanted[:, :-1], abs=1e-12)
    assert found.expected == pytest.approx(wanted[:, -1], abs=1e-12)


@pytest.mark.parametrize("algorithm", ["lightgbm", "random_forest"])
def test_the_values_of_a_regression_are_in_its_own_unit(algorithm: str) -> None:
    """The scale that is written into the leaves is in them, and the expected margin is near the patients' mean."""
    numbers = 500 + 40 * SUMS
    parameters = TrainingParameters(algorithm=algorithm, task="regression", max_iterations=20, min_data_in_leaf=5)
    model = boost(Part(VECTORS, numbers, None), None, parameters).model
    found = contributions("lightgbm", model, {"task": "regression"}, VECTORS, NOWHERE, 0, 0)[0]
    predicted = lightgbm.Booster(model_str=model.decode()).predict(VECTORS)
    assert found.expected + found.values.sum(axis=1) == pytest.approx(predicted, abs=1e-6)
    assert found.expected[0] == pytest.approx(numbers.mean(), abs=10)


def test_the_values_of_a_logistic_regression_are_its_terms() -> None:
    """Coefficient times the standardised value; the expected margin is the intercept."""
    model = logistic.fit(WHOLE, LABELS, 1.0)
    found = contributions("logistic", model.to_json().encode(), {}, WHOLE[:3], NOWHERE, 0, 0)[0]
    assert found.values == pytest.approx((WHOLE[:3] - model.mean) / model.scale * model.coefficients)
    assert found.expected.tolist() == [model.intercept] * 3
    assert found.errors is None


def network() -> perceptron.Network:
    """Make a network with two hidden layers."""
    draw = np.random.default_rng(3).normal
    return perceptron.Network(
        (draw(size=(4, 6)), draw(size=(6, 3)), draw(size=(3, 1))), (draw(size=6), draw(size=3), draw(size=1))
    )


def test_the_values_of_a_network_lie_within_their_error_of_those_over_all_subsets() -> None:
    """Features that are not known stand at the training mean; the sum is exact however few the permutations are."""
    made, means = network(), np.array([0.5, -0.3, 0.1, 0.0])

    def value(known: frozenset[int]) -> float:
        vector = np.where([place in known for place in range(4)], WHOLE[5], means)
        return float(made.margins(vector[None])[0])

    found = contributions("network", made.to_json().encode(), {}, WHOLE[5:6], means, 200, 1)[0]
    assert found.errors is not None
    differing = np.abs(found.values[0] - shapley(value, 4))
    assert (differing <= 4 * found.errors[0] + 1e-12).all()
    assert 0 < found.errors.max() < 0.2
    few = contributions("network", made.to_json().encode(), {}, WHOLE[5:6], means, 2, 7)[0]
    assert few.expected[0] == pytest.approx(value(frozenset()), abs=1e-12)
    assert few.expected[0] + few.values.sum() == pytest.approx(made.margins(WHOLE[5:6])[0], abs=1e-9)
    assert few.errors is not None
    assert np.isnan(few.errors).all()


def test_an_ensemble_is_explained_by_member() -> None:
    """Each member's contributions sum to its own margin, before its calibration."""
    half = logistic.fit(WHOLE[:, 2:], LABELS, 1.0).to_json().encode()
    forest = trees(**FOREST)
    platt = {"method": "platt", "slope": 0.7, "intercept": 0.1}
    members = (
        ensembles.Member("a", 1, "logistic", half, 2, 2, platt, 0.4),
        ensembles.Member("b", 1, "lightgbm", forest, 0, 4, None, 0.5),
    )
    model = ensembles.Ensemble(members, 4, 0.5).to_json().encode()
    first, second = contributions("ensemble", model, {}, WHOLE[:5], NOWHERE, 0, 0)
    assert (first.member, first.first_index, second.member, second.first_index) == (1, 2, 2, 0)
    for found, member in ((first, members[0]), (second, members[1])):
        own = WHOLE[:5, member.first_index : member.first_index + member.width]
        wanted = margins(member.library, member.model, {}, own)
        assert found.expected + found.values.sum(axis=1) == pytest.approx(wanted, abs=1e-9)


def test_what_has_no_contributions_is_refused() -> None:
    """Linear models in leaves, counts that are not there, a network without training means or permutations."""
    linear = trees(linear_tree=True)
    uncounted = b"\n".join(
        line.split(b"=")[0] + b"=" + b" ".join(b"0" for _ in line.split())
        if line.startswith((b"leaf_count=", b"internal_count="))
        else line
        for line in trees().split(b"\n")
    )
    sizes = slice(uncounted.index(b"tree_sizes"), uncounted.index(b"\n\nTree=0") + 1)
    for model in (linear, uncounted.replace(uncounted[sizes], b"")):
        with pytest.raises(ProcedureError, match="@Features = 0") as refusal:
            contributions("lightgbm", model, {}, WHOLE, NOWHERE, 0, 0)
        assert refusal.value.number == ErrorNumber.NO_CONTRIBUTIONS
    given = network().to_json().encode()
    for means, permutations, number in ((NOWHERE, 8, ErrorNumber.NO_REFERENCE), (np.zeros(4), 1, ErrorNumber.ARGUMENT)):
        with pytest.raises(ProcedureError) as refusal:
            contributions("network", given, {}, WHOLE, means, permutations, 0)
        assert refusal.value.number == number
