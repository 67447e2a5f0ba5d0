"""Folders of any files: what is found, what is rejected, and that nothing crashes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lungdb.dicom.folder import read_folder
from lungdb.dicom.processes import start_workers
from lungdb.dicom.rejection import REASONS
from lungdb.dicom.series import Series
from lungdb.dicom.source import Rejection, find_files
from lungdb.errors import LungdbError
from tests.dicom.make_ct import write_series, write_slice
from tests.dicom.reading import LIMITS

Read = Callable[..., list[Series | Rejection]]


@pytest.fixture(scope="module")
def read() -> Iterator[Read]:
    """Give a function that reads a folder in a worker."""
    with start_workers(1, LIMITS) as workers:
        yield lambda folder, **options: list(read_folder(find_files(folder), workers, LIMITS, **options))


def test_files_are_found_by_content_in_all_subfolders(tmp_path: Path, read: Read) -> None:
    """The suffix says nothing: a slice may be called .txt, and a text .dcm."""
    write_slice(tmp_path / "deep" / "er" / "slice.txt", number=0)
    write_slice(tmp_path / "IM0001", number=1)
    (tmp_path / "notes.dcm").write_text("not an image")
    found = read(tmp_path)
    assert [(one.reason, one.source.path.name) for one in found if isinstance(one, Rejection)] == [
        ("not_dicom", "notes.dcm")
    ]
    (series,) = (one for one in found if isinstance(one, Series))
    assert {header.source.path.name for header in series.headers} == {"slice.txt", "IM0001"}


def test_series_that_lie_mixed_in_one_folder_are_told_apart(tmp_path: Path, read: Read) -> None:
    """By SeriesInstanceUID alone."""
    for number in range(3):
        write_slice(tmp_path / f"{number}a", number=number)
        write_slice(tmp_path / f"{number}b", number=number, SeriesInstanceUID="1.2.3", SOPInstanceUID=f"1.2.3.{number}")
    counts = Counter(one.first.series_uid for one in read(tmp_path) if isinstance(one, Series))
    assert sorted(counts) == ["1.2.3", "1.2.826.0.1.3680043.10.1"]


def test_a_localizer_in_the_folder_does_not_cost_the_series(tmp_path: Path, read: Read) -> None:
    """Many scanners put the scout view into the series that it belongs to."""
    write_series(tmp_path)
    write_slice(tmp_path / "scout", number=9, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    rejection, series = read(tmp_path)
    assert isinstance(rejection, Rejection)
    assert rejection.reason == "localizer"
    assert isinstance(series, Series)
    assert len(series.headers) == 4


def test_a_folder_that_is_missing_is_named(tmp_path: Path, read: Read) -> None:
    """The folder is what the user typed, so it may be shown."""
    with pytest.raises(LungdbError, match="nowhere"):
        read(tmp_path / "nowhere")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_pipes_and_linked_folders_are_passed_by(tmp_path: Path) -> None:
    """A pipe would be read for ever, a link to the parent walked for ever."""
    write_slice(tmp_path / "a")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert [path.name for path in find_files(tmp_path)] == ["a"]


def test_a_damaged_slice_costs_its_series_unless_gaps_are_allowed(tmp_path: Path, read: Read) -> None:
    """The last of four slices has no PixelSpacing; its SeriesInstanceUID tells which series lacks it."""
    write_series(tmp_path, 3)
    write_slice(tmp_path / "3.dcm", number=3, PixelSpacing=None)
    assert [one.reason for one in read(tmp_path) if isinstance(one, Rejection)] == ["missing_attribute", "bad_slices"]
    rejection, series = read(tmp_path, allow_gaps=True)
    assert isinstance(rejection, Rejection)
    assert isinstance(series, Series)
    assert len(series.headers) == 3


def test_every_reason_is_documented() -> None:
    """With the sentence that users are told."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "loading.md").read_text(encoding="utf-8")
    assert [code for code, sentence in REASONS.items() if f"| {code} | {sentence} |" not in text] == []
