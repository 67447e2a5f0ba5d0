"""EvaluateModel's subgroups by columns of numbers, whose digits do not end at the sixth."""

from __future__ import annotations

from lungdb.database import Connection, run
from tests.support.databases import rows

LINEAR = "EXECUTE dbo.EvaluateModel @Dataset = N'held out', @ModelName = N'100% linear'"
TOLD = "@SubgroupsFrom = N'dbo.told'"


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
