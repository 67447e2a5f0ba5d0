"""What stands for an empty PatientID when somebody asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lungdb.dicom.patients import NOT_NAMED, Naming
from lungdb.dicom.rejection import RejectedError
from lungdb.dicom.source import Source

ROOT = Path("/archive/lungs")


@pytest.mark.parametrize(
    ("path", "member", "name"),
    [
        ("a.dcm", "", "lungs"),
        ("p1/a.dcm", "", "p1"),
        ("p1/CT/a.dcm", "", "p1/CT"),  # not CT alone, which p2 has, too
        ("p1.zip", "a.dcm", "p1.zip"),
        ("p1.zip", "CT/a.dcm", "p1.zip/CT"),
        ("all/p1.zip", "../../CT/a.dcm", "all/p1.zip/../../CT"),
    ],
)
def test_the_folder_is_named_by_its_whole_path(path: str, member: str, name: str) -> None:
    """Below the folder that is loaded; a member's name is text, never a path."""
    assert Naming("folder", ROOT).patient_id("", Source(ROOT / path, member), "1.2") == name


def test_a_patient_id_comes_first_and_the_study_is_asked_for() -> None:
    """Neither rule touches an id that is there."""
    source = Source(ROOT / "p1" / "a.dcm")
    for naming in (NOT_NAMED, Naming("folder", ROOT), Naming("study", ROOT)):
        assert naming.patient_id("MRN-1", source, "1.2") == "MRN-1"
    assert Naming("study", ROOT).patient_id("", source, "1.2") == "1.2"


@pytest.mark.parametrize("folder", ["x" * 65, "a\x1b[31m", "bytes\udcff", "turn\u202e"])
def test_a_folder_whose_path_is_no_id_names_nobody(folder: str) -> None:
    """Longer than 64 characters, or not printable."""
    with pytest.raises(RejectedError) as caught:
        Naming("folder", ROOT).patient_id("", Source(ROOT / folder / "a.dcm"), "1.2")
    assert caught.value.reason == "no_patient_id"
    with pytest.raises(RejectedError):
        NOT_NAMED.patient_id("", Source(ROOT / "p1" / "a.dcm"), "1.2")
