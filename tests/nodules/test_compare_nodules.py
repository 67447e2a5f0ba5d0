"""CompareNodules matches a patient's nodules from study to study and says how they have grown."""

from __future__ import annotations

import math
from typing import Any

import pytest

from lungdb.database import Connection, run
from tests.support.databases import refused, rows
from tests.support.nodules import add_network, add_scan, add_truth, search

CALL = "EXECUTE dbo.CompareNodules @PatientIndex = 0"
PLACES = [(0, 0, 0), (50, 0, 0), (0, 60, 0)]
AXIAL = {
    "spacing_z": 2.0, "spacing_y": 1.0, "spacing_x": 1.0, "origin_x": 0.0, "origin_y": 0.0, "origin_z": 0.0,
    "row_x": 1.0, "row_y": 0.0, "row_z": 0.0, "column_x": 0.0, "column_y": 1.0, "column_z": 0.0,
    "step_x": 0.0, "step_y": 0.0, "step_z": 2.0,
}  # fmt: skip


def dated(day: str, **columns: Any) -> dict[str, Any]:
    """Make the columns of a scan of a day."""
    return {"study_date": day, "date_rule": "shifted", **columns}


def compared(connection: Connection, more: str = "") -> list[dict[str, Any]]:
    """Call it, and give its rows by column."""
    found = run(connection, f"{CALL}{more};")[-1]
    return [dict(row) for row in found.records()]


def test_a_doubled_volume_has_doubled_in_the_days_between(installed: Connection) -> None:
    """The diameter grows by the cube root of 2; one stays, one goes, one comes."""
    frame = {"frame_of_reference_uid": "1.9"}
    first = add_scan(installed, "p", "1.1", **dated("2020-01-01", **frame))
    second = add_scan(installed, "p", "1.2", **dated("2020-04-10", **frame))
    for scan, nodules in (
        (first, [((0, 0, 0), 10.0), ((50, 0, 0), 6.0), ((0, 60, 0), 7.0)]),
        (second, [((1, 1, 1), 10.0 * 2 ** (1 / 3)), ((50, 0, 0), 6.0), ((0, 0, 90), 4.0)]),
    ):
        for place, diameter in nodules:
            add_truth(installed, scan, place, diameter)
    found = {(row["state"], row["first_diameter"]): row for row in compared(installed)}
    assert sorted(state for state, _ in found) == ["gone", "matched", "matched", "new"]
    grown = found["matched", 10.0]
    assert (grown["first_scan_id"], grown["second_scan_id"], grown["days"]) == (first, second, 100)
    assert grown["first_volume"] == pytest.approx(math.pi / 6 * 1000)
    assert (grown["change_percent"], grown["doubling_days"]) == pytest.approx((100, 100))
    assert (bool(grown["has_grown"]), bool(grown["is_sphere"]), grown["reason"]) == (True, True, None)
    assert grown["distance"] == pytest.approx(math.sqrt(3))
    same = found["matched", 6.0]
    assert (same["change_percent"], bool(same["has_grown"]), same["doubling_days"]) == (0, False, None)
    assert same["reason"] == "the volume is the same"
    assert found["gone", 7.0]["reason"] == "in one study only"


def test_volumes_of_a_detector_are_taken_before_spheres_and_25_percent_is_growth(installed: Connection) -> None:
    """Schwartz's formula on given volumes; candidates of low scores do not count."""
    detector = add_network(installed, "detector")
    for series, day, volume in (
        ("1.1", "2020-01-01", 100.0),
        ("1.2", "2020-07-19", 125.0),
        ("1.3", "2021-02-04", 120.0),
    ):
        scan = add_scan(installed, "p", series, **dated(day, frame_of_reference_uid="1.9"))
        search(installed, detector, scan, [(0, 0, 0, 0.9), (40, 0, 0, 0.2)])
        run(installed, "UPDATE dbo.nodules SET volume = ? WHERE scan_id = ?;", (volume, scan))
    first, second = compared(installed, ", @ModelName = N'detector'")
    assert (first["days"], second["days"]) == (200, 200)
    assert first["doubling_days"] == pytest.approx(200 * math.log(2) / math.log(1.25))
    assert (bool(first["has_grown"]), bool(first["is_sphere"])) == (True, False)
    assert second["doubling_days"] == pytest.approx(200 * math.log(2) / math.log(120 / 125))
    assert second["doubling_days"] < 0
    assert len(compared(installed, ", @ModelName = N'detector', @LeastScore = 0")) == 4


def test_scans_of_other_frames_are_aligned_by_their_middles_and_the_median_shift(installed: Connection) -> None:
    """The table stood 300 mm lower, 20 mm more was scanned below, and one of four nodules has moved by itself."""
    places = [*PLACES, (20, 20, 20)]
    first = add_scan(installed, "p", "1.1", **dated("2020-01-01", number_images=100, **AXIAL))
    second = add_scan(
        installed,
        "p",
        "1.2",
        **dated("2020-04-10", number_images=110, **AXIAL | {"origin_y": 300.0, "origin_z": -20.0}),
    )
    for place in places:
        add_truth(installed, first, place, 8)
    for x, y, z in places:
        add_truth(installed, second, (x, y + 300, z + (6 if x == 20 else 0)), 8)
    found = compared(installed, ", @Within = 8")
    assert {row["aligned_by"] for row in found} == {"middles of the scans, median shift"}
    assert sorted(row["distance"] for row in found if row["state"] == "matched") == pytest.approx(
        [0, 0, 0, 6], abs=1e-9
    )
    assert len(found) == 4


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ({}, {}, "neither the days nor the order of the studies are known"),
        ({"study_year": 0}, {"study_year": 1}, "the days between the studies are not known"),
        (
            dated("2020-01-01"),
            {"study_date": "2020-05-01", "date_rule": "kept"},
            "the days between the studies are not known",
        ),
    ],
)
def test_without_days_there_is_no_doubling_time(
    installed: Connection, first: dict[str, Any], second: dict[str, Any], reason: str
) -> None:
    """The change is told, and why the time is not."""
    for series, columns, diameter in (("1.1", first, 5), ("1.2", second, 10)):
        scan = add_scan(installed, "p", series, frame_of_reference_uid="1", **columns)
        add_truth(installed, scan, (0, 0, 0), diameter)
    (row,) = compared(installed)
    assert row["change_percent"] == pytest.approx(700)
    assert (row["days"], row["doubling_days"], row["reason"]) == (None, None, reason)


def test_a_point_has_no_volume_and_each_nodule_matches_once(installed: Connection) -> None:
    """The nearer of two takes the match; a pair farther apart than asked for is two nodules."""
    first = add_scan(installed, "p", "1.1", **dated("2020-01-01", frame_of_reference_uid="1"))
    second = add_scan(installed, "p", "1.2", **dated("2020-02-01", frame_of_reference_uid="1"))
    add_truth(installed, first, (0, 0, 0), None)
    add_truth(installed, first, (5, 0, 0), 9)
    add_truth(installed, second, (1, 0, 0), 4)
    (gone, matched) = compared(installed)
    assert (gone["state"], matched["state"], matched["reason"]) == ("gone", "matched", "no volume and no diameter")
    assert {row["state"] for row in compared(installed, ", @Within = 0.5")} == {"gone", "new"}


def test_one_study_gives_nothing_and_wrong_values_are_refused(searched: Connection) -> None:
    """No row where there is nothing to compare."""
    assert rows(searched, f"{CALL};") == []
    assert "@Within" in refused(searched, f"{CALL}, @Within = 500;", 50101)
    assert "@LeastScore" in refused(searched, f"{CALL}, @LeastScore = 2;", 50101)
    refused(searched, f"{CALL}, @ModelName = N'none';", 50102)
    refused(searched, "EXECUTE dbo.CompareNodules @PatientIndex = 99;", 50107)
