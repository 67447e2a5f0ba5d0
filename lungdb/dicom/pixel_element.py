"""The pixel data element is there once, whole, and as long as the header says; nothing is decoded."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID, ExplicitVRBigEndian

from lungdb.dicom.dataset import PIXEL_TAGS
from lungdb.dicom.rejection import RejectedError

_PIXEL_DATA = 0x7FE00010
_ITEM = 0xFFFEE000
_SEQUENCE_END = 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
_REPRESENTATIONS = (b"OB", b"OW", b"OL", b"OV", b"UN")


def check_syntax(syntax: str) -> None:
    """Refuse a transfer syntax that no installed decoder reads.

    Raises
    ------
    RejectedError
        With the reason unsupported_syntax; a private one is not named.
    """
    try:
        decoder = get_decoder(UID(syntax))
    except NotImplementedError as error:
        raise RejectedError("unsupported_syntax") from error
    if not decoder.is_available:
        raise RejectedError("unsupported_syntax", decoder.UID.name)


def check_pixel_element(file: BinaryIO, syntax: str, frame_bytes: int, frames: int) -> None:
    """Check the pixel data element at which a file stands.

    Parameters
    ----------
    file : binary file
        At the element's tag or at the file's end, as `lungdb.dicom.dataset.read_elements` leaves it.
    syntax : str
        Transfer syntax, not deflated.
    frame_bytes, frames : int
        What uncompressed pixel data must amount to.

    Raises
    ------
    RejectedError
        It is missing, cut, there twice, or does not fit the number of frames.
    """
    _, length = enter_pixel_element(file, syntax)
    end = _end_of(file)
    if UID(syntax).is_encapsulated:
        if length != _UNDEFINED:
            raise RejectedError("decoder_failed", "compressed pixel data of a defined length")
        _check_fragments(file, end, frames)
    else:
        if length == 0:
            raise RejectedError("no_pixel_data")
        if min(length, end - file.tell()) < frame_bytes * frames:
            raise RejectedError("truncated")
        if length == _UNDEFINED:
            raise RejectedError("decoder_failed", "uncompressed pixel data of an undefined length")
        if length > end - file.tell():
            raise RejectedError("truncated", "an element is longer than the file")
        if length >= frame_bytes * (frames + 1):
            raise RejectedError("wrong_frame_count", "more pixel data than frames")
        file.seek(length, os.SEEK_CUR)
    if _read_tag(file, _order(syntax)) in PIXEL_TAGS:
        raise RejectedError("several_pixel_data")


def enter_pixel_element(file: BinaryIO, syntax: str) -> tuple[str, int]:
    """Go from an element's tag, or a file's end, to the first byte of the pixel data.

    Whether the value representation is written is seen in the element. A length is not mistaken for one: it would be
    odd, or in big endian more than a gigabyte.

    Returns
    -------
    representation : str
        What is written, or OW, which it is where nothing is (DICOM PS3.5 A.1).
    length : int
        Of the value.

    Raises
    ------
    RejectedError
        There are no pixel data.
    """
    order = _order(syntax)
    tag = _read_tag(file, order)
    if tag is None:
        raise RejectedError("no_pixel_data")
    if tag not in PIXEL_TAGS:
        raise RejectedError("truncated", "an element does not end")
    if tag != _PIXEL_DATA:
        raise RejectedError("unsupported_pixels", "floating point")
    head = file.read(4)
    if head[:2] in _REPRESENTATIONS:  # and two reserved bytes
        return head[:2].decode(), _read_length(file, order)
    return "OW", _length(head, order)


def _order(syntax: str) -> str:
    return ">" if syntax == ExplicitVRBigEndian else "<"


def _check_fragments(file: BinaryIO, end: int, frames: int) -> None:
    """Walk the items: the offset table, then the fragments (DICOM PS3.5 A.4)."""
    fragments = -1
    while (tag := _read_tag(file, "<")) == _ITEM:
        length = _read_length(file, "<")
        if length > end - file.tell():
            raise RejectedError("truncated")
        file.seek(length, os.SEEK_CUR)
        fragments += 1
    if fragments < 1:
        raise RejectedError("no_pixel_data")
    if fragments < frames:
        raise RejectedError("wrong_frame_count", "fewer fragments than frames")
    if tag == _SEQUENCE_END:
        file.seek(4, os.SEEK_CUR)
    elif tag is not None:
        raise RejectedError("decoder_failed", "the fragments are not items")


def _read_tag(file: BinaryIO, order: str) -> int | None:
    data = file.read(4)
    if len(data) < 4:
        return None
    group, element = struct.unpack(f"{order}HH", data)
    return int(group << 16 | element)


def _read_length(file: BinaryIO, order: str) -> int:
    return _length(file.read(4), order)


def _length(data: bytes, order: str) -> int:
    if len(data) < 4:
        raise RejectedError("truncated")
    return int(struct.unpack(f"{order}L", data)[0])


def _end_of(file: BinaryIO) -> int:
    here = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(here)
    return end
