"""Small CT files for tests, written with pydicom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRBigEndian, ExplicitVRLittleEndian

SERIES_UID = "1.2.826.0.1.3680043.10.1"
STUDY_UID = "1.2.826.0.1.3680043.10.2"
PATIENT_NAME = "DOE^JANE"
PATIENT_ID = "MRN-4711"


def ct_dataset(
    stored: NDArray[np.integer], number: int = 0, syntax: str = ExplicitVRLittleEndian, **header: Any
) -> Dataset:
    """Make the dataset of an axial CT slice at z = 2.5 * number mm; a header value of None leaves the attribute out."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    values: dict[str, Any] = {
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": f"{SERIES_UID}.{number}",
        "StudyInstanceUID": STUDY_UID,
        "SeriesInstanceUID": SERIES_UID,
        "PatientName": PATIENT_NAME,
        "PatientID": PATIENT_ID,
        "StudyDate": "20200317",
        "Modality": "CT",
        "Manufacturer": "ACME",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "InstanceNumber": str(number),
        "ImagePositionPatient": [-100.0, -120.0, 2.5 * number],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "PixelSpacing": [0.7, 0.8],
        "SliceThickness": 3.0,
        "Rows": stored.shape[0],
        "Columns": stored.shape[1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": stored.dtype.itemsize * 8,
        "BitsStored": stored.dtype.itemsize * 8,
        "HighBit": stored.dtype.itemsize * 8 - 1,
        "PixelRepresentation": int(np.issubdtype(stored.dtype, np.signedinteger)),
        "RescaleSlope": 1,
        "RescaleIntercept": -1024,
    }
    for keyword, value in (values | header).items():
        if value is not None:
            setattr(dataset, keyword, value)
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    dataset.PixelData = stored.astype(stored.dtype.newbyteorder(order)).tobytes()
    dataset["PixelData"].VR = "OW" if stored.dtype.itemsize == 2 else "OB"
    return dataset


def save(dataset: Dataset, path: Path) -> Path:
    """Write a dataset as a DICOM file, whatever its values."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


def write_slice(path: Path, stored: NDArray[np.integer] | None = None, number: int = 0, **header: Any) -> Path:
    """Write one slice; without `stored` a 4 x 5 ramp that begins at `number`."""
    return save(ct_dataset(ramp(number) if stored is None else stored, number, **header), path)


def write_series(folder: Path, slices: int = 4, **header: Any) -> Path:
    """Write a series of ramps, one file a slice."""
    for number in range(slices):
        write_slice(folder / f"{number}.dcm", number=number, **header)
    return folder


def ramp(first: int) -> NDArray[np.int16]:
    """Return int16[4, 5] of first, first + 1, …"""
    return np.arange(first, first + 20, dtype=np.int16).reshape(4, 5)


SIDE = 32
"""Rows and columns of `body`."""

_AWAY = np.hypot(*(np.indices((SIDE, SIDE)) - (SIDE - 1) / 2))
FIELD = _AWAY < SIDE / 2
"""The round field of view of `body`, bool[32, 32]."""


def body(mark: int = 100) -> NDArray[np.int16]:
    """Return Hounsfield units, int16[32, 32]: air, tissue of 40, a lung of −850 and `mark` in the middle.

    The field of view is round; what lies outside it is not measured, and −2000.
    """
    hu = np.full((SIDE, SIDE), -1000, np.int16)
    hu[_AWAY < 13] = 40
    hu[np.hypot(*(np.indices((SIDE, SIDE)) - np.array([16, 9]).reshape(2, 1, 1))) < 4] = -850
    hu[16, 16] = mark
    hu[~FIELD] = -2000
    return hu
