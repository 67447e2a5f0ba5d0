"""Slices as pictures: the parameters of rendered and thumbnail resources (PS3.18 8.3.5)."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from flask import request
from numpy.typing import NDArray
from PIL import Image
from werkzeug.exceptions import BadRequest

from lungdb_web.scans.pictures import WINDOWS, Window, grey

FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG"}
THUMBNAIL = (128, 128)
_LARGEST = 4096
_FUNCTIONS = ("linear", "linear-exact", "sigmoid")
_FARTHEST = 1e5


@dataclass(frozen=True)
class Rendering:
    """How a slice is drawn.

    Attributes
    ----------
    center, width : float
        Of the window, in HU.
    function : str
        linear, linear-exact or sigmoid, as DICOM PS3.3 C.11.2.1 has them.
    size : tuple of int or None
        Width and height that the picture fits into; its own size where None.
    quality : int
        Of JPEG, 1 to 100.
    """

    center: float
    width: float
    function: str
    size: tuple[int, int] | None
    quality: int


def read_rendering(size: tuple[int, int] | None = None) -> Rendering:
    """Read the parameters window, viewport and quality of the request.

    Parameters
    ----------
    size : tuple of int, optional
        What the picture fits into where the request does not say.

    Raises
    ------
    BadRequest
        One of them is not supported.
    """
    usual = WINDOWS["lung"]
    center, width, function = float(usual.level), float(usual.width), "linear-exact"
    if "window" in request.args:
        parts = request.args["window"].split(",")
        numbers = [_number(part) for part in parts[:2]]
        if len(parts) not in (2, 3) or None in numbers or parts[2:] not in ([], *([name] for name in _FUNCTIONS)):
            raise BadRequest(
                "The window is center,width or center,width,function; functions are linear, linear-exact and sigmoid."
            )
        center, width = (float(number or 0.0) for number in numbers)
        function = parts[2] if len(parts) > 2 else "linear"
        if width < 1:
            raise BadRequest("The width of a window is 1 or more.")
    if "viewport" in request.args:
        sizes = [_number(part) for part in request.args["viewport"].split(",")]
        if len(sizes) != 2 or not all(
            side is not None and 1 <= side <= _LARGEST and side == int(side) for side in sizes
        ):
            raise BadRequest(
                f"The viewport is width,height in pixels, each 1 to {_LARGEST}; parts of images are not drawn."
            )
        size = int(sizes[0] or 1), int(sizes[1] or 1)
    quality = _number(request.args.get("quality", "90"))
    if quality is None or not 1 <= quality <= 100:
        raise BadRequest("The quality is a number from 1 to 100.")
    return Rendering(center, width, function, size, int(quality))


def draw(hu: NDArray[np.int16], rendering: Rendering, media_type: str) -> bytes:
    """Draw a slice, int16[rows, cols] in HU, as a file of one of `FORMATS`, 8 bit grey."""
    image = Image.fromarray(_grey(hu, rendering))
    if rendering.size is not None:
        scale = min(rendering.size[0] / image.width, rendering.size[1] / image.height)
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        image = image.resize(size, Image.Resampling.BILINEAR)
    file = BytesIO()
    image.save(file, FORMATS[media_type], quality=rendering.quality, compress_level=3)
    return file.getvalue()


def _grey(hu: NDArray[np.int16], rendering: Rendering) -> NDArray[np.uint8]:
    center, width = rendering.center, rendering.width
    if rendering.function == "linear-exact":
        return grey(hu, Window("", center, width))
    values = hu.astype(np.float64)
    if rendering.function == "linear":
        shown = (values - (center - 0.5)) / max(width - 1, 1e-9) + 0.5
    else:
        shown = 1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -700, 700)))
    drawn: NDArray[np.uint8] = np.rint(np.clip(shown, 0, 1) * 255).astype(np.uint8)
    return drawn


def _number(text: str) -> float | None:
    try:
        number = float(text) if text.isascii() and "_" not in text else None
    except ValueError:
        return None
    return number if number is not None and abs(number) <= _FARTHEST else None
