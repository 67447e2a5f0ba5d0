"""Phantoms as DICOM series: CT Image Storage, explicit little endian, 16 bit."""

from __future__ import annotations

import hashlib
import uuid
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from lungdb.phantoms.phantom import Phantom
from lungdb.phantoms.scanner import outside_field

PADDING = -2000  # stored value outside the round field of view

Stored = NDArray[np.int16] | NDArray[np.uint16]

NODULE_COLUMNS = ("seriesuid", "coordX", "coordY", "coordZ", "diameter_mm", "malignancy_rating", "kind", "patient_id")
"""LUNA16's, so that load-labels reads them, and three more."""

NoduleRow = tuple[object, ...]

_NAMES = {"F": ("Ada", "Berta", "Clara", "Dora", "Emma"), "M": ("Anton", "Bruno", "Carl", "David", "Emil")}


def write_series(folder: Path, phantom: Phantom, patient_id: str) -> list[Path]:
    """Write one file a slice into `folder`, which is made if need be; file names do not tell the order of slices.

    UIDs are derived from the phantom's seed and the patient's id (ISO/IEC 9834-8, under 2.25), so the same arguments
    give the same bytes.

    Parameters
    ----------
    folder : Path
    phantom : Phantom
    patient_id : str
        At most 64 characters.

    Returns
    -------
    list of Path
        In the order of slices, from feet to head.
    """
    folder.mkdir(parents=True, exist_ok=True)
    common = _common(phantom, patient_id)
    stored = _stored_values(phantom)
    paths = []
    for index, pixels in enumerate(stored):
        uid = _uid(phantom, patient_id, f"slice {index}")
        path = folder / f"{hashlib.sha256(uid.encode()).hexdigest()[:32]}.dcm"
        _slice(phantom, common, index, pixels, uid).save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def nodule_rows(phantom: Phantom, patient_id: str) -> list[NoduleRow]:
    """Give what is true about the nodules of a series that `write_series` writes of the same arguments.

    Returns
    -------
    list of tuple
        As `NODULE_COLUMNS`: the SeriesInstanceUID, x, y and z of the centre in mm in DICOM's patient coordinates, the
        diameter in mm, 5 of a malignant nodule and 1 of any other, the kind (malignant, benign or granuloma), the
        patient's id. Millimetres have four digits behind the point, as the positions of slices in the files.
    """
    series = _uid(phantom, patient_id, "series")
    x, y, z = phantom.origin
    across, down = phantom.spacing[2], phantom.spacing[1]
    rows = []
    for nodule in phantom.nodules:
        k, row, column = nodule.index
        millimetres = (x + column * across, y + row * down, z + k * phantom.spacing[0], nodule.diameter)
        values = [round(float(value), 4) for value in millimetres]
        rating = 5 if nodule.kind == "malignant" else 1
        rows.append((series, *values, rating, nodule.kind, patient_id))
    return rows


def write_lungs(folder: Path, phantom: Phantom, patient_id: str) -> Path:
    """Write where the lungs of a series lie that `write_series` writes of the same arguments, for `lungdb load-lungs`.

    Returns
    -------
    Path
        A MetaImage named after the SeriesInstanceUID, compressed: 1 in a lung, 0 elsewhere; on the voxels of the scan.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = zlib.compress(phantom.lungs.astype(np.uint8).tobytes(), 6)
    sides, spacing = phantom.lungs.shape[::-1], phantom.spacing[::-1]
    said = {
        "ObjectType": "Image",
        "NDims": 3,
        "BinaryData": True,
        "BinaryDataByteOrderMSB": False,
        "CompressedData": True,
        "CompressedDataSize": len(data),
        "TransformMatrix": "1 0 0 0 1 0 0 0 1",
        "Offset": " ".join(map(repr, map(float, phantom.origin))),
        "CenterOfRotation": "0 0 0",
        "AnatomicalOrientation": "RAI",
        "ElementSpacing": " ".join(map(repr, map(float, spacing))),
        "DimSize": " ".join(map(str, sides)),
        "ElementType": "MET_UCHAR",
        "ElementDataFile": "LOCAL",
    }
    path = folder / f"{_uid(phantom, patient_id, 'series')}.mha"
    path.write_bytes("".join(f"{name} = {value}\n" for name, value in said.items()).encode() + data)
    return path


def _stored_values(phantom: Phantom) -> Stored:
    """Return int16 or uint16[slices, rows, columns], padding included."""
    scanner = phantom.scanner
    values: NDArray[np.int16] = np.rint((phantom.hu - scanner.intercept) / scanner.slope).astype(np.int16)
    if scanner.round_field:
        values[:, outside_field(phantom.hu.shape[1])] = PADDING
    return values if scanner.signed else values.view(np.uint16)


def _common(phantom: Phantom, patient_id: str) -> Dataset:
    """Return what all slices of a series share, by the modules of PS3.3 A.3 (CT Image IOD)."""
    scanner = phantom.scanner
    spacing = phantom.spacing
    # The study's date follows from the seed, as everything does.
    day, month = phantom.seed % 28 + 1, phantom.seed % 12 + 1
    name = _NAMES[phantom.sex][phantom.seed % 5]
    ds = Dataset()
    ds.PatientName = f"Phantom^{name}"
    ds.PatientID = patient_id
    ds.PatientBirthDate = f"{2020 - phantom.age}{month:02}{day:02}"
    ds.PatientSex = phantom.sex
    ds.PatientComments = "Made up by a computer program. Not a person."
    ds.StudyInstanceUID = _uid(phantom, patient_id, "study")
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = f"2020{month:02}{day:02}"
    ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = "120000"
    ds.ReferringPhysicianName = ""
    ds.StudyID = "1"
    ds.AccessionNumber = ""
    ds.StudyDescription = "Synthetic chest CT"
    ds.PatientAge = f"{phantom.age:03}Y"
    ds.Modality = "CT"
    ds.SeriesInstanceUID = _uid(phantom, patient_id, "series")
    ds.SeriesNumber = 1
    ds.SeriesDescription = "Synthetic chest"
    ds.BodyPartExamined = "CHEST"
    ds.PatientPosition = "HFS"
    ds.FrameOfReferenceUID = _uid(phantom, patient_id, "frame of reference")
    ds.PositionReferenceIndicator = ""
    ds.Manufacturer = scanner.manufacturer
    ds.SOPClassUID = CTImageStorage
    ds.ImageType = ["DERIVED", "PRIMARY", "AXIAL"]
    ds.KVP = scanner.kvp
    ds.XRayTubeCurrent = scanner.current
    ds.ConvolutionKernel = scanner.kernel
    ds.AcquisitionNumber = 1
    ds.PixelSpacing = [spacing[1], spacing[2]]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.SliceThickness = spacing[0]
    ds.SpacingBetweenSlices = spacing[0]
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = phantom.hu.shape[1:]
    ds.BitsAllocated = 16
    ds.BitsStored = 16
    ds.HighBit = 15
    ds.PixelRepresentation = int(scanner.signed)
    if scanner.round_field:
        ds.PixelPaddingValue = PADDING
    ds.RescaleSlope = scanner.slope
    ds.RescaleIntercept = scanner.intercept
    ds.RescaleType = "HU"
    ds.WindowCenter = -600
    ds.WindowWidth = 1500
    return ds


def _slice(phantom: Phantom, common: Dataset, index: int, pixels: Stored, uid: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = UID(uid)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, 'lungdb phantoms').int}")
    ds = FileDataset("", common, file_meta=meta, preamble=b"\0" * 128)
    x, y, z = phantom.origin
    height = round(z + index * phantom.spacing[0], 4)
    ds.SOPInstanceUID = uid
    # Scanners number slices from the head down or from the feet up.
    ds.InstanceNumber = index + 1 if phantom.seed % 2 else len(phantom.hu) - index
    ds.ImagePositionPatient = [x, y, height]
    ds.SliceLocation = height
    ds.PixelData = pixels.astype("<i2" if phantom.scanner.signed else "<u2").tobytes()
    return ds


def _uid(phantom: Phantom, patient_id: str, what: str) -> str:
    name = f"{phantom.seed} {phantom.cancer} {phantom.hu.shape} {patient_id} {what}"
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, name).int}"
