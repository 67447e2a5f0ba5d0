"""Steps that move pixels: crop, rotate, blur, resize, resample."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError
from lungdb.imaging.preprocessing import Plane, Size, resize_area
from lungdb.imaging.steps.registry import MOST_PIXELS, Arguments, Image, Spacing, Step

_INTERPOLATIONS = ["nearest", "linear", "cubic", "area"]
_TRUNCATED = 4.0  # standard deviations at which a Gaussian ends, as SciPy has it
_WIDEST_BLUR = 100.0  # pixels


def _check_crop(arguments: Arguments) -> None:
    if arguments.has("margin"):
        unit = arguments.choice("unit", ["pixels", "mm", "fraction"])
        arguments.numbers("margin", 4, 0, 0.5 if unit == "fraction" else MOST_PIXELS)
        return
    arguments.choice("unit", ["pixels", "mm"])
    arguments.numbers("size", 2, 1, MOST_PIXELS)
    _check_centre(arguments)
    arguments.fill()


def _check_centre(arguments: Arguments) -> None:
    if arguments.given.get("centre", "middle") == "middle":
        arguments.choice("centre", ["middle"], "middle")
    else:
        arguments.numbers("centre", 2, -MOST_PIXELS, MOST_PIXELS)


def _crop(image: Image, arguments: Mapping[str, Any]) -> Image:
    unit = image.millimetres() if arguments["unit"] == "mm" else (1.0, 1.0)
    if "margin" in arguments:
        return _without_margin(image, arguments, unit)
    rows, cols = (max(1, round(side / step)) for side, step in zip(arguments["size"], unit, strict=True))
    check_pixels((rows, cols), "A crop")
    centre = _centre_of(arguments, image.values, unit)
    # Half a pixel beyond the middle of the first ones: pixel i reaches from i - 0.5 to i + 0.5.
    first = math.ceil(centre[0] - rows / 2), math.ceil(centre[1] - cols / 2)
    cropped = np.full((rows, cols), arguments["fill"], dtype=np.float32)
    within = [
        (max(start, 0), min(start + side, whole))
        for start, side, whole in zip(first, (rows, cols), image.values.shape, strict=True)
    ]
    if all(stop > start for start, stop in within):
        (top, bottom), (left, right) = within
        target = cropped[top - first[0] : bottom - first[0], left - first[1] : right - first[1]]
        target[...] = image.values[top:bottom, left:right]
    return replace(image, values=cropped)


def _without_margin(image: Image, arguments: Mapping[str, Any], unit: Spacing) -> Image:
    rows, cols = image.values.shape
    whole = (rows, cols) if arguments["unit"] == "fraction" else (1, 1)
    top, bottom, left, right = (
        round(margin * side / step)
        for margin, side, step in zip(
            arguments["margin"],
            (whole[0], whole[0], whole[1], whole[1]),
            (unit[0], unit[0], unit[1], unit[1]),
            strict=True,
        )
    )
    if rows - top - bottom < 1 or cols - left - right < 1:
        raise LungdbError(f"A crop leaves nothing of {rows} × {cols} pixels. Use a smaller margin.")
    return replace(image, values=image.values[top : rows - bottom, left : cols - right])


def _centre_of(arguments: Mapping[str, Any], values: Plane, unit: Spacing = (1.0, 1.0)) -> Spacing:
    if arguments["centre"] == "middle":
        return (values.shape[0] - 1) / 2, (values.shape[1] - 1) / 2
    return arguments["centre"][0] / unit[0], arguments["centre"][1] / unit[1]


def _check_rotate(arguments: Arguments) -> None:
    arguments.choice("unit", ["degrees"], "degrees")
    arguments.number("angle", -360, 360)
    _check_centre(arguments)
    arguments.choice("interpolation", ["nearest", "linear"], "linear")
    arguments.fill()


def _rotate(image: Image, arguments: Mapping[str, Any]) -> Image:
    """Turn counter-clockwise as the picture is looked at; what comes from outside is the fill."""
    values, fill = image.values, np.float32(arguments["fill"])
    rows, cols = values.shape
    row, col = _centre_of(arguments, values)
    angle = math.radians(arguments["angle"])
    down, right = np.arange(rows)[:, None] - row, np.arange(cols)[None, :] - col
    from_row = row + math.cos(angle) * down + math.sin(angle) * right
    from_col = col - math.sin(angle) * down + math.cos(angle) * right
    # A right angle lands on pixels, but for the last bits of its sine.
    from_row, from_col = np.round(from_row, 9), np.round(from_col, 9)
    # OpenCV turns with 32 places between two pixels, which is 30 HU at an edge of bone; this has all.
    padded = np.pad(values, 1, constant_values=fill)
    if arguments["interpolation"] == "nearest":
        nearest_row = np.clip(np.floor(from_row + 0.5), -1, rows).astype(np.intp) + 1
        nearest_col = np.clip(np.floor(from_col + 0.5), -1, cols).astype(np.intp) + 1
        return replace(image, values=padded[nearest_row, nearest_col])
    outside = (from_row <= -1) | (from_row >= rows) | (from_col <= -1) | (from_col >= cols)
    upper = np.clip(np.floor(from_row), -1, rows - 1).astype(np.intp) + 1
    left = np.clip(np.floor(from_col), -1, cols - 1).astype(np.intp) + 1
    lower_part = (from_row + 1 - upper).astype(np.float32)
    right_part = (from_col + 1 - left).astype(np.float32)
    above = padded[upper, left] * (1 - right_part) + padded[upper, left + 1] * right_part
    below = padded[upper + 1, left] * (1 - right_part) + padded[upper + 1, left + 1] * right_part
    turned = above * (1 - lower_part) + below * lower_part
    return replace(image, values=np.where(outside, fill, turned).astype(np.float32))


def _check_blur(arguments: Arguments) -> None:
    arguments.choice("unit", ["pixels", "mm"])
    arguments.numbers("sigma", 2, 0, _WIDEST_BLUR)


def _blur(image: Image, arguments: Mapping[str, Any]) -> Image:
    """Blur with a Gaussian; beyond the edge the values at the edge go on."""
    unit = image.millimetres() if arguments["unit"] == "mm" else (1.0, 1.0)
    down, right = (sigma / step for sigma, step in zip(arguments["sigma"], unit, strict=True))
    if max(down, right) > _WIDEST_BLUR:
        raise LungdbError(
            f"A blur of {max(down, right):.3g} pixels is wider than {_WIDEST_BLUR:g}. Use a smaller sigma."
        )
    blurred = cv2.sepFilter2D(
        image.values, cv2.CV_32F, _gaussian(right), _gaussian(down), borderType=cv2.BORDER_REPLICATE
    )
    return replace(image, values=np.asarray(blurred, dtype=np.float32))


@lru_cache(64)
def _gaussian(sigma: float) -> NDArray[np.float32]:
    radius = int(_TRUNCATED * sigma + 0.5)
    if radius == 0:
        return np.ones(1, dtype=np.float32)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel: NDArray[np.float32] = (weights / weights.sum()).astype(np.float32)
    return kernel


def _check_interpolation(arguments: Arguments) -> None:
    interpolation = arguments.choice("interpolation", _INTERPOLATIONS, "linear")
    if interpolation == "nearest":
        arguments.choice("antialias", [False], False)
    elif interpolation == "area":
        arguments.choice("antialias", [True], True)
    else:
        arguments.choice("antialias", [True, False], True)


def _check_resize(arguments: Arguments) -> None:
    arguments.choice("unit", ["pixels"], "pixels")
    if isinstance(arguments.given.get("size", "network"), str):
        arguments.choice("size", ["network"])
    else:
        sides = arguments.numbers("size", 2, 1, MOST_PIXELS)
        if any(side != int(side) for side in sides):
            raise arguments.refused("size", sides, "'network' and whole numbers of rows and columns")
    _check_interpolation(arguments)


def _resize(image: Image, arguments: Mapping[str, Any]) -> Image:
    wanted = arguments["size"]
    size = image.network if wanted == "network" else (int(wanted[0]), int(wanted[1]))
    return resized(image, size, arguments)


def _check_resample(arguments: Arguments) -> None:
    arguments.choice("unit", ["mm"], "mm")
    arguments.numbers("spacing", 2, 0.05, 50)
    _check_interpolation(arguments)


def _resample(image: Image, arguments: Mapping[str, Any]) -> Image:
    """Bring a slice to a spacing within it; the distance between slices stays."""
    rows, cols = (
        max(1, round(side * old / new))
        for side, old, new in zip(image.values.shape, image.millimetres(), arguments["spacing"], strict=True)
    )
    check_pixels((rows, cols), "Resampling")
    return resized(image, (rows, cols), arguments)


def check_pixels(size: Size, what: str) -> None:
    """Refuse more rows or columns than a picture may have with LungdbError."""
    if max(size) > MOST_PIXELS:
        raise LungdbError(
            f"{what} gives {size[0]} × {size[1]} pixels, more than {MOST_PIXELS} a side. Ask for fewer pixels."
        )


def resized(image: Image, size: Size, arguments: Mapping[str, Any]) -> Image:
    """Give an image another size, and the spacing that follows."""
    rows, cols = image.values.shape
    spacing = image.spacing and (image.spacing[0] * rows / size[0], image.spacing[1] * cols / size[1])
    interpolation = arguments["interpolation"]
    if interpolation == "area":
        values: Plane = np.empty(size, dtype=np.float32)
        values = resize_area(np.ascontiguousarray(image.values), values)
    elif interpolation == "nearest":
        values = image.values[np.ix_(_nearest(rows, size[0]), _nearest(cols, size[1]))]
    else:
        down = _weights(rows, size[0], interpolation, arguments["antialias"])
        across = _weights(cols, size[1], interpolation, arguments["antialias"])
        values = (down @ image.values.astype(np.float64) @ across.T).astype(np.float32)
    return replace(image, values=values, spacing=spacing)


def _nearest(old: int, new: int) -> NDArray[np.intp]:
    return np.minimum(((np.arange(new) + 0.5) * old / new).astype(np.intp), old - 1)


def _triangle(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(1 - distance, 0)


def _keys(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """R. Keys' cubic convolution with a = -0.5 (IEEE Trans. ASSP 29, 1981), as Pillow has it."""
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return np.where(distance < 1, near, np.where(distance < 2, far, 0))


_KERNELS: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {"linear": _triangle, "cubic": _keys}


@lru_cache(64)
def _weights(old: int, new: int, interpolation: str, antialias: bool) -> NDArray[np.float64]:
    """Make float64[new, old]: how much each pixel counts in each new one, the kernel widened where a side shrinks."""
    ratio = old / new
    centres = (np.arange(new) + 0.5) * ratio
    distance = np.abs((np.arange(old) + 0.5)[None, :] - centres[:, None]) / (max(ratio, 1) if antialias else 1)
    weights = _KERNELS[interpolation](distance)
    made: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return made


GEOMETRY_STEPS = {
    "crop": Step(_check_crop, _crop, changes_size=True),
    "rotate": Step(_check_rotate, _rotate),
    "blur": Step(_check_blur, _blur),
    "resize": Step(_check_resize, _resize, changes_size=True),
    "resample": Step(_check_resample, _resample, changes_size=True),
}
