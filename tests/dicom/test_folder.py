"""Folders of any files: what is found, what is rejected, and that nothing crashes."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import RLELossless

from lungdb.dicom.folder import find_files, read_folder
from lungdb.dicom.rejection import REASONS, RejectedError, Rejection
from lungdb.dicom.series import Series
from lungdb.errors import LungdbError
from tests.dicom.make_ct import ct_dataset, ramp, save, write_series, write_slice

PYDICOM_FILES = Path(pydicom.__file__).parent / "data" / "test_files"


def test_files_are_found_by_content_in_all_subfolders(tmp_path: Path) -> None:
    """The suffix says nothing: a slice may be called .txt, and a text .dcm."""
    write_slice(tmp_path / "deep" / "er" / "slice.txt", number=0)
    write_slice(tmp_path / "IM0001", number=1)
    (tmp_path / "notes.dcm").write_text("not an image")
    found = list(read_folder(tmp_path))
    assert [(one.reason, one.path.name) for one in found if isinstance(one, Rejection)] == [("not_dicom", "notes.dcm")]
    (series,) = (one for one in found if isinstance(one, Series))
    assert {header.path.name for header in series.headers} == {"slice.txt", "IM0001"}


def test_series_that_lie_mixed_in_one_folder_are_told_apart(tmp_path: Path) -> None:
    """By SeriesInstanceUID alone."""
    for number in range(3):
        write_slice(tmp_path / f"{number}a", number=number)
        write_slice(tmp_path / f"{number}b", number=number, SeriesInstanceUID="1.2.3", SOPInstanceUID=f"1.2.3.{number}")
    counts = Counter(one.first.series_uid for one in read_folder(tmp_path) if isinstance(one, Series))
    assert sorted(counts) == ["1.2.3", "1.2.826.0.1.3680043.10.1"]


def test_a_localizer_in_the_folder_does_not_cost_the_series(tmp_path: Path) -> None:
    """Many scanners put the scout view into the series that it belongs to."""
    write_series(tmp_path)
    write_slice(tmp_path / "scout", number=9, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    rejection, series = read_folder(tmp_path)
    assert isinstance(rejection, Rejection)
    assert rejection.reason == "localizer"
    assert isinstance(series, Series)
    assert len(series.headers) == 4


def test_ct_small_is_a_series_of_one_slice() -> None:
    """Pydicom's own 128 x 128 slice needs no special handling."""
    path = Path(str(get_testdata_file("CT_small.dcm")))
    series = [one for one in read_folder(path.parent) if isinstance(one, Series) and one.first.path == path]
    assert len(series) == 1
    assert [part.hu.shape for part in series[0].slices()] == [(128, 128)]


def test_every_one_of_pydicoms_test_files_is_loaded_or_rejected_with_a_reason() -> None:
    """Counted against what pydicom itself tells about the files."""
    found = list(read_folder(PYDICOM_FILES))
    rejections = [one for one in found if isinstance(one, Rejection)]
    series = [one for one in found if isinstance(one, Series)]
    loaded = [header.path for one in series for header in one.headers]
    assert len(rejections) + len(loaded) == len(list(find_files(PYDICOM_FILES)))
    assert {one.reason for one in rejections} <= set(REASONS)
    for path in loaded:
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        assert dataset.SOPClassUID.name == "CT Image Storage"
        assert "LOCALIZER" not in dataset.ImageType
    taken = {path.name for path in loaded}
    assert {"CT_small.dcm", "693_J2KI.dcm", "17106", "2062"} <= taken
    assert {one.path.name for one in rejections if one.reason == "localizer"} == {"6293", "6924"}


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    """The folder is what the user typed, so it may be shown."""
    with pytest.raises(LungdbError, match="nowhere"):
        list(read_folder(tmp_path / "nowhere"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_pipes_and_linked_folders_are_passed_by(tmp_path: Path) -> None:
    """A pipe would be read for ever, a link to the parent walked for ever."""
    write_slice(tmp_path / "a")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert [path.name for path in find_files(tmp_path)] == ["a"]


@pytest.mark.parametrize("compressed", [False, True])
def test_flipped_and_cut_bytes_are_loaded_or_rejected_and_never_raise(tmp_path: Path, compressed: bool) -> None:
    """300 damaged files of a fixed seed: each ends as a volume of the header's size or as a rejection."""
    dataset = ct_dataset(ramp(100))
    if compressed:
        dataset.compress(RLELossless, generate_instance_uid=False)
    good = save(dataset, tmp_path / "good").read_bytes()
    chance = random.Random(20170412)
    outcomes: Counter[str] = Counter()
    for _ in range(300):
        data = bytearray(good)
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(132, len(data))] = chance.randrange(256)
        if chance.random() < 0.3:
            del data[chance.randrange(132, len(data)) :]
        (tmp_path / "good").write_bytes(data)
        (found,) = read_folder(tmp_path)
        if isinstance(found, Rejection):
            outcomes[found.reason] += 1
            continue
        try:
            for part in found.slices():
                assert part.hu.shape == (found.first.rows, found.first.columns)
                outcomes["loaded"] += 1
        except RejectedError as error:
            outcomes[error.reason] += 1
    assert sum(outcomes.values()) == 300
    assert len(outcomes) > 4, "the damage must have reached more than one check"
