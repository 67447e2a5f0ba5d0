"""Why a file or a series is not taken: the stable reason codes and their sentences.

No text here holds a value that identifies a person: header values and pydicom's own messages are never quoted.
"""

from __future__ import annotations

from lungdb.errors import LungdbError

REASONS = {
    "unreadable": "The file cannot be read. Check its permissions and the disk.",
    "not_dicom": "This is not a DICOM file: 'DICM' does not stand at byte 128. Nothing to do unless it should be one.",
    "broken_header": "The DICOM header cannot be read. Export the file again from the archive.",
    "dicomdir": "This is a DICOMDIR. The files of the folder are found without it; nothing to do.",
    "archive_refused": "The zip archive or an entry of it is not read. Unpack what is in it and load the folder.",
    "nested_archive": "This zip archive lies in another one. Unpack the outer one and load the folder.",
    "not_ct": "This is not a CT image. Only CT Image Storage and Enhanced CT are loaded; nothing to do.",
    "wrong_frame_count": "The number of frames does not fit the file. Export the file again.",
    "localizer": "This is a localizer (scout view), not an axial slice. Nothing to do.",
    "not_axial": "The image plane is not axial. Load the axial series that it was reformatted from.",
    "not_hounsfield": "The pixel values are not Hounsfield units but a map or calculated from others. Load the "
    "series that it was made from.",
    "no_patient_id": "PatientID is empty or longer than 64 characters. Set it before loading, or, where it is empty, "
    "add --empty-patient-id.",
    "missing_attribute": "A header attribute that a CT slice must have is missing. Export the file again.",
    "bad_attribute": "A header attribute does not hold a valid value. Export the file again.",
    "unsupported_pixels": "Only grey images of 16 or 8 bits are loaded. Export the file uncompressed as 16 bit.",
    "size_limit": "The file is larger than is accepted. Check it, and raise the limit if it is right.",
    "duplicate_file": "The same slice is there more than once; the first one is taken. Nothing to do.",
    "conflicting_copies": "Two different files carry one SOPInstanceUID. Keep the right one and load again.",
    "inconsistent_series": "The slices of the series differ in more than position. Split it into series that agree.",
    "other_stack": "The series holds several stacks of slices, and a larger one is taken. Make this one a series of "
    "its own to load it, too.",
    "duplicate_position": "Several slices of the series lie at one position. Make its phases series of their own.",
    "missing_slices": "The slices of the series are not evenly spaced. Find the missing ones, or add --allow-gaps.",
    "bad_slices": "Some slices of the series cannot be used. Export them again, or add --allow-gaps to do without.",
    "not_primary": "The series rule chose another series of the study. Add --all-series to load this one too.",
    "changed_series": "The database holds this series with other pixels, or lying another way. Add --replace to take "
    "these; features and predictions made from the old ones are then deleted.",
    "other_patient": "The database holds this series under another patient. Correct PatientID in the files.",
    "similar_series_uid": "The database holds a series whose UID differs from this one only in case. Make them differ.",
    "similar_patient_id": "The database holds a patient whose id differs from this one only in case. Make them differ.",
    "unsupported_syntax": "The pixel data are compressed in a way that cannot be read. Export the series uncompressed.",
    "no_pixel_data": "The file has no pixel data. Export it again from the archive.",
    "several_pixel_data": "The file has more than one pixel data element. Export it again from the archive.",
    "truncated": "The file ends too early. Copy it again from the archive.",
    "decoder_failed": "The pixel data cannot be decoded. Export the file again, uncompressed.",
    "reader_crashed": "The process that read the file died of it. Export the file again, uncompressed.",
    "time_limit": "Reading the file took too long. Export it again, or raise --time-limit if it is right.",
    "memory_limit": "Reading the file took too much memory. Export it again, or raise --memory-limit if it is right.",
}
"""Reason code -> what is wrong and what to do, one sentence each."""


class RejectedError(LungdbError):
    """A file or series turned out to be unusable while it was read.

    Parameters
    ----------
    reason : str
        A key of `REASONS`.
    detail : str, optional
        The technical value that is wrong, such as a size or an attribute's keyword; never a header's text.
    series_uid : str, optional
        The series that the file belongs to.
    """

    def __init__(self, reason: str, detail: str = "", series_uid: str = "") -> None:
        self.reason = reason
        self.detail = detail
        self.series_uid = series_uid
        self.message = REASONS[reason] + (f" ({detail})" if detail else "")
        super().__init__(self.message)

    def __reduce__(self) -> tuple[type[RejectedError], tuple[str, str, str]]:
        """Travel from the process that reads a file to the one that asked."""
        return RejectedError, (self.reason, self.detail, self.series_uid)
