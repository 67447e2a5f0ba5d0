"""Why a file or a series is not taken: the stable reason codes and their sentences.

No text here holds a value that identifies a person: header values and pydicom's own messages are never quoted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lungdb.errors import LungdbError

REASONS = {
    "unreadable": "The file cannot be read. Check its permissions and the disk.",
    "not_dicom": "This is not a DICOM file: 'DICM' does not stand at byte 128. Nothing to do unless it should be one.",
    "broken_header": "The DICOM header cannot be read. Export the file again from the archive.",
    "not_ct": "This is not a CT image. Only CT Image Storage is loaded; nothing to do.",
    "multi_frame": "This is a multi-frame CT. Export the series as one file per slice.",
    "localizer": "This is a localizer (scout view), not an axial slice. Nothing to do.",
    "not_axial": "The image plane is not axial. Load the axial series that it was reformatted from.",
    "no_patient_id": "PatientID is empty or longer than 64 characters. Set it before loading.",
    "missing_attribute": "A header attribute that a CT slice must have is missing. Export the file again.",
    "bad_attribute": "A header attribute does not hold a valid value. Export the file again.",
    "unsupported_pixels": "Only MONOCHROME2 images of 16 or 8 bits are loaded. Export the file uncompressed as 16 bit.",
    "size_limit": "The image is larger than is accepted. Check that Rows and Columns are right.",
    "duplicate_file": "The same file is there more than once; the first one is taken. Nothing to do.",
    "conflicting_copies": "Two different files carry one SOPInstanceUID. Keep the right one and load again.",
    "inconsistent_series": "The slices of the series differ in more than position. Split it into series that agree.",
    "duplicate_position": "Several slices of the series lie at one position. Make its phases series of their own.",
    "not_primary": "Another series of the patient is the primary one. Add --all-series to load this one too.",
    "changed_series": "The database holds this series with other pixels. Add --replace to take these; features and "
    "predictions made from the old ones are then deleted.",
    "other_patient": "The database holds this series under another patient. Correct PatientID in the files.",
    "similar_patient_id": "The database holds a patient whose id differs from this one only in case. Make them differ.",
    "unsupported_syntax": "The pixel data are compressed in a way that cannot be read. Export the series uncompressed.",
    "no_pixel_data": "The file has no pixel data. Export it again from the archive.",
    "truncated": "The pixel data end too early. Copy the file again from the archive.",
    "decoder_failed": "The pixel data cannot be decoded. Export the file again, uncompressed.",
}
"""Reason code -> what is wrong and what to do, one sentence each."""


@dataclass(frozen=True)
class Rejection:
    """A file or series that is not taken.

    Attributes
    ----------
    reason : str
        A key of `REASONS`.
    message : str
        What is wrong and what to do; without patient data, so it may be stored and shown.
    path : Path
        The file, or the first file of the series. It may hold patient data: show it only when asked to.
    """

    reason: str
    message: str
    path: Path


class RejectedError(LungdbError):
    """A file or series turned out to be unusable while it was read.

    Parameters
    ----------
    reason : str
        A key of `REASONS`.
    detail : str, optional
        The technical value that is wrong, such as a size or an attribute's keyword; never a header's text.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason = reason
        self.message = REASONS[reason] + (f" ({detail})" if detail else "")
        super().__init__(self.message)

    def at(self, path: Path) -> Rejection:
        """Return the rejection of the file or series at `path`."""
        return Rejection(self.reason, self.message, path)
