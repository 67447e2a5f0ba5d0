"""A folder of any files becomes CT series and rejections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from lungdb.dicom.header import SliceHeader
from lungdb.dicom.limits import Limits
from lungdb.dicom.patients import NOT_NAMED, Naming
from lungdb.dicom.rejection import RejectedError
from lungdb.dicom.series import Series, build_series
from lungdb.dicom.source import Rejection, Source
from lungdb.dicom.stacks import HashPixels
from lungdb.dicom.tasks import Ahead, hash_slices, look_into
from lungdb.isolation import Workers

_OTHER_IMAGES = ("not_axial", "not_hounsfield")  # no slices of the series that they lie in: it lacks nothing
_OF_PROCESSES = ("reader_crashed", "time_limit", "memory_limit")
_OWN = ("source", "frame", "instance_uid", "position")
_SHARED = [field.name for field in fields(SliceHeader) if field.name not in _OWN]


@dataclass(frozen=True)
class RefusedSeries(Rejection):
    """A series of whose slices some could be used, and that is not taken.

    Attributes
    ----------
    headers : tuple of SliceHeader
        Those slices.
    """

    headers: tuple[SliceHeader, ...] = ()


def read_folder(
    files: Iterable[Path],
    workers: Workers[RejectedError],
    limits: Limits,
    *,
    naming: Naming = NOT_NAMED,
    allow_gaps: bool = False,
    ahead: Ahead | None = None,
    on_file: Callable[[], object] = lambda: None,
) -> Iterator[Series | Rejection]:
    """Find the CT series among files by their content; names and suffixes do not matter.

    The headers of all files are read first, about 500 bytes a slice being kept; pixels are read later, or ahead.

    Parameters
    ----------
    files : iterable of Path
        DICOM files, zip archives of them, and others.
    workers : Workers
        They read the files.
    naming : Naming
        What stands for an empty PatientID.
    allow_gaps : bool
        Take series without their unusable or missing slices.
    ahead : Ahead, optional
        Takes slices that are encoded while their headers are read; none by default.
    on_file : callable, optional
        Called after each file whose header was read, for a progress bar.

    Yields
    ------
    Series or Rejection
        The rejected files, then the series in the order in which their first files were found.
    """
    groups: dict[str, list[SliceHeader]] = {}
    damaged: Counter[str] = Counter()
    shared: dict[tuple[str, object], Any] = {}
    sources: Iterable[Source] = (Source(path) for path in files)
    ahead = ahead or Ahead(0)
    look = partial(look_into, limits=limits, naming=naming)
    while True:
        members: list[Source] = []
        for (source, was_ahead), found in workers.map(look, _with_wish(sources, ahead)):
            if was_ahead and isinstance(found, RejectedError) and found.reason in _OF_PROCESSES:
                # The header may be whole, and the pixels what the process died of.
                ((_, found),) = workers.map(look, [(source, False)])
            if isinstance(found, RejectedError):
                damaged[found.series_uid] += counts_as_damaged(found)
                yield source.rejection(found)
            else:
                for part in found.headers:
                    if isinstance(part, Source):
                        members.append(part)
                    else:
                        header = _sharing(part, source, shared)
                        groups.setdefault(header.series_uid, []).append(header)
                        ahead.note(header, found)
            on_file()
        if not members:
            break
        sources = members
    hash_pixels = partial(hash_slices, workers=workers, limits=limits, ahead=ahead)
    for uid, headers in groups.items():
        yield from judge_series(uid, headers, damaged[uid], limits, hash_pixels, allow_gaps=allow_gaps)


def counts_as_damaged(error: RejectedError) -> bool:
    """Tell whether the series of a file that is not taken lacks a slice by that."""
    return error.reason not in _OTHER_IMAGES


def judge_series(
    uid: str,
    headers: Sequence[SliceHeader],
    damaged: int,
    limits: Limits,
    hash_pixels: HashPixels,
    *,
    allow_gaps: bool = False,
) -> Iterator[Series | Rejection]:
    """Make a series of all slices of a SeriesInstanceUID, or tell why it is none; parameters as of `build_series`.

    Parameters
    ----------
    damaged : int
        Files of the series that `counts_as_damaged` is true of.

    Yields
    ------
    Series or Rejection
        The files that are left out, then the series.
    """
    try:
        if damaged and not allow_gaps:
            raise RejectedError("bad_slices", f"{damaged} of {damaged + len(headers)}")
        series, left_out = build_series(headers, limits, hash_pixels, allow_gaps=allow_gaps)
    except RejectedError as error:
        yield RefusedSeries(error.reason, error.message, headers[0].source, uid, tuple(headers))
    else:
        yield from left_out
        yield series


def _with_wish(sources: Iterable[Source], ahead: Ahead) -> Iterator[tuple[Source, bool]]:
    for source in sources:
        yield source, ahead.wants


def _sharing(header: SliceHeader, source: Source, shared: dict[tuple[str, object], Any]) -> SliceHeader:
    """Let equal values of a series' headers be one object: there may be a million headers."""
    values = {}
    for name in _SHARED:
        value = getattr(header, name)
        values[name] = shared.setdefault((name, value), value)
    return replace(header, source=source, **values)
