"""CompareModels, CompareFigures and WrongCases."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from lungdb.database import Connection, run
from tests.support.databases import refused, rows

BOTH = (
    "SELECT a.label, a.probability, b.probability, p.idx FROM dbo.test_scores AS a INNER JOIN dbo.test_scores AS b "
    "ON b.patient_id = a.patient_id INNER JOIN dbo.patients AS p ON p.patient_id = a.patient_id "
    "WHERE a.experiment_id = 3 AND b.experiment_id = 2;"
)
COMPARE = "EXECUTE dbo.CompareModels @A = N'100% linear', @B = N'lightgbm_sql', @VersionB = 2"


@pytest.mark.parametrize(
    ("metric", "measure"), [("auc", roc_auc_score), ("log_loss", log_loss), ("brier", brier_score_loss)]
)
def test_both_figures_are_scikit_learns_and_the_interval_is_scipys(
    trained: Connection, metric: str, measure: object
) -> None:
    """On the common test patients; SciPy's paired percentile bootstrap gives the interval within sampling error."""
    assert callable(measure)
    compared, _ = run(trained, f"{COMPARE}, @Metric = N'{metric}';")
    [(name, patients, _, version_a, a, _, version_b, b, difference, low, high)] = compared.rows
    labels, scores_a, scores_b, _ = map(np.array, zip(*rows(trained, BOTH), strict=True))
    assert (name, patients, version_a, version_b) == (metric, labels.size, 1, 2)
    assert (a, b) == pytest.approx((measure(labels, scores_a), measure(labels, scores_b)))
    assert difference == pytest.approx(a - b)

    def statistic(truth: np.ndarray, one: np.ndarray, two: np.ndarray) -> float:
        if truth.min() == truth.max():
            return float("nan")
        return float(measure(truth, one) - measure(truth, two))

    reference = bootstrap(
        (labels, scores_a, scores_b), statistic, paired=True, vectorized=False, n_resamples=2000,
        method="percentile", rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    width = reference.high - reference.low
    assert (low, high) == pytest.approx((reference.low, reference.high), abs=0.15 * width)


def test_the_patients_on_whom_they_disagree_most_come_first(trained: Connection) -> None:
    """The ten largest differences of the two stored scores, in percent."""
    _, listed = run(trained, f"{COMPARE};")
    scores = rows(trained, BOTH)
    largest = sorted(scores, key=lambda row: (-abs(row[1] - row[2]), row[3]))[:10]
    assert [row[0] for row in listed.rows] == [row[3] for row in largest]
    for (index, scan, label, a, b, difference), row in zip(listed.rows, largest, strict=True):
        assert (scan, label) == (index + 1, row[0])
        assert (a, b, difference) == pytest.approx((100 * row[1], 100 * row[2], 100 * (row[1] - row[2])))
    _, few = run(trained, f"{COMPARE}, @Top = 3;")
    assert few.rows == listed.rows[:3]


def test_compare_figures_gives_what_compare_models_gives_first_and_no_patient(trained: Connection) -> None:
    """One row; where no patients are common their number is 0 and nothing is refused; wrong names and figures are."""
    given = "@A = N'100% linear', @B = N'lightgbm_sql', @VersionB = 2, @Metric = N'brier'"
    compared, _ = run(trained, f"EXECUTE dbo.CompareModels {given};")
    [figures] = run(trained, f"EXECUTE dbo.CompareFigures {given};")
    assert (figures.columns, figures.rows) == (compared.columns, compared.rows)
    assert "'no such'" in refused(trained, "EXECUTE dbo.CompareFigures @A = N'no such', @B = N'lightgbm_sql';", 50108)
    assert "NULL" in refused(trained, "EXECUTE dbo.CompareFigures @A = N'lightgbm_sql';", 50108)
    assert "'luck'" in refused(trained, f"EXECUTE dbo.CompareFigures {given.replace('brier', 'luck')};", 50101)
    run(trained, "DELETE FROM dbo.experiment_patients WHERE experiment_id = 3;")
    [row] = rows(trained, f"EXECUTE dbo.CompareFigures {given};")
    assert row == ("brier", 0, "100% linear", 1, None, "lightgbm_sql", 2, None, None, None, None)


def test_patients_relabelled_between_the_runs_are_left_out(trained: Connection) -> None:
    """One label changed and one model trained again: one common patient fewer."""
    count = len(rows(trained, BOTH))
    run(
        trained,
        "UPDATE dbo.labels SET label = 1 - label WHERE patient_id = (SELECT MIN(patient_id) FROM dbo.splits "
        "WHERE part = 'test');",
    )
    run(trained, "EXECUTE dbo.TrainLungCancerModel @MaxIterations = 5;")
    compared, _ = run(trained, f"{COMPARE.replace('@VersionB = 2', '@VersionB = 3')};")
    assert compared.rows[0][1] == count - 1


def test_wrong_cases_are_the_test_patients_on_the_wrong_side(trained: Connection) -> None:
    """Recomputed from dbo.test_scores for three thresholds, the most wrong first."""
    sql = (
        "SELECT p.idx, t.label, t.probability, t.raw FROM dbo.test_scores AS t INNER JOIN dbo.patients AS p "
        "ON p.patient_id = t.patient_id WHERE t.experiment_id = 2;"
    )
    scores = rows(trained, sql)
    for threshold in (0, 50, 100):
        (found,) = run(trained, f"EXECUTE dbo.WrongCases @Threshold = {threshold}, @Version = 2;")
        wrong = [row for row in scores if (100 * row[2] >= threshold) != bool(row[1])]
        expected = sorted(wrong, key=lambda row: (-abs(row[1] - row[2]), row[0]))
        assert [row[0] for row in found.rows] == [row[0] for row in expected]
        for (index, scan, mistake, label, percent, raw), row in zip(found.rows, expected, strict=True):
            assert (scan, label, mistake) == (index + 1, row[1], "missed cancer" if row[1] else "false alarm")
            assert (percent, raw) == pytest.approx((100 * row[2], 100 * row[3]))
    assert run(trained, "EXECUTE dbo.WrongCases @Threshold = 100;")[0].rows


REFUSALS = {
    "no name": ("CompareModels", 50108, "NULL"),
    "an unknown name": ("CompareModels @A = N'lightgbm_sql', @B = N'7% solution'", 50108, "'7% solution'"),
    "an unknown version": (
        "CompareModels @A = N'lightgbm_sql', @B = N'lightgbm_sql', @VersionB = 9",
        50108,
        "no version 9",
    ),
    "an unknown metric": (f"{COMPARE[8:]}, @Metric = N'f1'", 50101, "'f1'"),
    "a negative number of patients": (f"{COMPARE[8:]}, @Top = -1", 50101, "@Top"),
    "a threshold that is none": ("WrongCases @Threshold = 101", 50101, "@Threshold"),
    "an unknown model": ("WrongCases @ModelName = N'x'", 50108, "'x'"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_it_is_refused_with_number_and_value(trained: Connection, case: str) -> None:
    """And every table is as before."""
    call, number, part = REFUSALS[case]
    call = call if call.startswith("dbo.") else f"dbo.{call}"
    assert part in refused(trained, f"EXECUTE {call};", number)


def test_models_without_a_common_test_patient_are_not_compared(trained: Connection) -> None:
    """Error 50144 names both."""
    run(trained, "DELETE FROM dbo.experiment_patients WHERE experiment_id = 3 AND part = 'test';")
    message = refused(trained, f"{COMPARE};", 50144)
    assert "'100% linear' version 1" in message
    assert "'lightgbm_sql' version 2" in message
