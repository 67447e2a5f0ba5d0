"""A slice's stored values become Hounsfield units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import as_pixel_options
from pydicom.tag import Tag
from pydicom.uid import UID, ExplicitVRLittleEndian

from lungdb.dicom.dataset import PREAMBLE, inflate, is_deflated, read_elements, read_meta
from lungdb.dicom.header import OpenFile, SliceHeader
from lungdb.dicom.hounsfield import air_level
from lungdb.dicom.limits import Limits
from lungdb.dicom.padding import replace_padding
from lungdb.dicom.pixel_element import enter_pixel_element
from lungdb.dicom.quiet import quiet_pydicom
from lungdb.dicom.rejection import RejectedError

_TAGS = [
    Tag(keyword)
    for keyword in (
        "SamplesPerPixel",
        "PhotometricInterpretation",
        "NumberOfFrames",
        "Rows",
        "Columns",
        "BitsAllocated",
        "BitsStored",
        "PixelRepresentation",
        "ExtendedOffsetTable",
        "ExtendedOffsetTableLengths",
    )
]
_LOWEST, _HIGHEST = np.iinfo(np.int16).min, np.iinfo(np.int16).max
_EXACT = 1 << 14  # slopes and intercepts up to here keep 16-bit values within int32


@dataclass(frozen=True)
class HounsfieldSlice:
    """A slice in Hounsfield units.

    Attributes
    ----------
    hu : int16[rows, columns]
        Padding is `lungdb.dicom.padding.AIR`.
    clipped : int
        Pixels whose HU did not fit int16.
    air : float or None
        Where the air lies if the header leaves the unit open, as of `lungdb.dicom.hounsfield.air_level`.
    """

    hu: NDArray[np.int16]
    clipped: int
    air: float | None = None


def read_hounsfield(headers: Sequence[SliceHeader], limits: Limits) -> Iterator[HounsfieldSlice]:
    """Decode slices of one file.

    Parameters
    ----------
    headers : sequence of SliceHeader
        Of one source, from `lungdb.dicom.header.read_headers`.

    Yields
    ------
    HounsfieldSlice

    Raises
    ------
    RejectedError
        The pixel data cannot be decoded, or the file has become unreadable.
    """
    with _refusing(), quiet_pydicom(), _open(headers[0], limits) as file:
        read_meta(file)
        syntax = ExplicitVRLittleEndian if is_deflated(headers[0].syntax) else headers[0].syntax
        dataset = read_elements(file, syntax, _TAGS)
        yield from _hounsfield(headers, file, syntax, dataset)


def hounsfield_of(header: SliceHeader, opened: OpenFile) -> HounsfieldSlice:
    """Decode the slice of a file of one whose header has just been read, as `read_hounsfield` does.

    Raises
    ------
    RejectedError
        The pixel data cannot be decoded.
    """
    with _refusing(), quiet_pydicom():
        opened.file.seek(opened.place)
        return next(_hounsfield([header], opened.file, opened.syntax, opened.dataset))


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except (RejectedError, MemoryError):
        raise
    except OSError as error:
        raise RejectedError("unreadable") from error
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # decoders raise errors of many kinds; a panic of one in Rust is no Exception
        raise RejectedError("decoder_failed") from error


def _open(header: SliceHeader, limits: Limits) -> BinaryIO:
    """Open a file at the start of its meta information, inflated if need be."""
    file = header.source.open(limits)
    file.seek(PREAMBLE)
    if is_deflated(header.syntax):
        with file:
            file = inflate(file, read_meta(file), limits)
            file.seek(PREAMBLE)
    return file


def _hounsfield(
    headers: Sequence[SliceHeader], file: BinaryIO, syntax: str, dataset: Dataset
) -> Iterator[HounsfieldSlice]:
    """Decode frames of a file that stands at its pixel data.

    As pydicom's `iter_pixels` does, which trusts the transfer syntax on how elements are written.
    """
    representation, _ = enter_pixel_element(file, syntax)
    options = as_pixel_options(dataset, pixel_keyword="PixelData", pixel_vr=representation)
    indices = [header.frame for header in headers]
    frames = get_decoder(UID(syntax)).iter_array(file, indices=indices, raw=True, **options)
    for header, (stored, _) in zip(headers, frames, strict=True):
        if stored.shape != (header.rows, header.columns):
            raise RejectedError("decoder_failed", "the decoded size is not Rows x Columns")
        yield to_hounsfield(
            stored, header.slope, header.intercept, header.padding, unspecified=header.unit_is_unspecified
        )


def to_hounsfield(
    stored: NDArray[np.integer],
    slope: float,
    intercept: float,
    padding: tuple[int, int] | None,
    *,
    unspecified: bool = False,
) -> HounsfieldSlice:
    """Rescale stored values: HU = stored * slope + intercept, DICOM PS3.3 C.11.1.1.2, rounded to whole HU.

    Parameters
    ----------
    stored : integer[rows, columns]
        Stored values of 8 or 16 bits.
    padding : (int, int) or None
        First and last stored value of the declared padding.
    unspecified : bool
        Whether the unit must be told from where the air lies.
    """
    hu: NDArray[np.int16] | NDArray[np.int32] | NDArray[np.float64]
    if slope.is_integer() and intercept.is_integer() and max(abs(slope), abs(intercept)) <= _EXACT:
        hu = _whole(stored, int(slope), int(intercept))
    else:
        hu = np.rint(stored * slope + intercept)
    air = air_level(stored, hu, padding) if unspecified else None
    replace_padding(stored, hu, padding)
    clipped = 0
    if hu.dtype != np.int16:
        clipped = int(np.count_nonzero(hu > _HIGHEST))
        np.minimum(hu, _HIGHEST, out=hu)
    return HounsfieldSlice(hu.astype(np.int16, copy=False), clipped, air)


def _whole(stored: NDArray[np.integer], slope: int, intercept: int) -> NDArray[np.int16] | NDArray[np.int32]:
    """Rescale by whole numbers: as int16 where nothing on the way leaves it, which takes a third of the time."""
    least, most = int(stored.min()), int(stored.max())
    ends = [slope * end + add for end in (least, most) for add in (0, intercept)]
    fits = all(_LOWEST <= number <= _HIGHEST for number in (least, most, slope, intercept, *ends))
    hu = stored.astype(np.int16 if fits else np.int32)
    if slope != 1:
        hu *= slope
    hu += intercept
    return hu
