"""What one file's header is refused for, and what no refusal may tell."""

from __future__ import annotations

import math
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import EnhancedCTImageStorage, MRImageStorage

from lungdb.dicom.header import MAX_SIDE
from lungdb.dicom.rejection import REASONS, RejectedError
from tests.dicom.make_ct import PATIENT_ID, SERIES_UID, ct_dataset, ramp, save, write_slice
from tests.dicom.reading import read_header

ROOT = Path(__file__).resolve().parents[2]


def tilted(degrees: float) -> list[float]:
    """Return the orientation of an axial slice whose gantry leans by `degrees`."""
    angle = math.radians(degrees)
    return [1, 0, 0, 0, math.cos(angle), -math.sin(angle)]


@pytest.mark.filterwarnings("ignore:.*VR UI:UserWarning")  # of pydicom writing the bad UIDs
@pytest.mark.parametrize(
    ("reason", "header"),
    [
        ("not_ct", {"SOPClassUID": MRImageStorage}),
        ("wrong_frame_count", {"SOPClassUID": EnhancedCTImageStorage}),
        ("wrong_frame_count", {"NumberOfFrames": 2}),
        ("localizer", {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}),
        ("not_axial", {"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}),
        ("not_axial", {"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}),
        ("not_axial", {"ImageOrientationPatient": tilted(45)}),
        ("bad_attribute", {"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}),
        ("bad_attribute", {"ImageOrientationPatient": [2, 0, 0, 0, 2, 0]}),
        ("bad_attribute", {"PixelSpacing": [0.7, 0]}),
        ("bad_attribute", {"PixelSpacing": [0.7]}),
        ("bad_attribute", {"Rows": 0}),
        ("bad_attribute", {"SeriesInstanceUID": "1." * 33}),
        ("bad_attribute", {"SOPInstanceUID": "a\tb"}),
        ("no_patient_id", {"PatientID": "\U0001f600" * 33, "SpecificCharacterSet": "ISO_IR 192"}),
        ("bad_attribute", {"StudyInstanceUID": ["1.2", "1.3"]}),
        ("bad_attribute", {"RescaleSlope": 0}),
        ("size_limit", {"Rows": MAX_SIDE + 1}),
        ("size_limit", {"Rows": 65535, "Columns": 65535}),
        ("unsupported_pixels", {"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}),
        ("unsupported_pixels", {"BitsAllocated": 32}),
        ("no_patient_id", {"PatientID": None}),
        ("no_patient_id", {"PatientID": "  "}),
        ("missing_attribute", {"ImagePositionPatient": None}),
        ("missing_attribute", {"RescaleSlope": None}),
        ("missing_attribute", {"PixelSpacing": ""}),
        ("missing_attribute", {"StudyInstanceUID": None}),
    ],
)
def test_a_header_is_refused_for_its_reason(tmp_path: Path, reason: str, header: dict[str, Any]) -> None:
    """One attribute is changed from a good slice; the reason is the one that its documentation names."""
    path = write_slice(tmp_path / "DOE_JANE" / "a", **header)
    with pytest.raises(RejectedError) as caught:
        read_header(path)
    assert caught.value.reason == reason
    assert caught.value.message.startswith(REASONS[reason])
    assert "DOE" not in str(caught.value)
    assert PATIENT_ID not in str(caught.value)


@pytest.mark.parametrize("keyword", ["RescaleSlope", "PixelSpacing", "ImagePositionPatient", "NumberOfFrames"])
@pytest.mark.parametrize("value", [b"DOE JANE", b"nan ", b"1e999 "])
def test_text_in_place_of_a_number_is_refused_and_not_quoted(tmp_path: Path, keyword: str, value: bytes) -> None:
    """A name in a number's place must not reach the message."""
    dataset = ct_dataset(ramp(0))
    setattr(dataset, keyword, {"PixelSpacing": [7.25, 7.25], "ImagePositionPatient": [7.25] * 3}.get(keyword, "7"))
    path = save(dataset, tmp_path / "a")
    tag = dataset[keyword].tag
    mark = tag.group.to_bytes(2, "little") + tag.element.to_bytes(2, "little") + str(dataset[keyword].VR).encode()
    data = path.read_bytes()
    at = data.index(mark)
    old_length = int.from_bytes(data[at + 6 : at + 8], "little")
    rest = data[at + 8 + old_length :]
    path.write_bytes(data[: at + 6] + len(value).to_bytes(2, "little") + value + rest)
    with pytest.raises(RejectedError) as caught:
        read_header(path)
    assert caught.value.reason == "bad_attribute"
    assert "DOE" not in str(caught.value)


def test_a_gantry_tilt_of_30_degrees_is_axial(tmp_path: Path) -> None:
    """Gantries lean by up to 30 degrees; the normal is then (0, sin 30, cos 30)."""
    header = read_header(write_slice(tmp_path / "a", ImageOrientationPatient=tilted(30)))
    assert header.normal == pytest.approx((0, 0.5, math.sqrt(0.75)))


def test_the_attributes_are_read_as_they_were_written(tmp_path: Path) -> None:
    """The values of make_ct, units unchanged."""
    header = read_header(write_slice(tmp_path / "a", number=2, SpacingBetweenSlices=-2.5))
    assert header.patient_id == PATIENT_ID
    assert (header.series_uid, header.instance_uid) == (SERIES_UID, f"{SERIES_UID}.2")
    assert header.study_date == date(2020, 3, 17)
    assert header.position == (-100.0, -120.0, 5.0)
    assert header.pixel_spacing == (0.7, 0.8)
    assert header.thickness == 2.5
    assert (header.slope, header.intercept) == (1.0, -1024.0)


@pytest.mark.parametrize("text", ["", "2020", "20201345", "DOE JANE"])
def test_a_study_date_that_is_none_is_left_out(tmp_path: Path, text: str) -> None:
    """The date is no reason to refuse a slice."""
    path = write_slice(tmp_path / "a", StudyDate="20200101")
    path.write_bytes(path.read_bytes().replace(b"20200101", text.encode().ljust(8)))
    assert read_header(path).study_date is None


@pytest.mark.parametrize(
    ("reason", "content"),
    [
        ("not_dicom", b""),
        ("not_dicom", b"id,cancer\n" * 100),
        ("broken_header", b"\0" * 128 + b"DICM"),
    ],
)
def test_a_file_that_is_no_dicom_is_refused(tmp_path: Path, reason: str, content: bytes) -> None:
    """Whatever its name says."""
    path = tmp_path / "slice.dcm"
    path.write_bytes(content)
    with pytest.raises(RejectedError) as caught:
        read_header(path)
    assert caught.value.reason == reason


def test_a_header_that_ends_inside_an_element_is_broken(tmp_path: Path) -> None:
    """40 bytes of pixels and one byte of their length are gone."""
    path = write_slice(tmp_path / "a")
    path.write_bytes(path.read_bytes()[:-41])
    with pytest.raises(RejectedError) as caught:
        read_header(path)
    assert caught.value.reason == "broken_header"


def test_a_missing_file_is_unreadable(tmp_path: Path) -> None:
    """It may be taken away between finding and reading."""
    with pytest.raises(RejectedError) as caught:
        read_header(tmp_path / "gone")
    assert caught.value.reason == "unreadable"


def test_no_header_value_reaches_warnings_or_logs(tmp_path: Path) -> None:
    """Pydicom warns about an invalid value by quoting it; with warnings and logging on, nothing may be printed."""
    path = write_slice(tmp_path / "a", StudyInstanceUID="1.2.3.45")
    path.write_bytes(path.read_bytes().replace(b"1.2.3.45", b"JANE\tDOE"))
    imports = (
        "import logging, pydicom, pathlib; logging.basicConfig(level=logging.DEBUG); "
        "from tests.dicom.reading import read_header; from lungdb.dicom.rejection import RejectedError\n"
    )
    alone = f"print(pydicom.dcmread({str(path)!r}).StudyInstanceUID)"
    ours = f"try: read_header(pathlib.Path({str(path)!r}))\nexcept RejectedError as error: print(error.message)"
    told, silent = (
        subprocess.run(
            [sys.executable, "-c", imports + code], capture_output=True, text=True, check=True, timeout=60, cwd=ROOT
        )
        for code in (alone, ours)
    )
    assert "JANE" in told.stderr, "pydicom alone warns with the value"
    assert "StudyInstanceUID" in silent.stdout
    assert silent.stderr == ""
    assert "JANE" not in silent.stdout
