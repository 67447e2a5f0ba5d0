"""How, when and of whom a slice was made, as its header tells: what is odd or absent is None and refuses nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from pydicom import Dataset
from pydicom.tag import Tag

from lungdb.dicom.attributes import date_of, is_key, numbers_of, text_of, value_of
from lungdb.dicom.identity import OLDEST
from lungdb.dicom.rejection import RejectedError

_GREATEST_AGE = 130  # above it a number is no age
_KERNEL_LENGTH = 64
_NO_CONTRAST = re.compile(
    r"0|F|N|NO|NONE|FALSE|NIL|NATIVE?|UN-?ENHANCED|NO (IV|CM|CA)"
    # Behind a comma and the like, and behind "with", there may be what was given; a non-ionic agent was.
    r"|(?!.*(\b(WITH|BUT|AND)\b|IONIC))(NON?[ -][^;,+&/]*CONTRAST|W/?O\b|WITHOUT\b|OHNE\b)[^;,+&/]*"
)
_UNTOLD = ("", "NA", "N/A", "N.A.", "NULL", "UNKNOWN", "UNK", "?", "-")
_AGE = re.compile(r"([0-9]{1,3})([DWMY])")
_DAYS = {"D": 1.0, "W": 7.0, "M": 365.25 / 12, "Y": 365.25}

ACQUISITION_TAGS = [
    Tag(keyword)
    for keyword in (
        "AcquisitionDate",
        "AcquisitionDateTime",
        "PatientBirthDate",
        "PatientAge",
        "KVP",
        "ContrastBolusAgent",
        "ContrastBolusAgentSequence",
        "ContrastBolusRoute",
        "ContrastBolusVolume",
        "ContrastBolusTotalDose",
        "ContrastBolusIngredient",
        "ClinicalTrialTimePointID",
        "LongitudinalTemporalOffsetFromEvent",
        "LongitudinalTemporalEventType",
        "FrameOfReferenceUID",
    )
]
"""What must be read of a file besides what a slice needs."""


@dataclass(frozen=True, slots=True)
class Acquisition:
    """What a header tells of an acquisition.

    Attributes
    ----------
    day : date or None
        Of the acquisition.
    kernel : str or None
        Convolution Kernel, several values with backslashes between them; printable ASCII of at most 64 characters.
    kvp : float or None
        Kilovolts.
    slice_thickness : float or None
        Slice Thickness itself, in mm.
    has_contrast : bool or None
        Whether a contrast agent was given; None where nothing is said of one.
    patient_age : int or None
        Completed years at the study, at most `OLDEST`.
    frame_of_reference_uid : str or None
    time_point : (str, float) or None
        Where the study lies among the patient's studies of a trial whose dates were removed: Longitudinal Temporal
        Offset From Event, in days, else a numeric Clinical Trial Time Point ID. Only numbers of one kind, which stands
        before them, can be compared: days from the same type of event, or visits.
    """

    day: date | None = None
    kernel: str | None = None
    kvp: float | None = None
    slice_thickness: float | None = None
    has_contrast: bool | None = None
    patient_age: int | None = None
    frame_of_reference_uid: str | None = None
    time_point: tuple[str, float] | None = None


def read_acquisition(dataset: Dataset, study_date: date | None) -> Acquisition:
    """Read the acquisition of a slice or a frame.

    Parameters
    ----------
    dataset : Dataset
        With the attributes of `lungdb.dicom.frames.frame_datasets` for a frame.
    study_date : date or None
        At which a birth date becomes an age.
    """
    return Acquisition(
        day=_day(dataset),
        kernel=_kernel(dataset),
        kvp=_number(dataset, "KVP", 500.0),
        slice_thickness=_number(dataset, "SliceThickness", 1000.0),
        has_contrast=_contrast(dataset),
        patient_age=_age(dataset, study_date),
        frame_of_reference_uid=_uid(dataset, "FrameOfReferenceUID"),
        time_point=_time_point(dataset),
    )


def common_acquisition(slices: Iterable[Acquisition]) -> Acquisition:
    """Return what the slices of a series have in common: None where they differ, but the first of several days."""
    different = set(slices)
    told: dict[str, Any] = {}
    for each in fields(Acquisition):
        values = {getattr(one, each.name) for one in different} - {None}
        if len(values) == 1 or (each.name == "day" and values):
            told[each.name] = min(values)
    return Acquisition(**told)


def _text(dataset: Dataset, keyword: str) -> str:
    try:
        return text_of(dataset, keyword)
    except RejectedError:
        return ""


def _number(dataset: Dataset, keyword: str, most: float) -> float | None:
    try:
        number = numbers_of(dataset, keyword, 1)[0]
    except RejectedError:
        return None
    return number if 0 < number <= most else None


def _day(dataset: Dataset) -> date | None:
    try:
        if day := date_of(dataset, "AcquisitionDate"):
            return day
    except RejectedError:
        pass
    for keyword in ("FrameAcquisitionDateTime", "AcquisitionDateTime"):
        digits = _text(dataset, keyword)[:8]
        if re.fullmatch("[0-9]{8}", digits):
            try:
                return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
            except ValueError:
                pass
    return None


def _kernel(dataset: Dataset) -> str | None:
    text = "\\".join(part.strip() for part in _text(dataset, "ConvolutionKernel").split("\\")).rstrip("\\")
    # ASCII, so that every collation compares it as Python does.
    return text if 0 < len(text) <= _KERNEL_LENGTH and text.isascii() and text.isprintable() else None


def _contrast(dataset: Dataset) -> bool | None:
    administered = _text(dataset, "ContrastBolusAgentAdministered").upper()
    if administered in ("YES", "NO"):
        return administered == "YES"
    agent = _text(dataset, "ContrastBolusAgent").upper()
    if _NO_CONTRAST.fullmatch(agent):
        return False
    try:
        if agent not in _UNTOLD or value_of(dataset, "ContrastBolusAgentSequence"):
            return True
    except RejectedError:
        pass
    given = any(_number(dataset, keyword, math.inf) for keyword in ("ContrastBolusVolume", "ContrastBolusTotalDose"))
    texts = (_text(dataset, keyword).upper() for keyword in ("ContrastBolusRoute", "ContrastBolusIngredient"))
    told = any(text not in _UNTOLD and not _NO_CONTRAST.fullmatch(text) for text in texts)
    return True if given or told else None


def _age(dataset: Dataset, study_date: date | None) -> int | None:
    found = _AGE.fullmatch(_text(dataset, "PatientAge").upper())
    # 000Y stands for an age that nobody entered.
    if found and int(found[1]) > 0:
        years = int(int(found[1]) * _DAYS[found[2]] / _DAYS["Y"])
    else:
        try:
            born = date_of(dataset, "PatientBirthDate")
        except RejectedError:
            return None
        # De-identifiers and registration desks write 1 January 1900, and still earlier days, of whom they do not know.
        if born is None or study_date is None or born.year <= 1900 or born > study_date:
            return None
        years = study_date.year - born.year - ((study_date.month, study_date.day) < (born.month, born.day))
    return min(years, OLDEST) if years <= _GREATEST_AGE else None


def _uid(dataset: Dataset, keyword: str) -> str | None:
    uid = _text(dataset, keyword)
    return uid if is_key(uid) and "\\" not in uid else None


def _time_point(dataset: Dataset) -> tuple[str, float] | None:
    event = _text(dataset, "LongitudinalTemporalEventType").upper()
    for keyword, kind in (
        ("LongitudinalTemporalOffsetFromEvent", f"days from {event}"),
        ("ClinicalTrialTimePointID", "visit"),
    ):
        try:
            return kind, numbers_of(dataset, keyword, 1)[0]
        except RejectedError:
            pass
    return None
