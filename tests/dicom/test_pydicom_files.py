"""What becomes of each of pydicom's bundled test files, loaded as one folder; pixels against pydicom's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.pixels import apply_rescale

from lungdb.dicom.folder import read_folder
from lungdb.dicom.processes import start_workers
from lungdb.dicom.source import Rejection, find_files
from tests.dicom.reading import LIMITS, hounsfield, volume

FILES = Path(pydicom.__file__).parent / "data" / "test_files"

TAKEN = {
    "693_J2KI.dcm": "JPEG 2000 Image Compression",
    "CT_small.dcm": "Explicit VR Little Endian",
    "J2K_pixelrep_mismatch.dcm": "JPEG 2000 Image Compression (Lossless Only)",
    **dict.fromkeys(
        ("dicomdirtests/98892001/CT5N/" + name for name in ("2062", "2392", "2693", "3023", "3353")),
        "Explicit VR Little Endian",
    ),
}
"""CT files that are loaded, and their transfer syntax."""

REFUSED = {
    "dicomdir": [
        *(f"dicomdirtests/DICOMDIR{end}" for end in ("", "-bigEnd", "-empty.dcm", "-implicit", "-nooffset")),
        *(f"dicomdirtests/DICOMDIR{end}" for end in ("-nopatient", "-reordered")),
        "dicomdirtests/TINY_ALPHA/DICOMDIR",
    ],
    "localizer": ["dicomdirtests/98892001/CT2N/6293", "dicomdirtests/98892001/CT2N/6924"],
    # One row for the series of four, under its first file: its last distance is another one.
    "missing_slices": ["dicomdirtests/77654033/CT2/17106"],
    "broken_header": ["meta_missing_tsyntax.dcm"],
    "missing_attribute": [
        "UN_sequence.dcm",
        "empty_charset_LEI.dcm",
        "nested_priv_SQ.dcm",
        "no_meta_group_length.dcm",
        "priv_SQ.dcm",
    ],
    "not_dicom": [
        *("ExplVR_BigEndNoMeta.dcm", "ExplVR_LitEndNoMeta.dcm", "no_meta.dcm", "rtstruct.dcm"),
        *("README.txt", "crayons.icc", "rtplan.dump", "rtstruct.dump", "test1.json", "test_PN.json", "zipMR.gz"),
        *("dicomdirtests/README.txt", "dicomdirtests/TINY_ALPHA/README"),
    ],
}
"""Reason -> files. What is not named here is a CT header without pixels (TINY_ALPHA), or no CT."""

SERIES_OF_MISSING_SLICES = {f"dicomdirtests/77654033/CT2/{name}" for name in ("17136", "17166", "17196")}


@pytest.fixture(scope="module")
def found() -> tuple[dict[str, str], set[str]]:
    """Read the folder once; return the reason of each refused file, and the files that are loaded."""
    reasons: dict[str, str] = {}
    taken: set[str] = set()
    with start_workers(1, LIMITS) as workers:
        for one in read_folder(find_files(FILES), workers, LIMITS):
            if isinstance(one, Rejection):
                reasons[one.source.path.relative_to(FILES).as_posix()] = one.reason
            else:
                assert len(volume(one)) == len(one.headers)
                taken |= {header.source.path.relative_to(FILES).as_posix() for header in one.headers}
    return reasons, taken


def test_the_files_of_the_table_are_taken_and_no_others(found: tuple[dict[str, str], set[str]]) -> None:
    """Their transfer syntaxes are those of the table."""
    _, taken = found
    assert taken == TAKEN.keys()
    for name, syntax in TAKEN.items():
        assert pydicom.dcmread(FILES / name, stop_before_pixels=True).file_meta.TransferSyntaxUID.name == syntax


def test_every_other_file_has_the_reason_of_the_table(found: tuple[dict[str, str], set[str]]) -> None:
    """What the table does not name is CT without pixels (TINY_ALPHA), or, by its SOP class, no CT image."""
    reasons, taken = found
    tabled = {name: reason for reason, names in REFUSED.items() for name in names}
    assert {name: reasons.get(name) for name in tabled} == tabled
    everything = {path.relative_to(FILES).as_posix() for path in find_files(FILES)}
    assert reasons.keys() | taken | SERIES_OF_MISSING_SLICES == everything
    for name in reasons.keys() - tabled.keys():
        expected = "missing_attribute" if "TINY_ALPHA" in name else "not_ct"
        assert (name, reasons[name]) == (name, expected)
        is_ct = pydicom.dcmread(FILES / name, stop_before_pixels=True).SOPClassUID.name == "CT Image Storage"
        assert is_ct == ("TINY_ALPHA" in name)


@pytest.mark.parametrize("name", TAKEN)
def test_a_ct_file_equals_pydicoms_own_rescaled_pixels(name: str) -> None:
    """Bit for bit: HU as pydicom decodes and rescales them; the declared padding, and what is below air, is air."""
    path = FILES / name
    dataset = pydicom.dcmread(path)
    stored = dataset.pixel_array
    expected = apply_rescale(stored, dataset)
    if "PixelPaddingValue" in dataset:
        assert (expected[stored == dataset.PixelPaddingValue] < -1000).all(), "so that no measurement is meant"
    np.testing.assert_array_equal(hounsfield(path), np.maximum(expected, -1024))


def test_the_bundled_files_are_the_ones_that_the_table_was_made_for() -> None:
    """About 78 of them are .dcm files."""
    assert len(list(FILES.rglob("*.dcm"))) >= 78
    assert Path(str(get_testdata_file("CT_small.dcm"))).parent == FILES
