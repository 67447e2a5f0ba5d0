"""InspectDataset finds what is planted and says nothing of what is clean."""

from __future__ import annotations

from typing import Any

import pytest
from scipy.stats import mannwhitneyu, spearmanr

from lungdb.database import Connection, run
from tests.support.databases import hash_vectors, refused, rows

INSPECT = "EXECUTE dbo.InspectDataset"


def findings(connection: Connection, call: str = INSPECT) -> list[dict[str, Any]]:
    """Give the first result set by column name."""
    result = run(connection, f"{call};")[0]
    return [dict(zip(result.columns, row, strict=True)) for row in result.rows]


def alarms(connection: Connection, call: str = INSPECT) -> list[tuple[str, Any, Any, str]]:
    """Give what the alarms name."""
    return [
        (row["finding"], row["scan_id"], row["other_scan_id"], row["subject"])
        for row in findings(connection, call)
        if row["severity"] == "alarm"
    ]


def test_a_clean_set_has_no_alarm_and_its_features_are_ranked_as_by_scipy(featured: Connection) -> None:
    """120 patients whose first feature tells the label: p value of the Mann-Whitney test on training patients."""
    found, mix, ranked = run(featured, f"{INSPECT} @Top = 3;")
    assert [row for row in found.rows if row[1] != "warning" or row[0] != "missing values"] == []
    assert {row[:4] for row in mix.rows if row[0] == "kvp"} == {
        ("kvp", None, "test", "held out"),
        ("kvp", None, "train", "0"),
        ("kvp", None, "train", "1"),
    }
    assert sum(row[5] for row in mix.rows if row[0] == "kvp") == 120
    values = rows(
        featured,
        "SELECT l.label, f.value FROM dbo.feature_values AS f INNER JOIN dbo.scans AS s ON s.scan_id = f.scan_id "
        "INNER JOIN dbo.labels AS l ON l.patient_id = s.patient_id INNER JOIN dbo.splits AS p "
        "ON p.patient_id = s.patient_id WHERE p.part = 'train' AND f.feature_index = 0;",
    )
    groups = [[value for label, value in values if label == each] for each in (1, 0)]
    assert ranked.rows[0][:2] == (0, "made up/penultimate/lung/mean 0")
    assert ranked.rows[0][6] == pytest.approx(mannwhitneyu(*groups, method="asymptotic").pvalue, rel=1e-6)
    assert len(ranked.rows) == 3
    assert rows(featured, "SELECT COUNT(*) FROM dbo.test_looks;") == [(0,)]
    log = "SELECT status, scans FROM dbo.runs WHERE procedure_name = N'InspectDataset';"
    assert rows(featured, log) == [("done", 120)]


def test_labels_of_test_patients_change_nothing(featured: Connection) -> None:
    """They are held out, so that inspecting is no look at them."""
    before = [result.rows for result in run(featured, f"{INSPECT};")]
    run(
        featured,
        "UPDATE dbo.labels SET label = 1 - label WHERE patient_id IN (SELECT patient_id FROM dbo.splits "
        "WHERE part = 'test');",
    )
    assert [result.rows for result in run(featured, f"{INSPECT};")] == before


def test_copies_are_found_by_hash_and_by_features(featured: Connection) -> None:
    """Whole scans, single slices but for blank ones, equal vectors; a patient's own second scan is no copy."""
    run(
        featured,
        "UPDATE dbo.scans SET content_sha256 = (SELECT content_sha256 FROM dbo.scans WHERE scan_id = 3) "
        "WHERE scan_id = 8; "
        "UPDATE dbo.scan_images SET pixels_sha256 = (SELECT pixels_sha256 FROM dbo.scan_images WHERE scan_id = 11 "
        "AND slice_index = 0) WHERE scan_id = 12 AND slice_index = 2; "
        "UPDATE dbo.scans SET image_rows = 512, image_cols = 512 WHERE scan_id IN (20, 21); "
        "UPDATE dbo.scan_images SET pixels_sha256 = 0xAB WHERE scan_id IN (20, 21) AND slice_index = 0; "
        "UPDATE dbo.pooled_features SET vector = (SELECT vector FROM dbo.pooled_features WHERE scan_id = 30) "
        "WHERE scan_id = 31;",
    )
    hash_vectors(featured)
    run(featured, "EXECUTE dbo.AssignSplits;")
    parts = dict(rows(featured, _PARTS))
    expected = {
        (f"{kind} in two parts" if parts[one] != parts[other] else f"{kind} of two patients", one, other)
        for kind, one, other in (("same pixels", 3, 8), ("same slices", 11, 12), ("near-duplicates", 30, 31))
    }
    assert {found[:3] for found in alarms(featured)} == expected
    assert len(alarms(featured)) == 3
    run(
        featured,
        "UPDATE dbo.scans SET patient_id = N'patient 0002', is_primary = 0 WHERE scan_id = 8; "
        "UPDATE dbo.scans SET patient_id = N'patient 0029', is_primary = 0 WHERE scan_id = 31;",
    )
    assert {found[1] for found in alarms(featured)} == {11}


_PARTS = "SELECT s.scan_id, p.part FROM dbo.scans AS s INNER JOIN dbo.splits AS p ON p.patient_id = s.patient_id;"


def test_columns_that_tell_the_label_or_the_part_alarm(featured: Connection) -> None:
    """A scanner by label, a spacing by part, and a user's column; names are those of the columns."""
    run(
        featured,
        "EXECUTE dbo.AssignSplits; UPDATE s SET s.manufacturer = IIF(l.label = 1, N'Ünal', N'Acme'), "
        "s.spacing_z = 1 + s.scan_id * 0.001 + IIF(p.part = 'test', 1, 0) FROM dbo.scans AS s "
        "INNER JOIN dbo.labels AS l ON l.patient_id = s.patient_id "
        "INNER JOIN dbo.splits AS p ON p.patient_id = s.patient_id;",
    )
    run(
        featured,
        "CREATE VIEW dbo.mine AS SELECT s.scan_id, l.label * 10 + s.scan_id * 0.01 AS [told %], s.scan_id % 7 AS seven "
        "FROM dbo.scans AS s INNER JOIN dbo.labels AS l ON l.patient_id = s.patient_id;",
    )
    call = f"{INSPECT} @Columns = N'told %, seven', @ColumnsFrom = N'dbo.mine'"
    told = [(kind, subject) for kind, _, _, subject in alarms(featured, call)]
    assert told == [
        ("column tells the label", "[dbo].[mine].[told %]"),
        ("column tells the label", "manufacturer"),
        ("column tells the part", "spacing_z"),
    ]
    mix = run(featured, f"{call};")[1].rows
    assert ("manufacturer", "Ünal", "train", "1") in {row[:4] for row in mix}


def test_patients_in_two_parts_and_two_sets_are_named(trained: Connection) -> None:
    """A trained patient moved to the test part; and one patient in the data sets to learn from and to test on."""
    trained_on = "SELECT MIN(s.scan_id) FROM dbo.splits AS p INNER JOIN dbo.scans AS s ON s.patient_id = p.patient_id"
    [(scan,)] = rows(trained, f"{trained_on} WHERE p.part = 'train';")
    run(
        trained,
        "UPDATE dbo.splits SET part = 'test' WHERE patient_id = (SELECT patient_id FROM dbo.scans WHERE scan_id = ?);",
        (scan,),
    )
    assert alarms(trained) == [("test patient whom models have learnt from", scan, None, f"scan {scan}")]
    run(
        trained,
        "EXECUTE dbo.CreateDataset @Name = N'one', @Query = N'SELECT scan_id FROM dbo.scans WHERE scan_id <= 60'; "
        "EXECUTE dbo.CreateDataset @Name = N'two', @Query = N'SELECT scan_id FROM dbo.scans WHERE scan_id >= 60';",
    )
    found = alarms(trained, f"{INSPECT} @Dataset = N'one', @Against = N'two'")
    assert ("patient in both data sets", 60, 60, "scan 60 and scan 60") in found
    mix = run(trained, f"{INSPECT} @Dataset = N'one', @Against = N'two';")[1].rows
    assert {row[2] for row in mix} == {"one", "two", "both"}


def test_missing_things_are_counted(featured: Connection) -> None:
    """Labels, features, replaced members; and outliers are named."""
    run(
        featured,
        "EXECUTE dbo.CreateDataset @Name = N'some', @Query = N'SELECT scan_id FROM dbo.scans WHERE scan_id <= 80'; "
        "DELETE FROM dbo.labels WHERE patient_id IN (N'patient 0000', N'patient 0001'); "
        "DELETE FROM dbo.pooled_features WHERE scan_id <= 4; "
        "UPDATE dbo.scans SET content_sha256 = 0x01 WHERE scan_id = 50; "
        "UPDATE dbo.pooled_features SET vector = N'[90,90,90,90,90,90,90,90,90,90,90,90]' WHERE scan_id = 40;",
    )
    hash_vectors(featured)
    told = {row["finding"]: row for row in findings(featured, f"{INSPECT} @Dataset = N'some'")}
    assert told["members were replaced or removed"]["value"] == 1
    assert told["scans without a label"]["value"] == pytest.approx(2 / 79)
    assert told["scans without features"]["value"] == pytest.approx(4 / 79)
    assert told["outlier"]["scan_id"] == 40
    assert told["outlier"]["severity"] == "warning"


def test_combined_features_have_the_names_of_their_parts(featured: Connection) -> None:
    """Two poolings side by side; a missing value of a model's column is counted."""
    run(
        featured,
        "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector) SELECT scan_id, 1, N'max', vector "
        "FROM dbo.pooled_features; UPDATE dbo.scans SET patient_age = 60 WHERE scan_id % 2 = 0;",
    )
    hash_vectors(featured)
    before = rows(featured, "SELECT COUNT(*) FROM dbo.feature_sets;")
    ranked = run(featured, f"{INSPECT} @Features = N'mean; max', @Top = 100;")[2].rows
    assert rows(featured, "SELECT COUNT(*) FROM dbo.feature_sets;") == before
    assert {row[1] for row in ranked if row[0] in (0, 12)} == {
        "made up/penultimate/lung/max 0",
        "made up/penultimate/lung/mean 0",
    }
    run(featured, "EXECUTE dbo.TrainLungCancerModel @Features = N'mean', @Columns = N'age', @MaxIterations = 2;")
    told = {row["finding"]: row for row in findings(featured)}
    assert told["missing values in features"]["subject"] == "age"
    assert told["missing values in features"]["value"] == 0.5


def test_what_there_is_too_little_of_is_said(installed: Connection) -> None:
    """No scan; one patient."""
    assert [row["finding"] for row in findings(installed)] == ["nothing to inspect"]
    run(
        installed,
        "INSERT INTO dbo.patients (patient_id, idx) VALUES (N'only', 0); INSERT INTO dbo.scans (patient_id, "
        "is_primary, series_uid, study_uid, image_rows, image_cols, number_images, content_sha256) "
        "VALUES (N'only', 1, N'1', N'1', 1, 1, 1, 0x01);",
    )
    told = [row["finding"] for row in findings(installed) if row["finding"] != "missing values"]
    assert told == [
        "scans without a label",
        "scans without features",
        "columns not compared with the label",
        "columns not compared with the part",
    ]


def test_one_class_is_said_and_features_are_not_ranked(featured: Connection) -> None:
    """Every label is 0."""
    run(featured, "UPDATE dbo.labels SET label = 0;")
    found, _, ranked = run(featured, f"{INSPECT};")
    assert "columns not compared with the label" in {row[0] for row in found.rows}
    assert ranked.rows == []


def test_of_more_classes_the_one_that_is_told_is_named(featured: Connection) -> None:
    """Class 2 has a scanner of its own, and a feature goes with it."""
    run(
        featured,
        "UPDATE l SET l.label = s.scan_id % 3 FROM dbo.labels AS l INNER JOIN dbo.scans AS s "
        "ON s.patient_id = l.patient_id; UPDATE dbo.scans SET manufacturer = IIF(scan_id % 3 = 2, N'Ünal', N'Acme');",
    )
    found, mix, ranked = run(featured, f"{INSPECT};")
    told = [dict(zip(found.columns, row, strict=True)) for row in found.rows if row[1] == "alarm"]
    assert [(row["finding"], row["subject"], row["measure"]) for row in told] == [
        ("column tells the label", "manufacturer", "Cramér's V of class 2 against the others")
    ]
    assert {row[3] for row in mix.rows} == {"0", "1", "2", "held out"}
    assert {row[2][:12] for row in ranked.rows} == {"AUC of class"}


def test_a_label_that_is_a_number_is_compared_by_rank(featured: Connection) -> None:
    """A spacing that falls with it alarms, and ρ of each feature on training patients is SciPy's."""
    run(
        featured,
        "INSERT INTO dbo.numeric_labels (patient_id, value) SELECT s.patient_id, f.value * f.value * f.value "
        "FROM dbo.feature_values AS f INNER JOIN dbo.scans AS s ON s.scan_id = f.scan_id WHERE f.feature_index = 4; "
        "UPDATE s SET s.spacing_z = 2 - 0.1 * n.value FROM dbo.scans AS s "
        "INNER JOIN dbo.numeric_labels AS n ON n.patient_id = s.patient_id;",
    )
    found, mix, ranked = run(featured, f"{INSPECT} @Task = N'Regression', @Top = 100;")
    told = [dict(zip(found.columns, row, strict=True)) for row in found.rows if row[1] == "alarm"]
    assert [(row["finding"], row["subject"], row["measure"]) for row in told] == [
        ("column tells the label", "spacing_z", "Spearman's correlation")
    ]
    assert {row[3] for row in mix.rows} == {None, "held out"}
    values = rows(
        featured,
        "SELECT f.feature_index, f.value, n.value FROM dbo.feature_values AS f "
        "INNER JOIN dbo.scans AS s ON s.scan_id = f.scan_id "
        "INNER JOIN dbo.numeric_labels AS n ON n.patient_id = s.patient_id "
        "INNER JOIN dbo.splits AS p ON p.patient_id = s.patient_id WHERE p.part = 'train';",
    )
    for index, _, measure, value, *_ in ranked.rows:
        pairs = [row[1:] for row in values if row[0] == index]
        assert value == pytest.approx(spearmanr(pairs).statistic)
        assert measure == "Spearman's correlation"
    assert (ranked.rows[0][0], ranked.rows[0][3]) == (4, pytest.approx(1))
    run(featured, "DELETE FROM dbo.numeric_labels;")
    names = [row["finding"] for row in findings(featured, f"{INSPECT} @Task = N'regression'")]
    assert "columns not compared with the label" in names


REFUSALS = {
    "an unknown set": ("@Dataset = N'7% solution'", 50171, "'7% solution'"),
    "a version without a set": ("@DatasetVersion = 1", 50101, "@DatasetVersion"),
    "only the other set": ("@Against = N'a'", 50101, "@Against"),
    "a rate that is none": ("@Alpha = 0", 50101, "@Alpha"),
    "an unknown task": ("@Task = N'7% ranking'", 50101, "7% ranking"),
    "days of a number": ("@Task = N'regression', @Horizon = 365", 50101, "@Horizon"),
    "no rows": ("@Top = 0, @Horizon = -1", 50101, "@Horizon"),
    "unknown features": ("@Features = N'x'", 50278, "'x'"),
    "a column that is not there": ("@Columns = N'age, x'", 50277, "'x'"),
    "a source without columns": ("@ColumnsFrom = N'dbo.scans'", 50101, "@Columns"),
    "pictures": ("@Dataset = N'pictures'", 50273, "one of images"),
    "altered vectors": ("@Features = N'mean'", 50105, "scan_id 3"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_it_is_refused_with_number_and_value(featured: Connection, case: str) -> None:
    """And every table is as before."""
    arguments, number, part = REFUSALS[case]
    if case == "pictures":
        run(
            featured,
            "INSERT INTO dbo.images (name, image, sha256) VALUES (N'a', 0x00, 0x00); "
            "EXECUTE dbo.CreateDataset @Name = N'pictures', @Query = N'SELECT name FROM dbo.images';",
        )
    if case == "altered vectors":
        run(featured, "UPDATE dbo.pooled_features SET vector_sha256 = 0x00 WHERE scan_id = 3;")
    assert part in refused(featured, f"{INSPECT} {arguments};", number)
