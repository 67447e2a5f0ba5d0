"""What is in Hounsfield units is loaded; maps and other units are refused, and can become nobody's scan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage

from lungdb.dicom.hounsfield import air_level, check_air
from lungdb.dicom.rejection import RejectedError
from lungdb.dicom.source import Source
from lungdb.dicom.tasks import inspect
from tests.dicom.make_ct import FIELD, body, ct_dataset, save, write_slice
from tests.dicom.reading import LIMITS, hounsfield, read_header
from tests.dicom.test_syntaxes import enhanced

DERIVED = ["DERIVED", "PRIMARY", "AXIAL"]


def refusal(path: Path) -> str:
    """Return reason and detail of a header that is refused; empty when it is taken."""
    try:
        inspect(Source(path), LIMITS)
    except RejectedError as error:
        return f"{error.reason}: {error.detail}"
    return ""


@pytest.mark.parametrize("unit", [None, "", "HU", "hu", " HU "])
@pytest.mark.parametrize("kind", [["ORIGINAL", "PRIMARY", "AXIAL"], DERIVED, ["DERIVED", "SECONDARY"], None])
def test_hounsfield_units_are_taken_whatever_the_image_is(
    tmp_path: Path, unit: str | None, kind: list[str] | None
) -> None:
    """RescaleType absent, empty or HU; nothing is left open."""
    header = read_header(write_slice(tmp_path / "a", RescaleType=unit, ImageType=kind))
    assert not header.unit_is_unspecified
    assert header.monoenergetic_kev is None


@pytest.mark.parametrize("unit", ["MGML", "Z_EFF", "ED", "EDW", "HU_MOD", "PCT", "OD", "mgml"])
def test_other_units_are_refused_by_name(tmp_path: Path, unit: str) -> None:
    """The terms of DICOM PS3.3 C.11.1.1.2."""
    assert refusal(write_slice(tmp_path / "a", RescaleType=unit)) == f"not_hounsfield: RescaleType {unit.upper()}"


@pytest.mark.parametrize("unit", ["COUNTS", "UNSPECIFIED", "DOE^JANE", "HU\\MGML"])
def test_a_unit_that_is_no_term_is_refused_and_not_repeated(tmp_path: Path, unit: str) -> None:
    """A header's own text may hold anything."""
    assert refusal(write_slice(tmp_path / "a", RescaleType=unit)) == "not_hounsfield: RescaleType"


@pytest.mark.filterwarnings("ignore:.*VR CS:UserWarning")  # of pydicom writing them in lower case
@pytest.mark.parametrize(
    "term",
    [
        *("PERFUSION", "RCBF", "RCBV", "MTT", "TTP", "TMAX", "PERMEABILITY"),
        *("MAT_SPECIFIC", "MAT_REMOVED", "MAT_FRACTIONAL", "MAT_VALUE_BASED", "MAT_MODIFIED", "MAT_VALUE_REMOVED"),
        *("EFF_ATOMIC_NUM", "ELECTRON_DENSITY", "SUBTRACTION", "STD_DEVIATION"),
    ],
)
@pytest.mark.parametrize("unit", ["HU", None])
def test_maps_are_refused_by_image_type(tmp_path: Path, term: str, unit: str | None) -> None:
    """As third and as fourth value, and though the unit is said to be HU."""
    for number, kind in enumerate((["DERIVED", "PRIMARY", term], [*DERIVED, term], [*DERIVED, "X", term.lower()])):
        path = write_slice(tmp_path / str(number), RescaleType=unit, ImageType=kind)
        assert refusal(path) == "not_hounsfield: ImageType"


def test_both_causes_are_named(tmp_path: Path) -> None:
    """A material map in mg/ml."""
    path = write_slice(tmp_path / "a", RescaleType="MGML", ImageType=[*DERIVED, "MAT_SPECIFIC"])
    assert refusal(path) == "not_hounsfield: RescaleType MGML, ImageType"


def in_frames(shared: bool, **macros: Any) -> Dataset:
    """Return an Enhanced CT of four frames with attributes in its functional groups, shared or one a frame."""
    dataset = enhanced(np.zeros((4, 6, 5), np.int16))
    groups = dataset.SharedFunctionalGroupsSequence if shared else dataset.PerFrameFunctionalGroupsSequence
    for group in groups:
        for sequence, attributes in macros.items():
            if sequence not in group:
                setattr(group, sequence, [Dataset()])
            for keyword, value in attributes.items():
                setattr(getattr(group, sequence)[0], keyword, value)
    return dataset


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("sop_class", [EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage])
def test_a_perfusion_map_of_frames_is_refused_by_frame_type(tmp_path: Path, shared: bool, sop_class: str) -> None:
    """ImageType says MIXED, FrameType tells."""
    dataset = in_frames(shared, CTImageFrameTypeSequence={"FrameType": ["DERIVED", "PRIMARY", "PERFUSION", "RCBF"]})
    dataset.ImageType = ["MIXED", "PRIMARY", "AXIAL", "NONE"]
    dataset.SOPClassUID = sop_class
    assert refusal(save(dataset, tmp_path / "a")) == "not_hounsfield: ImageType"


@pytest.mark.parametrize("unit", ["US", "MGML"])
def test_a_unit_in_the_functional_groups_is_read(tmp_path: Path, unit: str) -> None:
    """US is not taken of Enhanced CT, whose header says more."""
    dataset = in_frames(False, PixelValueTransformationSequence={"RescaleType": unit})
    assert refusal(save(dataset, tmp_path / "a")) == f"not_hounsfield: RescaleType {unit}"


@pytest.mark.parametrize(
    "header",
    [
        {"ImageType": DERIVED},
        {"ImageType": ["ORIGINAL", "SECONDARY", "AXIAL"]},
        {"ImageType": ["ORIGINAL", "PRIMARY"]},
        {"MultienergyCTAcquisition": "YES"},
        {"MultienergyCTAcquisitionSequence": [Dataset()]},
        {"MonoenergeticEnergyEquivalent": 70.0},
    ],
)
def test_an_unspecified_unit_is_refused_of_what_was_calculated(tmp_path: Path, header: dict[str, Any]) -> None:
    """US says nothing: only an original axial slice of one energy may be meant in HU."""
    assert refusal(write_slice(tmp_path / "a", RescaleType="US", **header)) == "not_hounsfield: RescaleType US"


def level(stored: Any, intercept: float, padding: tuple[int, int] | None = None, slope: float = 1) -> float | None:
    """Return where the air of a slice lies."""
    return air_level(stored, stored.astype(np.int32) * slope + intercept, padding)


def test_the_air_of_an_unspecified_unit_is_found_whatever_the_padding_is(tmp_path: Path) -> None:
    """The body's air is −1000 HU; outside the field −2000, −3024 or −1024, declared or not."""
    assert read_header(write_slice(tmp_path / "a", RescaleType="US")).unit_is_unspecified
    hu = body().astype(np.int32)
    for padding, declared in ((-2000, None), (-3024, None), (-2000, (-2000, -2000)), (-1024, (-1024, -1024))):
        assert level(np.where(FIELD, hu, padding), 0, declared) == -1000
    unsigned = np.where(FIELD, hu + 1024, 0).astype(np.uint16)  # and 0 outside, which nobody declares
    assert level(unsigned, -1024) == -1000


@pytest.mark.parametrize("air", [-1100, -1000, -850])
def test_an_unspecified_unit_is_taken_where_air_lies_as_in_hounsfield_units(air: float) -> None:
    """The ends are the rule's own."""
    check_air([level(np.where(FIELD, body() + 1024, 0).astype(np.uint16), air - 24)])


@pytest.mark.parametrize("air", [-1101, -849, -700, 0])
def test_an_unspecified_unit_is_refused_where_air_lies_elsewhere(air: float) -> None:
    """A unit further, and far off."""
    with pytest.raises(RejectedError, match="RescaleType US"):
        check_air([level(np.where(FIELD, body() + 1024, 0).astype(np.uint16), air - 24)])


@pytest.mark.parametrize(("slope", "intercept"), [(0.1, 0), (1, 0), (2, -2048), (0.5, 0)])
def test_numbers_on_another_scale_have_no_air_there(slope: float, intercept: float) -> None:
    """Milligrams, counts, twice the HU."""
    stored = np.where(FIELD, body() + 1024, 0).astype(np.uint16)
    with pytest.raises(RejectedError, match="no air between"):
        check_air([level(stored, intercept, slope=slope)] * 3)


def test_slices_without_air_do_not_decide(tmp_path: Path) -> None:
    """A slice through the abdomen that fills the picture; one slice with a lung is enough, none is not."""
    tissue = np.full((32, 32), 1064, np.int16)
    assert level(tissue, -1024) is None
    check_air([None, None, -870.0])
    with pytest.raises(RejectedError):
        check_air([None, None])


@pytest.mark.parametrize(
    ("header", "energy"),
    [
        ({"ImageType": [*DERIVED, "VMI"], "MonoenergeticEnergyEquivalent": 55.5}, 55.5),
        ({"ImageType": [*DERIVED, "VMI"]}, 0.0),  # it does not tell
        ({"ImageType": [*DERIVED, "VMI"], "SeriesDescription": "Chest MonoE 40keV"}, 40.0),
        ({"ImageType": [*DERIVED, "MONO_70KEV"]}, 70.0),
        ({"SeriesDescription": "Monoenergetic Plus 190 keV"}, 190.0),
        ({"SeriesDescription": "Thorax 120 kV"}, None),
        ({"SeriesDescription": "Thorax 120 keV"}, None),  # a slip for kV
        ({"ImageType": [*DERIVED, "MONOCHROME2"]}, None),
        ({"MultienergyCTAcquisition": "YES"}, None),
    ],
)
def test_virtual_monoenergetic_images_keep_their_energy(
    tmp_path: Path, header: dict[str, Any], energy: float | None
) -> None:
    """They are in HU; the energy stands in its attribute, or in a text that says what it is."""
    assert read_header(write_slice(tmp_path / "a", RescaleType="HU", **header)).monoenergetic_kev == energy


def test_the_energy_stands_in_a_sequence_of_the_slice_or_of_the_frame(tmp_path: Path) -> None:
    """Multi-energy CT Characteristics, DICOM PS3.3 C.8.15.3.12."""
    characteristics = Dataset()
    characteristics.MonoenergeticEnergyEquivalent = 65.0
    path = write_slice(tmp_path / "a", MultienergyCTCharacteristicsSequence=[characteristics])
    assert read_header(path).monoenergetic_kev == 65.0
    for shared in (True, False):
        dataset = in_frames(shared, MultienergyCTCharacteristicsSequence={"MonoenergeticEnergyEquivalent": 65.0})
        found = inspect(Source(save(dataset, tmp_path / "b")), LIMITS)
        assert {one.monoenergetic_kev for one in found if not isinstance(one, Source)} == {65.0}


def test_the_polarity_of_grey_does_not_change_hounsfield_units(tmp_path: Path) -> None:
    """MONOCHROME1 shows low values bright; the values are the same."""
    first, second = (
        hounsfield(
            save(ct_dataset(body(), RescaleIntercept=0, PhotometricInterpretation=polarity), tmp_path / polarity)
        )
        for polarity in ("MONOCHROME1", "MONOCHROME2")
    )
    np.testing.assert_array_equal(first, second)
    assert first[16, 16] == 100
