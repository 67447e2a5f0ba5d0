"""Written series are CT images as the DICOM standard has them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_rescale
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from lungdb.phantoms import Phantom
from lungdb.phantoms.writing import PADDING, write_series
from tests.dicom.reading import build, volume

# Attributes of type 1 (present, not empty) and 2 (present) of the CT Image IOD's mandatory modules: DICOM PS3.3,
# table A.3-1, by way of C.7.1.1, C.7.2.1, C.7.3.1, C.7.4.1, C.7.5.1, C.7.6.1, C.7.6.2, C.7.6.3, C.8.2.1, C.12.1.
NOT_EMPTY = [
    "StudyInstanceUID",
    "Modality",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "PixelSpacing",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelData",
    "ImageType",
    "RescaleIntercept",
    "RescaleSlope",
    "RescaleType",
    "SOPClassUID",
    "SOPInstanceUID",
    "PatientPosition",
]
PRESENT = [
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyID",
    "AccessionNumber",
    "SeriesNumber",
    "PositionReferenceIndicator",
    "Manufacturer",
    "InstanceNumber",
    "SliceThickness",
    "KVP",
    "AcquisitionNumber",
]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, small: list[Phantom]) -> list[tuple[Phantom, list[Path]]]:
    """Write the small phantoms, each as a patient."""
    folder = tmp_path_factory.mktemp("series")
    return [
        (phantom, write_series(folder / str(phantom.seed), phantom, f"phantom-{number:04}"))
        for number, phantom in enumerate(small, 1)
    ]


def test_every_file_is_a_ct_image_in_explicit_little_endian(written: list[tuple[Phantom, list[Path]]]) -> None:
    """Read without force, with a preamble, and nothing that the standard requires is missing."""
    for _, paths in written:
        for path in paths:
            ds = pydicom.dcmread(path)
            assert ds.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
            assert ds.SOPClassUID == ds.file_meta.MediaStorageSOPClassUID == CTImageStorage
            assert ds.SOPInstanceUID == ds.file_meta.MediaStorageSOPInstanceUID
            assert [name for name in NOT_EMPTY if not str(ds.get(name, ""))] == []
            assert [name for name in PRESENT if name not in ds] == []
            assert (ds.BitsAllocated, ds.BitsStored, ds.HighBit) == (16, 16, 15)


def test_values_conform_to_their_representations(written: list[tuple[Phantom, list[Path]]]) -> None:
    """pydicom's own checks of every value, at their strictest, find nothing."""
    for _, paths in written:
        ds = pydicom.dcmread(paths[0])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pydicom.config.settings, "reading_validation_mode", pydicom.config.RAISE)
            for element in ds:
                pydicom.dataelem.DataElement(element.tag, element.VR, element.value)


def test_pydicom_reads_the_phantoms_hounsfield_units(written: list[tuple[Phantom, list[Path]]]) -> None:
    """Stored value times slope plus intercept is what the phantom holds; padding, a declared −2000, is air."""
    for phantom, paths in written:
        for hu, path in zip(phantom.hu, paths, strict=True):
            ds = pydicom.dcmread(path)
            stored = ds.pixel_array
            padding = np.zeros(stored.shape, bool)
            if "PixelPaddingValue" in ds:
                padding = stored == PADDING
                assert padding[0, 0]
                assert not padding[32, 32]
            else:
                assert not (stored == PADDING).any()
            np.testing.assert_array_equal(apply_rescale(stored, ds)[~padding], hu[~padding])
            assert set(hu[padding].tolist()) <= {-1024}


def test_ways_of_storing_vary(written: list[tuple[Phantom, list[Path]]]) -> None:
    """Series differ in intercept, signedness and padding, as archives do."""
    headers = [pydicom.dcmread(paths[0], stop_before_pixels=True) for _, paths in written]
    assert len({float(ds.RescaleIntercept) for ds in headers}) >= 2
    assert {ds.PixelRepresentation for ds in headers} == {0, 1}
    assert {"PixelPaddingValue" in ds for ds in headers} == {True, False}


def test_positions_lie_evenly_on_the_normal(written: list[tuple[Phantom, list[Path]]]) -> None:
    """Slices are a thickness apart along the normal and share orientation, spacing and frame of reference."""
    for phantom, paths in written:
        headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in paths]
        first = headers[0]
        along = np.array(first.ImageOrientationPatient, float)
        normal = np.cross(along[:3], along[3:])
        positions = np.array([ds.ImagePositionPatient for ds in headers], float)
        np.testing.assert_allclose(np.diff(positions @ normal), first.SliceThickness, atol=2e-4)
        np.testing.assert_allclose(positions[:, :2], positions[:1, :2].repeat(len(paths), 0))
        assert tuple(first.PixelSpacing) == pytest.approx(phantom.spacing[1:])
        for name in ("FrameOfReferenceUID", "SeriesInstanceUID", "StudyInstanceUID", "PixelSpacing", "Rows"):
            assert all(ds[name].value == first[name].value for ds in headers)


def test_identifiers_are_unique_and_registered_to_nobody(written: list[tuple[Phantom, list[Path]]]) -> None:
    """UIDs are UUIDs under 2.25 (PS3.5 B.2), different for every slice, series and study."""
    instances, series = [], []
    for _, paths in written:
        headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in paths]
        instances += [ds.SOPInstanceUID for ds in headers]
        series += [headers[0].SeriesInstanceUID, headers[0].StudyInstanceUID, headers[0].FrameOfReferenceUID]
    identifiers = instances + series
    assert len(set(identifiers)) == len(identifiers)
    assert all(re.fullmatch(r"2\.25\.[1-9]\d{0,38}", uid) and int(uid[5:]) < 2**128 for uid in identifiers)


def test_file_names_do_not_tell_the_order_of_slices(written: list[tuple[Phantom, list[Path]]]) -> None:
    """Sorted by name, the files of a series are not sorted by position."""
    assert all(sorted(paths) not in (paths, paths[::-1]) for _, paths in written)


def test_the_same_phantom_gives_the_same_bytes(small: list[Phantom], tmp_path: Path) -> None:
    """Nothing of the clock or of chance gets into a file."""
    once, again = (write_series(tmp_path / name, small[0], "phantom-0001") for name in ("once", "again"))
    assert [(path.name, path.read_bytes()) for path in once] == [(path.name, path.read_bytes()) for path in again]


def test_the_loader_takes_every_series(written: list[tuple[Phantom, list[Path]]]) -> None:
    """lungdb's own reader rejects nothing and gives the phantom's voxels, feet to head."""
    for phantom, paths in written:
        series, copies = build(paths[0].parent)
        assert copies == []
        np.testing.assert_array_equal(volume(series), phantom.hu)
        assert series.spacing_z == pytest.approx(phantom.spacing[0], abs=1e-3)
