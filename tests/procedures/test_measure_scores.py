"""measure_scores gives figures and curves of each part as rows, or refuses."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from lungdb.procedures import measure_scores

DETAILS = '{"training_curve": {"train": [0.6, 0.5], "validation": [0.65, 0.6]}}'
DTYPES = ["object", "object", "object", "int32", "float64", "float64", "float64"]


@pytest.fixture
def scores():
    """The rows of dbo.experiment_scores of one run."""
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 2, 60).astype(np.int32)
    raw = np.clip(rng.random(60) * 0.7 + 0.3 * labels, 0, 1)
    return pd.DataFrame(
        {
            "part": pd.Series(["train"] * 40 + ["test"] * 20, dtype=object),
            "label": labels,
            "raw": raw,
            "probability": raw**2,
            "out_of_fold": np.ones(60, np.int32),
        }
    )


def test_metrics_are_rows_of_each_part(scores):
    """The value is y; only parts with patients have any."""
    result, number, message = measure_scores(scores, 1, DETAILS)
    assert (number, message) == (0, "")
    metrics = result[result["kind"] == "metric"].set_index(["part", "name"])["y"]
    for part, rows in scores.groupby("part"):
        assert metrics[part, "auc"] == pytest.approx(roc_auc_score(rows["label"], rows["probability"]))
        assert metrics[part, "patients"] == len(rows)
    share = scores["label"][:40].mean()
    assert metrics["test", "brier_constant"] == pytest.approx(((scores["label"][40:] - share) ** 2).mean())
    assert set(metrics.index.get_level_values("part")) == {"train", "test"}
    assert metrics.index.is_unique


def test_curves_are_rows_with_a_position(scores):
    """Unique within part and name, the training curve's x from one tree up."""
    result = measure_scores(scores, 1, DETAILS)[0]
    curves = result[result["kind"] == "curve"]
    assert not curves.duplicated(["part", "name", "position"]).any()
    assert set(curves["name"]) == {
        "roc", "precision_recall", "calibration", "calibration_raw", "training_train", "training_validation",
    }  # fmt: skip
    validation = curves[curves["name"] == "training_validation"]
    assert validation[["part", "x", "y"]].to_numpy().tolist() == [["validation", 1.0, 0.65], ["validation", 2.0, 0.6]]


def test_figures_do_not_depend_on_the_order_of_rows(scores):
    """Those of a run's test part are the same whoever selects them."""
    first = measure_scores(scores, 1, DETAILS)[0]
    second = measure_scores(scores.sample(frac=1, random_state=2), 1, DETAILS)[0]
    is_bootstrap = first["name"].str.startswith("auc_bootstrap")
    pd.testing.assert_frame_equal(first[~is_bootstrap], second[~is_bootstrap], check_exact=False, rtol=1e-12)


def test_the_result_is_what_sql_server_takes(scores):
    """NaN where a value is not defined, also for nobody."""
    for rows in (scores, scores.iloc[:0], scores.iloc[:1]):
        result, *outputs = measure_scores(rows, 1, "{}")
        assert [str(dtype) for dtype in result.dtypes] == DTYPES
        assert [type(value) for value in outputs] == [int, str]
        assert outputs[0] == 0
        assert {type(value) for name in ("kind", "part", "name") for value in result[name]} <= {str}


@pytest.mark.parametrize(
    ("change", "details", "number"),
    [
        (lambda rows: rows.assign(part=pd.Series(["held out"] * 60, dtype=object)), DETAILS, 50101),
        (lambda rows: rows.assign(label=2), DETAILS, 50101),
        (lambda rows: rows.assign(label=np.nan), DETAILS, 50101),
        (lambda rows: rows.assign(probability=np.nan), DETAILS, 50101),
        (lambda rows: rows.assign(raw=1.5), DETAILS, 50101),
        (lambda rows: rows.drop(columns="raw"), DETAILS, 50101),
        (lambda rows: rows, "[]", 50116),
        (lambda rows: rows, '{"training_curve": 3}', 50116),
        (lambda rows: rows, '{"training_curve": {"train": ["a"]}}', 50116),
    ],
)
def test_what_cannot_be_measured_is_refused(scores, change, details, number):
    """With no rows."""
    result, found, message = measure_scores(change(scores), 1, details)
    assert (len(result), found) == (0, number)
    assert message
