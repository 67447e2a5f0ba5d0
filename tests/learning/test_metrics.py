"""Figures equal scikit-learn's and SciPy's."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as reference

from lungdb.learning.metrics import (
    auc,
    auc_bootstrap_interval,
    auc_patients_interval,
    average_precision,
    bootstrap_interval,
    brier,
    log_loss,
)


@pytest.mark.parametrize("seed", range(5))
def test_auc_and_log_loss_equal_scikit_learn(seed):
    """On scores with many ties."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, 50)
    scores = np.round(np.clip(rng.random(50) * 0.7 + labels * 0.3, 0, 1), 1)
    assert auc(labels, scores) == pytest.approx(reference.roc_auc_score(labels, scores), abs=1e-12)
    assert log_loss(labels, scores) == pytest.approx(reference.log_loss(labels, scores), rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_brier_score_and_average_precision_equal_scikit_learn(seed):
    """On scores with many ties."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, 50)
    scores = np.round(np.clip(rng.random(50) * 0.7 + labels * 0.3, 0, 1), 1)
    assert brier(labels, scores) == pytest.approx(reference.brier_score_loss(labels, scores), abs=1e-12)
    expected = reference.average_precision_score(labels, scores)
    assert average_precision(labels, scores) == pytest.approx(expected, abs=1e-12)


def test_a_weighted_log_loss_equals_scikit_learn():
    """As class weights make it."""
    labels, scores, weights = [0, 1, 1, 0], [0.2, 0.4, 0.9, 0.7], np.array([0.5, 2.0, 2.0, 0.5])
    expected = reference.log_loss(labels, scores, sample_weight=weights)
    assert log_loss(labels, scores, weights) == pytest.approx(expected, rel=1e-12)


def test_predicting_the_share_of_positives_has_its_entropy_as_log_loss():
    """0.572 on the labels of the full Data Science Bowl, of which 25.9 % are positive."""
    labels = np.repeat([1, 0], [259, 741])
    assert log_loss(labels, np.full(1000, 0.259)) == pytest.approx(0.572, abs=5e-4)


def test_auc_of_known_orders():
    """Right, wrong and no order."""
    assert auc([0, 0, 1, 1], [1, 2, 3, 4]) == 1
    assert auc([1, 1, 0, 0], [1, 2, 3, 4]) == 0
    assert auc([0, 1, 0, 1], [7, 7, 7, 7]) == 0.5


def test_a_missing_class_has_no_auc():
    """Nothing can be put in order."""
    assert auc([1, 1], [0.2, 0.3]) is None
    assert auc([], []) is None
    assert bootstrap_interval([0, 0], [0.2, 0.3], auc, 1) is None
    assert auc_bootstrap_interval([0, 0], [0.2, 0.3], 1) is None
    assert auc_bootstrap_interval([], [], 1) is None
    assert log_loss([], []) is None
    assert brier([], []) is None
    assert average_precision([0, 0], [0.2, 0.3]) is None
    assert average_precision([], []) is None


def test_log_loss_of_a_wrong_certainty_is_finite():
    """It is limited as in scikit-learn."""
    assert log_loss([1, 0], [0.0, 0.5]) == pytest.approx(reference.log_loss([1, 0], [0.0, 0.5]))


@pytest.mark.parametrize(
    "interval",
    [
        lambda labels, scores: bootstrap_interval(labels, scores, auc, seed=1),
        lambda labels, scores: auc_bootstrap_interval(labels, scores, seed=1),
    ],
    ids=["any figure", "many AUCs at a time"],
)
def test_the_bootstrap_interval_agrees_with_scipy(interval):
    """SciPy's percentile bootstrap of two samples draws within each class too; both are Monte Carlo."""
    rng = np.random.default_rng(8)
    labels = np.repeat([0, 1], [30, 20])
    scores = np.round(rng.standard_normal(50) + labels, 1)
    low, high = interval(labels, scores)
    expected = stats.bootstrap(
        (scores[labels == 1], scores[labels == 0]),
        lambda positive, negative: stats.mannwhitneyu(positive, negative).statistic / (positive.size * negative.size),
        n_resamples=2000,
        method="percentile",
        vectorized=False,
        random_state=2,
    ).confidence_interval
    assert low == pytest.approx(expected.low, abs=0.02)
    assert high == pytest.approx(expected.high, abs=0.02)
    assert low < auc(labels, scores) < high


def test_the_bootstrap_interval_depends_on_the_seed_alone():
    """Same seed, same figures."""
    labels, scores = [0, 1, 0, 1, 1, 0], [0.1, 0.4, 0.35, 0.8, 0.3, 0.2]
    assert bootstrap_interval(labels, scores, auc, 3) == bootstrap_interval(labels, scores, auc, 3)
    assert auc_bootstrap_interval(labels, scores, 3) == auc_bootstrap_interval(labels, scores, 3)


def test_the_interval_over_patients_is_that_of_their_scans_where_all_scans_of_a_patient_are_alike():
    """Three scans of each with one score tell no more than one of each: the same interval, to the digit."""
    rng = np.random.default_rng(4)
    labels = np.arange(60) % 3 == 0
    scores = rng.normal(size=60) + labels
    order = rng.permutation(180)
    found = auc_patients_interval(
        np.repeat(labels, 3)[order], np.repeat(scores, 3)[order], np.repeat(np.arange(60), 3)[order], seed=1
    )
    assert found == pytest.approx(auc_bootstrap_interval(labels, scores, seed=1), abs=1e-12)
    narrower = auc_bootstrap_interval(np.repeat(labels, 3), np.repeat(scores, 3), seed=1)
    assert found[1] - found[0] > 1.3 * (narrower[1] - narrower[0])


def test_patients_with_scans_of_both_labels_are_drawn_with_those_who_have_a_positive_one():
    """Without a patient of one kind alone there is an interval all the same, and none without a class."""
    labels, owners = np.tile([0, 1], 20), np.repeat(np.arange(20), 2)
    low, high = auc_patients_interval(labels, np.random.default_rng(2).normal(size=40), owners, seed=1)
    assert 0 <= low < high <= 1
    assert auc_patients_interval([1, 1], [0.2, 0.3], [0, 1], 1) is None
