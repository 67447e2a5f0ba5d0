"""Slices side by side in one picture, each with a line of text below it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError

SIDE = 224  # pixels of a slice on the sheet
_LINE = 20
_GAP = 6
_LOW, _HIGH = -1350.0, 150.0  # HU: the window of the lung, centre -600 and width 1500
_BACKGROUND = 24
_INK = 235


def contact_sheet(slices: Sequence[NDArray[np.floating | np.integer]], captions: Sequence[str]) -> bytes:
    """Draw slices as a PNG of 8 bits, row by row in the order given, in the window of the lung.

    Parameters
    ----------
    slices : sequence of [rows, cols]
        Hounsfield units; each is fitted into a square, keeping its shape. At least one.
    captions : sequence of str
        A line of ASCII for each, cut where it is longer than the slice is wide.

    Returns
    -------
    bytes
        PNG.

    Raises
    ------
    LungdbError
        There are no slices, or not as many captions.
    """
    if not slices or len(slices) != len(captions):
        raise LungdbError(f"A sheet of {len(slices)} slices and {len(captions)} captions cannot be drawn.")
    across = math.ceil(math.sqrt(len(slices)))
    down = math.ceil(len(slices) / across)
    width, height = SIDE + _GAP, SIDE + _LINE + _GAP
    sheet = np.full((down * height + _GAP, across * width + _GAP), _BACKGROUND, np.uint8)
    for place, (hu, caption) in enumerate(zip(slices, captions, strict=True)):
        top, left = _GAP + place // across * height, _GAP + place % across * width
        picture = _fitted(hu)
        rows, cols = picture.shape
        above, before = top + (SIDE - rows) // 2, left + (SIDE - cols) // 2
        sheet[above : above + rows, before : before + cols] = picture
        line = np.full((_LINE, SIDE), _BACKGROUND, np.uint8)
        cv2.putText(line, caption, (0, _LINE - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.42, _INK, 1, cv2.LINE_AA)
        sheet[top + SIDE : top + SIDE + _LINE, left : left + SIDE] = line
    _, encoded = cv2.imencode(".png", sheet)
    return encoded.tobytes()


def _fitted(hu: NDArray[np.floating | np.integer]) -> NDArray[np.uint8]:
    """Window a slice to 0…255 and fit it into the square."""
    grey = np.clip((np.asarray(hu, np.float32) - _LOW) / (_HIGH - _LOW), 0, 1) * 255
    factor = SIDE / max(grey.shape)
    size = (max(1, round(grey.shape[1] * factor)), max(1, round(grey.shape[0] * factor)))
    fitted = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
    rounded: NDArray[np.uint8] = np.rint(fitted).astype(np.uint8)
    return rounded
