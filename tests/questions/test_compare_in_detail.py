"""CompareModels @InDetail: errors, subgroups, spaces and features of two models, recomputed from the tables."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from lungdb.database import Connection, run
from tests.support.databases import hash_vectors, refused, rows

COMPARE = "EXECUTE dbo.CompareModels @A = N'100% linear', @B = N'lightgbm_sql', @VersionB = 2"
BOTH = (
    "SELECT a.label, a.probability, b.probability, s.manufacturer FROM dbo.test_scores AS a "
    "INNER JOIN dbo.test_scores AS b ON b.patient_id = a.patient_id "
    "INNER JOIN dbo.scans AS s ON s.scan_id = a.scan_id WHERE a.experiment_id = 3 AND b.experiment_id = 2;"
)


def test_the_first_result_sets_are_as_before_and_errors_are_compared(trained: Connection) -> None:
    """Counts, scikit-learn's kappa and SciPy's exact test at a threshold; a look is counted once a version."""
    plain = run(trained, f"{COMPARE};")
    detailed = run(trained, f"{COMPARE}, @InDetail = 1, @Threshold = 40;")
    assert len(detailed) == 6
    assert [(each.columns, each.rows) for each in detailed[:2]] == [(each.columns, each.rows) for each in plain]
    labels, a, b, _ = map(np.array, zip(*rows(trained, BOTH), strict=True))
    wrong_a, wrong_b = ((scores >= 0.4) != (labels == 1) for scores in (a, b))
    alone = int((wrong_a & ~wrong_b).sum()), int((~wrong_a & wrong_b).sum())
    [(percent, scans, right, only_a, only_b, both, kappa, p)] = detailed[2].rows
    assert (percent, scans, only_a, only_b) == (40, labels.size, *alone)
    assert (right, both) == (int((~wrong_a & ~wrong_b).sum()), int((wrong_a & wrong_b).sum()))
    assert kappa == pytest.approx(cohen_kappa_score(wrong_a, wrong_b))
    assert p == pytest.approx(binomtest(alone[0], sum(alone)).pvalue)
    assert rows(trained, "SELECT COUNT(*) FROM dbo.test_looks;") == [(4,)]
    [(scans, width_a, width_b, cka, unbiased)] = detailed[4].rows
    assert (scans, width_a, width_b) == (labels.size, 12, 12)
    assert (cka, unbiased) == (pytest.approx(1), pytest.approx(1))


def test_features_that_only_one_uses_are_those_of_its_rows(trained: Connection) -> None:
    """The linear model uses all twelve; LightGBM of one tree a few, which are left out."""
    used = {
        row[0]
        for row in rows(
            trained,
            "SELECT DISTINCT feature_index FROM dbo.model_nodes WHERE classifier_id = 2 AND feature_index >= 0;",
        )
    }
    found = run(trained, f"{COMPARE}, @InDetail = 1;")[5].rows
    assert {(row[0], row[1]) for row in found} == {("a", index) for index in range(12) if index not in used}
    assert found[0][2] == f"made up/penultimate/lung/mean {found[0][1]}"
    coefficients = dict(rows(trained, "SELECT feature_index, coefficient FROM dbo.model_coefficients;"))
    assert [row[4] for row in found] == [coefficients[row[1]] for row in found]


def test_subgroups_have_both_figures(trained: Connection) -> None:
    """Those with ten patients of either class; a value of fewer is counted and not shown."""
    run(
        trained,
        "UPDATE dbo.scans SET manufacturer = CASE WHEN scan_id % 40 = 0 THEN N'rare' ELSE N'Ünal' END;",
    )
    found = run(trained, f"{COMPARE}, @InDetail = 1, @Subgroups = N'manufacturer';")[3].rows
    kept = [(label, a, b) for label, a, b, maker in rows(trained, BOTH) if maker == "Ünal"]
    labels, a, b = map(np.array, zip(*kept, strict=True))
    shown = next(row for row in found if row[1] == "Ünal")
    assert shown[2:4] == (labels.size, labels.size)
    assert shown[4:6] == (pytest.approx(roc_auc_score(labels, a)), pytest.approx(roc_auc_score(labels, b)))
    assert shown[6] == pytest.approx(shown[4] - shown[5])
    assert shown[7] <= shown[6] <= shown[8]
    assert [row[9] for row in found if row[1] is None] == [1]


def test_spaces_of_two_poolings_are_compared_by_cka(trained: Connection) -> None:
    """The closed form on standardised features of the common test scans; without features there is none."""
    rng = np.random.default_rng(3)
    for (scan,) in rows(trained, "SELECT scan_id FROM dbo.scans;"):
        vector = json.dumps([round(float(value), 6) for value in rng.normal(size=12)])
        run(
            trained,
            "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector) VALUES (?, 1, N'max', ?);",
            (scan, vector),
        )
    hash_vectors(trained)
    run(trained, "EXECUTE dbo.TrainLungCancerModel @ModelName = N'max', @Pooling = N'max', @MaxIterations = 2;")
    call = "EXECUTE dbo.CompareModels @A = N'100% linear', @B = N'max', @InDetail = 1;"
    [(scans, *_, cka, unbiased)] = run(trained, call)[4].rows
    spaces = []
    for pooling in ("mean", "max"):
        texts = rows(
            trained,
            "SELECT f.vector FROM dbo.pooled_features AS f INNER JOIN dbo.test_scores AS t ON t.scan_id = f.scan_id "
            f"WHERE t.experiment_id = 3 AND f.pooling = N'{pooling}' ORDER BY f.scan_id;",
        )
        values = np.array([json.loads(text) for (text,) in texts])
        spaces.append((values - values.mean(axis=0)) / values.std(axis=0))
    x, y = spaces
    assert scans == len(x)
    assert cka == pytest.approx(np.linalg.norm(y.T @ x) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)))
    assert unbiased < cka / 2
    run(trained, "DELETE FROM dbo.pooled_features WHERE pooling = N'max';")
    assert run(trained, call)[4].rows == [(0, 12, 12, None, None)]


REFUSALS = {
    "a threshold that is none": ("@InDetail = 1, @Threshold = 101", 50101, "@Threshold"),
    "subgroups without detail": ("@Subgroups = N'sex'", 50101, "@InDetail"),
    "subgroups with half a detail": ("@Subgroups = N'sex', @InDetail = NULL", 50101, "@InDetail"),
    "subgroups that are not there": ("@Subgroups = N'shoe_size', @InDetail = 1", 50287, "shoe_size"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_it_is_refused_with_number_and_value(trained: Connection, case: str) -> None:
    """And every table is as before."""
    arguments, number, part = REFUSALS[case]
    assert part in refused(trained, f"{COMPARE}, {arguments};", number)


def test_a_score_at_the_threshold_counts_as_in_wrong_cases(trained: Connection) -> None:
    """Both multiply: 100 * 0.29 is below 29, though 0.29 is not below 29 / 100."""
    run(trained, "UPDATE dbo.experiment_patients SET probability = 0.29 WHERE part = 'test';")
    positives = sum(label for label, *_ in rows(trained, BOTH))
    [(_, scans, right, only_a, only_b, both, *_)] = run(trained, f"{COMPARE}, @InDetail = 1, @Threshold = 29;")[2].rows
    assert (right, only_a, only_b, both) == (scans - positives, 0, 0, positives)
    assert len(rows(trained, "EXECUTE dbo.WrongCases @Threshold = 29;")) == positives
