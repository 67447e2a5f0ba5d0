"""The words of a report for the names of the tables."""

from __future__ import annotations

from collections.abc import Mapping

Metrics = Mapping[tuple[str, str], float | None]
"""(part, metric) to value, None where it is not defined; a pair that is absent was not recorded."""

PARTS = ("train", "validation", "test")

LIBRARIES = {
    "lightgbm": "LightGBM",
    "logistic": "logistic regression",
    "network": "a dense network",
    "ensemble": "an ensemble",
    "onnx": "a classifier in ONNX",
}

OPERATING_POINTS = {
    "50": "probability 0.5",
    "sensitivity_95": "sensitivity of 0.95",
    "specificity_95": "specificity of 0.95",
    "youden": "best Youden index",
}
"""Operating points of dbo.experiment_metrics; all but the first are chosen on the training patients."""

FIGURES: dict[str, tuple[tuple[str, str, bool], ...]] = {
    "Telling apart": (
        ("auc", "AUC", False),
        ("auc_low", "lower end of its 95 % interval", True),
        ("auc_high", "upper end", True),
        ("auc_bootstrap_low", "lower end of its 95 % interval (bootstrap)", True),
        ("auc_bootstrap_high", "upper end", True),
        ("average_precision", "Average precision", False),
    ),
    "Probabilities: lower is better": (
        ("log_loss", "Log loss", False),
        ("log_loss_constant", "of constant prediction", True),
        ("log_loss_raw", "before calibration", True),
        ("brier", "Brier score", False),
        ("brier_constant", "of constant prediction", True),
        ("brier_raw", "before calibration", True),
        ("ece", "Expected calibration error", False),
        ("ece_raw", "before calibration", True),
    ),
}
"""Groups of (metric, title, whether it belongs to the one above it)."""

FIGURES_OF_NUMBERS: dict[str, tuple[tuple[str, str, bool], ...]] = {
    "Errors: lower is better": tuple(
        row
        for metric, title in (("rmse", "Root mean squared error"), ("mae", "Mean absolute error"))
        for row in (
            (metric, title, False),
            (f"{metric}_low", "lower end of its 95 % interval", True),
            (f"{metric}_high", "upper end", True),
            (f"{metric}_constant", "of constant prediction", True),
        )
    ),
    "Agreement: 1 is perfect": (
        ("r2", "R², the share of the variance explained", False),
        ("r2_low", "lower end of its 95 % interval", True),
        ("r2_high", "upper end", True),
        ("r2_constant", "of constant prediction", True),
        ("spearman", "Spearman's rank correlation", False),
        ("spearman_low", "lower end of its 95 % interval", True),
        ("spearman_high", "upper end", True),
    ),
}
"""The same of a model that predicts a number."""


def part_title(part: str, metrics: Metrics) -> str:
    """Name a part; of the training patients say whether the model that gave their scores had learnt from them."""
    if part != "train":
        return part.capitalize()
    return "Training, out of fold" if metrics.get(("train", "out_of_fold")) else "Training, learnt from"
