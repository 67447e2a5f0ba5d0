"""Whether value representations are written is seen in the file; the transfer syntax may claim otherwise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from tests.dicom.make_ct import body, ct_dataset, save
from tests.dicom.reading import hounsfield

SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian]


@pytest.mark.filterwarnings("ignore:Expected .* VR")  # of pydicom reading the file
@pytest.mark.parametrize("claimed", SYNTAXES)
@pytest.mark.parametrize("written", SYNTAXES)
@pytest.mark.parametrize("padding", [None, -2000])
def test_a_slice_is_read_as_it_is_written(tmp_path: Path, written: str, claimed: str, padding: int | None) -> None:
    """Against the values that were written, and pydicom, which reads such files."""
    stored = body()
    dataset = ct_dataset(stored, syntax=written, RescaleIntercept=0, PixelPaddingValue=padding)
    path = save(dataset, tmp_path / "a")
    data = path.read_bytes()
    old, new = (uid.encode().ljust(20, b"\0") for uid in (written, claimed))
    # The meta information keeps its length: the shorter UID is padded.
    at = data.index(b"\x02\x00\x10\x00UI")
    length = int.from_bytes(data[at + 6 : at + 8], "little")
    rest = data[at + 8 + length :]
    assert data[at + 8 : at + 8 + length] == old[:length]
    path.write_bytes(data[: at + 6] + (20).to_bytes(2, "little") + new + rest)
    np.testing.assert_array_equal(pydicom.dcmread(path).pixel_array, stored)
    np.testing.assert_array_equal(hounsfield(path), np.where(stored == -2000, -1024, stored))


def test_compressed_pixels_behind_implicit_elements_are_read(tmp_path: Path) -> None:
    """RLE means explicit elements; these were written without representations."""
    stored = body()
    compressed = ct_dataset(stored, RescaleIntercept=0)
    compressed.compress(RLELossless, generate_instance_uid=False)
    whole = save(compressed, tmp_path / "explicit").read_bytes()
    head = whole[: whole.index(b"\x02\x00\x10\x00UI")]
    bare = ct_dataset(stored, syntax=ImplicitVRLittleEndian, RescaleIntercept=0)
    implicit = save(bare, tmp_path / "implicit").read_bytes()
    elements = implicit[implicit.index(b"\x08\x00\x08\x00") : implicit.rindex(b"\xe0\x7f\x10\x00")]
    pixels = whole[whole.rindex(b"\xe0\x7f\x10\x00OB") :]
    syntax = RLELossless.encode().ljust(20, b"\0")
    path = tmp_path / "a"
    path.write_bytes(head + b"\x02\x00\x10\x00UI\x14\x00" + syntax + elements + pixels[:4] + pixels[8:])
    np.testing.assert_array_equal(hounsfield(path), np.where(stored == -2000, -1024, stored))


def test_big_endian_pixels_of_eight_bits_in_words_are_swapped_back(tmp_path: Path) -> None:
    """In big endian two bytes of an OW element change places."""
    stored = np.arange(24, dtype=np.uint8).reshape(4, 6)
    dataset = ct_dataset(stored, syntax=ExplicitVRBigEndian)
    dataset.PixelData = stored.reshape(-1, 2)[:, ::-1].tobytes()
    dataset["PixelData"].VR = "OW"
    np.testing.assert_array_equal(hounsfield(save(dataset, tmp_path / "a")), stored.astype(int) - 1024)
