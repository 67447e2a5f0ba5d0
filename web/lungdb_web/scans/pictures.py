"""Slices as grey pictures, through a window of Hounsfield units."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MOST_STRETCH = 8
"""Most times that a pixel is drawn longer one way than the other, so that a wrong spacing makes no giant picture."""


@dataclass(frozen=True)
class Window:
    """What is drawn from black to white.

    Attributes
    ----------
    name : str
        For people.
    level, width : float
        Middle and width in Hounsfield units.
    """

    name: str
    level: float
    width: float


WINDOWS = {
    "lung": Window("Lung", -600, 1500),
    "wide-lung": Window("Wide lung", -400, 1600),
    "mediastinum": Window("Mediastinum", 40, 400),
    "bone": Window("Bone", 300, 1500),
}


LEVELS = (-1200, 3000)
WIDTHS = (1, 4000)
"""Lowest and highest level and width that a window may have, in Hounsfield units."""


def grey(hu: NDArray[np.int16], window: Window) -> NDArray[np.uint8]:
    """Draw Hounsfield units from 0 to 255: LINEAR_EXACT of DICOM PS3.3 C.11.2.1.3.2.

    Parameters
    ----------
    hu : int16[rows, cols]

    Returns
    -------
    uint8[rows, cols]
    """
    shown = (hu.astype(np.float32) - window.level) / window.width + 0.5
    scaled: NDArray[np.uint8] = np.rint(np.clip(shown, 0, 1) * 255).astype(np.uint8)
    return scaled


def picture(hu: NDArray[np.int16], window: Window, pixel: tuple[float, float]) -> Image.Image:
    """Draw a slice so that a millimetre is as long down as across.

    Parameters
    ----------
    pixel : tuple of float
        Height and width of a pixel in mm. The picture keeps the finer of the two and stretches the other.
    """
    image = Image.fromarray(grey(hu, window))
    height, width = pixel
    if height == width:
        return image
    finest = max(min(height, width), max(height, width) / MOST_STRETCH)
    size = (round(image.width * max(1.0, width / finest)), round(image.height * max(1.0, height / finest)))
    return image if size == image.size else image.resize(size, Image.Resampling.BILINEAR)


def png(hu: NDArray[np.int16], window: Window, pixel: tuple[float, float]) -> bytes:
    """Draw a slice as a PNG file, 8 bit grey."""
    file = BytesIO()
    # Level 3 is twice as quick as the default and 4 % larger.
    picture(hu, window, pixel).save(file, "PNG", compress_level=3)
    return file.getvalue()
