"""Several stacks in one series: the largest one is taken, ties are refused, and the rest is named."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.uid import RLELossless

from lungdb.dicom.rejection import RejectedError
from lungdb.dicom.series import Series, build_series
from lungdb.dicom.source import Source
from lungdb.dicom.stacks import KINDS, choose_stack
from lungdb.dicom.tasks import inspect
from tests.dicom.make_ct import SERIES_UID, body, ct_dataset, save, write_slice
from tests.dicom.reading import LIMITS, build, hash_pixels, read_header
from tests.dicom.test_syntaxes import enhanced

TILTED = [1, 0, 0, 0, 0.9986, -0.0523]


def write_stack(folder: Path, name: str, numbers: Sequence[int], mark: int = 100, **header: Any) -> None:
    """Write slices at 2.5 mm times their number, each with a number in its middle pixel."""
    for place, number in enumerate(numbers):
        one = {keyword: value(place) if callable(value) else value for keyword, value in header.items()}
        write_slice(
            folder / f"{name}{place:02}",
            body(mark + 10 * number),
            number,
            **{"SOPInstanceUID": f"{SERIES_UID}.{ord(name)}.{place}", "RescaleIntercept": 0} | one,
        )


def parts(folder: Path) -> tuple[Series, Counter[tuple[str, str, str]]]:
    """Build a folder's series, and count what is left out by reason, detail and the letter of its name."""
    series, rejections = build(folder)
    details = [one.message.rpartition("(")[2].rstrip(")") for one in rejections]
    return series, Counter(
        (one.reason, detail if one.reason == "other_stack" else "", one.source.path.name[0])
        for one, detail in zip(rejections, details, strict=True)
    )


def taken(series: Series) -> Counter[str]:
    """Count the letters of the names of a series' files."""
    return Counter(header.source.path.name[0] for header in series.headers)


def refusal(folder: Path) -> str:
    """Return the reason for which a folder's files do not make a series."""
    with pytest.raises(RejectedError) as caught:
        build(folder)
    return caught.value.reason


@pytest.mark.parametrize(
    ("header", "difference"),
    [
        ({"ImageOrientationPatient": TILTED}, "ImageOrientationPatient"),
        ({"PixelSpacing": [0.9, 0.9]}, "PixelSpacing"),
        ({"MonoenergeticEnergyEquivalent": 70.0}, "MonoenergeticEnergyEquivalent"),
    ],
)
def test_slices_of_another_geometry_are_left_out(tmp_path: Path, header: dict[str, Any], difference: str) -> None:
    """Two of them beside six."""
    write_stack(tmp_path, "a", range(2), **header)
    write_stack(tmp_path, "b", range(6))
    series, left_out = parts(tmp_path)
    assert taken(series) == {"b": 6}
    assert left_out == {("other_stack", difference, "a"): 2}


def test_a_thumbnail_in_the_series_is_left_out(tmp_path: Path) -> None:
    """16 x 16 among 32 x 32, and first of them."""
    write_slice(
        tmp_path / "a",
        body()[::2, ::2],
        40,
        SOPInstanceUID="1.9",
        ImageType=["DERIVED", "SECONDARY"],
        RescaleIntercept=0,
    )
    write_stack(tmp_path, "b", range(6))
    series, left_out = parts(tmp_path)
    assert taken(series) == {"b": 6}
    assert left_out == {("other_stack", "Rows, Columns", "a"): 1}


def test_two_geometries_of_equally_many_slices_are_refused(tmp_path: Path) -> None:
    """Nobody can tell which one is meant."""
    write_stack(tmp_path, "a", range(4), PixelSpacing=[0.9, 0.9])
    write_stack(tmp_path, "b", range(4))
    assert refusal(tmp_path) == "inconsistent_series"


@pytest.mark.parametrize(
    ("keyword", "values"),
    [
        ("TemporalPositionIndex", (1, 2)),
        ("TemporalPositionIdentifier", (1, 2)),
        ("AcquisitionNumber", (1, 2)),
        ("ImageType", (["ORIGINAL", "PRIMARY", "AXIAL"], ["ORIGINAL", "PRIMARY", "AXIAL", "AVERAGE"])),
        ("ConvolutionKernel", ("B31f", "B70f")),
    ],
)
def test_phases_and_kernels_at_the_same_positions_are_told_apart(
    tmp_path: Path, keyword: str, values: tuple[Any, Any]
) -> None:
    """Seven slices, and five of another phase or kernel where five of them lie; of equally many neither is taken."""
    write_stack(tmp_path, "a", range(7), **{keyword: values[0]})
    write_stack(tmp_path, "b", range(1, 6), mark=105, **{keyword: values[1]})
    series, left_out = parts(tmp_path)
    assert taken(series) == {"a": 7}
    assert left_out == {("other_stack", keyword.replace("Identifier", "Index"), "b"): 5}
    write_stack(tmp_path, "b", range(7), mark=105, **{keyword: values[1]})
    assert refusal(tmp_path) == "duplicate_position"


def test_acquisition_numbers_that_count_slices_part_nothing(tmp_path: Path) -> None:
    """Step and shoot: a number a slice, and no position twice."""
    write_stack(tmp_path, "a", range(8), AcquisitionNumber=lambda place: place + 1)
    series, left_out = parts(tmp_path)
    assert taken(series) == {"a": 8}
    assert not left_out


def test_where_acquisitions_count_slices_the_kernel_tells(tmp_path: Path) -> None:
    """AcquisitionNumber would leave none repeated, too: in stacks of one slice."""
    write_stack(tmp_path, "a", range(6), AcquisitionNumber=lambda place: place, ConvolutionKernel="B31f")
    write_stack(tmp_path, "b", range(4), 105, AcquisitionNumber=lambda place: place + 6, ConvolutionKernel="B70f")
    series, left_out = parts(tmp_path)
    assert taken(series) == {"a": 6}
    assert left_out == {("other_stack", "ConvolutionKernel", "b"): 4}


def test_positions_that_nothing_tells_apart_are_refused(tmp_path: Path) -> None:
    """Other pixels at the same positions, and no attribute that differs."""
    write_stack(tmp_path, "a", range(4))
    write_stack(tmp_path, "b", range(2), 105)
    assert refusal(tmp_path) == "duplicate_position"


def test_a_small_stack_is_not_taken_for_a_large_one_that_is_unclear(tmp_path: Path) -> None:
    """Ten positions of two slices each, and a thumbnail: the patient's scan is not the thumbnail."""
    write_stack(tmp_path, "a", range(10))
    write_stack(tmp_path, "b", range(10), 105)
    write_slice(tmp_path / "c", body()[::2, ::2], 40, SOPInstanceUID="1.9", RescaleIntercept=0)
    assert refusal(tmp_path) == "duplicate_position"


@pytest.mark.parametrize("header", [{}, {"AcquisitionNumber": 2}, {"ImageType": ["DERIVED", "SECONDARY", "AXIAL"]}])
def test_a_slice_that_is_there_twice_is_taken_once(tmp_path: Path, header: dict[str, Any]) -> None:
    """Same place, same pixels, another SOPInstanceUID: exported twice, whatever else differs."""
    write_stack(tmp_path, "a", range(6))
    write_stack(tmp_path, "b", range(6), **header)
    series, left_out = parts(tmp_path)
    assert taken(series) == {"a": 6}
    assert left_out == {("duplicate_file", "", "b"): 6}


def test_a_copy_that_is_compressed_otherwise_is_a_copy(tmp_path: Path) -> None:
    """Pixels are compared as Hounsfield units, not as bytes of files."""
    write_stack(tmp_path, "a", range(3))
    dataset = ct_dataset(body(110), 1, SOPInstanceUID="1.9", RescaleIntercept=0)
    dataset.compress(RLELossless, generate_instance_uid=False)
    save(dataset, tmp_path / "b")
    save(ct_dataset(body(110) // 2 * 2, 1, SOPInstanceUID="1.8", RescaleIntercept=0), tmp_path / "c")
    series, left_out = parts(tmp_path)
    assert taken(series) == {"a": 3}
    assert left_out == {("duplicate_file", "", "b"): 1, ("duplicate_file", "", "c"): 1}


def test_files_of_one_instance_uid_and_the_same_pixels_are_copies(tmp_path: Path) -> None:
    """Another header, written by an archive that the files went through."""
    write_stack(tmp_path, "a", range(3))
    write_slice(
        tmp_path / "b", body(110), 1, SOPInstanceUID=f"{SERIES_UID}.97.1", RescaleIntercept=0, PatientName="DOE^J"
    )
    series, left_out = parts(tmp_path)
    assert taken(series) == {"a": 3}
    assert left_out == {("duplicate_file", "", "b"): 1}


def test_equal_pixels_elsewhere_in_the_plane_are_no_copy(tmp_path: Path) -> None:
    """The second slice lies 50 mm to the side."""
    write_stack(tmp_path, "a", range(3))
    write_stack(tmp_path, "b", [1], ImagePositionPatient=[-50, -120, 2.5])
    assert refusal(tmp_path) == "duplicate_position"


def test_an_air_slice_that_both_phases_share_does_not_make_one_larger(tmp_path: Path) -> None:
    """Without it in one of them, the other one would be taken; they are equally large."""
    for name, phase in (("a", 1), ("b", 2)):
        write_stack(tmp_path, name, range(4), mark=100 + phase, TemporalPositionIndex=phase)
        write_slice(
            tmp_path / f"{name}99",
            np.full((32, 32), -1000, np.int16),
            4,
            SOPInstanceUID=f"1.9.{phase}",
            RescaleIntercept=0,
            TemporalPositionIndex=phase,
        )
    assert refusal(tmp_path) == "duplicate_position"


def test_a_copy_within_a_phase_is_left_out_and_the_phases_are_told_apart(tmp_path: Path) -> None:
    """Phase 1 has a slice twice, and is larger by another one."""
    write_stack(tmp_path, "a", range(5), TemporalPositionIndex=1)
    write_stack(tmp_path, "b", range(4), 105, TemporalPositionIndex=2)
    write_stack(tmp_path, "c", [2], TemporalPositionIndex=1)
    series, left_out = parts(tmp_path)
    assert taken(series) == {"a": 5}
    assert left_out == {("duplicate_file", "", "c"): 1, ("other_stack", "TemporalPositionIndex", "b"): 4}


@pytest.mark.parametrize("keyword", ["TemporalPositionIndex", "FrameAcquisitionNumber"])
def test_frames_of_one_file_are_told_apart_by_their_functional_groups(tmp_path: Path, keyword: str) -> None:
    """Frames 0 to 5 are the first phase; 6 to 9 the second, where 0 to 3 lie."""
    stored = np.random.default_rng(5).integers(100, 3000, (10, 6, 5)).astype(np.int16)
    dataset = enhanced(stored)
    for number, group in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        group.PlanePositionSequence[0].ImagePositionPatient = [0, 0, 2.5 * (number % 6)]
        content = ct_dataset(stored[0])
        for name in list(content.keys()):
            del content[name]
        setattr(content, keyword, 1 + number // 6)
        group.FrameContentSequence = [content]
    found = inspect(Source(save(dataset, tmp_path / "a")), LIMITS)
    headers = [header for header in found if not isinstance(header, Source)]
    series, left_out = build_series(headers, LIMITS, hash_pixels)
    assert [header.frame for header in series.headers] == [0, 1, 2, 3, 4, 5]
    assert [one.reason for one in left_out] == ["other_stack"]


def test_of_any_slices_a_stack_without_repeats_is_chosen_or_none(tmp_path: Path) -> None:
    """2000 random series, seed 4: no position twice, no slice lost from sight, no larger stack passed over."""
    first = read_header(write_slice(tmp_path / "a"))
    chance = random.Random(4)
    outcomes: Counter[str] = Counter()
    for _ in range(2000):
        values = chance.choice(((1,), (1, 1, 1, 2), (1, 2)))
        headers = [
            replace(
                first,
                source=Source(Path(str(number))),
                rows=chance.choice(((4,), (4, 4, 8))[len(values) > 2]),
                position=(-100.0, -120.0, 2.5 * chance.randrange(9)),
                kinds=tuple(str(chance.choice(values)) for _ in KINDS),
            )
            for number in range(chance.randrange(1, 9))
        ]
        pixels = {header.source: bytes([chance.randrange(1, 5)]) for header in headers}
        try:
            stack, rejections = choose_stack(headers, lambda some: [pixels[one.source] for one in some])  # noqa: B023
        except RejectedError as error:
            outcomes[error.reason] += 1
            continue
        outcomes["taken"] += 1
        assert len({header.position for header in stack}) == len(stack)
        assert {header.rows for header in stack} == {stack[0].rows}
        gone = {one.source for one in rejections}
        assert {header.source for header in stack} | gone == {header.source for header in headers}
        for rows in {header.rows for header in headers} - {stack[0].rows}:
            alike = [header for header in headers if header.rows == rows]
            assert len({header.position for header in alike}) < len(stack) or len(alike) > len(stack)
    assert min(outcomes[one] for one in ("taken", "duplicate_position", "inconsistent_series")) > 20
