"""Calibration equals scikit-learn's and SciPy's; the correction for prevalence is Bayes' theorem."""

import json

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import brier_score_loss

from lungdb.errors import ProcedureError
from lungdb.learning.calibration import apply_calibration, correct_prevalence, fit_calibration


@pytest.fixture(params=range(4))
def scored(request):
    """150 patients whose raw scores order them well and are far too sure; some scores are equal."""
    rng = np.random.default_rng(request.param)
    truth = rng.random(150)
    labels = (rng.random(150) < truth).astype(np.int64)
    return np.round(expit(3 * logit(truth) - 1), 2), labels


def test_platt_is_scikit_learns_over_log_odds(scored):
    """Its sigmoid 1 / (1 + exp(a·f + b)) has a = −slope and b = −intercept, with the same softened targets."""
    raw, labels = scored
    inside = np.clip(raw, 0.01, 0.99)
    found = fit_calibration("platt", inside, labels)
    reference = _SigmoidCalibration().fit(logit(inside), labels)
    np.testing.assert_allclose(apply_calibration(found, inside), reference.predict(logit(inside)), atol=1e-5)


def test_platt_is_the_optimum_that_scipy_finds(scored):
    """No other line has a smaller cross-entropy with Platt's targets."""
    raw, labels = scored
    inside = np.clip(raw, 0.01, 0.99)
    found = fit_calibration("platt", inside, labels)
    positives, negatives = labels.sum(), (1 - labels).sum()
    target = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def loss(line):
        values = line[0] * logit(inside) + line[1]
        return np.sum(np.logaddexp(0, values) - target * values)

    best = minimize(loss, [1.0, 0.0], method="BFGS", options={"gtol": 1e-8})
    assert [found["slope"], found["intercept"]] == pytest.approx(best.x, abs=1e-4)


def test_platt_stays_finite_where_scores_are_0_and_1_and_separate_the_classes():
    """Nobody becomes certain: the ends are Platt's targets, 4/5 and 1/5 for three and three."""
    found = fit_calibration("platt", np.repeat([0.0, 1.0], 3), np.repeat([0, 1], 3))
    np.testing.assert_allclose(apply_calibration(found, [0.0, 1.0]), [0.2, 0.8], atol=1e-6)


def test_platt_never_turns_the_order_round():
    """Scores that are worse than chance get one probability, the share of positives with Platt's targets."""
    found = fit_calibration("platt", np.array([0.8, 0.7, 0.3, 0.2]), np.array([0, 0, 1, 1]))
    assert found["slope"] == 0
    np.testing.assert_allclose(apply_calibration(found, [0.1, 0.9]), [0.5, 0.5])


def test_isotonic_is_scikit_learns(scored):
    """With its bounds 1 / (n + 2) from 0 and 1; between and beyond the fitted scores too."""
    raw, labels = scored
    found = fit_calibration("isotonic", raw, labels)
    least = 1 / (labels.size + 2)
    reference = IsotonicRegression(y_min=least, y_max=1 - least, out_of_bounds="clip").fit(raw, labels)
    everywhere = np.linspace(0, 1, 1001)
    np.testing.assert_allclose(apply_calibration(found, everywhere), reference.predict(everywhere), atol=1e-9)


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_calibration_makes_too_sure_scores_better(method):
    """The Brier score falls, on other patients than those it was fitted on, 1000 of each."""
    rng = np.random.default_rng(5)
    truth = rng.random(2000)
    labels = (rng.random(2000) < truth).astype(np.int64)
    raw = expit(3 * logit(truth) - 1)
    found = fit_calibration(method, raw[:1000], labels[:1000])
    after = brier_score_loss(labels[1000:], apply_calibration(found, raw[1000:]))
    assert after < brier_score_loss(labels[1000:], raw[1000:]) - 0.01


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_a_calibration_survives_json(method, scored):
    """The same probabilities, bit for bit."""
    found = fit_calibration(method, *scored)
    read = json.loads(json.dumps(found))
    np.testing.assert_array_equal(apply_calibration(read, scored[0]), apply_calibration(found, scored[0]))


def test_no_calibration_leaves_scores_as_they_are():
    """None is what an uncalibrated model has."""
    assert apply_calibration(None, [0.0, 0.3, 1.0]).tolist() == [0.0, 0.3, 1.0]


@pytest.mark.parametrize(
    "calibration", [{}, {"method": "beta"}, {"method": "platt"}, {"method": "isotonic", "x": [0, 1], "y": [0]}, [], 3,
                    {"method": "isotonic", "x": [], "y": []}, {"method": "platt", "slope": None, "intercept": 0}],
)  # fmt: skip
def test_a_calibration_that_cannot_be_read_is_refused(calibration):
    """With the number that T-SQL throws."""
    with pytest.raises(ProcedureError, match="calibration cannot be read") as caught:
        apply_calibration(calibration, [0.5])
    assert caught.value.number == 50116


def test_the_correction_for_prevalence_is_the_closed_form():
    """p·(s/t) over itself plus (1−p)·((1−s)/(1−t)); the ends stay, and the trained share becomes the site's."""
    p, trained, site = np.array([0.0, 0.2, 0.5, 1.0]), 0.5, 0.01
    expected = p * (site / trained) / (p * (site / trained) + (1 - p) * ((1 - site) / (1 - trained)))
    np.testing.assert_allclose(correct_prevalence(p, trained, site), expected, rtol=1e-12)
    assert correct_prevalence(0.26, 0.26, 0.01) == pytest.approx(0.01)
    np.testing.assert_allclose(correct_prevalence(p, 0.3, 0.3), p)


def test_the_correction_for_prevalence_is_what_counting_gives():
    """A sign in 80 of 100 with cancer and 10 of 100 without; where 2 % have cancer 1.6 of 11.4 with the sign do."""
    assert correct_prevalence(80 / 90, 0.5, 0.02) == pytest.approx(0.8 * 2 / (0.8 * 2 + 0.1 * 98))
