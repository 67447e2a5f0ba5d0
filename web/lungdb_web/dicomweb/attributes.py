"""What is told of studies, series and slices: the attributes of CT Image Storage that the database knows.

Pixels are Hounsfield units already, so the rescale is 1 and 0 and the image is derived. What is not kept, such as the
time of a study, is empty.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.imaging.dicom_values import decimal_string, derived_uid, valid_uid
from lungdb_web.queries.series import Instance, Series
from lungdb_web.scans.pictures import WINDOWS

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
UNKNOWN = (
    "StudyTime", "AccessionNumber", "ReferringPhysicianName", "PatientBirthDate", "StudyID", "StudyDescription",
    "SeriesNumber",
)  # fmt: skip
"""Attributes that are empty of every scan: no value of them is found."""
_SHOWN = ("lung", "mediastinum")


def study_attributes(series: Series) -> dict[str, Any]:
    """Return what is told of the study and the patient of a series."""
    return {
        "SpecificCharacterSet": "ISO_IR 192",
        "StudyDate": None if series.study_day is None else series.study_day.strftime("%Y%m%d"),
        **dict.fromkeys(UNKNOWN[:-1]),
        "PatientName": _person_name(series.display_name),
        "PatientID": series.patient_id,
        "PatientSex": series.sex,
        "StudyInstanceUID": valid_uid(series.study_uid),
    }


def series_attributes(series: Series) -> dict[str, Any]:
    """Return what is told of a series itself."""
    return {
        "Modality": "CT",
        "Manufacturer": series.manufacturer,
        "SeriesDescription": _description(series),
        "SeriesInstanceUID": valid_uid(series.series_uid),
        "SeriesNumber": None,
    }


def instance_attributes(series: Series, instance: Instance) -> dict[str, Any]:
    """Return what is told of a slice itself, short enough for a list."""
    return {
        "SOPClassUID": CT_IMAGE_STORAGE,
        "SOPInstanceUID": instance.uid,
        "InstanceAvailability": "ONLINE",
        "AvailableTransferSyntaxUID": EXPLICIT_VR_LITTLE_ENDIAN,
        "InstanceNumber": instance.index + 1,
        "Rows": series.image_rows,
        "Columns": series.image_cols,
        "BitsAllocated": 16,
    }


def metadata(series: Series, instances: list[Instance], instance: Instance) -> dict[str, Any]:
    """Return all that is told of a slice but its pixels.

    Parameters
    ----------
    instances : list of Instance
        All of the series: where one lies follows from the lowest.
    """
    frame = series.frame_of_reference_uid
    told = {
        **study_attributes(series),
        **series_attributes(series),
        **instance_attributes(series, instance),
        "ImageType": ["DERIVED", "PRIMARY", "AXIAL"],
        "DerivationDescription": "Hounsfield units",
        "PatientAge": None if series.patient_age is None else f"{series.patient_age:03}Y",
        "SliceThickness": _decimal(series.slice_thickness),
        "KVP": _decimal(series.kvp),
        "FrameOfReferenceUID": valid_uid(frame) if frame else derived_uid("frame of reference", series.series_uid),
        "PositionReferenceIndicator": None,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 1,
        "RescaleIntercept": 0,
        "RescaleSlope": 1,
        "RescaleType": "HU",
        "WindowCenter": [WINDOWS[key].level for key in _SHOWN],
        "WindowWidth": [WINDOWS[key].width for key in _SHOWN],
        "WindowCenterWidthExplanation": [WINDOWS[key].name for key in _SHOWN],
    }
    del told["InstanceAvailability"], told["AvailableTransferSyntaxUID"]
    for keyword, value in (
        ("SpacingBetweenSlices", _decimal(series.spacing_z)),
        ("GantryDetectorTilt", _decimal(series.gantry_tilt)),
        ("ConvolutionKernel", series.convolution_kernel),
        ("SliceLocation", _decimal(instance.position)),
        ("PatientIdentityRemoved", "YES" if series.deidentification else None),
    ):
        if value is not None:
            told[keyword] = value
    if series.spacing_y and series.spacing_x:
        told["PixelSpacing"] = [_decimal(series.spacing_y), _decimal(series.spacing_x)]
    position = position_of(series, instances, instance)
    if position is not None and series.row and series.column:
        told["ImagePositionPatient"] = [_decimal(value) for value in position]
        told["ImageOrientationPatient"] = [_decimal(value) for value in (*series.row, *series.column)]
    elif series.patient_orientation:
        told["PatientOrientation"] = list(series.patient_orientation)
    return told


def position_of(series: Series, instances: list[Instance], instance: Instance) -> NDArray[np.float64] | None:
    """Return where the first pixel of a slice lies: float64[3] in DICOM's coordinates, in mm; None where not known.

    Slices that lie unevenly lie where their positions say, along the line on which they are stacked.
    """
    if series.origin is None or series.row is None or series.column is None:
        return None
    origin = np.array(series.origin)
    if series.step is None:
        return origin if instance.index == 0 else None
    step = np.array(series.step)
    first = instances[0].position
    normal = np.cross(series.row, series.column)
    along = abs(float(step @ normal) / float(np.linalg.norm(normal)))
    steps = float(instance.index)
    if first is not None and instance.position is not None and along > 0:
        steps = (instance.position - first) / along
    place: NDArray[np.float64] = origin + steps * step
    return place


def _person_name(name: str | None) -> str | None:
    """Write a name as a family name, without what separates the parts of names in DICOM (PS3.5 6.2)."""
    return None if name is None else " ".join(name.translate(dict.fromkeys(map(ord, "^=\\"), " ")).split()) or None


def _description(series: Series) -> str | None:
    """Name a series by what tells it from others of its study."""
    thickness = series.slice_thickness or series.spacing_z
    parts = [f"{thickness:.3g} mm" if thickness else "", series.convolution_kernel or ""]
    return ", ".join(filter(None, parts)).replace("\\", "/")[:64] or None


def _decimal(value: float | None) -> float | None:
    return None if value is None else float(decimal_string(value))
