"""Slices encoded while their headers are read: files are opened once, and nothing comes out otherwise than without."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Event
from typing import Any, cast

import pytest

from lungdb.dicom import source
from lungdb.dicom.folder import read_folder
from lungdb.dicom.limits import Limits
from lungdb.dicom.rejection import RejectedError
from lungdb.dicom.series import Series
from lungdb.dicom.source import Listing, Source, find_files
from lungdb.dicom.tasks import Ahead, EncodedSlice, Found, encode_all, hash_slices
from lungdb.errors import LungdbError
from lungdb.isolation import Workers
from tests.dicom.make_ct import write_series, write_slice
from tests.dicom.reading import LIMITS


class _Here:
    """Does what the workers do in the test's own process; `dies_of` tells of which items a process would die."""

    def __init__(self, dies_of: Callable[[Any], bool] = lambda item: False) -> None:
        self._dies_of = dies_of

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        for item in items:
            try:
                yield item, RejectedError("reader_crashed") if self._dies_of(item) else function(item)
            except RejectedError as error:
                yield item, error


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count how often each file is opened."""
    count: Counter[str] = Counter()
    open_source = Source.open

    def counting(self: Source, limits: Limits) -> Any:
        count[self.path.name] += 1
        return open_source(self, limits)

    monkeypatch.setattr(Source, "open", counting)
    return count


def _load(folder: Path, ahead: Ahead, here: _Here | None = None) -> list[list[EncodedSlice | RejectedError]]:
    """Read a folder's series, feet to head, and encode what is left to encode."""
    workers = cast("Workers[RejectedError]", here or _Here())
    found = [one for one in read_folder(find_files(folder), workers, LIMITS, ahead=ahead) if isinstance(one, Series)]
    return [list(encode_all(series.chunks(), workers, LIMITS, ahead.take)) for series in found]


def _plain(parts: list[list[EncodedSlice | RejectedError]]) -> list[list[object]]:
    return [[str(part) if isinstance(part, RejectedError) else part for part in series] for series in parts]


def test_each_file_of_one_series_is_opened_once(tmp_path: Path, opened: Counter[str]) -> None:
    """Without looking ahead it is opened twice, and the slices are the same."""
    write_series(tmp_path, slices=4)
    ahead = _load(tmp_path, Ahead(1))
    assert set(opened.values()) == {1}
    assert len(ahead[0]) == len(opened) == 4
    opened.clear()
    assert _plain(_load(tmp_path, Ahead(0))) == _plain(ahead)
    assert set(opened.values()) == {2}


def test_nothing_is_decoded_ahead_once_a_study_has_two_series(tmp_path: Path, opened: Counter[str]) -> None:
    """One of them will not be taken; with all series it goes on."""
    for place, uid in enumerate(("1.2.1", "1.2.2")):
        for number in range(3):
            name = f"{place}{number}"
            write_slice(tmp_path / name, number=number, SeriesInstanceUID=uid, SOPInstanceUID=f"{uid}.{number}")
    _load(tmp_path, Ahead(1))
    assert [opened[name] for name in sorted(opened)] == [1, 1, 1, 1, 2, 2]
    opened.clear()
    _load(tmp_path, Ahead(1, all_series=True))
    assert set(opened.values()) == {1}


def test_no_more_is_held_than_was_allowed(tmp_path: Path) -> None:
    """What is held counts by its bytes, and the room ends with the slice that fills it."""
    write_series(tmp_path, slices=3)
    (parts,) = _load(tmp_path, Ahead(1))
    ahead = Ahead(1)
    (series,) = (one for one in read_folder(find_files(tmp_path), cast("Any", _Here()), LIMITS, ahead=ahead))
    assert isinstance(series, Series)
    assert [ahead.slice_of(header) for header in series.headers] == parts
    sizes = [len(part.pixels) for part in parts if isinstance(part, EncodedSlice)]
    ahead._room = sizes[0]
    assert ahead.wants
    ahead.note(series.first, Found([series.first], parts[0]))
    assert not ahead.wants


def test_what_is_stored_is_held_no_longer(tmp_path: Path) -> None:
    """Hashing leaves it there, as it is to be stored."""
    write_series(tmp_path, slices=3)
    ahead, here = Ahead(1), cast("Any", _Here())
    (series,) = (one for one in read_folder(find_files(tmp_path), here, LIMITS, ahead=ahead))
    assert isinstance(series, Series)
    hashes = hash_slices(series.headers, here, LIMITS, ahead)
    held = [ahead.slice_of(header) for header in series.headers]
    assert [part.sha256 for part in held if isinstance(part, EncodedSlice)] == hashes
    assert list(encode_all(series.chunks(), here, LIMITS, ahead.take)) == held
    assert [ahead.slice_of(header) for header in series.headers] == [None] * 3


def test_a_header_survives_pixels_of_which_a_process_dies(tmp_path: Path) -> None:
    """The series is there, and its slice is refused when it is decoded, as without looking ahead."""
    write_series(tmp_path, slices=3)
    second = sorted(tmp_path.iterdir())[1]

    def dies_of(item: Any) -> bool:
        source, is_decoded = item if len(item) == 2 else (item[0].source, True)
        return bool(is_decoded and source.path == second)

    (parts,) = _load(tmp_path, Ahead(1), _Here(dies_of))
    reasons = [part.reason if isinstance(part, RejectedError) else "" for part in parts]
    assert sorted(reasons) == ["", "", "reader_crashed"]
    assert _plain([parts]) == _plain(_load(tmp_path, Ahead(0), _Here(dies_of)))


def test_a_folder_is_listed_as_find_files_does_and_its_bytes_are_counted(tmp_path: Path) -> None:
    """In its order, with the number known at the end; a folder that is not there is refused where it is read."""
    for name, size in (("b/2", 5), ("a/1", 7), ("c", 11)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    seen: list[int] = []
    with Listing(tmp_path, seen.append) as listing:
        assert list(listing) == list(find_files(tmp_path))
        assert listing.number == 3
    assert sorted(seen) == seen
    assert seen[-1] == 23
    with pytest.raises(LungdbError, match="does not exist"), Listing(tmp_path / "none", seen.append) as listing:
        next(iter(listing))


def test_a_folder_that_does_not_answer_keeps_nobody_from_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a share that has gone away does not: whoever interrupts while the next file is looked for gets out."""
    answers = Event()

    def without_answer(folder: Path) -> Iterator[Path]:
        answers.wait(30)
        yield folder

    monkeypatch.setattr(source, "find_files", without_answer)
    try:
        with pytest.raises(KeyboardInterrupt), Listing(tmp_path, lambda size: None) as listing:
            raise KeyboardInterrupt
        assert listing.number is None
        assert not answers.is_set()
        assert listing._thread.is_alive()
        assert listing._thread.daemon
    finally:
        answers.set()
