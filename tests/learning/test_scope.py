"""How far features are from those of training, by hand and by a loop over plain floats."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lungdb.learning.scope import read_scope, scope_of


def test_the_distance_is_the_mean_of_squares_each_up_to_100() -> None:
    """By hand: 4, 100 for what is farther than ten deviations, 0 and 100 where all had the same."""
    scope = read_scope(json.dumps([[0, 1.0, 0.5], [1, 0.0, 1.0], [2, 7.0, 0.0], [3, 7.0, 0.0]]))
    found = scope.distances(np.array([[2.0, 10.1, 7.0 + 1e-7, 7.1], [1.0, 10.0, 7.0, 7.0]]))
    assert found.tolist() == [pytest.approx((4 + 100 + 0 + 100) / 4), pytest.approx(100 / 4)]


def test_what_is_missing_and_what_the_model_does_not_know_is_not_counted() -> None:
    """A NaN, a feature beyond the model's, one beyond the vector; where nothing is left the distance is not known."""
    scope = scope_of([[0, 0.0, 1.0], [2, 0.0, 1.0], [9, 0.0, 1.0]])
    found = scope.distances(np.array([[3.0, 50.0, np.nan], [np.nan, 50.0, np.nan]]))
    assert found[0] == 9.0
    assert np.isnan(found[1])
    assert np.isnan(read_scope(None).distances(np.ones((2, 3)))).all()
    assert np.isnan(scope_of([]).distances(np.ones((1, 3)))).all()


def test_many_scans_have_the_distances_that_a_loop_finds() -> None:
    """Over plain floats, one after the other."""
    generator = np.random.default_rng(5)
    vectors = generator.normal(size=(20, 33)) * 4
    mean, sd = generator.normal(size=33), np.where(generator.random(33) < 0.2, 0.0, generator.gamma(2, size=33))
    vectors[:10, sd == 0] = mean[sd == 0]
    found = scope_of(np.column_stack([np.arange(33), mean, sd])).distances(vectors)
    for distance, vector in zip(found, vectors.tolist(), strict=True):
        counted = []
        for value, middle, spread in zip(vector, mean.tolist(), sd.tolist(), strict=True):
            if spread:
                counted.append(min(((value - middle) / spread) ** 2, 100.0))
            else:
                counted.append(0.0 if abs(value - middle) <= 1e-6 * (1 + abs(middle)) else 100.0)
        assert distance == pytest.approx(sum(counted) / len(counted), rel=1e-12)
