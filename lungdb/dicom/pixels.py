"""A slice's stored values become Hounsfield units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels.utils import iter_pixels

from lungdb.dicom.dataset import PREAMBLE, inflate, is_deflated, read_meta
from lungdb.dicom.header import SliceHeader
from lungdb.dicom.limits import Limits
from lungdb.dicom.quiet import quiet_pydicom
from lungdb.dicom.rejection import RejectedError

ROUND_FIELD_PADDING = -2000
"""What scanners with a round field of view store outside it, declared as padding or not."""

_INT16 = np.iinfo(np.int16)
_EXACT = 1 << 14  # slopes and intercepts up to here keep 16-bit values within int32


def read_hounsfield(headers: Sequence[SliceHeader], limits: Limits) -> Iterator[tuple[NDArray[np.int16], int]]:
    """Decode slices of one file.

    Parameters
    ----------
    headers : sequence of SliceHeader
        Of one source, from `lungdb.dicom.header.read_headers`.

    Yields
    ------
    hu : int16[rows, columns]
        Hounsfield units; padding is the HU of stored value 0.
    clipped : int
        Pixels whose HU did not fit int16.

    Raises
    ------
    RejectedError
        The pixel data cannot be decoded, or the file has become unreadable.
    """
    first = headers[0]
    try:
        with quiet_pydicom(), _open(first, limits) as file:
            decoded = iter_pixels(file, indices=[header.frame for header in headers], raw=True)
            for header, stored in zip(headers, decoded, strict=True):
                if stored.shape != (header.rows, header.columns):
                    raise RejectedError("decoder_failed", "the decoded size is not Rows x Columns")
                yield to_hounsfield(stored, header.slope, header.intercept, header.padding)
    except (RejectedError, MemoryError):
        raise
    except OSError as error:
        raise RejectedError("unreadable") from error
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # decoders raise errors of many kinds; a panic of one in Rust is no Exception
        raise RejectedError("decoder_failed") from error


def _open(header: SliceHeader, limits: Limits) -> BinaryIO:
    file = header.source.open(limits)
    if is_deflated(header.syntax):
        with file:
            file.seek(PREAMBLE)
            file = inflate(file, read_meta(file), limits)
    file.seek(0)
    return file


def to_hounsfield(
    stored: NDArray[np.integer], slope: float, intercept: float, padding: tuple[int, int] | None
) -> tuple[NDArray[np.int16], int]:
    """Rescale stored values: HU = stored * slope + intercept, DICOM PS3.3 C.11.1.1.2, rounded to whole HU.

    Parameters
    ----------
    stored : integer[rows, columns]
        Stored values of 8 or 16 bits.
    padding : (int, int) or None
        First and last stored value of the declared padding, DICOM PS3.3 C.7.5.1.1.2.

    Returns
    -------
    hu : int16[rows, columns]
        Padding, the declared one and −2000, is the HU of stored value 0.
    clipped : int
        Pixels whose HU did not fit int16.
    """
    outside = stored == ROUND_FIELD_PADDING
    if padding is not None:
        outside |= (stored >= padding[0]) & (stored <= padding[1])
    if outside.any():
        stored = np.where(outside, 0, stored).astype(stored.dtype)
    if slope.is_integer() and intercept.is_integer() and max(abs(slope), abs(intercept)) <= _EXACT:
        hu = stored.astype(np.int32)
        hu *= int(slope)
        hu += int(intercept)
    else:
        hu = np.rint(stored * slope + intercept)
    if hu.min() >= _INT16.min and hu.max() <= _INT16.max:
        return hu.astype(np.int16), 0
    clipped = int(np.count_nonzero((hu < _INT16.min) | (hu > _INT16.max)))
    return np.clip(hu, _INT16.min, _INT16.max).astype(np.int16), clipped
