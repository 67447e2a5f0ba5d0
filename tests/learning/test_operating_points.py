"""Thresholds do on the patients they are chosen on what their names say."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, recall_score, roc_curve

from lungdb.learning.operating_points import choose_operating_points, classify


@pytest.fixture
def scored():
    """80 patients, scores with ties."""
    rng = np.random.default_rng(6)
    labels = rng.integers(0, 2, 80)
    return labels, np.round(np.clip(rng.random(80) * 0.7 + labels * 0.3, 0, 1), 2)


def test_the_confusion_matrix_is_scikit_learns(scored):
    """At the threshold itself a patient counts as positive."""
    labels, scores = scored
    for threshold in (0.5, 0.0, 1.0, scores[3]):
        found = classify(labels, scores, threshold)
        names = ["true_negatives", "false_positives", "false_negatives", "true_positives"]
        assert [found[name] for name in names] == confusion_matrix(labels, scores >= threshold).ravel().tolist()
        assert found["sensitivity"] == pytest.approx(recall_score(labels, scores >= threshold))
        assert found["specificity"] == pytest.approx(recall_score(labels, scores >= threshold, pos_label=0))


def test_operating_points_are_the_extremes_of_the_roc_curve(scored):
    """Found by search over scikit-learn's curve."""
    labels, scores = scored
    x, y, thresholds = (values[1:] for values in roc_curve(labels, scores, drop_intermediate=False))
    points = {point.name: point.threshold for point in choose_operating_points(labels, scores)}
    assert points == {
        "50": 0.5,
        "sensitivity_95": max(thresholds[y >= 0.95]),
        "specificity_95": min(thresholds[1 - x >= 0.95]),
        "youden": thresholds[np.argmax(y - x)],
    }


def test_without_both_classes_only_one_half_is_a_threshold():
    """Nothing can be chosen, and what is not defined is None."""
    points = {point.name: point.threshold for point in choose_operating_points(np.array([1, 1]), np.array([0.2, 0.7]))}
    assert points == {"50": 0.5, "sensitivity_95": None, "specificity_95": None, "youden": None}
    assert set(classify(np.array([1, 1]), np.array([0.2, 0.7]), None).values()) == {None}
    found = classify(np.array([1, 1]), np.array([0.2, 0.7]), 0.5)
    assert (found["sensitivity"], found["specificity"]) == (0.5, None)


def test_a_specificity_that_no_score_reaches_has_no_threshold():
    """The highest score belongs to two negatives in three."""
    points = {
        p.name: p.threshold for p in choose_operating_points(np.array([0, 0, 0, 1]), np.array([0.9, 0.9, 0.1, 0.9]))
    }
    assert points["specificity_95"] is None
    assert points["sensitivity_95"] == 0.9
