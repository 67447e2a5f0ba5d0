"""The net benefit of acting on a model is that of Vickers and Elkin, at the prevalence of the site."""

import numpy as np
import pytest

from lungdb.learning.benefit import THRESHOLDS, decision_curve

LABELS = np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 0])
PROBABILITIES = np.array([0.9, 0.6, 0.3, 0.7, 0.4, 0.2, 0.2, 0.1, 0.1, 0.05])


def at(values, threshold):
    """The value at a threshold."""
    return values[np.flatnonzero(np.isclose(THRESHOLDS, threshold))[0]]


def test_with_the_share_of_the_scans_it_is_counted_by_hand():
    """At 0.25 three of three positives and two of seven negatives are called: 3/10 − 2/10 · 1/3."""
    curve = decision_curve(LABELS, PROBABILITIES, 0.3)
    assert at(curve.model, 0.25) == pytest.approx(3 / 10 - 2 / 10 / 3)
    assert at(curve.everybody, 0.25) == pytest.approx(3 / 10 - 7 / 10 / 3)
    assert at(curve.model, 0.5) == pytest.approx(2 / 10 - 1 / 10)
    assert at(curve.model, 0.95) == 0
    assert curve.threshold.size == 99


def test_at_another_prevalence_it_is_that_of_scans_drawn_with_it():
    """Each negative four times: 3 of 31 are positive."""
    times = np.where(LABELS == 1, 1, 4)
    drawn = decision_curve(np.repeat(LABELS, times), np.repeat(PROBABILITIES, times), 3 / 31)
    corrected = decision_curve(LABELS, PROBABILITIES, 3 / 31)
    np.testing.assert_allclose(corrected.model, drawn.model, atol=1e-12)
    np.testing.assert_allclose(corrected.everybody, drawn.everybody, atol=1e-12)


@pytest.mark.parametrize("label", [0, 1])
def test_scans_of_one_class_have_no_curve(label):
    """Sensitivity or specificity is not defined."""
    assert decision_curve(np.full(4, label), np.full(4, 0.5), 0.5) is None
