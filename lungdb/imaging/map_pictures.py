"""A map drawn over its slice, as a PNG that tells its colours."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError
from lungdb.imaging.occluding import Box, Grid
from lungdb.imaging.preprocessing import LUNG_WINDOW

Picture = NDArray[np.uint8]
Floats = NDArray[np.float64]

_SIDE = 512  # pixels of the longer side of the slice in the picture
_LEGEND = 150  # pixels of width beside it
_BAND = 34  # pixels of height above it
_BAR = (24, 22)  # where the colour bar begins in the legend, and how wide it is
OPACITY = 0.7  # of the largest value; that of the others falls with them, so that the slice shows through
_INK, _PAPER = (20, 20, 20), (255, 255, 255)
_HUES = {1: np.deg2rad(55.0), -1: np.deg2rad(255.0)}  # orange raises, blue lowers: told apart by every colour vision
_CHROMA = 0.13
_LIGHTNESS = (0.55, 0.82)  # of the smallest and the largest value


@dataclass(frozen=True)
class Drawing:
    """What is drawn.

    Attributes
    ----------
    hu : int16[rows, cols]
        The slice in Hounsfield units.
    values : float[rows, cols]
        The map, of any size.
    box : Box
        The part of the slice that the map lies over.
    largest : float
        The size of a value that gets the full colour, at least that of each value in the map.
    title, unit : str
        ASCII; what the picture shows, and what its values are.
    aspect : float
        Height of a pixel over its width.
    """

    hu: NDArray[np.int16]
    values: NDArray[np.floating]
    box: Box
    largest: float
    title: str
    unit: str
    aspect: float = 1.0


def draw_map(drawing: Drawing) -> bytes:
    """Give the slice in the lung window, beside it the slice with the map, and a colour bar, as PNG.

    Each cell of the map is one rectangle of one colour: nothing is smoothed that was not computed. The lightness of a
    colour in OKLab (Ottosson 2020) and its opacity rise with the size of the value.

    Raises
    ------
    LungdbError
        The map's part does not lie in the slice.
    """
    rows, cols = drawing.hu.shape
    top, bottom, left, right = drawing.box
    if not (0 <= top < bottom <= rows and 0 <= left < right <= cols):
        raise LungdbError(
            f"The map lies over the rows {top} to {bottom} and columns {left} to {right} of a slice of {rows} x {cols} "
            "pixels. Make the map again."
        )
    grey = _windowed(drawing.hu)
    plain = np.repeat(grey[..., None], 3, axis=2)
    covered = _covered(plain, drawing)
    height, width = _shown_size(rows, cols, drawing.aspect)
    panels = [cv2.resize(each, (width, height), interpolation=cv2.INTER_AREA if rows > height else cv2.INTER_NEAREST)
              for each in (plain, covered)]  # fmt: skip
    canvas: Picture = np.full((height + _BAND, 2 * width + _LEGEND, 3), 255, dtype=np.uint8)
    canvas[_BAND:, :width], canvas[_BAND:, width : 2 * width] = panels
    _write(canvas, drawing.title, (8, 23), 0.55)
    _legend(canvas[_BAND:, 2 * width :], drawing)
    written, data = cv2.imencode(".png", canvas[..., ::-1])
    if not written:
        raise LungdbError("The picture cannot be written as PNG. Call it again.")
    return bytes(data)


def colours(values: NDArray[np.floating]) -> Picture:
    """Give the sRGB colour of values from −1 to 1, as uint8[…, 3]: orange above 0, blue below, lighter the larger."""
    sign = np.where(values < 0, -1, 1)
    size = np.clip(np.abs(values), 0, 1)
    lightness = _LIGHTNESS[0] + (_LIGHTNESS[1] - _LIGHTNESS[0]) * size
    hue = np.where(sign > 0, _HUES[1], _HUES[-1])
    return _srgb(np.stack([lightness, _CHROMA * np.cos(hue), _CHROMA * np.sin(hue)], axis=-1))


def _srgb(lab: Floats) -> Picture:
    """Turn OKLab into sRGB by the matrices of Björn Ottosson, A perceptual color space for image processing, 2020."""
    to_cones = np.array([[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728],
                         [1, -0.0894841775, -1.2914855480]])  # fmt: skip
    to_rgb = np.array([[4.0767416621, -3.3077115913, 0.2309699292], [-1.2684380046, 2.6097574011, -0.3413193965],
                       [-0.0041960863, -0.7034186147, 1.7076147010]])  # fmt: skip
    linear = np.clip((lab @ to_cones.T) ** 3 @ to_rgb.T, 0, 1)
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(255 * curved), dtype=np.uint8)


def _windowed(hu: NDArray[np.int16]) -> Picture:
    low, high = LUNG_WINDOW
    return np.asarray(np.rint((np.clip(hu, low, high) - low) * (255 / (high - low))), dtype=np.uint8)


def _covered(plain: Picture, drawing: Drawing) -> Picture:
    covered = plain.astype(np.float64)
    shares = drawing.values / drawing.largest if drawing.largest > 0 else np.zeros(drawing.values.shape)
    grid = Grid(drawing.box, *drawing.values.shape)
    painted = colours(shares)
    for row in range(grid.rows):
        for col in range(grid.cols):
            top, bottom, left, right = grid.cell(row, col)
            opacity = OPACITY * min(abs(float(shares[row, col])), 1.0)
            covered[top:bottom, left:right] *= 1 - opacity
            covered[top:bottom, left:right] += opacity * painted[row, col]
    return np.asarray(np.rint(covered), dtype=np.uint8)


def _shown_size(rows: int, cols: int, aspect: float) -> tuple[int, int]:
    scale = _SIDE / max(rows * aspect, cols)
    return max(round(rows * aspect * scale), 1), max(round(cols * scale), 1)


def _legend(canvas: Picture, drawing: Drawing) -> None:
    """Draw the colour bar over middle grey, as over lung and vessels, with its values and what they are."""
    height = min(len(canvas) - 120, 320)
    first, width = _BAR
    top = 60
    shares = np.linspace(1, -1, height)
    opacity = (OPACITY * np.abs(shares))[:, None]
    bar = 128 * (1 - opacity) + opacity * colours(shares)
    canvas[top : top + height, first : first + width] = np.rint(bar).astype(np.uint8)[:, None]
    for share in (1.0, 0.5, 0.0, -0.5, -1.0):
        row = top + round((1 - share) / 2 * (height - 1))
        cv2.line(canvas, (first + width, row), (first + width + 5, row), _INK, 1)
        _write(canvas, f"{share * drawing.largest:+.2g}" if share else "0", (first + width + 9, row + 5), 0.45)
    for place, line in enumerate(drawing.unit.splitlines()):
        _write(canvas, line, (10, 18 + 16 * place), 0.42)
    _write(canvas, "orange raises", (10, top + height + 24), 0.42)
    _write(canvas, "blue lowers", (10, top + height + 42), 0.42)


def _write(canvas: Picture, text: str, place: tuple[int, int], size: float) -> None:
    cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, _INK, 1, cv2.LINE_AA)
