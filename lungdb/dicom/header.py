"""One DICOM file's header, as far as grouping, sorting and rescaling slices need it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.multival import MultiValue
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage

from lungdb.dicom.quiet import quiet_pydicom
from lungdb.dicom.rejection import RejectedError

MAX_SIDE = 4096
"""Rows and columns that are accepted; detectors and matrices of CT end at 2048."""

AXIAL_COSINE = math.cos(math.radians(35))
"""Least |z| of an axial slice's normal: gantries tilt by up to 30 degrees, reformats turn by 45 or more."""

_TOLERANCE = 1e-2  # of a direction cosine: some scanners write four decimals
_UID = re.compile(r"[0-9.]{1,64}")
_TAGS = [
    "SOPClassUID",
    "SOPInstanceUID",
    "ImageType",
    "StudyDate",
    "Manufacturer",
    "PatientID",
    "SliceThickness",
    "SpacingBetweenSlices",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "PixelSpacing",
    "BitsAllocated",
    "RescaleIntercept",
    "RescaleSlope",
]


@dataclass(frozen=True, slots=True)  # a large archive has hundreds of thousands
class SliceHeader:
    """An axial CT slice's header.

    Attributes
    ----------
    position, orientation : tuple of float
        Image Position (mm) and Image Orientation (row cosines, then column cosines), DICOM PS3.3 C.7.6.2.1.1.
    pixel_spacing : tuple of float
        Millimetres between rows, between columns.
    thickness : float or None
        Spacing Between Slices, else Slice Thickness, in mm: the spacing of a scan of one slice.
    slope, intercept : float
        HU = stored value * slope + intercept.
    """

    path: Path
    patient_id: str
    study_uid: str
    series_uid: str
    instance_uid: str
    study_date: date | None
    manufacturer: str | None
    rows: int
    columns: int
    position: tuple[float, ...]
    orientation: tuple[float, ...]
    pixel_spacing: tuple[float, ...]
    thickness: float | None
    slope: float
    intercept: float

    @property
    def normal(self) -> tuple[float, float, float]:
        """The slice's unit normal, turned so that it points to the head (z > 0)."""
        return _normal(self.orientation)


def read_header(path: Path) -> SliceHeader:
    """Read a file's header and check that it is an axial CT slice.

    Raises
    ------
    RejectedError
        It is not; reason and message say why.
    """
    with quiet_pydicom():
        return _slice_header(path, _read_dataset(path))


def _read_dataset(path: Path) -> Dataset:
    try:
        with path.open("rb") as file:
            if file.read(132)[128:] != b"DICM":
                raise RejectedError("not_dicom")
            file.seek(0)
            return dcmread(file, stop_before_pixels=True, specific_tags=[*_TAGS])
    except RejectedError:
        raise
    except OSError as error:
        raise RejectedError("unreadable") from error
    except Exception as error:  # pydicom raises errors of many kinds on broken files
        raise RejectedError("broken_header") from error


def _slice_header(path: Path, dataset: Dataset) -> SliceHeader:
    sop_class = _text(dataset, "SOPClassUID")
    if not sop_class:
        raise RejectedError("missing_attribute", "SOPClassUID")
    if sop_class in (EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage):
        raise RejectedError("multi_frame")
    if sop_class != CTImageStorage:
        raise RejectedError("not_ct")
    if "LOCALIZER" in (part.strip().upper() for part in _text(dataset, "ImageType").split("\\")):
        raise RejectedError("localizer")
    rows, columns = _size(dataset)
    orientation = _numbers(dataset, "ImageOrientationPatient", 6)
    _check_axial(orientation)
    pixel_spacing = _numbers(dataset, "PixelSpacing", 2)
    if min(pixel_spacing) <= 0:
        raise RejectedError("bad_attribute", "PixelSpacing")
    patient_id = _text(dataset, "PatientID")
    if not 0 < len(patient_id) <= 64:
        raise RejectedError("no_patient_id")
    return SliceHeader(
        path=path,
        patient_id=patient_id,
        study_uid=_uid(dataset, "StudyInstanceUID"),
        series_uid=_uid(dataset, "SeriesInstanceUID"),
        instance_uid=_uid(dataset, "SOPInstanceUID"),
        study_date=_date(_text(dataset, "StudyDate")),
        manufacturer=_text(dataset, "Manufacturer")[:64] or None,
        rows=rows,
        columns=columns,
        position=_numbers(dataset, "ImagePositionPatient", 3),
        orientation=orientation,
        pixel_spacing=pixel_spacing,
        thickness=_thickness(dataset),
        slope=_numbers(dataset, "RescaleSlope", 1)[0],
        intercept=_numbers(dataset, "RescaleIntercept", 1)[0],
    )


def _size(dataset: Dataset) -> tuple[int, int]:
    frames = _text(dataset, "NumberOfFrames")
    if frames not in ("", "1"):
        raise RejectedError("multi_frame")
    rows, columns, samples, bits = (
        int(_numbers(dataset, keyword, 1)[0]) for keyword in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated")
    )
    if rows < 1 or columns < 1:
        raise RejectedError("bad_attribute", "Rows, Columns")
    if max(rows, columns) > MAX_SIDE:
        raise RejectedError("size_limit", f"{rows} x {columns}, at most {MAX_SIDE} x {MAX_SIDE}")
    if samples != 1 or bits not in (8, 16) or _text(dataset, "PhotometricInterpretation") != "MONOCHROME2":
        raise RejectedError("unsupported_pixels")
    return rows, columns


def _check_axial(orientation: tuple[float, ...]) -> None:
    row, column = orientation[:3], orientation[3:]
    lengths = math.hypot(*row), math.hypot(*column)
    cosine = sum(r * c for r, c in zip(row, column, strict=True))
    if max(abs(lengths[0] - 1), abs(lengths[1] - 1), abs(cosine)) > _TOLERANCE:
        raise RejectedError("bad_attribute", "ImageOrientationPatient")
    if _normal(orientation)[2] < AXIAL_COSINE:
        raise RejectedError("not_axial")


def _normal(orientation: tuple[float, ...]) -> tuple[float, float, float]:
    (a, b, c), (d, e, f) = orientation[:3], orientation[3:]
    x, y, z = b * f - c * e, c * d - a * f, a * e - b * d
    length = math.copysign(math.hypot(x, y, z), z)
    return x / length, y / length, z / length


def _thickness(dataset: Dataset) -> float | None:
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        if _text(dataset, keyword):
            value = abs(_numbers(dataset, keyword, 1)[0])
            if value > 0:
                return value
    return None


def _text(dataset: Dataset, keyword: str) -> str:
    try:
        value = dataset.get(keyword)
    except Exception as error:  # pydicom converts on access, and raises errors of many kinds
        raise RejectedError("bad_attribute", keyword) from error
    if value is None:
        return ""
    text = "\\".join(str(part) for part in value) if isinstance(value, MultiValue) else str(value)
    return text.strip(" \0")


def _uid(dataset: Dataset, keyword: str) -> str:
    uid = _text(dataset, keyword)
    if not uid:
        raise RejectedError("missing_attribute", keyword)
    if not _UID.fullmatch(uid):
        raise RejectedError("bad_attribute", keyword)
    return uid


def _numbers(dataset: Dataset, keyword: str, count: int) -> tuple[float, ...]:
    text = _text(dataset, keyword)
    if not text:
        raise RejectedError("missing_attribute", keyword)
    try:
        numbers = tuple(float(part) for part in text.split("\\"))
    except ValueError as error:
        raise RejectedError("bad_attribute", keyword) from error
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise RejectedError("bad_attribute", keyword)
    return numbers


def _date(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y%m%d").date()
    except ValueError:
        return None
