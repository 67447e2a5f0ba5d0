"""Marks of several readers become nodules as pylidc has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from lungdb.loading.labels.clusters import cluster
from lungdb.loading.labels.lidc_xml import Reading, read_reading
from lungdb.loading.labels.marks import Geometry, find_nodules

DATA = Path(__file__).parents[2] / "data" / "lidc"
PIXEL, THICKNESS, FIRST_Z = 0.7, 2.5, -120.0


@pytest.fixture
def reading() -> Reading:
    """Give the marks of the four readers."""
    reading = read_reading(DATA / "readers.xml", "readers.xml")
    assert isinstance(reading, Reading)
    return reading


@pytest.fixture
def references() -> list[dict[str, Any]]:
    """Give what pylidc says of them."""
    found: list[dict[str, Any]] = json.loads((DATA / "references.json").read_text())
    return found


def names() -> list[str]:
    """Return what readers called their marks, in the order of the file."""
    root = ElementTree.parse(DATA / "readers.xml").getroot()
    return [one.text or "" for one in root.iterfind(".//{http://www.nih.gov}unblindedReadNodule/{*}noduleID")]


def geometry(series_uid: str) -> Geometry:
    """Return an axial scan's with slices of 128 by 128."""
    return Geometry(
        slices={f"{series_uid}.{k}": (k, THICKNESS * k) for k in range(20)},
        origin=np.array([-100.0, -90.0, FIRST_Z]),
        across=np.array([PIXEL, 0.0, 0.0]),
        down=np.array([0.0, PIXEL, 0.0]),
        step=np.array([0.0, 0.0, 1.0]),
        thickness=THICKNESS,
    )


def test_outlines_are_clustered_as_pylidc_does(reading: Reading, references: list[dict[str, Any]]) -> None:
    """Ones that meet, ones in neighbouring slices, and six marks that only a smaller tolerance parts in two nodules."""
    called = names()
    marks = [mark for mark in reading.marks if mark.is_nodule]
    outlined = [place for place, mark in enumerate(marks) if mark.is_outlined]
    indices = [
        np.concatenate(
            [
                np.column_stack([one.points, np.full(len(one.points), float(one.instance_uid.rpartition(".")[2]))])
                for one in marks[place].contours
            ]
        )
        for place in outlined
    ]
    found = {frozenset(called[outlined[place]] for place in group) for group in cluster(indices, THICKNESS)}
    assert found == {frozenset(mark["name"] for mark in each["marks"]) for each in references}


def test_a_nodule_is_what_pylidc_says_of_its_marks(reading: Reading, references: list[dict[str, Any]]) -> None:
    """Mean of the marks' diameters and centroids, the latter in mm by hand; the median of the malignancies."""
    outlined = [one for one in find_nodules(reading, geometry(reading.series_uid), str) if one.diameter is not None]
    expected = []
    for each in references:
        down, across, k = np.mean([mark["centroid"] for mark in each["marks"]], axis=0)
        diameter = np.mean([mark["diameter"] for mark in each["marks"]])
        centre = (-100 + PIXEL * across, -90 + PIXEL * down, FIRST_Z + THICKNESS * k)
        expected.append((*centre, diameter, len(each["marks"]), each["malignancy"]))
    found = [(*one.centre, one.diameter, one.readers, one.malignancy) for one in outlined]
    np.testing.assert_allclose(sorted(found), sorted(expected), rtol=0, atol=1e-8)


def test_small_marks_are_points_and_no_part_of_outlines(reading: Reading) -> None:
    """Two readers pointed to one place, a pixel apart; one to another, rating it 0."""
    points = [one for one in find_nodules(reading, geometry(reading.series_uid), str) if one.diameter is None]
    assert [(one.readers, one.malignancy) for one in points] == [(2, None), (1, None)]
    np.testing.assert_allclose(
        [one.centre for one in points],
        [(-100 + 0.7 * 50.5, -90 + 0.7 * 70.5, -95.0), (-100 + 0.7 * 90, -90 + 0.7 * 60, -77.5)],
    )


def test_lesions_that_are_no_nodules_are_points_apart(reading: Reading) -> None:
    """The third reader's, in column 5 and row 6 of the slice of number 3."""
    (lesion,) = find_nodules(reading, geometry(reading.series_uid), str, is_nodule=False)
    np.testing.assert_allclose(lesion.centre, (-100 + 0.7 * 5, -90 + 0.7 * 6, -112.5))
    assert (lesion.diameter, lesion.readers, lesion.malignancy) == (None, 1, None)


def test_no_marks_are_no_nodules() -> None:
    """A reading may say that there is nothing."""
    assert cluster([], THICKNESS) == []


def test_marks_that_no_tolerance_parts_stay_together() -> None:
    """Five marks of one place: the tolerance ends at 0.1."""
    assert cluster([np.zeros((1, 3))] * 5, THICKNESS) == [[0, 1, 2, 3, 4]]
