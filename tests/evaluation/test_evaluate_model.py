"""EvaluateModel: its figures are scikit-learn's on the rows that it stores, by subgroup, and at the site."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    confusion_matrix,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
    roc_curve,
)

from lungdb.database import Connection, run
from tests.support.databases import rows

EVALUATE = "EXECUTE dbo.EvaluateModel @Dataset = N'held out'"
LINEAR = f"{EVALUATE}, @ModelName = N'100% linear'"
TOLD = "@SubgroupsFrom = N'dbo.told'"

Figures = dict[str, tuple[float | None, float | None, float | None]]


def figures(connection: Connection, group: int = 0, source: str = "model") -> Figures:
    """Give the figures of the newest evaluation by name, with their intervals."""
    found = rows(
        connection,
        "SELECT metric, figure, low, high FROM dbo.evaluation_figures WHERE group_id = ? AND source = ? "
        "AND evaluation_id = (SELECT MAX(evaluation_id) FROM dbo.evaluations);",
        (group, source),
    )
    return {metric: (value, low, high) for metric, value, low, high in found}


def scores(connection: Connection, where: str = "1 = 1") -> tuple[NDArray[Any], ...]:
    """Give label, probability, raw score and patient of the newest evaluation's scans."""
    found = rows(
        connection,
        "SELECT e.label, e.probability, e.raw, e.patient_id FROM dbo.evaluation_scores AS e INNER JOIN dbo.told AS t "
        "ON t.scan_id = e.scan_id WHERE e.label IS NOT NULL AND "
        f"e.evaluation_id = (SELECT MAX(evaluation_id) FROM dbo.evaluations) AND {where} ORDER BY e.scan_id;",
    )
    label, probability, raw, patient = zip(*found, strict=True)
    return np.array(label), np.array(probability), np.array(raw), np.array(patient)


def reference(label: NDArray[Any], probability: NDArray[Any], raw: NDArray[Any], thresholds: dict[str, float]) -> Any:
    """Compute every figure by scikit-learn."""
    expected: dict[str, float] = {
        "auc": roc_auc_score(label, probability),
        "average_precision": average_precision_score(label, probability),
        "log_loss": log_loss(label, probability),
        "log_loss_raw": log_loss(label, raw),
        "brier": brier_score_loss(label, probability),
        "brier_raw": brier_score_loss(label, raw),
    }
    for name, threshold in thresholds.items():
        called = probability >= threshold
        matrix = confusion_matrix(label, called).ravel()
        for place, count in enumerate(("true_negatives", "false_positives", "false_negatives", "true_positives")):
            expected[f"{count}_at_{name}"] = matrix[place]
        expected |= {
            f"sensitivity_at_{name}": recall_score(label, called),
            f"specificity_at_{name}": recall_score(label, called, pos_label=0),
            f"accuracy_at_{name}": accuracy_score(label, called),
            f"f1_at_{name}": f1_score(label, called),
            f"threshold_at_{name}": threshold,
        }
        if called.any():
            expected[f"precision_at_{name}"] = precision_score(label, called)
    return expected


@pytest.mark.parametrize("model", ["lightgbm_sql", "100% linear"])
def test_figures_are_scikit_learns_on_the_rows_stored(measurable: Connection, model: str) -> None:
    """At 0.5, and at the thresholds that the training has chosen on its own patients."""
    run(measurable, f"{EVALUATE}, @ModelName = ?, @Version = 1;", (model,))
    chosen = rows(
        measurable,
        "SELECT SUBSTRING(m.metric, 14, 30), m.value FROM dbo.model_figures AS m INNER JOIN dbo.classifiers AS c "
        "ON c.classifier_id = m.classifier_id WHERE c.name = ? AND c.version = 1 AND m.part = 'train' "
        "AND m.metric LIKE N'threshold[_]at[_]%' AND m.value IS NOT NULL;",
        (model,),
    )
    thresholds = dict(chosen)
    assert {"50", "youden", "sensitivity_95"} <= thresholds.keys()
    label, probability, raw, _ = scores(measurable)
    assert label.size == 2 * len(rows(measurable, "SELECT 1 FROM dbo.splits WHERE part = 'test';"))
    expected = reference(label, probability, raw, thresholds)
    found = figures(measurable)
    assert {name: found[name][0] for name in expected} == pytest.approx(expected)


def test_scores_are_those_that_the_training_stored_of_the_same_scans(measurable: Connection) -> None:
    """A test patient's primary scan, calibrated alike."""
    run(measurable, f"{LINEAR};")
    pairs = rows(
        measurable,
        "SELECT e.raw, t.raw, e.probability, t.probability FROM dbo.evaluation_scores AS e "
        "INNER JOIN dbo.experiment_patients AS t ON t.scan_id = e.scan_id "
        "INNER JOIN dbo.experiments AS x ON x.experiment_id = t.experiment_id "
        "INNER JOIN dbo.classifiers AS c ON c.classifier_id = x.classifier_id WHERE c.name = N'100% linear';",
    )
    assert len(pairs) > 40
    for raw, stored_raw, probability, stored in pairs:
        assert (raw, probability) == pytest.approx((stored_raw, stored), abs=1e-9)


def test_curves_are_scikit_learns_and_show_no_threshold_to_readers(measurable: Connection) -> None:
    """The table has the scores as thresholds; the view that readers may read has patients of bins alone."""
    run(measurable, f"{LINEAR};")
    label, probability, _, _ = scores(measurable)
    x, y, _ = roc_curve(label, probability, drop_intermediate=False)
    points = rows(
        measurable,
        "SELECT x, y, scans FROM dbo.evaluation_points WHERE source = 'model' AND curve = N'roc' ORDER BY position;",
    )
    np.testing.assert_allclose([point[:2] for point in points], np.stack([x, y], axis=1), atol=1e-12)
    assert {point[2] for point in points} == {None}
    ((scans,),) = rows(
        measurable,
        "SELECT SUM(scans) FROM dbo.evaluation_points WHERE source = 'model' AND curve = N'calibration';",
    )
    assert scans == label.size


def test_the_decision_curve_is_at_the_prevalence_of_the_site(measurable: Connection) -> None:
    """Probabilities by Bayes' theorem, then sensitivity and specificity at each threshold (Vickers and Elkin)."""
    run(measurable, f"{LINEAR}, @Prevalence = 0.1;")
    label, probability, _, _ = scores(measurable)
    ((details,),) = rows(measurable, "SELECT details FROM dbo.classifiers WHERE name = N'100% linear';")
    before = json.loads(details)["prevalence"]
    odds = probability / (1 - probability) * (0.1 / 0.9) / (before / (1 - before))
    moved = odds / (1 + odds)
    found = {
        (curve, round(x, 2)): y
        for curve, x, y in rows(
            measurable,
            "SELECT curve, x, y FROM dbo.evaluation_points WHERE source = 'model' AND curve LIKE N'decision%';",
        )
    }
    assert len(found) == 3 * 99
    for threshold in (0.02, 0.1, 0.35, 0.8):
        called = moved >= threshold
        weight = threshold / (1 - threshold)
        sensitivity, specificity = recall_score(label, called), recall_score(label, called, pos_label=0)
        expected = sensitivity * 0.1 - (1 - specificity) * 0.9 * weight
        assert found["decision", threshold] == pytest.approx(expected)
        assert found["decision_everybody", threshold] == pytest.approx(0.1 - 0.9 * weight)
        assert found["decision_nobody", threshold] == 0
    run(measurable, f"{LINEAR};")
    ((newest,),) = rows(
        measurable,
        "SELECT y FROM dbo.evaluation_curves WHERE evaluation_id = 2 AND curve = N'decision' AND source = 'model' "
        "AND position = 9;",
    )
    called = probability >= 0.1
    own = np.mean(called & (label == 1)) - np.mean(called & (label == 0)) / 9
    assert newest == pytest.approx(own)


def test_intervals_come_of_drawing_patients(measurable: Connection) -> None:
    """Both scans of a patient together, by a loop over scikit-learn here."""
    run(measurable, f"{LINEAR};")
    label, probability, _, patient = scores(measurable)
    names, numbers = np.unique(patient, return_inverse=True)
    members = [np.flatnonzero(numbers == number) for number in range(names.size)]
    rng = np.random.default_rng(3)
    areas, accuracies = [], []
    for _ in range(1000):
        drawn = np.concatenate([members[number] for number in rng.integers(0, names.size, names.size)])
        areas.append(roc_auc_score(label[drawn], probability[drawn]))
        accuracies.append(accuracy_score(label[drawn], probability[drawn] >= 0.5))
    found = figures(measurable)
    assert found["auc"][1:] == pytest.approx(tuple(np.percentile(areas, [2.5, 97.5])), abs=0.02)
    assert found["accuracy_at_50"][1:] == pytest.approx(tuple(np.percentile(accuracies, [2.5, 97.5])), abs=0.02)
    assert "auc_low" not in found


def test_with_one_scan_a_patient_the_interval_of_delong_is_there_too(measurable: Connection) -> None:
    """As in a training run, on the same patients, with the same figures."""
    run(measurable, "EXECUTE dbo.CreateDataset @Name = N'single', @Part = N'test';")
    run(measurable, "EXECUTE dbo.EvaluateModel @ModelName = N'100% linear', @Dataset = N'single';")
    trained = dict(
        rows(
            measurable,
            "SELECT m.metric, m.value FROM dbo.model_figures AS m INNER JOIN dbo.classifiers AS c "
            "ON c.classifier_id = m.classifier_id WHERE c.name = N'100% linear' AND m.part = 'test';",
        )
    )
    for count in ("patients", "positives", "out_of_fold", "auc_bootstrap_low", "auc_bootstrap_high"):
        trained.pop(count)
    found = figures(measurable)
    assert {name: found[name][0] for name in trained} == pytest.approx(trained, nan_ok=True)
    assert found["auc_low"][0] is not None


def test_subgroups_have_their_own_figures(measurable: Connection) -> None:
    """By sex and by quarters of age, each as scikit-learn computes them on its scans."""
    run(measurable, f"{LINEAR}, @Subgroups = N'sex,  patient_age', {TOLD};")
    groups = rows(
        measurable,
        "SELECT group_id, column_name, value, patients, scans, positives FROM dbo.evaluation_groups WHERE group_id > 0 "
        "AND values_hidden IS NULL ORDER BY group_id;",
    )
    assert [group[1:3] for group in groups if group[1] == "sex"] == [("sex", "F"), ("sex", "M")]
    for group, column, value, patients, scans, positives in groups:
        if column == "sex":
            where = f"t.sex = N'{value}'"
        else:
            low, high = value.split(" to ")
            where = f"t.patient_age BETWEEN {low} AND {high}"
        label, probability, raw, patient = scores(measurable, where)
        assert (patients, scans, positives) == (np.unique(patient).size, label.size, label.sum())
        found = figures(measurable, group)
        expected = reference(label, probability, raw, {"50": 0.5})
        assert {name: found[name][0] for name in expected} == pytest.approx(expected)


def test_numbers_that_differ_after_six_digits_are_different_subgroups(measurable: Connection) -> None:
    """Two values that a text of six digits makes one; each has its own scans, and a short number stays short."""
    run(
        measurable,
        "CREATE TABLE dbo.lab (scan_id INT NOT NULL PRIMARY KEY, marker FLOAT NULL, dose REAL NULL);"
        "INSERT INTO dbo.lab SELECT s.scan_id, CASE p.sex WHEN N'F' THEN 1.2345671 ELSE 1.2345672 END, 0.1 "
        "FROM dbo.scans AS s INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id;",
    )
    run(measurable, f"{LINEAR}, @Subgroups = N'marker, dose', @SubgroupsFrom = N'dbo.lab';")
    groups = rows(
        measurable,
        "SELECT column_name, value, scans FROM dbo.evaluation_groups WHERE group_id > 0 ORDER BY column_name, value;",
    )
    assert [float(value) for name, value, _ in groups if name == "marker"] == [1.2345671, 1.2345672]
    assert [value for name, value, _ in groups if name == "dose"] == ["0.1"]
    run(measurable, f"{LINEAR}, @Subgroups = N'sex', {TOLD};")
    by_sex = rows(
        measurable,
        "SELECT scans FROM dbo.evaluation_groups WHERE evaluation_id = 2 AND column_name = N'sex' ORDER BY value;",
    )
    assert [scans for name, _, scans in groups if name == "marker"] == [scans for (scans,) in by_sex]


def test_quarters_whose_bounds_differ_after_six_digits_are_not_one(measurable: Connection) -> None:
    """Each number is in the quarter that its bounds hold."""
    run(
        measurable,
        "CREATE TABLE dbo.lab (scan_id INT NOT NULL PRIMARY KEY, marker FLOAT NULL);"
        "INSERT INTO dbo.lab SELECT scan_id, 1234567 + 0.001 * (scan_id * 37 % 101) FROM dbo.scans;",
    )
    run(measurable, f"{LINEAR}, @Subgroups = N'marker', @SubgroupsFrom = N'dbo.lab';")
    groups = rows(
        measurable,
        "SELECT value, scans FROM dbo.evaluation_groups WHERE group_id > 0 AND values_hidden IS NULL;",
    )
    assert groups
    for value, scans in groups:
        low, high = value.split(" to ")
        ((inside,),) = rows(
            measurable,
            "SELECT COUNT(*) FROM dbo.lab AS q INNER JOIN dbo.evaluation_scores AS e ON e.scan_id = q.scan_id "
            "WHERE q.marker BETWEEN ? AND ?;",
            (float(low), float(high)),
        )
        assert inside == scans
        assert float(low) < float(high)


def test_groups_of_fewer_than_ten_patients_of_a_class_are_counted_and_kept_nowhere(measurable: Connection) -> None:
    """Of a column with a value for a scan or two none is shown."""
    run(measurable, "ALTER VIEW dbo.told AS SELECT scan_id, CONCAT(N'secret ', scan_id) AS rare FROM dbo.scans;")
    text = repr(run(measurable, f"{LINEAR}, @Subgroups = N'rare', {TOLD};")[1].rows)
    stored = rows(
        measurable, "SELECT column_name, value, scans, values_hidden FROM dbo.evaluation_groups WHERE group_id = 1;"
    )
    ((scans,),) = rows(measurable, "SELECT COUNT(*) FROM dbo.evaluation_scores;")
    assert stored == [("rare", None, None, scans)]
    assert "secret" not in text
    for table in ("evaluations", "evaluation_groups", "evaluation_metrics", "evaluation_curves"):
        assert "secret" not in repr(rows(measurable, f"SELECT * FROM dbo.{table};"))


def test_ten_patients_of_each_class_are_enough_and_nine_are_not(measurable: Connection) -> None:
    """Counted by patient: two scans of one count once."""
    run(
        measurable,
        "CREATE TABLE dbo.kinds (scan_id INT NOT NULL PRIMARY KEY, kind NVARCHAR(10) NOT NULL);"
        "INSERT INTO dbo.kinds SELECT s.scan_id, CASE WHEN n.place <= 10 THEN N'ten' WHEN n.place <= 19 THEN N'nine' "
        "ELSE N'rest' END FROM dbo.scans AS s INNER JOIN (SELECT l.patient_id, ROW_NUMBER() OVER (PARTITION BY l.label "
        "ORDER BY l.patient_id) AS place FROM dbo.labels AS l INNER JOIN dbo.splits AS p "
        "ON p.patient_id = l.patient_id WHERE p.part = 'test') AS n ON n.patient_id = s.patient_id;",
    )
    run(measurable, f"{LINEAR}, @Subgroups = N'kind', @SubgroupsFrom = N'dbo.kinds';")
    shown = rows(
        measurable,
        "SELECT value, patients, scans, positives, values_hidden FROM dbo.evaluation_groups WHERE group_id > 0 "
        "ORDER BY group_id;",
    )
    assert shown == [("ten", 20, 40, 20, None), (None, None, None, None, 2)]


def test_reconstructions_of_a_study_are_compared(measurable: Connection) -> None:
    """Each pair of scans, by kernel; the same as NumPy of the scores stored."""
    run(measurable, f"{LINEAR};")
    pairs = rows(
        measurable,
        "SELECT a.probability - b.probability FROM dbo.evaluation_scores AS a INNER JOIN dbo.evaluation_scores AS b "
        "ON b.patient_id = a.patient_id INNER JOIN dbo.told AS t ON t.scan_id = a.scan_id INNER JOIN dbo.told AS u "
        "ON u.scan_id = b.scan_id WHERE t.convolution_kernel = N'B30f' AND u.convolution_kernel = N'B70f';",
    )
    values = np.array(pairs)[:, 0]
    expected = (values.size, values.mean(), values.std(ddof=1), np.abs(values).mean(), np.abs(values).max())
    found = rows(
        measurable,
        "SELECT kernel_a, kernel_b, pairs, mean_difference, sd_difference, mean_distance, largest "
        "FROM dbo.evaluation_pairs ORDER BY position;",
    )
    assert [row[:2] for row in found] == [(None, None), ("B30f", "B70f")]
    for row in found:
        assert row[2:] == pytest.approx(expected)


def test_a_shortcut_shows_in_the_figures_of_columns_alone(measurable: Connection) -> None:
    """Where one scanner has all positives; before, the columns tell nothing."""
    run(measurable, f"{LINEAR};")
    _, low, high = figures(measurable, source="columns")["auc"]
    assert low is not None
    assert high is not None
    assert low < 0.6
    run(
        measurable,
        "UPDATE s SET s.manufacturer = CASE l.label WHEN 1 THEN N'Acme' ELSE N'Other' END FROM dbo.scans AS s "
        "INNER JOIN dbo.labels AS l ON l.patient_id = s.patient_id;",
    )
    run(measurable, f"{LINEAR};")
    assert figures(measurable, source="columns")["auc"][0] == 1.0


def test_a_scanner_that_told_the_label_in_training_only_gains_nothing(measurable: Connection) -> None:
    """The figures of columns are of the set, not of those that they were learnt from."""
    run(
        measurable,
        "UPDATE s SET s.manufacturer = CASE WHEN p.part = 'test' THEN N'Third' WHEN l.label = 1 THEN N'Acme' "
        "ELSE N'Other' END FROM dbo.scans AS s INNER JOIN dbo.labels AS l ON l.patient_id = s.patient_id "
        "INNER JOIN dbo.splits AS p ON p.patient_id = s.patient_id;",
    )
    run(measurable, f"{LINEAR};")
    _, low, high = figures(measurable, source="columns")["auc"]
    assert low is not None
    assert high is not None
    assert low <= 0.5 <= high


def test_scans_of_one_class_have_the_figures_that_they_allow(measurable: Connection) -> None:
    """No AUC and no interval, but a Brier score, as in a training run."""
    run(
        measurable,
        "EXECUTE dbo.CreateDataset @Name = N'ill', @Query = N'SELECT s.scan_id FROM dbo.scans AS s INNER JOIN "
        "dbo.labels AS l ON l.patient_id = s.patient_id INNER JOIN dbo.splits AS p ON p.patient_id = s.patient_id "
        "WHERE l.label = 1 AND p.part = ''test''';",
    )
    run(measurable, "EXECUTE dbo.EvaluateModel @Dataset = N'ill';")
    found = figures(measurable)
    assert found["auc"] == (None, None, None)
    _, probability, _, _ = scores(measurable)
    assert found["brier"] == (pytest.approx(np.mean((1 - probability) ** 2)), None, None)
    assert found["sensitivity_at_50"][0] == pytest.approx(np.mean(probability >= 0.5))


def test_labels_by_horizon_are_those_of_scans(measurable: Connection) -> None:
    """A scan without a label within the days is scored and not measured."""
    run(
        measurable,
        "INSERT INTO dbo.scan_labels (scan_id, horizon_days, label) SELECT s.scan_id, 365, "
        "CASE WHEN s.is_primary = 1 THEN l.label ELSE 0 END FROM dbo.scans AS s INNER JOIN dbo.labels AS l "
        "ON l.patient_id = s.patient_id WHERE s.scan_id % 5 <> 0;",
    )
    run(measurable, f"{LINEAR}, @Horizon = 365;")
    label, probability, _, _ = scores(measurable)
    ((scans, positives, unlabelled),) = rows(measurable, "SELECT scans, positives, unlabelled FROM dbo.evaluations;")
    assert (scans, positives) == (label.size, label.sum())
    ((members,),) = rows(measurable, "SELECT COUNT(*) FROM dbo.evaluation_scores;")
    assert members == scans + unlabelled
    assert unlabelled > 10
    assert figures(measurable)["auc"][0] == pytest.approx(roc_auc_score(label, probability))
    run(measurable, "UPDATE dbo.experiments SET horizon_days = 365;")
    run(measurable, f"{LINEAR};")
    run(measurable, f"{LINEAR}, @Horizon = 0;")
    assert rows(measurable, "SELECT horizon_days FROM dbo.evaluations ORDER BY evaluation_id;") == [
        (365,),
        (365,),
        (None,),
    ]


def test_a_seed_gives_the_same_intervals_again(measurable: Connection) -> None:
    """And another one others."""
    found = []
    for seed in (1, 1, 2):
        run(measurable, f"{LINEAR}, @Seed = {seed};")
        found.append(figures(measurable))
    assert found[0] == found[1]
    assert found[0]["auc"][0] == found[2]["auc"][0]
    assert found[0]["auc"][1:] != found[2]["auc"][1:]
