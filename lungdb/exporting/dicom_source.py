"""The slices of a scan as DICOM knows them, as far as the database does: what exported objects refer to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import CTImageStorage

from lungdb.exporting.nifti import affine_of
from lungdb.exporting.reading import KnownScan
from lungdb.imaging.dicom_values import decimal_string, derived_uid, valid_uid

UNKNOWN = (
    "PatientName", "PatientBirthDate", "PatientSex", "StudyTime", "StudyID", "AccessionNumber",
    "ReferringPhysicianName",
)  # fmt: skip
"""Of source files, needed by the standard though they may be empty, and in no database of lungdb."""


def is_single_frame(facts: Mapping[str, Any]) -> bool:
    """Tell whether each slice is an object of its own, as those of CT Image Storage are."""
    uids = [each["instance_uid"] for each in facts["slices"]]
    return bool(uids) and len(set(uids)) == len(uids)


def source_images(scan: KnownScan, facts: Mapping[str, Any]) -> list[Dataset]:
    """Return the slices of a scan without their pixels.

    What the database does not keep is empty: `UNKNOWN`. Without a frame of reference there is one of the series alone,
    made of its UID. A date of which the day is not known is empty, too.

    Parameters
    ----------
    facts : mapping
        Of `scan_facts`.
    """
    affine = affine_of(facts)
    images = []
    for number, slice_ in enumerate(facts["slices"]):
        image = Dataset()
        image.SOPClassUID = CTImageStorage
        image.SOPInstanceUID = valid_uid(slice_["instance_uid"])
        image.SeriesInstanceUID = valid_uid(scan.series_uid)
        image.StudyInstanceUID = valid_uid(facts["study_uid"])
        frame = facts["frame_of_reference_uid"]
        image.FrameOfReferenceUID = valid_uid(frame) if frame else derived_uid("frame of reference", scan.series_uid)
        image.PatientID = scan.patient_id
        image.Modality = "CT"
        image.SpecificCharacterSet = "ISO_IR 192"
        is_day = facts["date_rule"] in ("kept", "shifted") and facts["study_date"]
        image.StudyDate = facts["study_date"].replace("-", "") if is_day else ""
        for keyword in UNKNOWN:
            setattr(image, keyword, "")
        image.PositionReferenceIndicator = ""
        image.Rows, image.Columns = facts["image_rows"], facts["image_cols"]
        image.InstanceNumber = number + 1
        if affine is not None:
            image.ImagePositionPatient = [decimal_string(value) for value in position_of(facts, number, 0, 0)]
            image.ImageOrientationPatient = [decimal_string(value) for value in orientation_of(facts)]
            image.PixelSpacing = [decimal_string(facts["spacing_y"]), decimal_string(facts["spacing_x"])]
            image.SliceThickness = decimal_string(
                facts["slice_thickness"] or float(np.linalg.norm(_vector(facts, "step")))
            )
        images.append(image)
    return images


def position_of(facts: Mapping[str, Any], number: int, row: float, column: float) -> NDArray[np.float64]:
    """Return where a place of a slice lies: float64[3], millimetres in DICOM's coordinates; 0, 0 is the first pixel."""
    place: NDArray[np.float64] = (
        _vector(facts, "origin")
        + number * _vector(facts, "step")
        + column * facts["spacing_x"] * _vector(facts, "row")
        + row * facts["spacing_y"] * _vector(facts, "column")
    )
    return place


def orientation_of(facts: Mapping[str, Any]) -> list[float]:
    """Return Image Orientation (Patient): along a row, then along a column."""
    return [*map(float, _vector(facts, "row")), *map(float, _vector(facts, "column"))]


def _vector(facts: Mapping[str, Any], name: str) -> NDArray[np.float64]:
    return np.array([facts[f"{name}_{axis}"] for axis in "xyz"], np.float64)
