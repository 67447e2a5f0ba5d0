"""Intervals by drawing patients: the figures of a resample are scikit-learn's, and a patient's scans count together."""

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)

from lungdb.learning.curves import expected_calibration_error
from lungdb.learning.measuring import Scores
from lungdb.learning.metrics import auc_bootstrap_interval
from lungdb.learning.operating_points import OperatingPoint
from lungdb.learning.resampling import call_rates, patient_intervals, weighted_figures

POINTS = [OperatingPoint("50", 0.5), OperatingPoint("youden", 0.3), OperatingPoint("specificity_95", None)]


def draw(scans, seed=3):
    """Scores that tell something, many of them tied."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, scans)
    raw = np.round(np.clip(rng.random(scans) * 0.7 + 0.3 * labels, 0.02, 0.98), 1)
    return Scores(labels, raw, raw**1.5, np.ones(scans, bool))


def repeated(scores, times):
    """Each scan so many times."""
    return scores.of(np.repeat(np.arange(scores.labels.size), times))


def test_weighted_figures_are_those_of_scikit_learn_on_the_rows_drawn():
    """A weight of 3 is the scan three times, one of 0 leaves it out."""
    scores = draw(60)
    weights = np.random.default_rng(8).integers(0, 4, (5, 60)).astype(float)
    found = weighted_figures(scores, 0.4, POINTS)(weights)
    for row, times in enumerate(weights.astype(int)):
        drawn = repeated(scores, times)
        labels, probabilities = drawn.labels, drawn.probabilities
        expected = {
            "auc": roc_auc_score(labels, probabilities),
            "average_precision": average_precision_score(labels, probabilities),
            "log_loss": log_loss(labels, probabilities),
            "log_loss_raw": log_loss(labels, drawn.raw),
            "log_loss_constant": log_loss(labels, np.full(labels.size, 0.4)),
            "brier": brier_score_loss(labels, probabilities),
            "ece": expected_calibration_error(labels, probabilities),
        }
        for name, threshold in (("50", 0.5), ("youden", 0.3)):
            called = probabilities >= threshold
            expected |= {
                f"accuracy_at_{name}": accuracy_score(labels, called),
                f"f1_at_{name}": f1_score(labels, called),
                f"precision_at_{name}": precision_score(labels, called),
                f"sensitivity_at_{name}": recall_score(labels, called),
                f"specificity_at_{name}": recall_score(labels, called, pos_label=0),
            }
        assert {name: found[name][row] for name in expected} == pytest.approx(expected, abs=1e-12)
    assert not any(name.endswith("specificity_95") for name in found)


def test_the_interval_is_that_of_a_plain_bootstrap_where_each_patient_has_one_scan():
    """2000 resamples, drawn here with another generator."""
    scores = draw(80)
    rng = np.random.default_rng(99)
    areas, losses = [], []
    for _ in range(2000):
        drawn = rng.integers(0, 80, 80)
        areas.append(roc_auc_score(scores.labels[drawn], scores.probabilities[drawn]))
        losses.append(log_loss(scores.labels[drawn], scores.probabilities[drawn]))
    found = patient_intervals(scores, np.arange(80), None, POINTS, seed=1)
    assert found["auc"] == pytest.approx(tuple(np.percentile(areas, [2.5, 97.5])), abs=0.012)
    assert found["log_loss"] == pytest.approx(tuple(np.percentile(losses, [2.5, 97.5])), abs=0.015)


def test_scans_that_say_the_same_make_no_interval_narrower():
    """Five copies of each patient's scan tell nothing more, where drawing scans would think so."""
    single = draw(60)
    copied = repeated(single, np.full(60, 5))
    patients = np.repeat(np.arange(60), 5)
    expected = patient_intervals(single, np.arange(60), 0.5, POINTS, seed=4)
    found = patient_intervals(copied, patients, 0.5, POINTS, seed=4)
    assert found.keys() == expected.keys()
    for name, interval in expected.items():
        assert found[name] == pytest.approx(interval, abs=1e-12)
    low, high = auc_bootstrap_interval(copied.labels, copied.probabilities, seed=4)
    assert high - low < 0.6 * (expected["auc"][1] - expected["auc"][0])


def test_a_seed_gives_the_same_interval_and_another_another():
    """Nothing else is drawn."""
    scores = draw(50)
    first, second, other = (
        patient_intervals(scores, np.arange(50) // 2, None, POINTS, seed, 200) for seed in (1, 1, 2)
    )
    assert first == second
    assert first != other


@pytest.mark.parametrize("label", [0, 1])
def test_scans_of_one_class_have_no_interval(label):
    """As no resample has both."""
    scores = Scores(np.full(9, label), np.linspace(0, 1, 9), np.linspace(0, 1, 9), np.ones(9, bool))
    assert patient_intervals(scores, np.arange(9), 0.5, POINTS, seed=1) == {}


def test_rates_that_are_not_defined_are_none():
    """Nobody called positive has no precision; without positives and calls F1 is none either."""
    assert call_rates(positives=2, negatives=2, hits=0, alarms=0) == {"accuracy": 0.5, "precision": None, "f1": 0.0}
    assert call_rates(positives=0, negatives=3, hits=0, alarms=0) == {"accuracy": 1.0, "precision": None, "f1": None}
    assert call_rates(positives=4, negatives=6, hits=3, alarms=1) == {
        "accuracy": 0.8,
        "precision": 0.75,
        "f1": pytest.approx(0.75),
    }
