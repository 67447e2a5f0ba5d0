"""Whose a slice is: its PatientID, or, where that is empty and somebody asked for it, another name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lungdb.dicom.attributes import is_key
from lungdb.dicom.rejection import RejectedError
from lungdb.dicom.source import Source


@dataclass(frozen=True)
class Naming:
    """What stands for an empty PatientID, which DICOM allows (type 2).

    Attributes
    ----------
    rule : str
        Empty: nothing, the slice is refused. ``folder``: the path below `root` of the folder that the file lies in, for
        which an archive counts, too; `root`'s own name for a file in `root`. It is the whole path, so that two patients
        whose folders are named alike do not become one. ``study``: the StudyInstanceUID.
    root : Path
        The folder that is loaded.
    """

    rule: str = ""
    root: Path = Path()

    def patient_id(self, given: str, source: Source, study_uid: str) -> str:
        """Return the id of a slice's patient.

        Parameters
        ----------
        given : str
            PatientID.

        Raises
        ------
        RejectedError
            There is none of 1 to 64 printable characters.
        """
        patient_id = given
        if not given and self.rule == "folder":
            patient_id = self._folder(source)
        elif not given and self.rule == "study":
            patient_id = study_uid
        if not is_key(patient_id):
            raise RejectedError("no_patient_id")
        return patient_id

    def _folder(self, source: Source) -> str:
        parts = [*source.path.relative_to(self.root).parts, *(source.member.split("/") if source.member else ())]
        return "/".join(parts[:-1]) or self.root.resolve().name


NOT_NAMED = Naming()
"""Refuses a slice without PatientID."""
