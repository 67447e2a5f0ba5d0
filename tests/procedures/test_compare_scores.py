"""compare_scores gives the interval of the difference of two figures, or refuses."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from lungdb.procedures import compare_scores


@pytest.fixture
def scores():
    """The rows of the query in internal.CompareScores."""
    rng = np.random.default_rng(3)
    labels = np.tile([0, 1], 30).astype(np.int32)
    a, b = (np.clip(rng.random(60) * 0.8 + signal * labels, 0, 1) for signal in (0.2, 0.05))
    return pd.DataFrame({"label": labels, "a": a, "b": b, "patient": np.arange(60)})


@pytest.mark.parametrize(("metric", "figure"), [("auc", roc_auc_score), ("brier", brier_score_loss)])
def test_the_interval_holds_the_difference_and_is_of_plain_floats(scores, metric, figure):
    """Scikit-learn's figures have it in between; numpy's float would become NULL."""
    *values, number, message = compare_scores(scores, metric, 1, 500)
    assert (number, message) == (0, "")
    assert {type(value) for value in values} == {float}
    low, high = values
    assert low < figure(scores["label"], scores["a"]) - figure(scores["label"], scores["b"]) < high


@pytest.mark.parametrize(
    ("change", "arguments", "number"),
    [
        (lambda rows: rows, ("accuracy", 1, 500), 50101),
        (lambda rows: rows, ("auc", 1, 99), 50101),
        (lambda rows: rows, ("auc", 1, 100_001), 50101),
        (lambda rows: rows.assign(a=np.nan), ("auc", 1, 500), 50101),
        (lambda rows: rows.assign(label=3), ("auc", 1, 500), 50101),
        (lambda rows: rows.drop(columns="b"), ("auc", 1, 500), 50101),
        (lambda rows: rows[rows["label"] == 1], ("auc", 1, 500), 50112),
        (lambda rows: rows.iloc[:0], ("brier", 1, 500), 50112),
    ],
)
def test_what_cannot_be_compared_is_refused(scores, change, arguments, number):
    """With its number."""
    *values, found, message = compare_scores(change(scores), *arguments)
    assert (values, found) == ([0.0] * 2, number)
    assert message
