"""DICOM folders become CT series, and series Hounsfield units; what cannot be taken is rejected with a reason."""

from lungdb.dicom.folder import find_files, read_folder
from lungdb.dicom.identity import Identity
from lungdb.dicom.rejection import REASONS, RejectedError, Rejection
from lungdb.dicom.series import Extent, Series, Slice, choose_primary

__all__ = [
    "REASONS",
    "Extent",
    "Identity",
    "RejectedError",
    "Rejection",
    "Series",
    "Slice",
    "choose_primary",
    "find_files",
    "read_folder",
]
