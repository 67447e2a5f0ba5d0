"""PGM and PPM files, binary (P5, P6) and plain (P2, P3), as https://netpbm.sourceforge.net/doc/pgm.html has them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError

_BETWEEN = rb"(?:\s|#[^\r\n]*[\r\n])+"
_HEADER = re.compile(rb"P([2356])" + 3 * (_BETWEEN + rb"([0-9]{1,9})") + rb"\s")
_BEGIN = re.compile(rb"P[2356](?:\s+[0-9]|\s*#)")
_PLAIN = b"0123456789 \t\n\v\f\r"
_LONG_NUMBER = re.compile(rb"[0-9]{7}")


@dataclass(frozen=True)
class NetpbmHeader:
    """What a file says of itself.

    Attributes
    ----------
    is_plain : bool
        Whether values are written as decimal numbers.
    channels : int
        1 of a PGM file, 3 of a PPM file.
    rows, cols, highest : int
        `highest` is the value of white, 1 to 65535.
    start : int
        Where the values begin.
    """

    is_plain: bool
    channels: int
    rows: int
    cols: int
    highest: int
    start: int

    @property
    def kind(self) -> str:
        """`PGM` or `PPM`."""
        return "PGM" if self.channels == 1 else "PPM"

    @property
    def depth(self) -> int:
        """Bytes a channel."""
        return 1 if self.highest < 256 else 2


def is_netpbm(data: bytes) -> bool:
    """Tell from its first eight bytes whether a file may be a PGM or PPM file."""
    return _BEGIN.match(data) is not None


def read_netpbm_header(data: bytes) -> NetpbmHeader:
    """Read the header of a file and check that as many values follow as it says.

    Raises
    ------
    LungdbError
        The file is damaged, cut off, or holds several pictures.
    """
    found = _HEADER.match(data)
    if found is None:
        raise LungdbError("The PGM or PPM file has a damaged header. Copy or export it again.")
    form, cols, rows, highest = (int(part) for part in found.groups())
    header = NetpbmHeader(form < 4, 1 if form in (2, 5) else 3, rows, cols, highest, found.end())
    # Of plain values two bytes are the least, and the last one may end the file.
    size = rows * cols * header.channels * (2 if header.is_plain else header.depth) - header.is_plain
    if not 0 < highest < 65536 or len(data) - header.start < size:
        raise _damaged(header)
    if not header.is_plain and data[header.start + size :].strip():
        raise LungdbError(f"Something follows the picture in the {header.kind} file. Save one picture a file.")
    return header


def decode_netpbm(data: bytes) -> NDArray[np.uint8]:
    """Decode a file: uint8[rows, cols, 3], red, green, blue.

    Values are stretched so that the header's white becomes 255; of 16 bits the upper 8 are taken.

    Raises
    ------
    LungdbError
        As of `read_netpbm_header`, or a value is above white.
    """
    header = read_netpbm_header(data)
    count = header.rows * header.cols * header.channels
    values = _plain_values(data, header) if header.is_plain else _binary_values(data, header, count)
    if values.size != count or values.max(initial=0) > header.highest:
        raise _damaged(header)
    if header.highest == 255:
        grey = values.astype(np.uint8)
    elif header.depth == 1:
        grey = ((values.astype(np.uint16) * 255 + header.highest // 2) // header.highest).astype(np.uint8)
    else:
        grey = (values.astype(np.uint32) * 65535 // header.highest >> 8).astype(np.uint8)
    picture = grey.reshape(header.rows, header.cols, header.channels)
    return np.ascontiguousarray(np.broadcast_to(picture, (header.rows, header.cols, 3)))


def _binary_values(data: bytes, header: NetpbmHeader, count: int) -> NDArray[np.integer]:
    return np.frombuffer(data, ">u2" if header.depth == 2 else np.uint8, count, header.start)


def _plain_values(data: bytes, header: NetpbmHeader) -> NDArray[np.integer]:
    text = data[header.start :]
    if text.translate(None, _PLAIN) or _LONG_NUMBER.search(text):
        raise _damaged(header)
    return np.fromstring(text.decode("ascii"), np.int32, sep=" ")


def _damaged(header: NetpbmHeader) -> LungdbError:
    return LungdbError(f"The {header.kind} file is cut off or damaged. Copy or export it again.")
