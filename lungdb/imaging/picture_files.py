"""Picture files before they are decoded: whether they are whole, and how much a decoder would have to unpack.

A small file can claim a picture of gigabytes, so its size is read from the header first. Sources: the PNG
specification (https://www.w3.org/TR/png-3/) and ITU-T T.81, annex B, for JPEG; `netpbm` has that of PGM and PPM.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass

from lungdb.errors import LungdbError
from lungdb.imaging.netpbm import is_netpbm, read_netpbm_header

MOST_BYTES = 64_000_000
"""Bytes of a picture file at most."""

MOST_UNPACKED = 200_000_000
"""Bytes of a picture's pixels at most, unpacked; a pixel takes 3, with alpha 4, with 16 bits a channel twice that."""

# Pixels that the scans of a JPEG go over in all, each over the whole picture; a progressive one has some ten scans.
_MOST_SCANNED = 7 * MOST_UNPACKED

_PNG = b"\x89PNG\r\n\x1a\n"
_ALPHA_TYPES = (4, 6)  # colour types: grey with alpha, RGB with alpha

_JPEG = b"\xff\xd8\xff"
_MARKER = re.compile(rb"\xff+([\x02-\xcf\xd8-\xfe])")  # stuffed zeros and restart markers belong to the pixels
_END, _SCAN = 0xD9, 0xDA
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True)
class PictureHeader:
    """What a picture file says of itself.

    Attributes
    ----------
    kind : str
        `PNG`, `JPEG`, `PGM` or `PPM`.
    rows, cols : int
        As they lie in the file, before an Exif orientation turns them.
    has_alpha : bool
        Whether some pixels may be transparent.
    depth : int
        Bytes a channel: 1 or 2.
    """

    kind: str
    rows: int
    cols: int
    has_alpha: bool
    depth: int = 1


def begins_as_picture(start: bytes) -> bool:
    """Tell from its first eight bytes whether a file is a picture of a kind that is read."""
    return start.startswith((_PNG, _JPEG)) or is_netpbm(start)


def read_picture_header(data: bytes) -> PictureHeader:
    """Check that a file is a whole PNG, JPEG, PGM or PPM file of a size that may be decoded.

    Of a PNG file the check value of every part is compared; the others have none, so that damage within pixels passes.

    Parameters
    ----------
    data : bytes
        The file.

    Raises
    ------
    LungdbError
        It is none, is cut off or damaged, or has more than `MOST_BYTES` bytes, or `MOST_UNPACKED` unpacked.
    """
    if len(data) > MOST_BYTES:
        raise LungdbError(
            f"The picture has {len(data)} bytes, more than {MOST_BYTES}. Save it smaller, or cut it into several."
        )
    if data.startswith(_PNG):
        header = _png(data)
    elif data.startswith(_JPEG):
        header = _jpeg(data)
    elif is_netpbm(data[:8]):
        found = read_netpbm_header(data)
        header = PictureHeader(found.kind, found.rows, found.cols, has_alpha=False, depth=found.depth)
    else:
        raise LungdbError("The picture is no PNG, JPEG, PGM or PPM file. Convert it to one of them.")
    if header.rows < 1 or header.cols < 1:
        raise LungdbError(f"The picture has {header.rows} × {header.cols} pixels. Copy the file again.")
    unpacked = header.rows * header.cols * (3 + header.has_alpha) * header.depth
    if unpacked > MOST_UNPACKED:
        raise LungdbError(
            f"The picture has {header.rows} × {header.cols} pixels, {unpacked} bytes unpacked, more than "
            f"{MOST_UNPACKED}. Save it smaller, or cut it into several."
        )
    return header


def _png(data: bytes) -> PictureHeader:
    rows = cols = 0
    depth = 1
    has_alpha = False
    position = len(_PNG)
    name = b""
    while name != b"IEND":
        start = position + 8
        if start > len(data):
            raise _damaged("PNG")
        length, name = struct.unpack_from(">I4s", data, position)
        position = start + length + 4
        if position > len(data) or (start == len(_PNG) + 8) != (name == b"IHDR"):
            raise _damaged("PNG")
        (check,) = struct.unpack_from(">I", data, start + length)
        if zlib.crc32(memoryview(data)[start - 4 : start + length]) != check:
            raise _damaged("PNG")
        if name == b"IHDR":
            if length != 13:
                raise _damaged("PNG")
            cols, rows = struct.unpack_from(">II", data, start)
            depth = 2 if data[start + 8] == 16 else 1
            has_alpha = data[start + 9] in _ALPHA_TYPES
        elif name == b"tRNS":
            has_alpha = True
    return PictureHeader("PNG", rows, cols, has_alpha, depth)


def _jpeg(data: bytes) -> PictureHeader:
    rows = cols = scans = 0
    position = 2
    while True:
        found = _MARKER.search(data, position)
        if found is None:
            raise _damaged("JPEG")
        (marker,) = found[1]
        position = found.end()
        if marker == _END:
            break
        length = int.from_bytes(data[position : position + 2], "big")
        if length < 2 or position + length > len(data):
            raise _damaged("JPEG")
        if marker in _FRAMES:
            if rows or cols or length < 8:
                raise _damaged("JPEG")
            rows, cols = struct.unpack_from(">HH", data, position + 3)
        elif marker == _SCAN:
            scans += 1
        position += length
    if not scans:
        raise _damaged("JPEG")
    if scans > 1 and scans * rows * cols > _MOST_SCANNED:
        raise LungdbError(
            f"The JPEG file has {scans} scans of {rows} × {cols} pixels, which take too long to read. Save it again as "
            "baseline JPEG."
        )
    return PictureHeader("JPEG", rows, cols, has_alpha=False)


def _damaged(kind: str) -> LungdbError:
    return LungdbError(f"The {kind} file is cut off or damaged. Copy or export it again.")
