"""Slices to volumes: order, geometry, what is refused, and the choice of the primary series."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lungdb.dicom.rejection import RejectedError
from lungdb.dicom.series import Series
from lungdb.dicom.series_rule import Extent, choose_series, parse_rule
from tests.dicom.make_ct import ramp, write_series, write_slice
from tests.dicom.reading import build, volume


def series_of(folder: Path) -> Series:
    """Build the series of a folder's files."""
    return build(folder)[0]


def refusal(folder: Path) -> str:
    """Return the reason for which a folder's files do not make a series."""
    with pytest.raises(RejectedError) as caught:
        series_of(folder)
    return caught.value.reason


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_file_names_and_instance_numbers_give_the_same_volume(tmp_path: Path, seed: int) -> None:
    """Slice k holds the ramp from 10 k and lies at 2.5 k mm, whatever its file name and InstanceNumber."""
    names = list(range(12))
    random.Random(seed).shuffle(names)
    for number, name in enumerate(names):
        write_slice(tmp_path / str(name), ramp(10 * number), number, InstanceNumber=str(name))
    series = series_of(tmp_path)
    np.testing.assert_array_equal(volume(series), np.stack([ramp(10 * number) - 1024 for number in range(12)]))
    assert list(series.positions) == pytest.approx([2.5 * number for number in range(12)])
    assert series.spacing_z == pytest.approx(2.5)


@pytest.mark.parametrize("tilt", [0, 20])
@pytest.mark.parametrize("turned", [False, True])
def test_slices_are_sorted_along_the_normal_towards_the_head(tmp_path: Path, tilt: float, turned: bool) -> None:
    """Closed form: slices lie 3 mm apart on the normal, from an origin that is not on it; columns may run backwards."""
    sine, cosine = math.sin(math.radians(tilt)), math.cos(math.radians(tilt))
    normal = np.array([0, sine, cosine])
    column = [0, cosine, -sine]
    orientation = [1, 0, 0, *([-value for value in column] if turned else column)]
    origin = np.array([-150.0, 80.0, 900.0])
    for number in (2, 0, 3, 1):
        # A shift within the plane must not change the order: it is large against the distance of slices.
        position = origin + 3.0 * number * normal + np.array([50.0 * (number % 2), 0, 0])
        write_slice(
            tmp_path / str(9 - number),
            ramp(number),
            number,
            ImagePositionPatient=[f"{value:.6f}" for value in position],
            ImageOrientationPatient=[f"{value:.6f}" for value in orientation],
        )
    series = series_of(tmp_path)
    assert [int(hu[0, 0]) + 1024 for hu in volume(series)] == [0, 1, 2, 3]
    assert series.spacing_z == pytest.approx(3.0, abs=1e-3)
    assert series.positions[0] == pytest.approx(float(origin @ normal), abs=1e-3)


def test_one_slice_is_a_series_with_its_thickness_as_spacing(tmp_path: Path) -> None:
    """A single slice has no neighbour to measure the distance to."""
    write_slice(tmp_path / "a", SliceThickness=3.0)
    assert series_of(tmp_path).extent == Extent("1.2.826.0.1.3680043.10.1", 3.0, 1, slice_thickness=3.0)


def test_one_slice_without_thickness_has_no_spacing(tmp_path: Path) -> None:
    """Unknown stays unknown."""
    write_slice(tmp_path / "a", SliceThickness="")
    assert series_of(tmp_path).spacing_z is None


def test_each_slice_is_rescaled_by_its_own_slope_and_intercept(tmp_path: Path) -> None:
    """Stored 10 is 10 - 1024 in the first slice and 3 * 10 + 7 in the second."""
    stored = np.full((2, 2), 10, dtype=np.int16)
    write_slice(tmp_path / "a", stored, 0)
    write_slice(tmp_path / "b", stored, 1, RescaleSlope=3, RescaleIntercept=7)
    series = series_of(tmp_path)
    assert volume(series)[:, 0, 0].tolist() == [-1014, 37]
    assert (series.headers[1].slope, series.headers[1].intercept) == (3.0, 7.0)


@pytest.mark.parametrize(
    ("reason", "header"),
    [
        ("inconsistent_series", {"PatientID": "another"}),
        ("inconsistent_series", {"StudyInstanceUID": "1.2.3"}),
        ("duplicate_position", {"ImagePositionPatient": [-100, -120, 2.5]}),
    ],
)
def test_slices_that_do_not_belong_together_are_refused(tmp_path: Path, reason: str, header: dict[str, Any]) -> None:
    """The fifth slice differs from four good ones in one attribute; it lies where one of them does."""
    write_series(tmp_path)
    write_slice(tmp_path / "z", number=4, **header)
    assert refusal(tmp_path) == reason


def test_a_copy_of_a_file_is_left_out_and_named(tmp_path: Path) -> None:
    """Archives often hold a slice twice; the same bytes are the same slice."""
    write_series(tmp_path)
    (tmp_path / "copy").write_bytes((tmp_path / "2.dcm").read_bytes())
    series, copies = build(tmp_path)
    assert len(series.headers) == 4
    assert [(copy.reason, copy.source.path.name) for copy in copies] == [("duplicate_file", "copy")]


def test_two_files_with_one_instance_uid_and_other_bytes_are_refused(tmp_path: Path) -> None:
    """Nobody can tell which one is right."""
    write_series(tmp_path)
    write_slice(tmp_path / "other", ramp(99), 2)
    assert refusal(tmp_path) == "conflicting_copies"


def test_a_missing_slice_is_noticed_and_taken_only_when_allowed(tmp_path: Path) -> None:
    """Slices at 0, 2.5, 5 and 10 mm: one distance is twice the others."""
    for number in (0, 1, 2, 4):
        write_slice(tmp_path / str(number), number=number)
    assert refusal(tmp_path) == "missing_slices"
    series, _ = build(tmp_path, allow_gaps=True)
    assert series.spacing_z == 2.5
    assert series.positions == (0.0, 2.5, 5.0, 10.0)


@pytest.mark.parametrize(
    ("heights", "differing", "spacing"),
    [
        # No two slices are 3.75 mm apart, which is the median.
        ([0, 2.5, 5, 7.5, 10, 15, 20, 25, 30], "4 of 8", 2.5),
        ([0, 5, 10, 15, 20, 22.5, 25], "2 of 6", 5.0),
        ([0, 1, 2, 4, 7], "2 of 4", 1.0),
        ([0, 1, 3, 6], "2 of 3", 1.0),
        ([0, 1.25, 2.51, 3.75, 9], "1 of 4", 1.25),
    ],
)
def test_with_gaps_the_spacing_is_one_that_occurs(
    tmp_path: Path, heights: list[float], differing: str, spacing: float
) -> None:
    """The one that most distances have, of several the smallest; the others are counted."""
    for number, height in enumerate(heights):
        write_slice(tmp_path / str(number), number=number, ImagePositionPatient=[-100, -120, height])
    with pytest.raises(RejectedError, match=differing):
        build(tmp_path)
    assert build(tmp_path, allow_gaps=True)[0].spacing_z == pytest.approx(spacing, abs=1e-9)


def test_without_gaps_the_spacing_is_the_median(tmp_path: Path) -> None:
    """Positions to a tenth of a millimetre make 1.25 mm 1.2 and 1.3 in turn: nothing is missing."""
    for number in range(7):
        height = round(1.25 * number + 1e-9, 1)
        write_slice(tmp_path / str(number), number=number, ImagePositionPatient=[-100, -120, height])
    assert series_of(tmp_path).spacing_z == pytest.approx(1.25)


@pytest.mark.parametrize(("degrees", "along_normal", "expected"), [(0, False, 0), (18, False, 18), (18, True, 0)])
def test_the_gantry_tilt_is_the_angle_of_the_stack(
    tmp_path: Path, degrees: float, along_normal: bool, expected: float
) -> None:
    """A tilted gantry leans the slices while the table moves along z; an oblique reformat is stacked on its normal."""
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    step = np.array([0, sine, cosine]) if along_normal else np.array([0, 0, 1.0])
    for number in range(3):
        write_slice(
            tmp_path / str(number),
            number=number,
            ImageOrientationPatient=[f"{value:.6f}" for value in (1, 0, 0, 0, cosine, -sine)],
            ImagePositionPatient=[f"{value:.6f}" for value in 3.0 * number * step],
        )
    assert series_of(tmp_path).gantry_tilt == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize(
    ("expected", "series"),
    [
        ("thin", [Extent("thick", 5.0, 60), Extent("thin", 1.0, 300)]),
        ("many", [Extent("few", 1.0, 290), Extent("many", 1.004, 300)]),
        ("a", [Extent("b", 1.0, 300), Extent("a", 1.0, 300)]),
        # 40 slices of 0.5 mm through one place are no scan of the lungs.
        ("whole", [Extent("part", 0.5, 40), Extent("whole", 2.0, 150)]),
        ("known", [Extent("known", 5.0, 2), Extent("unknown", None, 1)]),
        ("only", [Extent("only", None, 1)]),
        # Whatever it covers, a conventional series comes before a virtual monoenergetic one.
        ("conventional", [Extent("conventional", 5.0, 20), Extent("70", 0.6, 500, monoenergetic_kev=70.0)]),
        ("40", [Extent("40", 0.6, 500, monoenergetic_kev=40.0), Extent("70", 1.0, 300, monoenergetic_kev=70.0)]),
    ],
)
def test_without_a_rule_of_its_own_the_choice_follows_the_documented_order(expected: str, series: list[Extent]) -> None:
    """Thinnest slices among those that cover half the longest, then most slices, then the smallest UID."""
    orders: list[Callable[[list[Extent]], list[Extent]]] = [list, lambda given: given[::-1]]
    for order in orders:
        assert choose_series(order(series), parse_rule("")).series_uid == expected
