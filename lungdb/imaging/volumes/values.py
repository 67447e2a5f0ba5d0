"""Steps that change values and leave every voxel where it is: clip, window, scale, standardise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.imaging.steps.registry import Arguments
from lungdb.imaging.volumes.registry import Scan, VolumeStep

_LOWEST, _HIGHEST = -32768, 32767


def _check_range(arguments: Arguments) -> None:
    arguments.choice("unit", ["HU"], "HU")
    low, high = arguments.number("low", _LOWEST, _HIGHEST), arguments.number("high", _LOWEST, _HIGHEST)
    if low >= high:
        raise arguments.refused("high", high, f"numbers above low, {low:g}")


def _clip(scan: Scan, arguments: Mapping[str, Any]) -> Scan:
    low, high = arguments["low"], arguments["high"]
    # Whole numbers stay int16; others would be cut off to such.
    values = scan.values if low == int(low) and high == int(high) else scan.floats()
    values = np.clip(values, values.dtype.type(low), values.dtype.type(high))
    return replace(scan, values=values, air=min(max(scan.air, low), high), is_own=True)


def _check_window(arguments: Arguments) -> None:
    if arguments.has("level") or arguments.has("width"):
        level, width = arguments.number("level", _LOWEST, _HIGHEST), arguments.number("width", 1, 65535)
        arguments.choice("unit", ["HU"], "HU")
        arguments.replace("level", "width", low=level - width / 2, high=level + width / 2)
    elif arguments.has("low") or arguments.has("high"):
        _check_range(arguments)
    else:
        arguments.choice("range", ["network"], "network")
        arguments.choice("unit", ["HU"], "HU")


def _window(scan: Scan, arguments: Mapping[str, Any]) -> Scan:
    ends = scan.wanted.window if "range" in arguments else (arguments["low"], arguments["high"])
    if ends is None:
        return scan
    low, high = ends
    return _linear(scan, lambda values: np.clip(values, low, high, out=values), low, 1 / (high - low), 0.0)


def _check_scale(arguments: Arguments) -> None:
    low, high = arguments.numbers("from", 2, -1e6, 1e6)
    if low == high:
        raise arguments.refused("from", [low, high], "two different numbers")
    arguments.numbers("to", 2, -1e6, 1e6, [0.0, 1.0])


def _scale(scan: Scan, arguments: Mapping[str, Any]) -> Scan:
    (low, high), (bottom, top) = arguments["from"], arguments["to"]
    return _linear(scan, lambda values: values, low, (top - bottom) / (high - low), bottom)


def _check_standardise(arguments: Arguments) -> None:
    if arguments.has("mean") or arguments.has("std"):
        arguments.choice("over", ["all"], "all")
        arguments.number("mean", -1e6, 1e6)
        arguments.number("std", 1e-6, 1e6)
    else:
        arguments.choice("over", ["scan"], "scan")


def _standardise(scan: Scan, arguments: Mapping[str, Any]) -> Scan:
    if arguments["over"] == "all":
        mean, std = arguments["mean"], arguments["std"]
    else:
        # Slice by slice: float64 of a whole scan would be twice what it takes.
        sums = [(plane.sum(dtype=np.float64), plane.size) for plane in scan.values]
        mean = sum(each for each, _ in sums) / sum(size for _, size in sums)
        squares = sum(float(np.square(plane - mean, dtype=np.float64).sum()) for plane in scan.values)
        std = float(np.sqrt(squares / scan.values.size))
    # A scan that is the same everywhere has nothing to be divided by.
    return _linear(scan, lambda values: values, mean, 1 / std if std > 0 else 0.0, 0.0)


def _linear(scan: Scan, limited: Any, zero: float, factor: float, added: float) -> Scan:
    """Limit values, then give (values − zero) · factor + added; what air has become follows."""

    def mapped(values: NDArray[np.float32]) -> NDArray[np.float32]:
        values = limited(values)
        values -= np.float32(zero)
        values *= np.float32(factor)
        if added:
            values += np.float32(added)
        return values

    air = float(mapped(np.array([scan.air], dtype=np.float32))[0])
    return replace(scan, values=mapped(scan.floats()), air=air, is_own=True)


VALUE_STEPS = {
    "clip": VolumeStep(_check_range, _clip, needs_hu=True),
    "window": VolumeStep(_check_window, _window, needs_hu=True, keeps_hu=False),
    "scale": VolumeStep(_check_scale, _scale, keeps_hu=False),
    "standardise": VolumeStep(_check_standardise, _standardise, keeps_hu=False),
}
