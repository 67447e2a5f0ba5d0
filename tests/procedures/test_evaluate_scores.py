"""evaluate_scores gives figures of a model and of columns alone as rows, or refuses."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from lungdb.procedures import evaluate_scores
from tests.sql.samples import inputs_of_evaluation

DTYPES = ["object", "object", "int32", "object", "int32", *["float64"] * 5]


def evaluate(change=None, **others):
    """Call it with the sample, changed."""
    inputs = inputs_of_evaluation()
    frame = inputs.pop("InputDataSet")
    values = {name.lower(): value for name, value in inputs.items()} | others
    return evaluate_scores(frame if change is None else change(frame), **values)


def test_figures_of_all_and_of_each_group_are_rows():
    """Of the model at every operating point, of the columns at 0.5."""
    result, note, number, _ = evaluate()
    assert (note, number) == ("", 0)
    frame = inputs_of_evaluation()["InputDataSet"][:60]
    metrics = result[result["kind"] == "metric"].set_index(["source", "group_id", "name"])["y"]
    for group in (0, 1, 2):
        rows = frame if not group else frame[frame["groups"].fillna("").str.contains(str(group))]
        assert metrics["model", group, "auc"] == pytest.approx(roc_auc_score(rows["label"], rows["probability"]))
        called = rows["probability"] >= 0.31
        assert metrics["model", group, "f1_at_youden"] == pytest.approx(f1_score(rows["label"], called))
        assert ("columns", group, "auc") in metrics.index
        assert ("columns", group, "f1_at_youden") not in metrics.index


def test_the_result_is_what_sql_server_takes():
    """Also of one class, and of a refusal."""
    for change in (None, lambda frame: frame.assign(label=1), lambda frame: frame.assign(label=3)):
        result, *outputs = evaluate(change)
        assert [str(dtype) for dtype in result.dtypes] == DTYPES
        assert [type(value) for value in outputs] == [str, int, str]


def test_too_few_training_scans_of_a_class_leave_the_columns_out_and_say_so():
    """Nine positives are not enough."""

    def change(frame):
        training = frame["is_member"] == 0
        return frame.assign(label=np.where(training, (np.arange(len(frame)) % 50 < 9).astype(int), frame["label"]))

    result, note, number, _ = evaluate(change)
    assert number == 0
    assert set(result["source"]) == {"model"}
    assert "9 training scans with label 1 and 41 with label 0" in note


@pytest.mark.parametrize(
    ("change", "others", "number"),
    [
        (lambda frame: frame.drop(columns="groups"), {}, 50101),
        (lambda frame: frame.assign(label=2), {}, 50101),
        (lambda frame: frame.assign(label=np.nan), {}, 50101),
        (lambda frame: frame.assign(raw=np.nan), {}, 50101),
        (lambda frame: frame.assign(probability=1.5), {}, 50101),
        (None, {"prevalence": 1.0}, 50101),
        (None, {"details": "[]"}, 50116),
        (None, {"points": "no"}, 50116),
    ],
)
def test_what_cannot_be_measured_is_refused_with_no_rows(change, others, number):
    """By number, one sentence and what to do."""
    result, _, found, message = evaluate(change, **others)
    assert (found, len(result)) == (number, 0)
    assert message.endswith(".")


def test_scores_made_for_an_unknown_share_have_no_decision_curve_of_the_model():
    """All other figures are there, the decisions by the columns too, and a note says why."""
    result, note, number, _ = evaluate(details="{}")
    assert number == 0
    names = {source: set(rows["name"]) for source, rows in result.groupby("source")}
    known = {source: set(rows["name"]) for source, rows in evaluate()[0].groupby("source")}
    assert known["model"] - names["model"] == {"decision", "decision_everybody", "decision_nobody"}
    assert known["columns"] == names["columns"]
    assert "not known which share of positives" in note


def test_without_a_prevalence_details_are_not_needed_and_the_set_has_its_own():
    """NULL comes as None or NaN."""
    labels = inputs_of_evaluation()["InputDataSet"]["label"][:60]
    for missing in (None, float("nan")):
        result, _, number, _ = evaluate(prevalence=missing, details="{}", constant=missing)
        assert number == 0
        everybody = result[(result["name"] == "decision_everybody") & (result["source"] == "model")]
        assert everybody["y"].iloc[49] == pytest.approx(2 * labels.mean() - 1)
        constant = result[(result["name"] == "brier_constant") & (result["source"] == "model")]
        assert constant["y"].isna().all()
        assert isinstance(result, pd.DataFrame)
