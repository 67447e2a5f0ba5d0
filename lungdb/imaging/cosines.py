"""Slices of Hounsfield units made of a few cosines along rows and columns, and what a slice is in these."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lungdb.imaging.occluding import AIR, Box

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cosines:
    """The lowest frequencies of the discrete cosine transform (DCT-II) over a part of a slice.

    Attributes
    ----------
    size : (rows, cols)
        Of the slice.
    box : Box
        The part that cosines are laid over; around it is air.
    frequencies : int
        How many along each side, from that of no wave up: frequency k makes k half waves. At most the pixels of a side
        of the part.
    low, high : float
        Hounsfield units that the coefficients −1 and 1 of no wave stand for; what lies beyond them is cut off, so no
        pixel does.
    """

    size: tuple[int, int]
    box: Box
    frequencies: int
    low: float
    high: float

    @property
    def middle(self) -> float:
        """Hounsfield units of coefficients that are all 0."""
        return (self.low + self.high) / 2

    @property
    def half(self) -> float:
        """Hounsfield units from there to either end."""
        return (self.high - self.low) / 2

    def slices(self, coefficients: Floats) -> NDArray[np.int16]:
        """Give int16[…, rows, cols], whole Hounsfield units, of coefficients […, frequencies, frequencies]."""
        top, bottom, left, right = self.box
        down, across = self._waves
        made = np.full((*coefficients.shape[:-2], *self.size), AIR, dtype=np.int16)
        values = self.middle + self.half * (down.T @ coefficients @ across)
        made[..., top:bottom, left:right] = np.rint(np.clip(values, self.low, self.high))
        return made

    def coefficients(self, hu: NDArray[np.int16]) -> Floats:
        """Give the coefficients [frequencies, frequencies] of the low frequencies of a slice, all others left out."""
        top, bottom, left, right = self.box
        inside = hu[top:bottom, left:right].astype(np.float64)
        values = (np.clip(inside, self.low, self.high) - self.middle) / self.half
        down, across = self._waves
        # The waves are orthogonal on the pixels' middles; each but that of no wave has half the length.
        weights = np.where(np.arange(self.frequencies) == 0, 1.0, 2.0)
        found: Floats = (down @ values @ across.T) * np.outer(weights / down.shape[1], weights / across.shape[1])
        return found

    @cached_property
    def _waves(self) -> tuple[Floats, Floats]:
        top, bottom, left, right = self.box
        return _waves(self.frequencies, bottom - top), _waves(self.frequencies, right - left)


def _waves(frequencies: int, pixels: int) -> Floats:
    """Give float64[frequencies, pixels]: cos(π k (x + ½) / pixels)."""
    places = (np.arange(pixels) + 0.5) / pixels
    waves: Floats = np.cos(np.pi * np.outer(np.arange(frequencies), places))
    return waves
