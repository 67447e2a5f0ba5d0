"""What the worker processes do: look into a file, and make a slice what the database stores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from lungdb.dicom.dataset import PREAMBLE
from lungdb.dicom.header import SliceHeader, read_headers
from lungdb.dicom.limits import Limits
from lungdb.dicom.patients import NOT_NAMED, Naming
from lungdb.dicom.pixels import read_hounsfield
from lungdb.dicom.rejection import RejectedError
from lungdb.dicom.series import chunks_of
from lungdb.dicom.source import ARCHIVE_STARTS, Source, list_members
from lungdb.imaging.codecs import SHUFFLED, encode_slice
from lungdb.isolation import Bounds, Workers

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


def start_workers(count: int, limits: Limits) -> Workers[RejectedError]:
    """Return processes, at least one, for `inspect` and `encode` within the limits; a context manager."""
    return Workers(count, Bounds(limits.task_seconds, limits.worker_megabytes, RejectedError, __name__))


def inspect(source: Source, limits: Limits, naming: Naming = NOT_NAMED) -> list[SliceHeader] | list[Source]:
    """Look into a file: its slices' headers, or a zip archive's members; `naming` stands for an empty PatientID.

    Raises
    ------
    RejectedError
        It is neither, or not usable.
    """
    with source.open(limits) as file:
        start = file.read(PREAMBLE)
        if start[-4:] == b"DICM" and len(start) == PREAMBLE:
            return read_headers(source, file, limits, naming)
    if start[:4] not in ARCHIVE_STARTS:
        raise RejectedError("not_dicom")
    if source.member:
        raise RejectedError("nested_archive")
    return list_members(source.path, limits)


def encode(headers: tuple[SliceHeader, ...], limits: Limits) -> list[EncodedSlice | RejectedError]:
    """Decode, hash and compress slices of one file; where one fails, the others are tried alone.

    Returns
    -------
    list of EncodedSlice or RejectedError
        In the order of the headers.
    """
    try:
        slices = read_hounsfield(headers, limits)
        return [EncodedSlice(*encode_slice(one.hu, ENCODING), one.clipped, one.air) for one in slices]
    except RejectedError as error:
        if len(headers) == 1:
            return [error]
        return [part for header in headers for part in encode((header,), limits)]


def encode_all(
    chunks: Iterable[tuple[SliceHeader, ...]], workers: Workers[RejectedError], limits: Limits
) -> Iterator[EncodedSlice | RejectedError]:
    """Encode chunks in the workers and give each slice its result; what kills a worker is that of its whole chunk."""
    for chunk, found in workers.map(partial(encode, limits=limits), chunks):
        yield from [found] * len(chunk) if isinstance(found, RejectedError) else found


def hash_slices(headers: Sequence[SliceHeader], workers: Workers[RejectedError], limits: Limits) -> list[bytes | None]:
    """Return the hash of each slice's Hounsfield units, as a `lungdb.dicom.stacks.HashPixels` does."""
    parts = encode_all(chunks_of(headers), workers, limits)
    return [None if isinstance(part, RejectedError) else part.sha256 for part in parts]
