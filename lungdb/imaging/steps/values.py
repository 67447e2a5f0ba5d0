"""Steps that change values and leave every pixel where it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lungdb.errors import LungdbError
from lungdb.imaging.preprocessing import Plane, fill_seed
from lungdb.imaging.steps.registry import Arguments, Image, Step

_LOWEST, _HIGHEST = -32768, 32767


def _check_range(arguments: Arguments) -> tuple[float, float]:
    arguments.choice("unit", ["HU"], "HU")
    low, high = arguments.number("low", _LOWEST, _HIGHEST), arguments.number("high", _LOWEST, _HIGHEST)
    if low >= high:
        raise arguments.refused("high", high, f"numbers above low, {low:g}")
    return low, high


def _check_clip(arguments: Arguments) -> None:
    _check_range(arguments)


def _clip(image: Image, arguments: Mapping[str, Any]) -> Image:
    return replace(image, values=_clipped(image.values, arguments["low"], arguments["high"]))


def _clipped(values: Plane, low: float, high: float) -> Plane:
    clipped: Plane = np.clip(values, np.float32(low), np.float32(high))
    return np.ascontiguousarray(clipped)


def _check_window(arguments: Arguments) -> None:
    if arguments.has("level") or arguments.has("width"):
        level, width = arguments.number("level", _LOWEST, _HIGHEST), arguments.number("width", 1, 65535)
        arguments.choice("unit", ["HU"], "HU")
        arguments.replace("level", "width", low=level - width / 2, high=level + width / 2)
    else:
        _check_range(arguments)


def _window(image: Image, arguments: Mapping[str, Any]) -> Image:
    low, high = arguments["low"], arguments["high"]
    windowed = _clipped(image.values, low, high)
    windowed -= np.float32(low)
    windowed *= np.float32(1 / (high - low))
    return replace(image, values=windowed)


def _check_scale(arguments: Arguments) -> None:
    low, high = arguments.numbers("from", 2, -1e6, 1e6)
    if low == high:
        raise arguments.refused("from", [low, high], "two different numbers")
    arguments.numbers("to", 2, -1e6, 1e6, [0.0, 1.0])


def _scale(image: Image, arguments: Mapping[str, Any]) -> Image:
    (low, high), (bottom, top) = arguments["from"], arguments["to"]
    scaled = image.values - np.float32(low)
    scaled *= np.float32((top - bottom) / (high - low))
    if bottom:
        scaled += np.float32(bottom)
    return replace(image, values=scaled)


def _check_standardise(arguments: Arguments) -> None:
    if arguments.has("mean") or arguments.has("std"):
        arguments.choice("over", ["all"], "all")
        arguments.number("mean", -1e6, 1e6)
        arguments.number("std", 1e-6, 1e6)
    else:
        arguments.choice("over", ["slice"], "slice")


def _standardise(image: Image, arguments: Mapping[str, Any]) -> Image:
    if arguments["over"] == "all":
        mean, std = arguments["mean"], arguments["std"]
    else:
        mean, std = float(image.values.mean(dtype=np.float64)), float(image.values.std(dtype=np.float64))
    centred = image.values - np.float32(mean)
    # A slice that is the same everywhere has nothing to be divided by.
    return replace(image, values=centred / np.float32(std) if std > 0 else np.zeros_like(centred))


def _check_mask(arguments: Arguments) -> None:
    _check_range(arguments)
    arguments.choice("keep", ["inside", "outside"], "inside")
    arguments.fill()


def _mask(image: Image, arguments: Mapping[str, Any]) -> Image:
    values = image.values
    kept = (values >= np.float32(arguments["low"])) & (values <= np.float32(arguments["high"]))
    if arguments["keep"] == "outside":
        kept = ~kept
    return replace(image, values=np.where(kept, values, np.float32(arguments["fill"])))


def _check_seed(arguments: Arguments) -> None:
    """It has no arguments."""


def _seed(image: Image, _: Mapping[str, Any]) -> Image:
    if image.source is None:
        raise LungdbError("The step 'seed' works on slices, and this is a picture. Use other steps.")
    picture: Plane = np.empty(image.network, dtype=np.float32)
    fill_seed(image.source, picture)
    return replace(image, values=picture, spacing=None)


VALUE_STEPS = {
    "clip": Step(_check_clip, _clip, needs_hu=True),
    "window": Step(_check_window, _window, needs_hu=True, keeps_hu=False),
    "mask": Step(_check_mask, _mask, needs_hu=True),
    "scale": Step(_check_scale, _scale, keeps_hu=False),
    "standardise": Step(_check_standardise, _standardise, keeps_hu=False),
    "seed": Step(_check_seed, _seed, needs_hu=True, keeps_hu=False, is_first=True),
}
