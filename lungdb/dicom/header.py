"""One DICOM file's header, as far as grouping, sorting and rescaling slices need it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO

from pydicom import Dataset
from pydicom.tag import Tag
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    LegacyConvertedEnhancedCTImageStorage,
    MediaStorageDirectoryStorage,
)

from lungdb.dicom.acquisition import ACQUISITION_TAGS, Acquisition, read_acquisition
from lungdb.dicom.attributes import date_of, numbers_of, terms_of, text_of, uid_of, value_of, whole_of
from lungdb.dicom.dataset import PREAMBLE, inflate, is_deflated, read_elements, read_meta
from lungdb.dicom.frames import GROUP_TAGS, frame_datasets
from lungdb.dicom.hounsfield import read_unit
from lungdb.dicom.limits import Limits
from lungdb.dicom.padding import declared_padding
from lungdb.dicom.patients import NOT_NAMED, Naming
from lungdb.dicom.pixel_element import check_pixel_element, check_syntax
from lungdb.dicom.quiet import quiet_pydicom
from lungdb.dicom.rejection import RejectedError
from lungdb.dicom.source import Source

MAX_SIDE = 4096
"""Rows and columns that are accepted; detectors and matrices of CT end at 2048."""

AXIAL_COSINE = math.cos(math.radians(35))
"""Least |z| of an axial slice's normal: gantries tilt by up to 30 degrees, reformats turn by 45 or more."""

_GREY = ("MONOCHROME1", "MONOCHROME2")  # they differ in how grey is shown, not in what values mean
_TOLERANCE = 1e-2  # of a direction cosine: some scanners write four decimals
_CLASSES = (CTImageStorage, EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage)
_TAGS = [
    Tag(keyword)
    for keyword in (
        "SOPClassUID",
        "SOPInstanceUID",
        "ImageType",
        "StudyDate",
        "Manufacturer",
        "SeriesDescription",
        "PatientID",
        "ImageComments",
        "SliceThickness",
        "SpacingBetweenSlices",
        "ConvolutionKernel",
        "MultienergyCTAcquisition",
        "MultienergyCTAcquisitionSequence",
        "MultienergyCTCharacteristicsSequence",
        "MonoenergeticEnergyEquivalent",
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "AcquisitionNumber",
        "TemporalPositionIdentifier",
        "TemporalPositionIndex",
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "SamplesPerPixel",
        "PhotometricInterpretation",
        "NumberOfFrames",
        "Rows",
        "Columns",
        "PixelSpacing",
        "BitsAllocated",
        "BitsStored",
        "PixelRepresentation",
        "PixelPaddingValue",
        "PixelPaddingRangeLimit",
        "RescaleIntercept",
        "RescaleSlope",
        "RescaleType",
        "ExtendedOffsetTable",
        "ExtendedOffsetTableLengths",
    )
] + [*ACQUISITION_TAGS, *GROUP_TAGS]


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
    monoenergetic_kev : float or None
    unit_is_unspecified : bool
        As of `lungdb.dicom.hounsfield.Unit`.
    kinds : tuple of str
        What tells slices apart that lie at one position, as `lungdb.dicom.stacks.KINDS` names it.
    acquisition : Acquisition
        How, when and of whom the slice was made.
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
    monoenergetic_kev: float | None
    unit_is_unspecified: bool
    kinds: tuple[str, ...]
    acquisition: Acquisition

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
class OpenFile:
    """A file whose header was read, for its pixels to be read without doing so again.

    Attributes
    ----------
    file : binary file
        Inflated where need be.
    syntax : str
        Of `file`.
    dataset : Dataset
        What pixels are decoded by.
    place : int
        Where in `file` the pixel data element begins.
    """

    file: BinaryIO
    syntax: str
    dataset: Dataset
    place: int


@dataclass(frozen=True)
class _Size:
    rows: int
    columns: int
    bits: int
    frames: int


def read_headers(source: Source, file: BinaryIO, limits: Limits, naming: Naming = NOT_NAMED) -> list[SliceHeader]:
    """Read a file's header and check that it holds axial CT slices and pixel data of the right length.

    Parameters
    ----------
    source : Source
        Where the file comes from.
    file : binary file
        The opened file; at any position.
    naming : Naming
        What stands for an empty PatientID.

    Returns
    -------
    list of SliceHeader
        One, or one a frame of an Enhanced CT, in the order of the frames.

    Raises
    ------
    RejectedError
        It does not; reason and message say why, and `series_uid` to which series it belongs.
    """
    return open_file(source, file, limits, naming)[0]


def open_file(
    source: Source, file: BinaryIO, limits: Limits, naming: Naming = NOT_NAMED
) -> tuple[list[SliceHeader], OpenFile]:
    """Read a file's header as `read_headers` does, and give with it what its pixels are read from."""
    with quiet_pydicom():
        syntax, dataset, file = _read_dataset(file, limits)
        plain_syntax = str(ExplicitVRLittleEndian) if is_deflated(syntax) else syntax
        opened = OpenFile(file, plain_syntax, dataset, file.tell())
        sop_class = _image_class(dataset)
        try:
            size = _check_size(dataset, syntax, file, sop_class, limits)
            frames = _frames(dataset, size, sop_class)
            return [
                _slice_header(source, syntax, frame, number, size, sop_class, naming)
                for number, frame in enumerate(frames)
            ], opened
        except RejectedError as error:
            error.series_uid = _known_series(dataset)
            raise


def _read_dataset(file: BinaryIO, limits: Limits) -> tuple[str, Dataset, BinaryIO]:
    try:
        file.seek(PREAMBLE)
        meta = read_meta(file)
        media_class = str(meta.get("MediaStorageSOPClassUID", ""))
        if media_class == MediaStorageDirectoryStorage:
            raise RejectedError("dicomdir")
        syntax = str(meta.get("TransferSyntaxUID", ""))
        if not syntax:
            raise RejectedError("broken_header", "TransferSyntaxUID")
        plain_syntax = syntax
        if is_deflated(syntax):
            file = inflate(file, meta, limits)
            plain_syntax = ExplicitVRLittleEndian
        try:
            return syntax, read_elements(file, plain_syntax, _TAGS), file
        except RejectedError:
            if media_class and media_class not in _CLASSES:  # cut or whole, it is no CT
                raise RejectedError("not_ct") from None
            raise
    except (RejectedError, MemoryError):
        raise
    except OSError as error:
        # One without a number is pydicom's, which finds no further element in a sequence.
        raise RejectedError("unreadable" if error.errno else "truncated") from error
    except Exception as error:  # pydicom raises errors of many kinds on broken files
        raise RejectedError("broken_header") from error


def _image_class(dataset: Dataset) -> str:
    sop_class = text_of(dataset, "SOPClassUID")
    if not sop_class:
        raise RejectedError("missing_attribute", "SOPClassUID")
    if sop_class not in _CLASSES:
        raise RejectedError("not_ct")
    if "LOCALIZER" in terms_of(dataset, "ImageType"):
        raise RejectedError("localizer")
    return sop_class


def _check_size(dataset: Dataset, syntax: str, file: BinaryIO, sop_class: str, limits: Limits) -> _Size:
    size = _size(dataset)
    if sop_class == CTImageStorage and size.frames != 1:
        raise RejectedError("wrong_frame_count", "CT Image Storage holds one frame")
    frame_bytes = size.rows * size.columns * size.bits // 8
    if frame_bytes * size.frames > limits.volume_bytes:
        raise RejectedError("size_limit", f"the pixels take more than {limits.volume_megabytes} MB")
    check_syntax(syntax)
    check_pixel_element(file, ExplicitVRLittleEndian if is_deflated(syntax) else syntax, frame_bytes, size.frames)
    return size


def _frames(dataset: Dataset, size: _Size, sop_class: str) -> list[Dataset]:
    try:
        return [dataset] if sop_class == CTImageStorage else frame_datasets(dataset, size.frames)
    except (RejectedError, MemoryError):
        raise
    except Exception as error:  # pydicom parses sequences on access
        raise RejectedError("bad_attribute", "functional groups") from error


def _slice_header(
    source: Source, syntax: str, dataset: Dataset, frame: int, size: _Size, sop_class: str, naming: Naming
) -> SliceHeader:
    orientation = numbers_of(dataset, "ImageOrientationPatient", 6)
    _check_axial(orientation)
    unit = read_unit(dataset, sop_class)
    pixel_spacing = numbers_of(dataset, "PixelSpacing", 2)
    if min(pixel_spacing) <= 0:
        raise RejectedError("bad_attribute", "PixelSpacing")
    slope = numbers_of(dataset, "RescaleSlope", 1)[0]
    if slope == 0:
        raise RejectedError("bad_attribute", "RescaleSlope")
    study_uid = uid_of(dataset, "StudyInstanceUID")
    study_date = date_of(dataset, "StudyDate")
    return SliceHeader(
        source=source,
        frame=frame,
        syntax=syntax,
        patient_id=naming.patient_id(text_of(dataset, "PatientID"), source, study_uid),
        study_uid=study_uid,
        series_uid=uid_of(dataset, "SeriesInstanceUID"),
        instance_uid=uid_of(dataset, "SOPInstanceUID"),
        study_date=study_date,
        manufacturer=text_of(dataset, "Manufacturer")[:64] or None,
        rows=size.rows,
        columns=size.columns,
        position=numbers_of(dataset, "ImagePositionPatient", 3),
        orientation=orientation,
        pixel_spacing=pixel_spacing,
        thickness=_thickness(dataset),
        slope=slope,
        intercept=numbers_of(dataset, "RescaleIntercept", 1)[0],
        padding=_padding(dataset, size.bits),
        monoenergetic_kev=unit.monoenergetic_kev,
        unit_is_unspecified=unit.is_unspecified,
        kinds=_kinds(dataset),
        acquisition=read_acquisition(dataset, study_date),
    )


def _size(dataset: Dataset) -> _Size:
    rows, columns, samples, bits = (
        whole_of(dataset, keyword) for keyword in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated")
    )
    frames = whole_of(dataset, "NumberOfFrames") if text_of(dataset, "NumberOfFrames") else 1
    if rows < 1 or columns < 1 or frames < 1:
        raise RejectedError("bad_attribute", "Rows, Columns, NumberOfFrames")
    if max(rows, columns) > MAX_SIDE:
        raise RejectedError("size_limit", f"{rows} x {columns}, at most {MAX_SIDE} x {MAX_SIDE}")
    if samples != 1 or bits not in (8, 16) or text_of(dataset, "PhotometricInterpretation") not in _GREY:
        raise RejectedError("unsupported_pixels")
    return _Size(rows, columns, bits, frames)


def _padding(dataset: Dataset, bits: int) -> tuple[int, int] | None:
    stored = value_of(dataset, "BitsStored")
    return declared_padding(
        value_of(dataset, "PixelPaddingValue"),
        value_of(dataset, "PixelPaddingRangeLimit"),
        bits_allocated=bits,
        bits_stored=stored if isinstance(stored, int) and 0 < stored <= bits else bits,
        signed=value_of(dataset, "PixelRepresentation") == 1,
    )


def _kinds(dataset: Dataset) -> tuple[str, ...]:
    return (
        text_of(dataset, "TemporalPositionIndex") or text_of(dataset, "TemporalPositionIdentifier"),
        text_of(dataset, "FrameAcquisitionNumber") or text_of(dataset, "AcquisitionNumber"),
        "\\".join(terms_of(dataset, "FrameType") or terms_of(dataset, "ImageType")),
        text_of(dataset, "ConvolutionKernel"),
    )


def _known_series(dataset: Dataset) -> str:
    try:
        return uid_of(dataset, "SeriesInstanceUID")
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
        if text_of(dataset, keyword):
            value = abs(numbers_of(dataset, keyword, 1)[0])
            if value > 0:
                return value
    return None
