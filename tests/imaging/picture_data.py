"""PNG and JPEG files written byte by byte, as the specifications have them."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np

GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6


def chunk(name: bytes, data: bytes) -> bytes:
    """One part of a PNG file with its check value."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(
    rows: list[bytes],
    cols: int,
    colour: int,
    *,
    depth: int = 8,
    extra: bytes = b"",
    size: tuple[int, int] | None = None,
) -> bytes:
    """A PNG file of unfiltered rows; size claims other rows and columns than there are."""
    height, width = size or (len(rows), cols)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
    return b"\x89PNG\r\n\x1a\n" + header + extra + pixels + chunk(b"IEND", b"")


def jpeg(picture: np.ndarray, quality: int = 95) -> bytes:
    """A JPEG file of uint8[rows, cols] or blue, green, red."""
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes())


def with_orientation(file: bytes, orientation: int) -> bytes:
    """Put an Exif segment with one tag, Orientation, behind a JPEG's first marker."""
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    exif = b"Exif\0\0" + tiff
    return file[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + file[2:]


def claiming(file: bytes, rows: int, cols: int) -> bytes:
    """A baseline JPEG whose frame header claims another size."""
    at = file.index(b"\xff\xc0") + 5
    return file[:at] + struct.pack(">HH", rows, cols) + file[at + 4 :]
