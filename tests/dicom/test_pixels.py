"""Stored values to Hounsfield units, against pydicom and against closed forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, get_frame
from pydicom.pixels import apply_rescale
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from lungdb.dicom.pixels import to_hounsfield
from lungdb.dicom.rejection import RejectedError
from tests.dicom.make_ct import ct_dataset, ramp, save, write_slice
from tests.dicom.reading import hounsfield


def test_a_real_ct_slice_equals_pydicoms_own_rescale() -> None:
    """CT_small.dcm holds no padding, so every pixel must equal pydicom's apply_rescale."""
    path = Path(str(get_testdata_file("CT_small.dcm")))
    dataset = dcmread(path)
    hu = hounsfield(path)
    assert hu.dtype == np.int16
    np.testing.assert_array_equal(hu, apply_rescale(dataset.pixel_array, dataset))


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, RLELossless],
)
@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.uint8])
def test_every_syntax_that_numpy_can_read_gives_the_pixels_that_were_written(
    tmp_path: Path, syntax: str, dtype: type[np.integer]
) -> None:
    """The values written are the reference; slope 2 and intercept -1000 are a closed form, none of them below air."""
    low, high = (-12, 3000) if dtype == np.int16 else (0, 250) if dtype == np.uint8 else (0, 16000)
    stored = np.random.default_rng(1).integers(low, high, (6, 8)).astype(dtype)
    native = ExplicitVRLittleEndian if syntax == RLELossless else syntax
    dataset = ct_dataset(stored, syntax=native, RescaleSlope=2, RescaleIntercept=-1000)
    if syntax == RLELossless:
        dataset.compress(RLELossless, generate_instance_uid=False)
    np.testing.assert_array_equal(hounsfield(save(dataset, tmp_path / "a")), stored.astype(np.int64) * 2 - 1000)


def test_values_above_int16_are_clipped_and_counted() -> None:
    """With slope 2, 20000 leaves int16; 16383 * 2 + 1 = 32767 just fits, and what is below air is padding."""
    stored = np.array([[20000, -20000, 16383, 5]], dtype=np.int16)
    found = to_hounsfield(stored, 2.0, 1.0, None)
    np.testing.assert_array_equal(found.hu, [[32767, -1024, 32767, 11]])
    assert found.clipped == 1


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16])
@pytest.mark.parametrize("slope", [1, 2, -1, 300])
@pytest.mark.parametrize("intercept", [-1024, 0, 500, 16384])
def test_whole_rescaling_at_the_ends_of_every_type_is_that_of_exact_numbers(
    dtype: type[np.integer], slope: int, intercept: int
) -> None:
    """Python's own integers are the reference, for values whose HU fit int16 and for those that do not."""
    ends = np.iinfo(dtype)
    for values in ([ends.min, ends.max, 0, 1], [0, 1, 90, 100], [0, 0, 0, 0]):
        found = to_hounsfield(np.array([values], dtype), float(slope), float(intercept), None)
        exact = [max(slope * value + intercept, -1024) for value in values]
        assert found.hu.dtype == np.int16
        assert found.hu.tolist() == [[min(value, 32767) for value in exact]]
        assert found.clipped == sum(value > 32767 for value in exact)


def test_a_fractional_slope_rounds_to_the_nearest_hu() -> None:
    """0.4 * 4 = 1.6 and 0.4 * 3 = 1.2: rounding, not cutting."""
    found = to_hounsfield(np.array([[4, 3, -4]], dtype=np.int16), 0.4, 0.0, None)
    np.testing.assert_array_equal(found.hu, [[2, 1, -2]])


def test_truncated_pixel_data_are_rejected(tmp_path: Path) -> None:
    """The last 7 bytes of the file are gone."""
    path = write_slice(tmp_path / "a")
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(RejectedError) as caught:
        hounsfield(path)
    assert caught.value.reason == "truncated"


def test_pixel_data_shorter_than_declared_are_truncated(tmp_path: Path) -> None:
    """The element is complete in itself, but too short for Rows x Columns."""
    dataset = ct_dataset(ramp(0))
    dataset.PixelData = dataset.PixelData[:20]
    with pytest.raises(RejectedError) as caught:
        hounsfield(save(dataset, tmp_path / "a"))
    assert caught.value.reason == "truncated"


def test_a_file_without_pixel_data_is_rejected(tmp_path: Path) -> None:
    """A header alone is no slice."""
    dataset = ct_dataset(ramp(0))
    del dataset.PixelData
    with pytest.raises(RejectedError) as caught:
        hounsfield(save(dataset, tmp_path / "a"))
    assert caught.value.reason == "no_pixel_data"


def test_a_private_compression_is_rejected_as_unsupported(tmp_path: Path) -> None:
    """The transfer syntax UID is a vendor's own."""
    path = write_slice(tmp_path / "a")
    private = b"1.2.840.99999.2.1\x00\x00"
    data = path.read_bytes()
    assert b"1.2.840.10008.1.2.1" in data
    path.write_bytes(data.replace(b"1.2.840.10008.1.2.1", private))
    with pytest.raises(RejectedError) as caught:
        hounsfield(path)
    assert caught.value.reason == "unsupported_syntax"


def test_cut_rle_data_are_a_decoder_failure(tmp_path: Path) -> None:
    """The RLE frame's second half is replaced by its header's promise alone."""
    dataset = ct_dataset(np.random.default_rng(2).integers(0, 2000, (32, 32)).astype(np.int16))
    dataset.compress(RLELossless, generate_instance_uid=False)
    # 64 bytes of RLE header, and 16 of some thousand data bytes.
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)[: 64 + 16]
    dataset.PixelData = encapsulate([frame])
    with pytest.raises(RejectedError) as caught:
        hounsfield(save(dataset, tmp_path / "a"))
    assert caught.value.reason == "decoder_failed"
