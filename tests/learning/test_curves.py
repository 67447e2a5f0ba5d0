"""Curves and reliability tables equal scikit-learn's."""

import numpy as np
import pytest
from sklearn import metrics as reference
from sklearn.calibration import calibration_curve

from lungdb.learning.curves import expected_calibration_error, precision_recall_curve, reliability, roc_curve


@pytest.fixture
def scored():
    """60 patients whose scores have ties."""
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 2, 60)
    return labels, np.round(np.clip(rng.random(60) * 0.8 + labels * 0.2, 0, 1), 2)


def test_the_roc_curve_is_scikit_learns(scored):
    """Every point, with its threshold."""
    x, y, threshold = reference.roc_curve(*scored, drop_intermediate=False)
    curve = roc_curve(*scored)
    np.testing.assert_allclose(curve.x, x)
    np.testing.assert_allclose(curve.y, y)
    np.testing.assert_array_equal(curve.threshold[1:], threshold[1:])
    assert np.isnan(curve.threshold[0])


def test_the_precision_recall_curve_is_scikit_learns(scored):
    """It lists rising thresholds and adds the point without one."""
    precision, recall, threshold = reference.precision_recall_curve(*scored)
    curve = precision_recall_curve(*scored)
    np.testing.assert_allclose(curve.x[::-1], recall[:-1])
    np.testing.assert_allclose(curve.y[::-1], precision[:-1])
    np.testing.assert_array_equal(curve.threshold[::-1], threshold)


@pytest.mark.parametrize("labels", [[0, 0], [1, 1], []])
def test_a_missing_class_has_no_roc_curve(labels):
    """Nothing stands on one of its axes."""
    assert roc_curve(labels, [0.5] * len(labels)) is None


def test_the_reliability_table_is_scikit_learns(scored):
    """Away from the edges of bins, which it puts into the lower bin."""
    labels, scores = scored[0], np.clip(scored[1] + 0.003, 0, 1)
    observed, predicted = calibration_curve(labels, scores, n_bins=10)
    table = reliability(labels, scores)
    np.testing.assert_allclose(table.observed, observed)
    np.testing.assert_allclose(table.predicted, predicted)
    assert table.patients.sum() == 60


def test_the_edges_of_bins_belong_to_the_upper_one_and_1_to_the_last():
    """Ten equal bins; those without patients are left out."""
    table = reliability([1, 0, 1, 1], [0.0, 0.1, 0.95, 1.0])
    assert table.number.tolist() == [0, 1, 9]
    assert table.patients.tolist() == [1, 1, 2]


def test_the_expected_calibration_error_of_a_small_table():
    """Half the patients 0.1 too low, half 0.3 too high: 0.2."""
    labels = [0, 0, 1, 1, 0, 0, 0, 1, 0, 1]
    probabilities = [0.3] * 5 + [0.7] * 5
    assert expected_calibration_error(labels, probabilities) == pytest.approx(0.2)
    assert expected_calibration_error([], []) is None
