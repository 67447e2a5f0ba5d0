"""Nodules of a scan: where they lie among its pixels, their order, later stages, and what of the truth was found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lungdb.database import Connection, run
from tests.support.databases import refused, rows
from tests.support.nodules import add_found, add_network, add_stage, add_truth, lay, search

SCAN, INDEX = 3, 2
ASK = "EXECUTE dbo.ReadNodules @PatientIndex = 2;"
TRUTH = "EXECUTE dbo.ShowNoduleTruth @PatientIndex = 2;"


def read(connection: Connection, sql: str = ASK) -> list[list[dict[str, Any]]]:
    """Run a procedure and give its results as records."""
    return [result.records() for result in run(connection, sql)]


@pytest.mark.parametrize("tilt", [0.0, 25.0])
def test_places_are_those_of_the_inverted_affine(listed: Connection, tilt: float) -> None:
    """A turned patient in a tilted gantry, not quite at right angles: NumPy's inverse gives slice, row and column."""
    about = np.radians([30.0, tilt])
    turn = np.array([[np.cos(about[0]), -np.sin(about[0]), 0], [np.sin(about[0]), np.cos(about[0]), 0], [0, 0, 1]])
    row = turn @ [1, 1e-3, 0]
    column = turn @ [0, np.cos(about[1]), -np.sin(about[1])]
    matrix = lay(listed, SCAN, (-120.5, -90.25, 33.0), tuple(row), tuple(column), (0.1, -0.2, 2.5), (0.7, 0.8))
    network = add_network(listed, "detector")
    places = np.random.default_rng(4).uniform(-100, 100, (5, 3))
    for score, place in zip((0.9, 0.8, 0.7, 0.6, 0.5), places, strict=True):
        add_found(listed, SCAN, network, tuple(place), 6.0, score)
    expected = np.linalg.inv(matrix) @ np.column_stack([places, np.ones(5)]).T
    _, found, _ = read(listed)
    given = np.array([[one["pixel_column"], one["pixel_row"], one["slice"]] for one in found])
    np.testing.assert_allclose(given, expected[:3].T, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose([[one["x"], one["y"], one["z"]] for one in found], places)


def test_without_a_geometry_places_are_in_millimetres_alone(listed: Connection) -> None:
    """NULL, where any of it is not known, or directions are no directions."""
    add_found(listed, SCAN, add_network(listed, "detector"), (1, 2, 3), 6.0, 0.5)
    [one] = read(listed)[1]
    assert [one[name] for name in ("slice", "pixel_row", "pixel_column")] == [None] * 3
    assert [one[name] for name in "xyz"] == [1, 2, 3]
    lay(listed, SCAN, (0, 0, 0), (0, 0, 0), (0, 1, 0), (0, 0, 2), (1, 1))
    [one] = read(listed)[1]
    assert [one[name] for name in ("slice", "pixel_row", "pixel_column")] == [None] * 3


def test_later_stages_multiply_the_score_and_order_the_rows(listed: Connection) -> None:
    """0.9 · 0.1 stands behind 0.5 · 0.8 · 0.9; a stage that gave 0 leaves 0, none leaves the score."""
    network, alarm, cancer = (
        add_network(listed, name, form) for name, form in (("detector", "boxes"), ("alarm", None), ("cancer", None))
    )
    first = add_found(listed, SCAN, network, (0, 0, 0), 6.0, 0.9)
    second = add_found(listed, SCAN, network, (30, 0, 0), 9.0, 0.5)
    third = add_found(listed, SCAN, network, (60, 0, 0), None, 0.7)
    alone = add_found(listed, SCAN, network, (90, 0, 0), 4.0, 0.2)
    add_stage(listed, first, alarm, 0.1)
    add_stage(listed, second, alarm, 0.8)
    add_stage(listed, second, cancer, 0.9)
    add_stage(listed, third, cancer, 0.0)
    detectors, found, stages = read(listed)
    assert [(one["network_name"], one["preprocessing"], one["nodules"]) for one in detectors] == [
        ("detector", "volume", 4)
    ]
    assert [(one["nodule_id"], one["found_rank"], one["stages"]) for one in found] == [
        (second, 1, 2), (alone, 2, 0), (first, 3, 1), (third, 4, 1),
    ]  # fmt: skip
    np.testing.assert_allclose([one["product"] for one in found], [0.36, 0.2, 0.09, 0], rtol=1e-12)
    assert [(one["nodule_id"], one["network_name"], one["score"]) for one in stages] == [
        (first, "alarm", 0.1), (second, "alarm", 0.8), (second, "cancer", 0.9), (third, "cancer", 0.0),
    ]  # fmt: skip


def test_a_detector_that_found_nothing_is_named_and_a_later_stage_is_none(listed: Connection) -> None:
    """Both have features of the layer nodules; a scan that no detector saw has nothing at all."""
    assert read(listed) == [[], [], []]
    for name, form in (("detector", "heatmap"), ("stage", None)):
        run(
            listed,
            "INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width) "
            "VALUES (?, N'nodules', N'volume', 6);"
            "INSERT INTO dbo.features (scan_id, feature_set_id, array_rows, array_cols, array, sha256) "
            "SELECT ?, MAX(feature_set_id), 1, 6, 0x00, 0x00 FROM dbo.feature_sets;",
            (add_network(listed, name, form), SCAN),
        )
    detectors, found, _ = read(listed)
    assert [(one["network_name"], one["nodules"]) for one in detectors] == [("detector", 0)]
    assert found == []
    assert read(listed, "EXECUTE dbo.ReadNodules @PatientIndex = 3;") == [[], [], []]


def test_what_is_of_a_former_content_of_the_scan_is_not_shown(listed: Connection) -> None:
    """A replaced scan has other nodules, and nobody has looked for them yet."""
    add_found(listed, SCAN, add_network(listed, "detector"), (1, 2, 3), 6.0, 0.5)
    add_truth(listed, SCAN, (1, 2, 3), 6.0)
    run(listed, "UPDATE dbo.scans SET content_sha256 = HASHBYTES('SHA2_256', N'another') WHERE scan_id = ?;", (SCAN,))
    assert read(listed) == [[], [], []]
    assert read(listed, TRUTH) == [[], []]


def test_a_hit_lies_nearer_than_the_radius(listed: Connection) -> None:
    """LUNA16's rule: 5 mm from the middle of a nodule of 10 mm is none, 4.9 is; of several the most probable counts."""
    one, other = add_network(listed, "one"), add_network(listed, "other")
    large = add_truth(listed, SCAN, (0, 0, 0), 10.0, 4, 3.5)
    point = add_truth(listed, SCAN, (100, 0, 0), None)
    aside = add_truth(listed, SCAN, (0, 100, 0), 20.0, 1, None, is_relevant=False)
    add_found(listed, SCAN, one, (5.0, 0, 0), 8.0, 0.99)
    add_found(listed, SCAN, one, (1.0, 0, 0), 8.0, 0.3)
    best = add_found(listed, SCAN, one, (0, 0, -4.9), 8.0, 0.6)
    add_found(listed, SCAN, one, (100, 4.0, 0), 8.0, 0.2)
    far = add_found(listed, SCAN, other, (0, 104.0, 3.0), 8.0, 0.1)
    nodules, hits = read(listed, TRUTH)
    assert [(n["nodule_id"], n["readers"], n["malignancy"], n["is_relevant"], n["is_nodule"]) for n in nodules] == [
        (large, 4, 3.5, True, True), (point, None, None, True, False), (aside, 1, None, False, False),
    ]  # fmt: skip
    assert [(h["nodule_id"], h["network_name"], h["found_rank"]) for h in hits] == [
        (large, "one", 2), (point, "one", 4), (aside, "other", 1),
    ]  # fmt: skip
    assert (hits[0]["found_id"], hits[2]["found_id"]) == (best, far)
    np.testing.assert_allclose([hit["distance"] for hit in hits], [4.9, 4.0, 5.0])
    _, found, _ = read(listed)
    assert {row["nodule_id"] for row in found}.isdisjoint({large, point, aside})


@pytest.mark.parametrize(
    ("diameter", "readers", "is_relevant", "is_nodule"),
    [
        (3.0, 3, True, True), (3.0, None, True, True), (2.9, 4, True, False), (8.0, 2, True, False),
        (None, 4, True, False), (8.0, 4, False, False),
    ],
)  # fmt: skip
def test_what_is_to_be_found_is_what_an_evaluation_counts(
    listed: Connection, diameter: float | None, readers: int | None, is_relevant: bool, is_nodule: bool
) -> None:
    """LUNA16: three of four readers, 3 mm; the same call of EvaluateNodules counts just these."""
    detector = add_network(listed, "detector")
    add_truth(listed, SCAN, (0, 0, 0), diameter, readers, is_relevant=is_relevant)
    add_truth(listed, SCAN, (90, 0, 0), 10.0, 4)
    search(listed, detector, SCAN, [])
    (sure, asked), _ = read(listed, TRUTH)
    if asked["x"] == 90:
        sure, asked = asked, sure
    assert (sure["is_nodule"], asked["is_nodule"]) == (True, is_nodule)
    run(listed, f"EXECUTE dbo.CreateDataset @Name = N'read', @Query = N'SELECT {SCAN} AS scan_id';")
    run(listed, "EXECUTE dbo.EvaluateNodules @ModelName = N'detector', @Dataset = N'read';")
    assert rows(listed, "SELECT nodules FROM dbo.nodule_evaluations;") == [(1 + is_nodule,)]


def test_the_view_has_truth_and_what_was_found_together(listed: Connection) -> None:
    """With the patient's index; ranks are of what networks found alone."""
    add_found(listed, SCAN, add_network(listed, "detector"), (1, 2, 3), 6.0, 0.5)
    add_truth(listed, SCAN, (1, 2, 3), 6.0)
    sql = "SELECT patient_index, source, network_name, found_rank FROM dbo.nodule_list ORDER BY source;"
    assert rows(listed, sql) == [(INDEX, "network", "detector", 1), (INDEX, "truth", None, None)]


@pytest.mark.parametrize("procedure", ["ReadNodules", "ShowNoduleTruth"])
def test_an_unknown_patient_is_refused(listed: Connection, procedure: str) -> None:
    """As everywhere, with what indices there are."""
    assert "run from 0 to 15" in refused(listed, f"EXECUTE dbo.{procedure} @PatientIndex = 99;", 50107)
