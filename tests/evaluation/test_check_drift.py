"""CheckDrift: later patients against those tested; what alarms, what does not, what is refused, and what is kept."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scipy import stats

from lungdb.database import Connection, run
from tests.support.databases import hash_vectors, refused, rows, said

CHECK = "EXECUTE dbo.CheckDrift @Dataset = N'later'"


def add_patients(
    connection: Connection, count: int, seed: int, *, shift: float = 0.0, maker: str | None = None
) -> None:
    """Load patients as the tested ones are, or with a shift of all features, or of another scanner; name them a set."""
    tested = rows(
        connection,
        "SELECT f.vector, s.manufacturer, s.spacing_z FROM dbo.experiment_patients AS t INNER JOIN dbo.scans AS s "
        "ON s.scan_id = t.scan_id INNER JOIN dbo.pooled_features AS f ON f.scan_id = s.scan_id "
        "WHERE t.experiment_id = 2 AND t.part = 'test' ORDER BY t.patient_id;",
    )
    rng = np.random.default_rng(seed)
    run(connection, "BEGIN TRANSACTION;")
    for place in range(count):
        vector, known_maker, spacing = tested[rng.integers(len(tested))]
        moved = [float(np.float32(value + rng.normal(0, 0.05) + shift)) for value in json.loads(vector)]
        patient = f"later {place:03}"
        run(
            connection,
            "INSERT INTO dbo.patients (patient_id, idx) VALUES (?, ?);"
            "INSERT INTO dbo.scans (patient_id, is_primary, series_uid, study_uid, image_rows, image_cols, "
            "number_images, content_sha256, manufacturer, spacing_z, convolution_kernel) "
            "VALUES (?, 1, ?, ?, 1, 1, 1, HASHBYTES('SHA2_256', ?), ?, ?, N'B30f');"
            "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector) "
            "VALUES (SCOPE_IDENTITY(), 1, N'mean', ?);",
            (
                patient,
                1000 + place,
                patient,
                patient,
                patient,
                patient,
                maker or known_maker,
                spacing,
                json.dumps(moved),
            ),
        )
    run(connection, "COMMIT TRANSACTION;")
    hash_vectors(connection)
    run(
        connection,
        "EXECUTE dbo.CreateDataset @Name = N'later', @Query = N'SELECT scan_id FROM dbo.scans WHERE patient_id LIKE "
        "''later%''';",
    )


def newest(connection: Connection) -> dict[str, Any]:
    """Give the newest check."""
    result = run(connection, "SELECT TOP (1) * FROM dbo.drift_alarms ORDER BY drift_check_id DESC;")[0]
    return result.records()[0]


def test_patients_as_those_tested_raise_no_alarm(measurable: Connection) -> None:
    """Every feature, the score, spacing, scanner and kernel is compared and kept."""
    add_patients(measurable, 40, seed=1)
    text = said(measurable, f"{CHECK};")
    check = newest(measurable)
    assert check["is_alarm"] == 0
    assert check["p_value"] > 0.01
    assert (check["later_patients"], check["permutations"], check["alpha"]) == (40, 1999, 0.01)
    assert "no alarm. 40 later patients" in text
    kinds = rows(measurable, "SELECT kind, COUNT(*) FROM dbo.drift_items GROUP BY kind ORDER BY kind;")
    assert kinds == [("feature", 12), ("kernel", 1), ("scanner", 1), ("score", 1), ("spacing", 1)]
    assert rows(measurable, "SELECT COUNT(*) FROM dbo.drift_items WHERE stability_index > 0.1;")[0][0] > 3


def test_another_scanner_raises_an_alarm(measurable: Connection) -> None:
    """With features as before, the mix of scanners alone tells."""
    add_patients(measurable, 40, seed=1, maker="Third")
    text = said(measurable, f"{CHECK};")
    check = newest(measurable)
    assert (check["is_alarm"], check["most_different"], check["p_value"]) == (1, "scanner", 0.0005)
    assert "ALARM" in text
    alarming = rows(measurable, "SELECT kind FROM dbo.drift_items WHERE p_value <= 0.01;")
    assert alarming == [("scanner",)]


def test_features_that_moved_raise_an_alarm_by_the_statistic_of_scipy(measurable: Connection) -> None:
    """Of a feature the normal statistic of Mann and Whitney, where the shift is more than a change of spread."""
    add_patients(measurable, 60, seed=2, shift=2.0)
    run(measurable, f"{CHECK}, @Top = 1000;")
    assert newest(measurable)["is_alarm"] == 1
    vectors = {
        group: np.array([json.loads(vector) for (vector,) in rows(measurable, query)])
        for group, query in (
            ("later", "SELECT f.vector FROM dbo.pooled_features AS f INNER JOIN dbo.scans AS s "
             "ON s.scan_id = f.scan_id WHERE s.patient_id LIKE N'later%';"),
            ("tested", "SELECT f.vector FROM dbo.pooled_features AS f INNER JOIN dbo.experiment_patients AS t "
             "ON t.scan_id = f.scan_id WHERE t.experiment_id = 2 AND t.part = 'test';"),
        )
    }  # fmt: skip
    found = dict(rows(measurable, "SELECT feature_index, statistic FROM dbo.drift_items WHERE kind = 'feature';"))
    for feature in range(12):
        later, tested = (vectors[group][:, feature] for group in ("later", "tested"))
        reference = stats.mannwhitneyu(later, tested, method="asymptotic", use_continuity=False)
        assert found[feature] == pytest.approx(stats.norm.isf(reference.pvalue / 2), rel=1e-6)


def test_since_takes_patients_whose_scan_was_first_scored_then(measurable: Connection) -> None:
    """Those scored before do not count, nor those of the training."""
    add_patients(measurable, 30, seed=3)
    run(measurable, "EXECUTE dbo.PredictPatients;")
    run(measurable, "UPDATE dbo.predictions SET predicted_at = '2020-01-01';")
    run(measurable, "EXECUTE dbo.PredictPatients;")
    message = refused(measurable, "EXECUTE dbo.CheckDrift @Since = '2021-01-01';", 50288)
    assert "0 who came later" in message
    run(
        measurable,
        "DELETE FROM dbo.predictions WHERE predicted_at < '2021-01-01' AND scan_id IN (SELECT TOP (25) s.scan_id FROM "
        "dbo.scans AS s WHERE s.patient_id LIKE N'later%' ORDER BY s.scan_id);",
    )
    run(measurable, "EXECUTE dbo.CheckDrift @Since = '2021-01-01';")
    assert newest(measurable)["later_patients"] == 25


def test_too_few_patients_are_refused_with_their_numbers(measurable: Connection) -> None:
    """Ten of each are needed; those without features and those whom the training had are told."""
    add_patients(measurable, 12, seed=4)
    run(measurable, "DELETE FROM dbo.pooled_features WHERE scan_id > (SELECT MAX(scan_id) - 3 FROM dbo.scans);")
    message = refused(measurable, f"{CHECK};", 50288)
    assert "9 who came later" in message
    assert "10 of each are needed. 3 more have no features" in message
    assert "120 later ones were left out" in refused(
        measurable, "EXECUTE dbo.CheckDrift @Dataset = N'everybody';", 50288
    )
    run(measurable, "DELETE FROM dbo.experiment_patients;")
    assert "There are 0 patients whom the model was tested on" in refused(measurable, f"{CHECK};", 50288)


@pytest.mark.parametrize(
    ("call", "number", "word"),
    [
        ("EXECUTE dbo.CheckDrift", 50101, "Either @Since or @Dataset"),
        (f"{CHECK}, @Since = '2020-01-01'", 50101, "Give one of them"),
        ("EXECUTE dbo.CheckDrift @Since = '2020-01-01', @DatasetVersion = 1", 50101, "@DatasetVersion"),
        (f"{CHECK}, @Alpha = 0, @Top = 0, @Seed = -1", 50101, "@Alpha"),
        (f"{CHECK}, @Alpha = NULL", 50101, "@Alpha"),
        (f"{CHECK}, @Permutations = 998", 50101, "999 to 100000"),
        (f"{CHECK}, @Alpha = 0.001, @Permutations = 1999", 50101, "9999 to 100000"),
        (f"{CHECK}, @ModelName = N'nobody'", 50108, "nobody"),
        ("EXECUTE dbo.CheckDrift @Dataset = N'no such'", 50171, "no such"),
        (f"BEGIN TRANSACTION; {CHECK}", 50100, "transaction"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused_by_number(measurable: Connection, call: str, number: int, word: str) -> None:
    """With the value, and nothing is written."""
    assert word in refused(measurable, f"{call};", number)


def test_the_number_of_permutations_follows_the_rate(measurable: Connection) -> None:
    """Ten permutations below the rate at least, so that it can be told."""
    add_patients(measurable, 20, seed=5, maker="Third")
    run(measurable, f"{CHECK}, @Alpha = 0.001;")
    assert (newest(measurable)["permutations"], newest(measurable)["p_value"]) == (9999, 0.0001)
    run(measurable, f"{CHECK}, @Alpha = 0.2, @Permutations = 49;")
    assert newest(measurable)["p_value"] == 0.02


def test_a_seed_gives_the_same_check_again(measurable: Connection) -> None:
    """Item by item."""
    add_patients(measurable, 30, seed=6, shift=0.3)
    for seed in (1, 1):
        run(measurable, f"{CHECK}, @Seed = {seed};")
    first, second = (
        rows(
            measurable,
            "SELECT position, kind, feature_index, statistic, p_value, stability_index FROM dbo.drift_items "
            "WHERE drift_check_id = ? ORDER BY position;",
            (check,),
        )
        for check in (1, 2)
    )
    assert first == second


def test_what_was_not_recorded_of_the_tested_patients_has_not_drifted(measurable: Connection) -> None:
    """Kernel and spacing of scans that an older version loaded are NULL, and those of later ones are there."""
    add_patients(measurable, 40, seed=1)
    run(
        measurable,
        "UPDATE dbo.scans SET convolution_kernel = NULL, spacing_z = NULL WHERE patient_id NOT LIKE N'later%';",
    )
    run(measurable, f"{CHECK};")
    assert newest(measurable)["is_alarm"] == 0
    items = rows(measurable, "SELECT statistic, p_value FROM dbo.drift_items WHERE kind IN ('kernel', 'spacing');")
    assert items == [(0.0, 1.0), (0.0, 1.0)]
