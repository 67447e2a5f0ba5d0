"""The figures of a part are scikit-learn's, and thresholds come from the training patients alone."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics as reference

from lungdb.learning.measuring import Scores, constant_prediction, curves, figures, operating_points


@pytest.fixture
def run():
    """150 patients of a run with a validation part, and the name of each one's part."""
    rng = np.random.default_rng(8)
    labels = (rng.random(150) < 0.3).astype(np.int64)
    raw = np.clip(rng.random(150) * 0.6 + 0.4 * labels, 0, 1)
    parts = np.array(["train"] * 80 + ["validation"] * 30 + ["test"] * 40, dtype=object)
    return parts, Scores(labels, raw, raw**1.5, parts != "train")


def test_the_constant_prediction_is_the_share_of_positives_among_those_trained_on(run):
    """Test patients do not count; nobody trained on, no constant."""
    parts, scores = run
    assert constant_prediction(parts, scores) == pytest.approx(scores.labels[:110].mean())
    assert constant_prediction(np.full(150, "test", dtype=object), scores) is None


def test_operating_points_do_not_look_at_test_patients_nor_at_what_was_learnt_by_heart(run):
    """Other scores of test and train patients leave them as they are; those of validation patients do not."""
    parts, scores = run
    before = operating_points(parts, scores)
    for part, same in (("test", True), ("train", True), ("validation", False)):
        changed = np.where(parts == part, 1 - scores.probabilities, scores.probabilities)
        assert (operating_points(parts, replace(scores, probabilities=changed)) == before) == same


def test_figures_are_scikit_learns(run):
    """Before and after calibration, and of the constant prediction."""
    parts, scores = run
    test = scores.of(parts == "test")
    found = figures(test, 0.3, operating_points(parts, scores), seed=1)
    assert (found["patients"], found["positives"], found["out_of_fold"]) == (40, test.labels.sum(), 1)
    assert found["auc"] == pytest.approx(reference.roc_auc_score(test.labels, test.probabilities))
    assert found["average_precision"] == pytest.approx(
        reference.average_precision_score(test.labels, test.probabilities)
    )
    everybody = np.full(40, 0.3)
    for suffix, values in (("", test.probabilities), ("_raw", test.raw), ("_constant", everybody)):
        assert found[f"log_loss{suffix}"] == pytest.approx(reference.log_loss(test.labels, values))
        assert found[f"brier{suffix}"] == pytest.approx(reference.brier_score_loss(test.labels, values))
    assert found["auc_low"] < found["auc"] < found["auc_high"]
    assert found["auc_bootstrap_low"] < found["auc"] < found["auc_bootstrap_high"]
    assert found["sensitivity_at_50"] == pytest.approx(reference.recall_score(test.labels, test.probabilities >= 0.5))
    matrix = [found[f"{name}_at_youden"] for name in ("true_positives", "false_positives", "true_negatives")]
    assert sum(matrix) + found["false_negatives_at_youden"] == 40


def test_a_part_of_one_class_has_no_figure_that_needs_two(run):
    """None, and the others all the same."""
    parts, scores = run
    alone = scores.of((parts == "test") & (scores.labels == 0))
    found = figures(alone, 0.3, operating_points(parts, scores), seed=1)
    undefined = {name for name, value in found.items() if value is None}
    assert {"auc", "auc_low", "auc_bootstrap_high", "average_precision", "sensitivity_at_50"} <= undefined
    assert found["log_loss"] == pytest.approx(-np.mean(np.log(1 - alone.probabilities)))
    assert {point.curve for point in curves(alone)} == {"calibration", "calibration_raw"}


def test_curves_are_scikit_learns(run):
    """Positions count from 0; a bin's position is its number."""
    parts, scores = run
    test = scores.of(parts == "test")
    points = list(curves(test))
    roc = [(point.x, point.y) for point in points if point.curve == "roc"]
    x, y, _ = reference.roc_curve(test.labels, test.probabilities, drop_intermediate=False)
    np.testing.assert_allclose(roc, np.stack([x, y], axis=1))
    for name, probabilities in (("calibration", test.probabilities), ("calibration_raw", test.raw)):
        bins = [point for point in points if point.curve == name]
        assert sum(point.threshold for point in bins) == 40
        for point in bins:
            inside = np.floor(probabilities * 10) == point.position
            assert (point.x, point.y) == pytest.approx((probabilities[inside].mean(), test.labels[inside].mean()))
