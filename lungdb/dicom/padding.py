"""Padding: pixels outside the field of view, which hold no measurement and become air.

DICOM PS3.3 C.7.5.1.1.2 has them declared as a value or a range of stored values that occur nowhere else in the image.
Files break both halves of that: many do not declare −2000 outside a round field of view, and some declare a value that
tissue has, too.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

AIR = -1024
"""Hounsfield units that padding becomes, whatever the rescale: the least that 12 bits with the usual intercept hold."""

MEASURED = -1000
"""Hounsfield units from which declared padding may be a measurement: it is padding only outside the patient."""


def declared_padding(
    value: object, limit: object, bits_allocated: int, bits_stored: int, signed: bool
) -> tuple[int, int] | None:
    """Return the declared padding as its first and last stored value, None where none is declared.

    The attributes may be written as unsigned (US) though the pixels are signed, and the other way round, in as many
    bits as are allocated or as are stored, and the range either way round.

    Parameters
    ----------
    value, limit : object
        Of PixelPaddingValue and PixelPaddingRangeLimit; a range without a value is none.
    bits_allocated, bits_stored : int
    signed : bool
        Of the pixels.
    """
    if not isinstance(value, int):
        return None
    ends = (value, limit if isinstance(limit, int) else value)
    wide = sorted(_as_stored(end, bits_allocated, signed) for end in ends)
    narrow = sorted(_as_stored(end, bits_stored, signed) for end in ends)
    # Only where no stored value could be padding otherwise: a range may begin below what the bits stored hold.
    occurs = any(_as_stored(end, bits_stored, signed) == end for end in wide)
    first, last = wide if occurs else narrow
    return first, last


def _as_stored(number: int, bits: int, signed: bool) -> int:
    lowest = -(1 << (bits - 1)) if signed else 0
    return (number - lowest) % (1 << bits) + lowest


def replace_padding(
    stored: NDArray[np.integer],
    hu: NDArray[np.int16] | NDArray[np.int32] | NDArray[np.float64],
    padding: tuple[int, int] | None,
) -> None:
    """Make the padding of a slice air, in place.

    Below `AIR` everything is padding, declared or not: nothing in a patient absorbs less than air. Of declared padding
    what would be `MEASURED` Hounsfield units or more is padding where it reaches the picture's border over other
    declared padding, side by side; elsewhere it is a measurement that happens to have this value.

    Parameters
    ----------
    stored : integer[rows, columns]
    hu : int16, int32 or float64[rows, columns]
        The same in Hounsfield units; changed.
    padding : (int, int) or None
        As of `declared_padding`.
    """
    np.maximum(hu, AIR, out=hu)
    if padding is None:
        return
    declared = (stored >= padding[0]) & (stored <= padding[1]) if padding[0] < padding[1] else stored == padding[0]
    if not declared.any():
        return
    doubtful = declared & (hu >= MEASURED)
    found = declared & ~doubtful
    if doubtful.any():
        found |= doubtful & _reaching_border(declared)
    hu[found] = AIR


def _reaching_border(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    _, regions = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4, ltype=cv2.CV_32S)
    outer = np.unique(np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]]))
    return np.asarray(np.isin(regions, outer[outer > 0]))
