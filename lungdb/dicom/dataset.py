"""Opening a DICOM file: its meta information, and a deflated one inflated no further than a limit."""

from __future__ import annotations

import io
import os
import zlib
from typing import BinaryIO, cast

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_file_meta_info
from pydicom.tag import BaseTag
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from lungdb.dicom.limits import Limits
from lungdb.dicom.rejection import RejectedError

PREAMBLE = 132
"""Bytes before the meta information; the last four are ``DICM`` (DICOM PS3.10, 7.1)."""

PIXEL_TAGS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
"""Float Pixel Data, Double Float Pixel Data, Pixel Data."""

_PIXEL_TAGS = frozenset(PIXEL_TAGS)  # looked into once an element, where comparing pydicom's tags is slow

_ELEMENT_HEAD = 12  # bytes of an element before its value, at most
_SEARCHED_AT_ONCE = 8192  # bytes that pydicom reads to look for the end of an element of undefined length


class _WholeFile:
    """A file as pydicom reads it, whose elements end before it does.

    A length of 4 GB in a file of 4 kB would otherwise cost 4 GB of memory, or be passed over in silence.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        here = file.tell()
        self._end = file.seek(0, os.SEEK_END)
        self.tell = file.tell
        file.seek(here)

    def read(self, size: int) -> bytes:
        if size > _ELEMENT_HEAD and size != _SEARCHED_AT_ONCE and size > self._end - self._file.tell():
            raise RejectedError("truncated", "an element is longer than the file")
        return self._file.read(size)

    def seek(self, place: int) -> int:
        if place > self._end:
            raise RejectedError("truncated", "an element is longer than the file")
        return self._file.seek(place)


def read_meta(file: BinaryIO) -> FileMetaDataset:
    """Read group 0002 of a file that stands behind its preamble; the dataset follows.

    Raises
    ------
    RejectedError
        An element is longer than the file.
    """
    whole = cast("BinaryIO", _WholeFile(file))
    return FileMetaDataset(read_dataset(whole, False, True, stop_when=lambda tag, _vr, _length: tag >> 16 != 2))


def read_elements(file: BinaryIO, syntax: str, tags: list[BaseTag]) -> Dataset:
    """Read some elements of a dataset, up to its pixel data; the file then stands at these, or at its end.

    Whether value representations are written is seen in the file, whatever its transfer syntax says.

    Raises
    ------
    RejectedError
        An element is longer than the file.
    """
    return read_dataset(
        cast("BinaryIO", _WholeFile(file)),
        is_implicit_VR=syntax == ImplicitVRLittleEndian,
        is_little_endian=syntax != ExplicitVRBigEndian,
        stop_when=lambda tag, _vr, _length: tag in _PIXEL_TAGS,
        specific_tags=[*tags],
    )


def inflate(file: BinaryIO, meta: FileMetaDataset, limits: Limits) -> BinaryIO:
    """Inflate a file of Deflated Explicit VR Little Endian (DICOM PS3.5 A.5).

    Parameters
    ----------
    file : binary file
        At the start of its dataset.

    Returns
    -------
    binary file
        The file in Explicit VR Little Endian, at the start of its dataset.

    Raises
    ------
    RejectedError
        The deflated data are damaged or cut, or larger than the limit.
    """
    reader = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = reader.decompress(file.read(), limits.file_bytes + 1)
    except zlib.error as error:
        raise RejectedError("broken_header", "the deflated data are damaged") from error
    if len(data) > limits.file_bytes:
        raise RejectedError("size_limit", f"it inflates to more than {limits.file_megabytes} MB")
    if not reader.eof:
        raise RejectedError("truncated")
    plain_meta = FileMetaDataset(meta)
    plain_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    head = DicomBytesIO()
    head.write(b"\0" * (PREAMBLE - 4) + b"DICM")
    write_file_meta_info(head, plain_meta, enforce_standard=False)
    plain = io.BytesIO(head.getvalue() + data)
    plain.seek(head.tell())
    return plain


def is_deflated(syntax: str) -> bool:
    """Tell whether a file of this transfer syntax must go through `inflate`."""
    return syntax == DeflatedExplicitVRLittleEndian
