"""Opening a DICOM file: its meta information, and a deflated one inflated no further than a limit."""

from __future__ import annotations

import io
import zlib
from typing import BinaryIO

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


def read_meta(file: BinaryIO) -> FileMetaDataset:
    """Read group 0002 of a file that stands behind its preamble; the dataset follows."""
    return FileMetaDataset(read_dataset(file, False, True, stop_when=lambda tag, _vr, _length: tag >> 16 != 2))


def read_elements(file: BinaryIO, syntax: str, tags: list[BaseTag]) -> Dataset:
    """Read some elements of a dataset, up to its pixel data; the file then stands at these, or at its end."""
    return read_dataset(
        file,
        is_implicit_VR=syntax == ImplicitVRLittleEndian,
        is_little_endian=syntax != ExplicitVRBigEndian,
        stop_when=lambda tag, _vr, _length: tag in PIXEL_TAGS,
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
