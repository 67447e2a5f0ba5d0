"""DeLong's variance is that of the definition, and its interval holds the truth as often as it says."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from lungdb.learning.delong import delong_interval, delong_variance


def by_definition(labels, scores):
    """Compare every positive with every negative, as DeLong, DeLong and Clarke-Pearson write it."""
    positives = [score for label, score in zip(labels, scores, strict=True) if label == 1]
    negatives = [score for label, score in zip(labels, scores, strict=True) if label == 0]
    wins = np.array([[(a > b) + 0.5 * (a == b) for b in negatives] for a in positives])
    of_positives, of_negatives = wins.mean(axis=1), wins.mean(axis=0)
    area = wins.mean()
    variance = sum((of_positives - area) ** 2) / (len(positives) - 1) / len(positives)
    return area, variance + sum((of_negatives - area) ** 2) / (len(negatives) - 1) / len(negatives)


@pytest.mark.parametrize("seed", range(6))
def test_auc_and_variance_are_those_of_the_definition(seed):
    """With ties and classes of different size."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1], [31, 12])
    scores = np.round(rng.random(43) + 0.3 * labels, 1)
    area, variance = delong_variance(labels, scores)
    assert (area, variance) == pytest.approx(by_definition(labels, scores), rel=1e-9)
    assert area == pytest.approx(roc_auc_score(labels, scores))


def test_the_interval_is_1_96_standard_errors_wide():
    """As a normal distribution's, kept within 0 and 1."""
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], 40)
    scores = rng.standard_normal(80) + labels
    area, variance = by_definition(labels, scores)
    expected = stats.norm(area, np.sqrt(variance)).interval(0.95)
    assert delong_interval(labels, scores) == pytest.approx(expected, abs=1e-9)
    low, high = delong_interval([0, 0, 0, 1, 1, 1], [1, 2, 4, 3, 5, 6])
    assert (0 < low < 8 / 9, high) == (True, 1.0)


def test_the_interval_holds_the_true_auc_in_19_of_20_samples():
    """Two normal distributions one standard deviation apart: the AUC is Φ(1/√2); 400 samples of 50 and 50."""
    truth = stats.norm.cdf(1 / np.sqrt(2))
    rng = np.random.default_rng(3)
    labels = np.repeat([0, 1], 50)
    intervals = [delong_interval(labels, rng.standard_normal(100) + labels) for _ in range(400)]
    share = np.mean([low <= truth <= high for low, high in intervals])
    assert 0.92 <= share <= 0.98


@pytest.mark.parametrize(
    ("labels", "scores"), [([], []), ([1, 1], [1, 2]), ([0, 0, 1], [1, 2, 1.5]), ([0, 0, 1, 1], [1, 2, 3, 4])]
)
def test_no_interval_is_given_where_there_is_no_variance(labels, scores):
    """A class with nobody or one patient, or scores that separate the classes."""
    assert delong_interval(labels, scores) is None
