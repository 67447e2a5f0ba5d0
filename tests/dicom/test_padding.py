"""What lies outside the field of view becomes air, whatever the rescale, and nothing inside changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from lungdb.dicom.header import read_headers
from lungdb.dicom.padding import declared_padding
from lungdb.dicom.pixels import read_hounsfield
from lungdb.dicom.source import Source
from tests.dicom.make_ct import FIELD, body, ct_dataset, save, write_slice
from tests.dicom.reading import LIMITS, hounsfield
from tests.dicom.test_syntaxes import enhanced

BODY = body()
EXPECTED = np.where(FIELD, BODY, -1024)


def stored_body(slope: float, intercept: float, padding: int, dtype: type[np.integer] = np.int16) -> Any:
    """Return stored values of the body, with a stored value outside the field."""
    stored = np.rint((BODY.astype(float) - intercept) / slope)
    stored[~FIELD] = padding
    return stored.astype(dtype)


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("padding", [-2000, -3024, -8192, -32768])
@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (1, -1024), (1, -1000), (0.5, -1024), (2, 0), (1, -8192)])
def test_padding_far_below_air_becomes_air(
    tmp_path: Path, slope: float, intercept: float, padding: int, declared: bool
) -> None:
    """Declared or not: water (0 HU) of intercept 0 and everything else would be wrong."""
    header = {"PixelPaddingValue": padding} if declared else {}
    path = write_slice(
        tmp_path / "a", stored_body(slope, intercept, padding), RescaleSlope=slope, RescaleIntercept=intercept, **header
    )
    np.testing.assert_array_equal(hounsfield(path), EXPECTED)


@pytest.mark.parametrize("intercept", [-8192, -1024, -1001])
def test_padding_of_stored_value_0_is_told_by_the_intercept_or_by_its_declaration(
    tmp_path: Path, intercept: float
) -> None:
    """Unsigned pixels: 0 is −8192 HU or −1024 HU, which is air as it is; with another intercept it must be declared."""
    stored = np.where(FIELD, BODY - intercept, 0).astype(np.uint16)
    header = {"PixelPaddingValue": 0} if intercept == -1001 else {}
    path = write_slice(tmp_path / "a", stored, RescaleIntercept=intercept, **header)
    np.testing.assert_array_equal(hounsfield(path), EXPECTED)


@pytest.mark.parametrize(
    "padding",
    [
        {"PixelPaddingValue": 5000},
        {"PixelPaddingValue": 4900, "PixelPaddingRangeLimit": 5100},
        {"PixelPaddingValue": 5100, "PixelPaddingRangeLimit": 4900},
        {"PixelPaddingValue": 5000, "PixelPaddingRangeLimit": 5000},
    ],
)
def test_declared_padding_above_air_is_found_by_value_and_by_range(tmp_path: Path, padding: dict[str, int]) -> None:
    """The range's limit may lie on either side of the value."""
    path = write_slice(tmp_path / "a", stored_body(1, -1024, 5000), **padding)
    np.testing.assert_array_equal(hounsfield(path), EXPECTED)


def test_a_range_without_a_value_declares_nothing(tmp_path: Path) -> None:
    """The limit alone says nothing (DICOM PS3.3 C.7.5.1.1.2)."""
    path = write_slice(tmp_path / "a", stored_body(1, 0, 40), PixelPaddingRangeLimit=40, RescaleIntercept=0)
    np.testing.assert_array_equal(hounsfield(path), np.where(FIELD, BODY, 40))


def test_a_declared_value_that_tissue_has_is_padding_only_outside(tmp_path: Path) -> None:
    """Padding of 40 HU is what tissue has, too: the lung's wall and the body keep it, the corners become air."""
    path = write_slice(tmp_path / "a", stored_body(1, 0, 40), PixelPaddingValue=40, RescaleIntercept=0)
    np.testing.assert_array_equal(hounsfield(path), EXPECTED)


def test_declared_padding_reaches_inwards_side_by_side_and_not_across_corners(tmp_path: Path) -> None:
    """Worked by hand: 0 is declared and water; a bay of the border is padding, lakes, also at its corner, are not."""
    stored = np.array(
        [
            [0, 0, 7, 7, 7, 7],
            [7, 0, 7, 7, 7, 7],
            [7, 7, 0, 7, 0, 7],
            [7, 7, 7, 7, 7, 7],
        ],
        dtype=np.int16,
    )
    expected = stored.copy()
    expected[[0, 0, 1], [0, 1, 1]] = -1024
    path = write_slice(tmp_path / "a", stored, PixelPaddingValue=0, RescaleIntercept=0)
    np.testing.assert_array_equal(hounsfield(path), expected)


def test_declared_padding_below_minus_1000_is_padding_wherever_it_lies(tmp_path: Path) -> None:
    """−1001 cannot be meant as a measurement, −1000 can: of two lakes the one of −1000 stays."""
    stored = np.full((5, 7), 40, dtype=np.int16)
    stored[2, 2], stored[2, 4] = -1001, -1000
    path = write_slice(
        tmp_path / "a", stored, PixelPaddingValue=-1001, PixelPaddingRangeLimit=-1000, RescaleIntercept=0
    )
    found = hounsfield(path)
    assert (found[2, 2], found[2, 4]) == (-1024, -1000)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize(("representation", "value"), [("SS", 4000), ("US", 4000), ("SS", -1500), ("US", 64036)])
def test_the_declaration_is_read_in_either_sign(tmp_path: Path, syntax: str, representation: str, value: int) -> None:
    """64036 is the 16 bits of −1500: files declare it as unsigned for signed pixels."""
    padding = value if value < 32768 else value - 65536
    dataset = ct_dataset(stored_body(1, 0, padding), syntax=syntax, RescaleIntercept=0)
    dataset.add_new("PixelPaddingValue", representation, value)
    np.testing.assert_array_equal(hounsfield(save(dataset, tmp_path / "a")), EXPECTED)


def test_a_signed_declaration_is_matched_with_unsigned_pixels(tmp_path: Path) -> None:
    """The bits of −2000 are 63536, far above what int16 holds: air outside, and nothing is clipped to 32767."""
    stored = stored_body(1, -1024, 63536, np.uint16)
    dataset = ct_dataset(stored)
    dataset.add_new("PixelPaddingValue", "SS", -2000)
    np.testing.assert_array_equal(hounsfield(save(dataset, tmp_path / "a")), EXPECTED)


@pytest.mark.parametrize(
    ("declared", "signed", "expected"),
    [
        ((2096, None), True, (-2000, -2000)),  # the 12 bits of −2000 as an unsigned number
        ((63536, None), True, (-2000, -2000)),  # its 16 bits
        ((-32768, -1025), True, (-32768, -1025)),  # begins below what 12 bits hold
        ((-3024, None), True, (1072, 1072)),  # what is left of it in 12 bits
        ((63536, None), False, (2096, 2096)),
        ((0, 24), False, (0, 24)),
    ],
)
def test_a_declaration_in_more_bits_than_are_stored_is_found(
    declared: tuple[int, int | None], signed: bool, expected: tuple[int, int]
) -> None:
    """Of 16 bits allocated 12 are stored."""
    assert declared_padding(*declared, bits_allocated=16, bits_stored=12, signed=signed) == expected


def test_noise_below_air_is_air(tmp_path: Path) -> None:
    """−1025 HU and less is nothing that a patient holds; −1024 and more stays."""
    stored = np.array([[-1025, -1024, -1023, -1600]], dtype=np.int16)
    path = write_slice(tmp_path / "a", stored, RescaleIntercept=0)
    np.testing.assert_array_equal(hounsfield(path), [[-1024, -1024, -1023, -1024]])


def test_frames_have_their_own_rescale_and_one_padding(tmp_path: Path) -> None:
    """Four frames of an Enhanced CT; frame k has slope 1 and the intercept −1000 − k."""
    intercepts = -1000 - np.arange(4).reshape(4, 1, 1)
    stored = np.where(FIELD, BODY - intercepts, 7000).astype(np.int16)
    dataset = enhanced(stored, PixelPaddingValue=7000)
    for number, group in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        group.PlanePositionSequence[0].ImagePositionPatient = [0, 0, 2.5 * number]
    source = Source(save(dataset, tmp_path / "a"))
    with source.open(LIMITS) as file:
        headers = read_headers(source, file, LIMITS)
    for one in read_hounsfield(headers, LIMITS):
        np.testing.assert_array_equal(one.hu, EXPECTED)
