"""What a header tells of an acquisition, and what counts as telling nothing."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import LegacyConvertedEnhancedCTImageStorage

from lungdb.dicom.acquisition import Acquisition, common_acquisition, read_acquisition
from lungdb.dicom.header import SliceHeader
from lungdb.dicom.limits import Limits
from lungdb.dicom.source import Source
from lungdb.dicom.tasks import inspect
from tests.dicom.make_ct import save, write_slice
from tests.dicom.reading import read_header
from tests.dicom.test_syntaxes import enhanced

pytestmark = pytest.mark.filterwarnings("ignore:.*[vV]alue.*:UserWarning")  # of pydicom, writing what is odd


def read(tmp_path: Path, **header: Any) -> Acquisition:
    """Write and read a slice of 17 March 2020."""
    return read_header(write_slice(tmp_path / "a", **header)).acquisition


def test_a_header_that_tells_all_is_read_in_full(tmp_path: Path) -> None:
    """The values as they were written; SliceThickness itself and not the spacing."""
    found = read(
        tmp_path, AcquisitionDate="20200318", ConvolutionKernel=["Br40d", "3"], KVP="120", SliceThickness="1.5",
        SpacingBetweenSlices="0.75", ContrastBolusAgent="Omnipaque 350", PatientAge="061Y", FrameOfReferenceUID="1.2.3",
        ClinicalTrialTimePointID="2",
    )  # fmt: skip
    assert found == Acquisition(date(2020, 3, 18), "Br40d\\3", 120.0, 1.5, True, 61, "1.2.3", ("visit", 2.0))


def test_a_header_that_tells_nothing_is_read_as_nothing(tmp_path: Path) -> None:
    """No attribute of these is needed."""
    assert read(tmp_path, SliceThickness=None) == Acquisition()


def test_what_is_odd_is_nothing_and_refuses_no_slice(tmp_path: Path) -> None:
    """Texts where numbers belong, several values, what is too long, not printable or no date."""
    odd = {
        "AcquisitionDate": "20201341", "ConvolutionKernel": "K" * 65, "KVP": "0", "SliceThickness": "",
        "PatientAge": "old", "PatientBirthDate": "1960", "FrameOfReferenceUID": "x" * 65, "ContrastBolusAgent": "",
        "ClinicalTrialTimePointID": "baseline",
    }  # fmt: skip
    assert read(tmp_path, **odd) == Acquisition()
    assert read(tmp_path, SliceThickness=None, KVP=["80", "140"], ConvolutionKernel="B30f\x1b[2J") == Acquisition()


@pytest.mark.parametrize(
    ("age", "born", "expected"),
    [
        ("061Y", "19800101", 61),
        ("000Y", "19590318", 60),
        ("", "19590317", 61),
        ("018M", None, 1),
        ("003D", None, 0),
        ("097Y", None, 90),
        ("", "19200101", 90),
        ("000Y", "19000101", None),
        ("", "18500101", None),
        ("", "20210101", None),
        ("999Y", None, None),
    ],
)
def test_the_age_is_that_of_the_header_else_by_the_birth_date(
    tmp_path: Path, age: str, born: str | None, expected: int | None
) -> None:
    """On 17 March 2020, in completed years, at most 90; 000Y and 1 January 1900 are no age."""
    assert read(tmp_path, PatientAge=age, PatientBirthDate=born).patient_age == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({"ContrastBolusAgent": "APPLIED"}, True),
        ({"ContrastBolusVolume": "80"}, True),
        ({"ContrastBolusAgent": "", "ContrastBolusRoute": "IV"}, True),
        ({"ContrastBolusAgent": "NONE"}, False),
        ({"ContrastBolusAgent": "No contrast"}, False),
        ({"ContrastBolusAgent": "W/O CONTRAST", "ContrastBolusVolume": "0"}, False),
        ({"ContrastBolusAgent": "NO IV CONTRAST GIVEN"}, False),
        ({"ContrastBolusAgent": "NON-CONTRAST CT"}, False),
        ({"ContrastBolusAgent": "ohne KM"}, False),
        ({"ContrastBolusAgent": "NON-IONIC CONTRAST"}, True),
        ({"ContrastBolusAgent": "NO ORAL CONTRAST; OMNIPAQUE"}, True),
        ({"ContrastBolusAgent": "WITHOUT ORAL, WITH IV CONTRAST"}, True),
        ({"ContrastBolusAgent": "n/a"}, None),
        ({}, None),
    ],
)
def test_contrast_is_what_is_said_of_it(tmp_path: Path, header: dict[str, Any], expected: bool | None) -> None:
    """That nothing is said does not mean that none was given."""
    assert read(tmp_path, **header).has_contrast is expected


def test_frames_of_an_enhanced_ct_tell_it_in_their_functional_groups(tmp_path: Path) -> None:
    """PS3.3 C.8.15.3: reconstruction and X-ray details; the agent was administered or not; date and time in one."""
    dataset = enhanced(np.zeros((2, 4, 5), np.int16), FrameOfReferenceUID="1.2.3", AcquisitionDateTime="20200318120000")
    (shared,) = dataset.SharedFunctionalGroupsSequence
    for sequence, keyword, value in (
        ("CTReconstructionSequence", "ConvolutionKernel", "FC51"),
        ("CTXRayDetailsSequence", "KVP", "100"),
        ("ContrastBolusUsageSequence", "ContrastBolusAgentAdministered", "NO"),
    ):
        item = Dataset()
        setattr(item, keyword, value)
        setattr(shared, sequence, [item])
    shared.PixelMeasuresSequence[0].SliceThickness = "2"
    for header in inspect(Source(save(dataset, tmp_path / "a")), Limits()):
        assert isinstance(header, SliceHeader)
        assert header.acquisition == Acquisition(date(2020, 3, 18), "FC51", 100.0, 2.0, False, None, "1.2.3")


@pytest.mark.parametrize(
    ("agents", "expected"), [(["NO", "YES"], True), ([None, "NO"], False), (["NO", "NO"], False), ([None, None], None)]
)
def test_one_agent_of_several_that_was_administered_is_contrast(
    tmp_path: Path, agents: list[str | None], expected: bool | None
) -> None:
    """PS3.3 C.8.15.3.12: an item of the sequence each."""
    dataset = enhanced(np.zeros((2, 4, 5), np.int16))
    items = [Dataset() for _ in agents]
    for item, agent in zip(items, agents, strict=True):
        if agent is not None:
            item.ContrastBolusAgentAdministered = agent
    dataset.SharedFunctionalGroupsSequence[0].ContrastBolusUsageSequence = items
    for header in inspect(Source(save(dataset, tmp_path / "a")), Limits()):
        assert isinstance(header, SliceHeader)
        assert header.acquisition.has_contrast is expected


def test_a_converted_ct_tells_it_among_what_was_not_assigned(tmp_path: Path) -> None:
    """PS3.3 C.7.6.16.2.25: shared of all frames, and of each."""
    dataset = enhanced(np.zeros((2, 4, 5), np.int16), SOPClassUID=LegacyConvertedEnhancedCTImageStorage)
    (shared,) = dataset.SharedFunctionalGroupsSequence
    shared.UnassignedSharedConvertedAttributesSequence = [Dataset()]
    shared.UnassignedSharedConvertedAttributesSequence[0].ConvolutionKernel = "STANDARD"
    for group in dataset.PerFrameFunctionalGroupsSequence:
        group.UnassignedPerFrameConvertedAttributesSequence = [Dataset()]
        group.UnassignedPerFrameConvertedAttributesSequence[0].KVP = "140"
        group.UnassignedPerFrameConvertedAttributesSequence[0].ContrastBolusAgent = "Ultravist"
    for header in inspect(Source(save(dataset, tmp_path / "a")), Limits()):
        assert isinstance(header, SliceHeader)
        assert header.acquisition == Acquisition(None, "STANDARD", 140.0, None, True)


def test_a_series_tells_what_its_slices_agree_in() -> None:
    """Of days the first, as a scan may go on past midnight."""
    one = Acquisition(date(2020, 3, 18), "B30f", 120.0, 1.0, None, 61)
    other = Acquisition(date(2020, 3, 17), "B30f", 100.0, None, True, 61)
    assert common_acquisition([one, other]) == Acquisition(date(2020, 3, 17), "B30f", None, 1.0, True, 61)


def test_an_empty_dataset_tells_nothing() -> None:
    """Not even a study's date."""
    assert read_acquisition(Dataset(), None) == Acquisition()
