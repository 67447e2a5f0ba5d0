"""One DICOM file's header, as far as grouping, sorting and rescaling slices need it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import BinaryIO

from pydicom import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import Tag
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    LegacyConvertedEnhancedCTImageStorage,
    MediaStorageDirectoryStorage,
)

from lungdb.dicom.dataset import PREAMBLE, inflate, is_deflated, read_elements, read_meta
from lungdb.dicom.frames import GROUP_TAGS, frame_datasets
from lungdb.dicom.limits import Limits
from lungdb.dicom.pixel_element import check_pixel_element, check_syntax
from lungdb.dicom.quiet import quiet_pydicom
from lungdb.dicom.rejection import RejectedError
from lungdb.dicom.source import Source

MAX_SIDE = 4096
"""Rows and columns that are accepted; detectors and matrices of CT end at 2048."""

AXIAL_COSINE = math.cos(math.radians(35))
"""Least |z| of an axial slice's normal: gantries tilt by up to 30 degrees, reformats turn by 45 or more."""

_TOLERANCE = 1e-2  # of a direction cosine: some scanners write four decimals
_UID = re.compile(r"[0-9.]{1,64}")
_MULTI_FRAME = (EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage)
_TAGS = [
    Tag(keyword)
    for keyword in (
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
        "PixelRepresentation",
        "PixelPaddingValue",
        "PixelPaddingRangeLimit",
        "RescaleIntercept",
        "RescaleSlope",
    )
] + GROUP_TAGS


@dataclass(frozen=True, slots=True)  # a large archive has hundreds of thousands
class SliceHeader:
    """An axial CT slice's header.

    Attributes
    ----------
    source, frame : Source, int
        Where its pixels are: the file, and the frame of it, from 0.
    syntax : str
        Transfer syntax UID.
    position, orientation : tuple of float
        Image Position (mm) and Image Orientation (row cosines, then column cosines), DICOM PS3.3 C.7.6.2.1.1.
    pixel_spacing : tuple of float
        Millimetres between rows, between columns.
    thickness : float or None
        Spacing Between Slices, else Slice Thickness, in mm: the spacing of a scan of one slice.
    slope, intercept : float
        HU = stored value * slope + intercept.
    padding : (int, int) or None
        First and last stored value of the declared padding.
    """

    source: Source
    frame: int
    syntax: str
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
    padding: tuple[int, int] | None

    @property
    def patient_orientation(self) -> str:
        """Where in the patient columns, then rows rise to: L, R, A or P each, as in DICOM PS3.3 C.7.6.1.1.1.

        Of a slice that lies askew it is what is nearest.
        """
        (across, along, _), (down, back, _) = self.orientation[:3], self.orientation[3:]
        # Which of the two is decided for columns alone, so that rows get the other one at 45 degrees, too.
        if abs(across) > abs(along):
            return ("L" if across > 0 else "R") + ("P" if back > 0 else "A")
        return ("P" if along > 0 else "A") + ("L" if down > 0 else "R")

    @property
    def normal(self) -> tuple[float, float, float]:
        """The slice's unit normal, turned so that it points to the head (z > 0)."""
        return _normal(self.orientation)


@dataclass(frozen=True)
class _Size:
    rows: int
    columns: int
    bits: int
    frames: int


def read_headers(source: Source, file: BinaryIO, limits: Limits) -> list[SliceHeader]:
    """Read a file's header and check that it holds axial CT slices and pixel data of the right length.

    Parameters
    ----------
    source : Source
        Where the file comes from.
    file : binary file
        The opened file; at any position.

    Returns
    -------
    list of SliceHeader
        One, or one a frame of an Enhanced CT, in the order of the frames.

    Raises
    ------
    RejectedError
        It does not; reason and message say why, and `series_uid` which series lacks a slice because of it.
    """
    with quiet_pydicom():
        syntax, dataset, file = _read_dataset(file, limits)
        sop_class = _image_class(dataset)
        try:
            return _slice_headers(source, syntax, dataset, file, sop_class, limits)
        except RejectedError as error:
            if error.reason != "not_axial":
                error.series_uid = _known_series(dataset)
            raise


def _read_dataset(file: BinaryIO, limits: Limits) -> tuple[str, Dataset, BinaryIO]:
    try:
        file.seek(PREAMBLE)
        meta = read_meta(file)
        if meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage:
            raise RejectedError("dicomdir")
        syntax = str(meta.get("TransferSyntaxUID", ""))
        if not syntax:
            raise RejectedError("broken_header", "TransferSyntaxUID")
        plain_syntax = syntax
        if is_deflated(syntax):
            file = inflate(file, meta, limits)
            plain_syntax = ExplicitVRLittleEndian
        return syntax, read_elements(file, plain_syntax, _TAGS), file
    except (RejectedError, MemoryError):
        raise
    except OSError as error:
        raise RejectedError("unreadable") from error
    except Exception as error:  # pydicom raises errors of many kinds on broken files
        raise RejectedError("broken_header") from error


def _image_class(dataset: Dataset) -> str:
    sop_class = _text(dataset, "SOPClassUID")
    if not sop_class:
        raise RejectedError("missing_attribute", "SOPClassUID")
    if sop_class != CTImageStorage and sop_class not in _MULTI_FRAME:
        raise RejectedError("not_ct")
    if "LOCALIZER" in (part.strip().upper() for part in _text(dataset, "ImageType").split("\\")):
        raise RejectedError("localizer")
    return sop_class


def _slice_headers(
    source: Source, syntax: str, dataset: Dataset, file: BinaryIO, sop_class: str, limits: Limits
) -> list[SliceHeader]:
    size = _size(dataset)
    if sop_class == CTImageStorage and size.frames != 1:
        raise RejectedError("wrong_frame_count", "CT Image Storage holds one frame")
    frame_bytes = size.rows * size.columns * size.bits // 8
    if frame_bytes * size.frames > limits.volume_bytes:
        raise RejectedError("size_limit", f"the pixels take more than {limits.volume_megabytes} MB")
    check_syntax(syntax)
    check_pixel_element(file, ExplicitVRLittleEndian if is_deflated(syntax) else syntax, frame_bytes, size.frames)
    try:
        frames = [dataset] if sop_class == CTImageStorage else frame_datasets(dataset, size.frames)
    except (RejectedError, MemoryError):
        raise
    except Exception as error:  # pydicom parses sequences on access
        raise RejectedError("bad_attribute", "functional groups") from error
    return [_slice_header(source, syntax, frame, number, size) for number, frame in enumerate(frames)]


def _slice_header(source: Source, syntax: str, dataset: Dataset, frame: int, size: _Size) -> SliceHeader:
    orientation = _numbers(dataset, "ImageOrientationPatient", 6)
    _check_axial(orientation)
    pixel_spacing = _numbers(dataset, "PixelSpacing", 2)
    if min(pixel_spacing) <= 0:
        raise RejectedError("bad_attribute", "PixelSpacing")
    patient_id = _text(dataset, "PatientID")
    if not 0 < len(patient_id) <= 64 or not patient_id.isprintable():
        raise RejectedError("no_patient_id")
    return SliceHeader(
        source=source,
        frame=frame,
        syntax=syntax,
        patient_id=patient_id,
        study_uid=_uid(dataset, "StudyInstanceUID"),
        series_uid=_uid(dataset, "SeriesInstanceUID"),
        instance_uid=_uid(dataset, "SOPInstanceUID"),
        study_date=_date(_text(dataset, "StudyDate")),
        manufacturer=_text(dataset, "Manufacturer")[:64] or None,
        rows=size.rows,
        columns=size.columns,
        position=_numbers(dataset, "ImagePositionPatient", 3),
        orientation=orientation,
        pixel_spacing=pixel_spacing,
        thickness=_thickness(dataset),
        slope=_numbers(dataset, "RescaleSlope", 1)[0],
        intercept=_numbers(dataset, "RescaleIntercept", 1)[0],
        padding=_padding(dataset, size.bits),
    )


def _size(dataset: Dataset) -> _Size:
    rows, columns, samples, bits = (
        _whole(dataset, keyword) for keyword in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated")
    )
    frames = _whole(dataset, "NumberOfFrames") if _text(dataset, "NumberOfFrames") else 1
    if rows < 1 or columns < 1 or frames < 1:
        raise RejectedError("bad_attribute", "Rows, Columns, NumberOfFrames")
    if max(rows, columns) > MAX_SIDE:
        raise RejectedError("size_limit", f"{rows} x {columns}, at most {MAX_SIDE} x {MAX_SIDE}")
    if samples != 1 or bits not in (8, 16) or _text(dataset, "PhotometricInterpretation") != "MONOCHROME2":
        raise RejectedError("unsupported_pixels")
    return _Size(rows, columns, bits, frames)


def _padding(dataset: Dataset, bits: int) -> tuple[int, int] | None:
    """Return the declared padding as a range of stored values (DICOM PS3.3 C.7.5.1.1.2).

    The attributes may be written as unsigned (US) though the pixels are signed, and the other way round: they are
    brought to the pixels' sign first.
    """
    value = _value(dataset, "PixelPaddingValue")
    limit = _value(dataset, "PixelPaddingRangeLimit")
    if not isinstance(value, int):
        return None
    span = 1 << bits
    lowest = -(span // 2) if _value(dataset, "PixelRepresentation") == 1 else 0
    ends = (value, limit if isinstance(limit, int) else value)
    first, last = sorted((number - lowest) % span + lowest for number in ends)
    return first, last


def _known_series(dataset: Dataset) -> str:
    try:
        return _uid(dataset, "SeriesInstanceUID")
    except RejectedError:
        return ""


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


def _value(dataset: Dataset, keyword: str) -> object:
    try:
        return dataset.get(keyword)
    except MemoryError:
        raise
    except Exception as error:  # pydicom converts on access, and raises errors of many kinds
        raise RejectedError("bad_attribute", keyword) from error


def _text(dataset: Dataset, keyword: str) -> str:
    value = _value(dataset, keyword)
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


def _whole(dataset: Dataset, keyword: str) -> int:
    number = _numbers(dataset, keyword, 1)[0]
    if not number.is_integer():
        raise RejectedError("bad_attribute", keyword)
    return int(number)


def _date(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y%m%d").date()
    except ValueError:
        return None
