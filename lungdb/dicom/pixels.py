"""A slice's stored values become Hounsfield units."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.pixels.decoders.base import get_decoder

from lungdb.dicom.header import SliceHeader
from lungdb.dicom.quiet import quiet_pydicom
from lungdb.dicom.rejection import RejectedError

ROUND_FIELD_PADDING = -2000
"""What scanners with a round field of view store outside it, declared as padding or not."""


def read_hounsfield(header: SliceHeader) -> tuple[NDArray[np.int16], int]:
    """Decode the slice of a file.

    Parameters
    ----------
    header : SliceHeader
        From `lungdb.dicom.header.read_header`.

    Returns
    -------
    hu : int16[rows, columns]
        Hounsfield units; padding is the HU of stored value 0.
    clipped : int
        Pixels whose HU did not fit int16.

    Raises
    ------
    RejectedError
        The pixel data are missing, cut, compressed in an unknown way or broken.
    """
    try:
        with quiet_pydicom():
            dataset = dcmread(header.path)
            stored, padding = _decode(dataset), _padding(dataset)
    except RejectedError:
        raise
    except OSError as error:
        raise RejectedError("unreadable") from error
    except Exception as error:  # pydicom and its decoders raise errors of many kinds on broken files
        raise RejectedError("decoder_failed") from error
    if stored.shape != (header.rows, header.columns):
        raise RejectedError("decoder_failed", "the decoded size is not Rows x Columns")
    return to_hounsfield(stored, header.slope, header.intercept, padding)


def to_hounsfield(
    stored: NDArray[np.integer], slope: float, intercept: float, padding: tuple[int, int] | None
) -> tuple[NDArray[np.int16], int]:
    """Rescale stored values: HU = stored * slope + intercept, DICOM PS3.3 C.11.1.1.2, rounded to whole HU.

    Parameters
    ----------
    stored : integer[rows, columns]
        Stored values.
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
    hu = np.rint(np.where(outside, 0, stored) * slope + intercept)
    limits = np.iinfo(np.int16)
    clipped = int(np.count_nonzero((hu < limits.min) | (hu > limits.max)))
    return np.clip(hu, limits.min, limits.max).astype(np.int16), clipped


def _decode(dataset: Dataset) -> NDArray[np.integer]:
    if "PixelData" not in dataset or not dataset.PixelData:
        raise RejectedError("no_pixel_data")
    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError as error:
        raise RejectedError("unsupported_syntax") from error
    if not decoder.is_available:
        raise RejectedError("unsupported_syntax", syntax.name)
    if not syntax.is_encapsulated and len(dataset.PixelData) < _decoded_size(dataset):
        raise RejectedError("truncated")
    pixels: NDArray[np.integer] = dataset.pixel_array
    return pixels


def _decoded_size(dataset: Dataset) -> int:
    return int(dataset.Rows * dataset.Columns * dataset.BitsAllocated // 8)


def _padding(dataset: Dataset) -> tuple[int, int] | None:
    """Return the declared padding as a range of stored values.

    The attributes may be written as unsigned (US) though the pixels are signed, and the other way round: they are
    brought to the pixels' sign first.
    """
    value = dataset.get("PixelPaddingValue")
    limit = dataset.get("PixelPaddingRangeLimit", value)
    if not isinstance(value, int) or not isinstance(limit, int):
        return None
    span = 1 << dataset.BitsAllocated
    lowest = -(span // 2) if dataset.PixelRepresentation == 1 else 0
    first, last = sorted((number - lowest) % span + lowest for number in (value, limit))
    return first, last
