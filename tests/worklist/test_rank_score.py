"""RankScore and ListScores, against NumPy on the rows of the tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lungdb.database import Connection, run
from lungdb.errors import Message
from lungdb.learning.calibration import correct_prevalence
from tests.support.databases import refused, rows

COLUMNS = (
    "prediction_id", "patient_index", "probability_percent", "model_name", "model_version", "library", "test_auc",
    "test_auc_low", "test_auc_high", "test_patients", "training_patients", "training_prevalence",
    "compared_patients", "higher_than", "like_this",
    "like_this_with_cancer", "like_this_low_percent", "like_this_high_percent", "prevalence", "like_this_about_percent",
)  # fmt: skip
TRAINED = """
SELECT p.idx, e.label, e.raw, e.probability FROM dbo.experiment_patients AS e
INNER JOIN dbo.patients AS p ON p.patient_id = e.patient_id
WHERE e.experiment_id = (SELECT MAX(experiment_id) FROM dbo.experiments) AND e.part <> 'test' AND e.out_of_fold = 1;
"""


def explained(connection: Connection, number: int) -> dict[str, Any]:
    """Call RankScore."""
    (row,) = rows(connection, "EXECUTE dbo.RankScore @PredictionId = ?;", (number,))
    return dict(zip(COLUMNS, row, strict=True))


@pytest.mark.parametrize("prevalence", [None, 0.05])
def test_a_score_is_placed_among_the_out_of_fold_scores(scored: Connection, prevalence: float | None) -> None:
    """Of the other training patients: share below, the nearest twenty and as near, their cancers, their range."""
    trained = np.array(rows(scored, TRAINED))
    assert len(trained) > 60
    for index in (0, 5, 17, 40, 99):
        run(scored, "EXECUTE dbo.PredictLungCancer @PatientIndex = ?, @Prevalence = ?;", (index, prevalence))
        ((number, raw, probability),) = rows(
            scored, "SELECT TOP (1) prediction_id, raw_probability, probability FROM dbo.predictions ORDER BY 1 DESC;"
        )
        others = trained[trained[:, 0] != index]
        distance = np.abs(others[:, 2] - raw)
        near = others[distance <= np.sort(distance)[19]]
        ends = np.array([near[:, 3].min(), near[:, 3].max()])
        if prevalence is not None:
            ((details,),) = rows(scored, "SELECT JSON_VALUE(details, N'$.prevalence') FROM dbo.classifiers;")
            ends = correct_prevalence(ends, float(details), prevalence)
        found = explained(scored, number)
        labels = rows(scored, "SELECT label FROM dbo.experiment_patients WHERE part <> 'test';")
        assert found["training_prevalence"] == pytest.approx(np.mean(labels))
        assert found["compared_patients"] == len(others)
        assert found["higher_than"] == pytest.approx(100 * np.mean(others[:, 2] < raw))
        assert (found["like_this"], found["like_this_with_cancer"]) == (len(near), near[:, 1].sum())
        low_high = (found["like_this_low_percent"], found["like_this_high_percent"])
        assert low_high == pytest.approx(tuple(100 * ends))
        assert found["probability_percent"] == pytest.approx(100 * probability)
        assert (found["patient_index"], found["prevalence"]) == (index, prevalence)


def test_what_is_told_without_labels_is_the_same_for_a_whole_group(scored: Connection) -> None:
    """The tens nearest to its share, the patient asked about counted with the others; by NumPy."""
    trained = np.array(rows(scored, TRAINED))
    order = np.lexsort((trained[:, 0], trained[:, 2]))
    groups = len(trained) // 20
    group = np.arange(len(trained)) * groups // len(trained)
    cancers = np.array([trained[order[group == number], 1].mean() for number in range(groups)])
    run(scored, "EXECUTE dbo.PredictPatients;")
    for number, index, raw in rows(
        scored,
        "SELECT r.prediction_id, p.idx, r.raw_probability FROM dbo.predictions AS r INNER JOIN dbo.scans AS s "
        "ON s.scan_id = r.scan_id INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id WHERE p.idx % 5 = 0;",
    ):
        own = min(int((trained[:, 2] < raw).sum()) * groups // len(trained), groups - 1)
        expected = 10 * np.floor(10 * cancers[own] + 0.5)
        assert explained(scored, number)["like_this_about_percent"] == expected, index


def test_the_model_is_told_with_its_test_figures(scored: Connection) -> None:
    """Name, version and library; the AUC is that of scikit-learn on the test patients."""
    metrics = pytest.importorskip("sklearn.metrics")
    run(scored, "EXECUTE dbo.PredictLungCancer @PatientIndex = 1;")
    tested = rows(scored, "SELECT label, probability FROM dbo.experiment_patients WHERE part = 'test';")
    found = explained(scored, 1)
    assert (found["model_name"], found["model_version"], found["library"]) == ("lightgbm_sql", 1, "lightgbm")
    assert found["test_auc"] == pytest.approx(metrics.roc_auc_score(*zip(*tested, strict=True)))
    assert found["test_auc_low"] <= found["test_auc"] <= found["test_auc_high"]
    assert (found["test_patients"], found["training_patients"]) == (len(tested), 120 - len(tested))


def test_without_stored_scores_nothing_is_invented(scored: Connection) -> None:
    """No training run: no share, no likeness, no figures, but the score itself."""
    run(scored, "EXECUTE dbo.PredictLungCancer @PatientIndex = 1;")
    for table in ("experiment_curves", "experiment_metrics", "experiment_patients", "experiments"):
        run(scored, f"DELETE FROM dbo.{table};")
    found = explained(scored, 1)
    for name in ("test_auc", "higher_than", "low_percent", "high_percent", "about_percent"):
        assert found[f"like_this_{name}" if "percent" in name else name] is None
    assert (found["like_this"], found["like_this_with_cancer"], found["training_patients"]) == (0, 0, 0)
    assert found["compared_patients"] == 0


def test_an_unknown_prediction_is_refused(scored: Connection) -> None:
    """With its number."""
    assert "77" in refused(scored, "EXECUTE dbo.RankScore @PredictionId = 77;", 50145)
    refused(scored, "EXECUTE dbo.RankScore;", 50145)


def test_the_former_name_says_so_and_returns_the_same_row(scored: Connection) -> None:
    """ExplainScore is kept for one version, for those who call it."""
    run(scored, "EXECUTE dbo.PredictLungCancer @PatientIndex = 3;")
    messages: list[Message] = []
    results = run(scored, "EXECUTE dbo.ExplainScore @PredictionId = 1;", on_message=messages.append)
    assert results[0].rows == rows(scored, "EXECUTE dbo.RankScore @PredictionId = 1;")
    assert "dbo.RankScore" in messages[0].text
    refused(scored, "EXECUTE dbo.ExplainScore @PredictionId = 77;", 50145)


def test_scores_are_listed_newest_first(scored: Connection) -> None:
    """As many as asked for, in percent, with who asked."""
    for prevalence in (None, 0.1, 0.2):
        run(scored, "EXECUTE dbo.PredictLungCancer @PatientIndex = 4, @Prevalence = ?;", (prevalence,))
    listed = rows(scored, "EXECUTE dbo.ListScores @PatientIndex = 4;")
    stored = rows(
        scored, "SELECT 100 * probability, 100 * raw_probability, prevalence, predicted_by FROM dbo.predictions;"
    )
    assert [(row[1], row[2], row[3], row[7]) for row in listed] == stored[::-1]
    assert rows(scored, "EXECUTE dbo.ListScores @PatientIndex = 4, @Limit = 1;") == listed[:1]
    assert rows(scored, "EXECUTE dbo.ListScores @PatientIndex = 4, @Before = ?;", (listed[0][0],)) == listed[1:]
    assert rows(scored, "EXECUTE dbo.ListScores @PatientIndex = 5;") == []
    refused(scored, "EXECUTE dbo.ListScores @PatientIndex = 4, @Limit = 0;", 50101)
    refused(scored, "EXECUTE dbo.ListScores @PatientIndex = 400;", 50107)
