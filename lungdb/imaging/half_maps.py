"""Maps of a layer in float16, with the loss measured."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError

_EXPONENT = 15  # of the largest value in float16: its end is 65504, just below 2 to the 16th


@dataclass(frozen=True)
class HalfMap:
    """A map as `dbo.slice_maps` holds it.

    Attributes
    ----------
    blob : bytes
        float16 little-endian, C order; times the scale they are the values.
    sha256 : bytes
        Over these.
    scale : float
        A power of two, so that multiplying by it loses nothing.
    largest_error : float
        The largest difference from what was given.
    largest_relative_error : float
        The largest one of any value but 0, in parts of the value; 1 at most, of one that float16 makes 0 of.
    """

    blob: bytes
    sha256: bytes
    scale: float
    largest_error: float
    largest_relative_error: float


def encode_map(values: NDArray[np.float32]) -> HalfMap:
    """Make float16 of a map, scaled so that its largest value lies between 16384 and 32768.

    float16 holds nothing above 65504 and has few digits below 6e-5; so scaled, a map of any size fits, and a value is
    off by a part in 2048 at most unless it is below 2⁻²⁸ of the largest.

    Raises
    ------
    LungdbError
        A value is NaN or infinite.
    """
    if not np.isfinite(values).all():
        raise LungdbError("The network gives NaN or infinity in a map. Check the network.")
    exact = values.astype(np.float64)
    largest = float(np.abs(exact).max())
    scale = math.ldexp(1.0, math.frexp(largest)[1] - _EXPONENT) if largest else 1.0
    half = (exact / scale).astype("<f2")
    errors = np.abs(half.astype(np.float64) * scale - exact)
    relative = errors[exact != 0] / np.abs(exact[exact != 0])
    blob = half.tobytes()
    return HalfMap(
        blob,
        hashlib.sha256(blob).digest(),
        scale,
        float(errors.max()),
        min(float(relative.max()), 1.0) if relative.size else 0.0,
    )
