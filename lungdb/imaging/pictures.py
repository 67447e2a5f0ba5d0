"""Pictures that are no scans: PNG, JPEG, PGM and PPM files to what a network reads."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError
from lungdb.imaging.netpbm import decode_netpbm
from lungdb.imaging.picture_files import PictureHeader, read_picture_header

Picture = NDArray[np.uint8]

_BAND = 256  # rows


def prepare_picture(
    data: bytes, size: tuple[int, int], channel_order: str, mean: Sequence[float], std: Sequence[float]
) -> NDArray[np.float32]:
    """Make of a picture file what a network reads: decoded, fitted to its size, (x / 255 − mean) / std.

    Parameters
    ----------
    data : bytes
        A PNG, JPEG, PGM or PPM file.
    size : tuple of two int
        Rows and columns that the network reads.
    channel_order : str
        `rgb` or `bgr`.
    mean, std : three numbers each
        The network's normalisation in that order.

    Returns
    -------
    float32[3, rows, cols]

    Raises
    ------
    LungdbError
        As of `decode_picture`.
    """
    fitted = fit_picture(decode_picture(data, channel_order), size).astype(np.float32)
    normalised = (fitted / np.float32(255) - np.asarray(mean, np.float32)) / np.asarray(std, np.float32)
    return np.ascontiguousarray(normalised.transpose(2, 0, 1))


def decode_picture(data: bytes, channel_order: str = "rgb") -> Picture:
    """Decode a picture file.

    Grey becomes three equal channels, a palette its colours, 16 bits their upper 8; `netpbm` tells of PGM and PPM. What
    is transparent shows white behind it, as on a page. A JPEG's Exif orientation is applied, so that the picture stands
    as it was taken; a PNG's is not, as viewers do.

    Parameters
    ----------
    data : bytes
        A PNG, JPEG, PGM or PPM file; its size is checked before anything is unpacked.
    channel_order : str
        `rgb` or `bgr`.

    Returns
    -------
    uint8[rows, cols, 3]

    Raises
    ------
    LungdbError
        The file is none, is damaged or too large (see `read_picture_header`), or OpenCV cannot decode it.
    """
    header = read_picture_header(data)
    if header.kind in ("PGM", "PPM"):
        picture = decode_netpbm(data)
        return picture if channel_order == "rgb" else picture[:, :, ::-1].copy()
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), _flags(header))
    except cv2.error:
        decoded = None
    if decoded is None:
        raise LungdbError(
            f"The {header.kind} file cannot be decoded: its pixels are damaged or of a rare kind. Save it again as an "
            "8-bit PNG."
        )
    if decoded.ndim == 2:  # of what has alpha in the header OpenCV leaves grey as it is
        decoded = cv2.cvtColor(_eight_bits(decoded), cv2.COLOR_GRAY2BGR)
    elif decoded.shape[2] == 4:
        decoded = _on_white(decoded)
    return decoded if channel_order == "bgr" else cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)


def fit_picture(picture: Picture, size: tuple[int, int]) -> Picture:
    """Cut a picture's middle out in the shape of the network's input, as large as there is, and resize that.

    Nothing is squeezed: shapes are what the networks were trained on. MicrosoftML's resizeImage does the same by its
    default, "IsoCrop" (https://learn.microsoft.com/sql/machine-learning/r/reference/microsoftml/resizeimage); it
    interpolates linearly, while here areas are averaged when the picture shrinks, so that no pixel goes unseen.

    Parameters
    ----------
    picture : uint8[rows, cols, channels]
    size : tuple of two int
        Rows and columns wanted.

    Returns
    -------
    uint8[*size, channels]
    """
    rows, cols = picture.shape[:2]
    scale = min(rows / size[0], cols / size[1])
    cut_rows, cut_cols = (max(1, min(have, round(want * scale))) for have, want in zip((rows, cols), size, strict=True))
    top, left = (rows - cut_rows) // 2, (cols - cut_cols) // 2
    middle = picture[top : top + cut_rows, left : left + cut_cols]
    resized: Picture = cv2.resize(middle, size[::-1], interpolation=cv2.INTER_AREA if scale >= 1 else cv2.INTER_LINEAR)
    return resized


def _flags(header: PictureHeader) -> int:
    if header.kind == "JPEG":
        return int(cv2.IMREAD_COLOR)
    return int(cv2.IMREAD_UNCHANGED if header.has_alpha else cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)


def _on_white(picture: Picture | NDArray[np.uint16]) -> Picture:
    """Blend blue, green, red and alpha with white, band by band, because the sums take more memory than the picture."""
    blended = np.empty((*picture.shape[:2], 3), np.uint8)
    for start in range(0, len(picture), _BAND):
        band = _eight_bits(picture[start : start + _BAND])
        alpha = band[:, :, 3:].astype(np.uint16)
        blended[start : start + _BAND] = (band[:, :, :3] * alpha + 255 * (255 - alpha) + 127) // 255
    return blended


def _eight_bits(picture: Picture | NDArray[np.uint16]) -> Picture:
    return (picture >> 8).astype(np.uint8) if picture.dtype == np.uint16 else picture.astype(np.uint8, copy=False)
