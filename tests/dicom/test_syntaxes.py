"""Every transfer syntax of 16-bit CT, and multi-frame files, against the values that were written or pydicom's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.uid import (
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from lungdb.dicom.limits import Limits
from lungdb.dicom.pixel_element import check_syntax
from lungdb.dicom.pixels import read_hounsfield
from lungdb.dicom.series import build_series
from lungdb.dicom.source import Source
from lungdb.dicom.tasks import ENCODING, encode, inspect
from lungdb.imaging.codecs import decode_slice
from tests.dicom.make_ct import ct_dataset, save
from tests.dicom.reading import LIMITS, hash_pixels, hounsfield

STORED = np.random.default_rng(3).integers(-1000, 3000, (48, 40)).astype(np.int16)
READ = [
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.2",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.201",
    "1.2.840.10008.1.2.4.202",
    "1.2.840.10008.1.2.4.203",
    "1.2.840.10008.1.2.5",
]
"""Pydicom's table of transfer syntaxes of single images: native, JPEG, JPEG-LS, JPEG 2000, HTJ2K, RLE."""


@pytest.mark.parametrize("syntax", READ)
def test_a_decoder_is_installed_for_every_syntax_of_pydicoms_table(syntax: str) -> None:
    """The extra `load` brings them."""
    check_syntax(syntax)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
@pytest.mark.parametrize("signed", [True, False])
def test_a_lossless_syntax_gives_the_values_that_were_written(tmp_path: Path, syntax: str, signed: bool) -> None:
    """Bit for bit; with intercept 0 none is below air."""
    stored: NDArray[Any] = STORED if signed else (STORED + 1000).astype(np.uint16)
    dataset = ct_dataset(stored, RescaleIntercept=0)
    dataset.compress(syntax, generate_instance_uid=False)
    np.testing.assert_array_equal(hounsfield(save(dataset, tmp_path / "a")), stored)


def test_near_lossless_jpeg_ls_keeps_its_bound(tmp_path: Path) -> None:
    """With an error of at most 3 asked for, no pixel is farther off."""
    dataset = ct_dataset((STORED + 1000).astype(np.uint16), RescaleIntercept=0)
    dataset.compress(JPEGLSNearLossless, jls_error=3, generate_instance_uid=False)
    error = hounsfield(save(dataset, tmp_path / "a")) - 1000 - STORED
    assert 0 < np.abs(error).max() <= 3


def as_ct(name: str, tmp_path: Path) -> tuple[Path, NDArray[np.integer]]:
    """Return a 16-bit file of pydicom's as an axial CT slice, and its pixels as pydicom decodes them."""
    original = pydicom.dcmread(str(get_testdata_file(name)))
    dataset = ct_dataset(
        np.zeros((original.Rows, original.Columns), np.int16),
        syntax=original.file_meta.TransferSyntaxUID,
        RescaleIntercept=0,
    )
    for keyword in ("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData"):
        setattr(dataset, keyword, original[keyword].value)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return save(dataset, tmp_path / "a"), original.pixel_array


@pytest.mark.parametrize("name", ["JPEG2000.dcm", "JPGExtended.dcm", "MR_small_jp2klossless.dcm"])
def test_a_scanners_compressed_pixels_equal_pydicoms_own(tmp_path: Path, name: str) -> None:
    """JPEG 2000 and 12-bit JPEG that other software wrote."""
    path, stored = as_ct(name, tmp_path)
    np.testing.assert_array_equal(hounsfield(path), stored)


def enhanced(stored: NDArray[np.int16], **header: Any) -> Dataset:
    """Make an Enhanced CT; frame k lies at 2.5 * (7 k mod frames) mm, with the intercept −1000 − k."""
    dataset = ct_dataset(stored[0], SOPClassUID=EnhancedCTImageStorage, NumberOfFrames=len(stored))
    for keyword in (
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "RescaleSlope",
        "SliceThickness",
    ):
        delattr(dataset, keyword)
    del dataset.RescaleIntercept
    shared, groups = Dataset(), []
    shared.PlaneOrientationSequence = [Dataset()]
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PixelMeasuresSequence = [Dataset()]
    shared.PixelMeasuresSequence[0].PixelSpacing = [0.7, 0.8]
    for number in range(len(stored)):
        group = Dataset()
        group.PlanePositionSequence = [Dataset()]
        group.PlanePositionSequence[0].ImagePositionPatient = [0, 0, 2.5 * (7 * number % len(stored))]
        group.PixelValueTransformationSequence = [Dataset()]
        group.PixelValueTransformationSequence[0].RescaleSlope = 1
        group.PixelValueTransformationSequence[0].RescaleIntercept = -1000 - number
        groups.append(group)
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = groups
    dataset.PixelData = stored.tobytes()
    for keyword, value in header.items():
        setattr(dataset, keyword, value)
    return dataset


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_an_enhanced_cts_frames_are_sorted_and_rescaled_one_by_one(tmp_path: Path, syntax: str) -> None:
    """Closed form: the slice at place p is frame k with 7 k mod 20 = p, less 1000 + k, all of it above air."""
    stored = np.random.default_rng(5).integers(0, 3000, (20, 6, 5)).astype(np.int16)
    dataset = enhanced(stored)
    if syntax == RLELossless:
        dataset.compress(RLELossless, generate_instance_uid=False)
    found = inspect(Source(save(dataset, tmp_path / "a")), LIMITS)
    series, _ = build_series([header for header in found if not isinstance(header, Source)], LIMITS, hash_pixels)
    parts = [part for chunk in series.chunks() for part in encode(chunk, LIMITS)]
    assert len(parts) == 20
    assert series.spacing_z == 2.5
    for place, part in enumerate(parts):
        assert not isinstance(part, Exception)
        frame = next(number for number in range(20) if 7 * number % 20 == place)
        hu = decode_slice(part.pixels, 6, 5, part.sha256, ENCODING)
        np.testing.assert_array_equal(hu, stored[frame] - 1000 - frame)


def test_frames_count_against_the_limit_before_anything_is_decoded(tmp_path: Path) -> None:
    """20 frames of 240,000 bytes are more than 4 MB, one is not."""
    path = save(enhanced(np.zeros((20, 400, 300), np.int16)), tmp_path / "a")
    with pytest.raises(Exception, match="more than 4 MB"):
        inspect(Source(path), Limits(volume_megabytes=4))
    assert len(inspect(Source(path), Limits(volume_megabytes=5))) == 20


def test_a_deflated_slice_gives_the_values_that_were_written(tmp_path: Path) -> None:
    """It is inflated once for the header and once for the pixels."""
    path = save(ct_dataset(STORED, syntax="1.2.840.10008.1.2.1.99", RescaleIntercept=0), tmp_path / "a")
    (header,) = inspect(Source(path), LIMITS)
    (one,) = read_hounsfield([header], LIMITS)  # type: ignore[list-item]  # one slice
    np.testing.assert_array_equal(one.hu, STORED)
    assert one.clipped == 0
