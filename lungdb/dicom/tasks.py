"""What the worker processes do: look into a file, and make a slice what the database stores."""

from __future__ import annotations

from dataclasses import dataclass

from lungdb.dicom.dataset import PREAMBLE
from lungdb.dicom.header import SliceHeader, read_headers
from lungdb.dicom.limits import Limits
from lungdb.dicom.pixels import read_hounsfield
from lungdb.dicom.rejection import RejectedError
from lungdb.dicom.source import ARCHIVE_STARTS, Source, list_members
from lungdb.imaging.codecs import encode_slice
from lungdb.isolation import Bounds, Workers


@dataclass(frozen=True)
class EncodedSlice:
    """One slice as `scan_images` holds it.

    Attributes
    ----------
    pixels, sha256 : bytes
        As `lungdb.imaging.codecs.encode_slice` gives them.
    clipped : int
        Pixels whose HU did not fit int16.
    """

    pixels: bytes
    sha256: bytes
    clipped: int


def start_workers(count: int, limits: Limits) -> Workers[RejectedError]:
    """Return processes, at least one, for `inspect` and `encode` within the limits; a context manager."""
    return Workers(count, Bounds(limits.task_seconds, limits.worker_megabytes, RejectedError, __name__))


def inspect(source: Source, limits: Limits) -> list[SliceHeader] | list[Source]:
    """Look into a file: its slices' headers, or a zip archive's members.

    Raises
    ------
    RejectedError
        It is neither, or not usable.
    """
    with source.open(limits) as file:
        start = file.read(PREAMBLE)
        if start[-4:] == b"DICM" and len(start) == PREAMBLE:
            return list(read_headers(source, file, limits))
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
        return [EncodedSlice(*encode_slice(hu), clipped) for hu, clipped in read_hounsfield(headers, limits)]
    except RejectedError as error:
        if len(headers) == 1:
            return [error]
        return [part for header in headers for part in encode((header,), limits)]
