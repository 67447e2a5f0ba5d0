"""What the worker processes do: look into a file, and make a slice what the database stores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import tee

from lungdb.dicom.dataset import PREAMBLE
from lungdb.dicom.header import OpenFile, SliceHeader, open_file
from lungdb.dicom.hounsfield import check_air
from lungdb.dicom.limits import MEGABYTE, Limits
from lungdb.dicom.patients import NOT_NAMED, Naming
from lungdb.dicom.pixels import HounsfieldSlice, hounsfield_of, read_hounsfield
from lungdb.dicom.rejection import RejectedError
from lungdb.dicom.series import Series, chunks_of
from lungdb.dicom.source import ARCHIVE_STARTS, Rejection, Source, list_members
from lungdb.imaging.codecs import SHUFFLED, encode_slice
from lungdb.isolation import Workers

ENCODING = SHUFFLED
"""Of the slices, as of `scan_images`."""


@dataclass(frozen=True)
class EncodedSlice:
    """One slice as `scan_images` holds it, in `ENCODING`.

    Attributes
    ----------
    pixels, sha256 : bytes
        As `lungdb.imaging.codecs.encode_slice` gives them.
    clipped : int
    air : float or None
        As of `lungdb.dicom.pixels.HounsfieldSlice`.
    """

    pixels: bytes
    sha256: bytes
    clipped: int
    air: float | None


@dataclass(frozen=True)
class Found:
    """What is in a file.

    Attributes
    ----------
    headers : list of SliceHeader or list of Source
        Its slices' headers, or a zip archive's members.
    ahead : EncodedSlice or RejectedError, optional
        Its only slice, encoded while the file was open.
    """

    headers: list[SliceHeader] | list[Source]
    ahead: EncodedSlice | RejectedError | None = None


class Ahead:
    """Slices that are encoded while their headers are read, so that their files are opened once.

    That goes on as long as it is no waste: of a study with several series one is taken, and which is not known before
    all headers are; and what is encoded is held in memory until it is stored.

    Parameters
    ----------
    megabytes : int
        How much is held; 0 encodes nothing ahead.
    all_series : bool
        All series of a study are taken.
    """

    def __init__(self, megabytes: int, *, all_series: bool = False) -> None:
        self._room = megabytes * MEGABYTE
        self._all_series = all_series
        self._series: dict[tuple[str, str], str] = {}
        self._slices: dict[Source, EncodedSlice | RejectedError] = {}

    @property
    def wants(self) -> bool:
        """Whether the next file's slice is to be encoded, too."""
        return self._room > 0

    def note(self, header: SliceHeader, found: Found) -> None:
        """Take what was found in a file of slices, of which this is one."""
        study = header.patient_id, header.study_uid
        if not self._all_series and self._series.setdefault(study, header.series_uid) != header.series_uid:
            self._room = 0
        if found.ahead is not None:
            self._slices[header.source] = found.ahead
            self._room -= 0 if isinstance(found.ahead, RejectedError) else len(found.ahead.pixels)

    def slice_of(self, header: SliceHeader) -> EncodedSlice | RejectedError | None:
        """Return the slice of a header if it is there."""
        return self._slices.get(header.source)

    def take(self, header: SliceHeader) -> EncodedSlice | RejectedError | None:
        """Return the slice of a header if it is there, and hold it no longer."""
        return self._slices.pop(header.source, None)


def inspect(source: Source, limits: Limits, naming: Naming = NOT_NAMED) -> list[SliceHeader] | list[Source]:
    """Look into a file: its slices' headers, or a zip archive's members; `naming` stands for an empty PatientID.

    Raises
    ------
    RejectedError
        It is neither, or not usable.
    """
    return look_into((source, False), limits, naming).headers


def belongs_to(source: Source, limits: Limits) -> tuple[str, str]:
    """Return the UIDs of the series and the study that a file's slices are of; empty ones of an archive.

    Raises
    ------
    RejectedError
        As `inspect` does.
    """
    found = inspect(source, limits)
    first = found[0] if found else None
    return (first.series_uid, first.study_uid) if isinstance(first, SliceHeader) else ("", "")


def look_into(item: tuple[Source, bool], limits: Limits, naming: Naming = NOT_NAMED) -> Found:
    """Look into a file as `inspect` does, and encode its slice, too, if there is one and that is asked for.

    Raises
    ------
    RejectedError
        It is neither a slice nor an archive, or not usable.
    """
    source, is_encoded = item
    with source.open(limits) as file:
        start = file.read(PREAMBLE)
        if start[-4:] == b"DICM" and len(start) == PREAMBLE:
            headers, opened = open_file(source, file, limits, naming)
            return Found(headers, _encode_ahead(headers[0], opened) if is_encoded and len(headers) == 1 else None)
    if start[:4] not in ARCHIVE_STARTS:
        raise RejectedError("not_dicom")
    if source.member:
        raise RejectedError("nested_archive")
    return Found(list_members(source.path, limits))


def _encode_ahead(header: SliceHeader, opened: OpenFile) -> EncodedSlice | RejectedError:
    try:
        return _encoded(hounsfield_of(header, opened))
    except RejectedError as error:
        return error


def _encoded(one: HounsfieldSlice) -> EncodedSlice:
    return EncodedSlice(*encode_slice(one.hu, ENCODING), one.clipped, one.air)


def encode(headers: tuple[SliceHeader, ...], limits: Limits) -> list[EncodedSlice | RejectedError]:
    """Decode, hash and compress slices of one file; where one fails, the others are tried alone.

    Returns
    -------
    list of EncodedSlice or RejectedError
        In the order of the headers.
    """
    try:
        return [_encoded(one) for one in read_hounsfield(headers, limits)]
    except RejectedError as error:
        if len(headers) == 1:
            return [error]
        return [part for header in headers for part in encode((header,), limits)]


def encode_all(
    chunks: Iterable[tuple[SliceHeader, ...]],
    workers: Workers[RejectedError],
    limits: Limits,
    encoded: Callable[[SliceHeader], EncodedSlice | RejectedError | None],
) -> Iterator[EncodedSlice | RejectedError]:
    """Encode chunks in the workers and give each slice its result; what kills a worker is that of its whole chunk.

    What is encoded already comes from `encoded`, one of the methods of `Ahead`.
    """
    marked, again = tee((chunk, encoded(chunk[0])) for chunk in chunks)
    made = workers.map(partial(encode, limits=limits), (chunk for chunk, there in again if there is None))
    for chunk, there in marked:
        if there is not None:
            yield there
            continue
        _, found = next(made)
        yield from [found] * len(chunk) if isinstance(found, RejectedError) else found


def take_slices(
    series: Series,
    results: Iterator[EncodedSlice | RejectedError],
    *,
    allow_gaps: bool,
    on_rejection: Callable[[Rejection], object],
    on_slice: Callable[[], object] = lambda: None,
) -> tuple[Series, list[EncodedSlice]]:
    """Take as many results of `encode_all` as a series has slices, all of them even when the first one fails.

    Parameters
    ----------
    allow_gaps : bool
        Do without the slices that cannot be decoded.
    on_rejection : callable
        Called with each file that cannot be decoded.
    on_slice : callable, optional
        Called after each slice.

    Returns
    -------
    Series
        Without the slices that failed.
    list of EncodedSlice
        In the order of its headers.

    Raises
    ------
    RejectedError
        Slices could not be decoded, and gaps are not allowed, or all failed; or the pixels are no Hounsfield units.
    """
    kept: list[int] = []
    parts: list[EncodedSlice] = []
    failed: dict[Source, RejectedError] = {}
    for index, header in enumerate(series.headers):
        result = next(results)
        on_slice()
        if isinstance(result, RejectedError):
            failed[header.source] = result
            if not allow_gaps:
                parts.clear()
        elif not failed or allow_gaps:
            kept.append(index)
            parts.append(result)
    if failed and not parts and series.is_one_file:
        raise failed[series.first.source]
    for source, error in failed.items():
        on_rejection(source.rejection(error))
    if failed and not parts:
        raise RejectedError("bad_slices", f"{len(failed)} of {len(series.headers)}")
    if any(header.unit_is_unspecified for header in series.headers):
        check_air(part.air for part in parts)
    return series.keep(kept) if failed else series, parts


def hash_slices(
    headers: Sequence[SliceHeader], workers: Workers[RejectedError], limits: Limits, ahead: Ahead
) -> list[bytes | None]:
    """Return the hash of each slice's Hounsfield units, as a `lungdb.dicom.stacks.HashPixels` does."""
    # They stay, as they are to be stored.
    parts = encode_all(chunks_of(headers), workers, limits, ahead.slice_of)
    return [None if isinstance(part, RejectedError) else part.sha256 for part in parts]
