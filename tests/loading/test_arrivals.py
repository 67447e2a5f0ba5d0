"""What is complete in a folder and what is not, by a clock that the tests set; headers are read in real processes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lungdb.dicom.limits import Limits
from lungdb.dicom.processes import start_workers
from lungdb.dicom.rejection import RejectedError
from lungdb.errors import LungdbError
from lungdb.isolation import Workers
from lungdb.loading.arrivals import Arrivals, Notes
from tests.dicom.make_ct import write_series, write_slice

MOST = 1000


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers[RejectedError]]:
    """One process that reads headers."""
    with start_workers(1, Limits()) as started:
        yield started


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give the folder in which files arrive."""
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def _arrivals(folder: Path, workers: Workers[RejectedError], *, of: str = "x", afresh: bool = False) -> Arrivals:
    return Arrivals(folder, 30, Notes(folder.parent / "notes", of, afresh=afresh), workers, Limits())


def _names(arrivals: Arrivals, now: float, most: int = MOST) -> list[list[str]]:
    found = arrivals.look(now, most)
    return [[path.relative_to(arrivals.folder).as_posix() for path in batch.files] for batch in found]


def test_a_study_is_complete_when_none_of_its_files_has_changed_for_the_time(
    folder: Path, workers: Workers[RejectedError]
) -> None:
    """One that comes later, in another folder and of another series, holds the whole study up, and nobody else."""
    write_series(folder / "a", slices=2)
    write_series(folder / "other", slices=2, StudyInstanceUID="1.2.3", SeriesInstanceUID="1.2.3.1")
    arrivals = _arrivals(folder, workers)
    assert _names(arrivals, 0) == []
    assert _names(arrivals, 20) == []
    write_slice(folder / "b" / "late.dcm", number=5, SeriesInstanceUID="1.9")
    assert _names(arrivals, 25) == []
    assert _names(arrivals, 31) == [["other/0.dcm", "other/1.dcm"]]
    assert _names(arrivals, 56) == [["a/0.dcm", "a/1.dcm", "b/late.dcm", "other/0.dcm", "other/1.dcm"]]


@pytest.mark.parametrize("begun", [100, 400, 900])
def test_a_study_waits_for_a_file_that_grows(folder: Path, workers: Workers[RejectedError], begun: int) -> None:
    """Whether its header is there already or not; studies in other folders do not wait."""
    whole = write_slice(folder.parent / "whole.dcm", np.zeros((64, 64), np.int16), number=9).read_bytes()
    write_series(folder / "a", slices=2)
    write_series(folder / "b", slices=2, StudyInstanceUID="1.2.3", SeriesInstanceUID="1.2.3.1")
    arrivals = _arrivals(folder, workers)
    for look in range(4):
        (folder / "a" / "slow.dcm").write_bytes(whole[: begun + look])
        assert _names(arrivals, 40 * look) == ([["b/0.dcm", "b/1.dcm"]] if look else [])
    (folder / "a" / "slow.dcm").write_bytes(whole)
    assert _names(arrivals, 240) == [["b/0.dcm", "b/1.dcm"]]
    assert _names(arrivals, 270) == [["a/0.dcm", "a/1.dcm", "a/slow.dcm", "b/0.dcm", "b/1.dcm"]]


def test_files_under_names_for_the_time_being_are_passed_by(folder: Path, workers: Workers[RejectedError]) -> None:
    """Until they are renamed, which begins the time; folders that begin with a dot, too."""
    slice_file = write_slice(folder / "1.dcm.part")
    write_slice(folder / ".incoming" / "1.dcm", number=1)
    write_slice(folder / "2.DCM.TMP", number=2)
    arrivals = _arrivals(folder, workers)
    assert _names(arrivals, 0) == _names(arrivals, 100) == []
    assert arrivals.waiting == 0
    slice_file.rename(folder / "1.dcm")
    assert _names(arrivals, 101) == []
    assert _names(arrivals, 131) == [["1.dcm"]]


def test_what_was_loaded_comes_again_only_when_something_of_its_study_changes(
    folder: Path, workers: Workers[RejectedError]
) -> None:
    """Then with all files of the study, in this process and in one that is started later."""
    write_series(folder, slices=3)
    (folder / "readme.txt").write_text("not DICOM, and longer than its preamble. " * 9)
    arrivals = _arrivals(folder, workers)
    arrivals.look(0, MOST)
    (batch,) = arrivals.look(31, MOST)
    assert batch.studies == 2
    arrivals.loaded(batch)
    assert arrivals.look(100, MOST) == []
    later = _arrivals(folder, workers)
    assert _names(later, 0) == _names(later, 100) == []
    write_slice(folder / "more.dcm", number=3)
    assert _names(later, 110) == []
    assert _names(later, 140) == [["0.dcm", "1.dcm", "2.dcm", "more.dcm"]]
    os.utime(folder / "readme.txt", (1, 1))
    assert _names(later, 150) == [["0.dcm", "1.dcm", "2.dcm", "more.dcm"]]
    assert _names(later, 180) == [["0.dcm", "1.dcm", "2.dcm", "more.dcm", "readme.txt"]]


def test_what_failed_is_tried_again_after_pauses_that_double(folder: Path, workers: Workers[RejectedError]) -> None:
    """Up to the longest."""
    write_series(folder, slices=1)
    arrivals = _arrivals(folder, workers)
    arrivals.look(0, MOST)
    now = 31.0
    for pause in (5, 10, 15, 15):
        (batch,) = arrivals.look(now, MOST)
        assert arrivals.failed(batch, now, 5, 15) == pause
        assert arrivals.look(now + pause - 1, MOST) == []
        now += pause
    (batch,) = arrivals.look(now, MOST)
    arrivals.loaded(batch)
    assert arrivals.look(now + 100, MOST) == []


def test_batches_divide_no_study(folder: Path, workers: Workers[RejectedError]) -> None:
    """Studies of 2, 2 and 5 files in batches of about 4."""
    for name, slices in (("a", 2), ("b", 2), ("c", 5)):
        uid = f"1.{ord(name)}"
        write_series(folder / name, slices=slices, StudyInstanceUID=uid, SeriesInstanceUID=f"{uid}.1")
    arrivals = _arrivals(folder, workers)
    arrivals.look(0, MOST)
    assert [len(batch.files) for batch in arrivals.look(31, 4)] == [4, 5]


def test_a_slice_that_cannot_be_used_stays_with_its_series(folder: Path, workers: Workers[RejectedError]) -> None:
    """Its header tells the series, and the others the study, so that a load sees that the series lacks one."""
    write_slice(folder / "0.dcm", number=0, PixelSpacing=None)
    write_slice(folder / "1.dcm", number=1)
    arrivals = _arrivals(folder, workers)
    arrivals.look(0, MOST)
    (batch,) = arrivals.look(31, MOST)
    assert (len(batch.files), batch.studies) == (2, 1)


def test_notes_hold_no_name_and_are_nobody_elses_to_read(folder: Path, workers: Workers[RejectedError]) -> None:
    """Digests alone, as pairs of 16 bytes behind a line that says whose they are."""
    write_series(folder / "DOE^JANE", slices=1)
    arrivals = _arrivals(folder, workers)
    arrivals.look(0, MOST)
    (batch,) = arrivals.look(31, MOST)
    arrivals.loaded(batch)
    notes = folder.parent / "notes"
    head, line, end = notes.read_text(encoding="ascii").split("\n")
    assert (len(line), end) == (64, "")
    assert json.loads(head).keys() == {"lungdb", "format", "salt", "of"}
    assert notes.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("how", ["another database", "afresh", "half a line"])
def test_notes_that_do_not_hold_are_left_out_of_account(
    folder: Path, workers: Workers[RejectedError], how: str
) -> None:
    """Those of another folder or database, those that the user gives up, and what a killed process wrote half."""
    write_series(folder, slices=1)
    arrivals = _arrivals(folder, workers)
    arrivals.look(0, MOST)
    (batch,) = arrivals.look(31, MOST)
    arrivals.loaded(batch)
    if how == "half a line":
        notes = folder.parent / "notes"
        notes.write_bytes(notes.read_bytes()[:-10])
    again = _arrivals(folder, workers, of="y" if how == "another database" else "x", afresh=how == "afresh")
    again.look(0, MOST)
    assert _names(again, 31) == [["0.dcm"]]


def test_a_file_that_is_no_notes_is_refused_and_stays(folder: Path) -> None:
    """It may be a user's."""
    for content in (b"", b"[]\n", b'{"lungdb": "watch"}\n', b"\xff\xfe"):
        (folder.parent / "notes").write_bytes(content)
        with pytest.raises(LungdbError, match="none that lungdb watch has written"):
            Notes(folder.parent / "notes", "x")
        assert (folder.parent / "notes").read_bytes() == content


def test_a_folder_that_is_away_is_said(folder: Path, workers: Workers[RejectedError]) -> None:
    """And an empty one, which may be a share that is not mounted, costs no notes."""
    write_series(folder, slices=1)
    arrivals = _arrivals(folder, workers)
    arrivals.look(0, MOST)
    (batch,) = arrivals.look(31, MOST)
    arrivals.loaded(batch)
    away = folder.rename(folder.parent / "away")
    with pytest.raises(LungdbError, match="does not exist"):
        arrivals.look(40, MOST)
    folder.mkdir()
    later = _arrivals(folder, workers)
    assert later.look(0, MOST) == []
    folder.rmdir()
    away.rename(folder)
    assert _names(later, 10) == _names(later, 100) == []
