"""The interval of the difference of two models is SciPy's paired bootstrap of scikit-learn's figures."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as reference

from lungdb.learning.comparing import METRICS, difference_interval

REFERENCE = {
    "auc": reference.roc_auc_score,
    "average_precision": reference.average_precision_score,
    "log_loss": reference.log_loss,
    "brier": reference.brier_score_loss,
}


@pytest.fixture
def scored():
    """90 patients; two models that agree on much, the first the better."""
    rng = np.random.default_rng(12)
    labels = np.repeat([0, 1], [50, 40]).astype(np.int64)
    common = rng.standard_normal(90) + labels
    a, b = (1 / (1 + np.exp(-common - noise * rng.standard_normal(90))) for noise in (0.2, 1.0))
    return labels, a, b


@pytest.mark.parametrize("metric", list(METRICS))
def test_the_interval_of_the_difference_is_scipys(metric, scored):
    """SciPy's paired percentile bootstrap over all patients; both are Monte Carlo, ours within each class."""
    labels, a, b = scored
    low, high = difference_interval(labels, a, b, metric, seed=1, resamples=1000)
    figure = REFERENCE[metric]
    for scores in (a, b):
        assert METRICS[metric](labels, scores) == pytest.approx(figure(labels, scores))
    expected = stats.bootstrap(
        (labels, a, b),
        lambda drawn, one, other: figure(drawn, one) - figure(drawn, other),
        n_resamples=400,
        method="percentile",
        vectorized=False,
        paired=True,
        random_state=2,
    ).confidence_interval
    width = expected.high - expected.low
    assert low == pytest.approx(expected.low, abs=0.25 * width)
    assert high == pytest.approx(expected.high, abs=0.25 * width)


def test_pairing_makes_the_interval_narrower_than_two_separate_ones(scored):
    """What both models find easy or hard cancels out."""
    labels, a, b = scored
    paired = difference_interval(labels, a, b, "auc", seed=1, resamples=1000)
    shuffled = np.concatenate(
        [np.random.default_rng(5).permutation(np.flatnonzero(labels == label)) for label in (0, 1)]
    )
    apart = difference_interval(labels, a, b[shuffled], "auc", seed=1, resamples=1000)
    assert paired[1] - paired[0] < 0.9 * (apart[1] - apart[0])


def test_a_model_does_not_differ_from_itself(scored):
    """In no resample."""
    labels, a, _ = scored
    assert difference_interval(labels, a, a, "log_loss", seed=1, resamples=100) == (0, 0)


def test_one_class_cannot_be_compared():
    """Nor nobody."""
    scores = np.array([0.2, 0.3])
    assert difference_interval(np.array([1, 1]), scores, scores, "brier", 1, 100) is None
    assert difference_interval(np.empty(0, np.int64), np.empty(0), np.empty(0), "auc", 1, 100) is None


def test_scans_of_a_patient_are_drawn_together() -> None:
    """Three equal scans of each patient say no more than one: the interval is that of the patients."""
    labels = np.array([0, 1] * 20)
    generator = np.random.default_rng(5)
    a = np.clip(0.3 * labels + 0.7 * generator.random(40), 0, 1)
    b = generator.random(40)
    once = difference_interval(labels, a, b, "auc", 7, 300)
    patients = np.arange(40)
    assert difference_interval(labels, a, b, "auc", 7, 300, patients) == once
    thrice = [np.repeat(each, 3) for each in (labels, a, b)]
    assert difference_interval(*thrice, "auc", 7, 300, np.repeat(patients, 3)) == pytest.approx(once)
    narrow = difference_interval(*thrice, "auc", 7, 300)
    assert narrow is not None
    assert once is not None
    assert narrow[1] - narrow[0] < once[1] - once[0]
