"""Steps that say which voxels there are: the lungs alone, a box around them, a wider volume."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lungdb.errors import LungdbError
from lungdb.imaging.steps.registry import Arguments
from lungdb.imaging.volumes.declared import MOST_SIDE
from lungdb.imaging.volumes.geometry import Geometry
from lungdb.imaging.volumes.lungs import THRESHOLD, Mask, box_of, find_lungs
from lungdb.imaging.volumes.moving import geometry
from lungdb.imaging.volumes.registry import Scan, VolumeStep, check_voxels
from lungdb.imaging.volumes.tiles import check_fill

_LOWEST_THRESHOLD, _HIGHEST_THRESHOLD = -900.0, -100.0
_WIDEST_MARGIN = 200.0  # mm


def _check_threshold(arguments: Arguments) -> None:
    arguments.choice("unit", ["HU"], "HU")
    arguments.number("threshold", _LOWEST_THRESHOLD, _HIGHEST_THRESHOLD, THRESHOLD)


def _lungs(scan: Scan, threshold: float) -> Mask:
    """Give the lungs that an earlier step has found, else find them."""
    return find_lungs(scan.values, scan.geometry, threshold).mask if scan.lungs is None else scan.lungs


def _check_lung_mask(arguments: Arguments) -> None:
    _check_threshold(arguments)
    check_fill(arguments)


def _lung_mask(scan: Scan, arguments: Mapping[str, Any]) -> Scan:
    """Leave what lies in the lungs and fill the rest."""
    lungs = _lungs(scan, arguments["threshold"])
    fill = scan.air if arguments["fill"] == "air" else arguments["fill"]
    values = scan.values if scan.is_own else scan.values.copy()
    if values.dtype == np.int16 and (fill != round(fill) or not -32768 <= fill <= 32767):
        values = values.astype(np.float32)
    for plane, inside in zip(values, lungs, strict=True):
        plane[~inside] = fill
    return replace(scan, values=values, lungs=lungs, is_own=True)


def _check_crop(arguments: Arguments) -> None:
    _check_threshold(arguments)
    arguments.numbers("margin", 3, 0, _WIDEST_MARGIN, [10.0, 10.0, 10.0])


def _crop_to_lungs(scan: Scan, arguments: Mapping[str, Any]) -> Scan:
    """Leave the box around the lungs and a margin in millimetres, as far as the scan reaches."""
    lungs = _lungs(scan, arguments["threshold"])
    first, beyond = box_of(lungs)
    box, start = [], []
    for low, high, side, step, margin in zip(
        first, beyond, scan.values.shape, scan.geometry.spacing, arguments["margin"], strict=True
    ):
        more = int(np.ceil(margin / step - 1e-9))
        start.append(max(low - more, 0))
        box.append(slice(start[-1], min(high + more, side)))
    part = tuple(box)
    return replace(scan, values=scan.values[part], lungs=lungs[part], geometry=_moved(scan.geometry, start))


def _moved(place: Geometry, start: list[int]) -> Geometry:
    origin = place.to_patient(np.asarray([start], dtype=np.float64))[0]
    return geometry(origin, np.asarray(place.steps))


def _check_pad(arguments: Arguments) -> None:
    if not arguments.has("size") and not arguments.has("multiple"):
        raise LungdbError(f"{arguments.label}: size and multiple are missing. Write one of them, or both.")
    for name in ("size", "multiple"):
        if arguments.has(name):
            sides = arguments.numbers(name, 3, 1, MOST_SIDE)
            if any(side != int(side) for side in sides):
                raise arguments.refused(name, sides, "whole numbers of slices, rows and columns")
    check_fill(arguments)


def _pad(scan: Scan, arguments: Mapping[str, Any]) -> Scan:
    """Widen a scan at both ends alike to a size at least, then to a multiple; an odd voxel comes last."""
    wider = []
    for side, least, multiple in zip(
        scan.values.shape, arguments.get("size", [1] * 3), arguments.get("multiple", [1] * 3), strict=True
    ):
        whole = -(-max(side, int(least)) // int(multiple)) * int(multiple)
        wider.append(((whole - side) // 2, whole - side - (whole - side) // 2))
    if not any(front or back for front, back in wider):
        return scan
    check_voxels(tuple(side + sum(more) for side, more in zip(scan.values.shape, wider, strict=True)), "A padded scan")
    fill = scan.air if arguments["fill"] == "air" else arguments["fill"]
    values = scan.values
    if values.dtype == np.int16 and (fill != round(fill) or not -32768 <= fill <= 32767):
        values = values.astype(np.float32)
    lungs = None if scan.lungs is None else np.pad(scan.lungs, wider)
    place = _moved(scan.geometry, [-front for front, _ in wider])
    return replace(scan, values=np.pad(values, wider, constant_values=fill), lungs=lungs, geometry=place, is_own=True)


BOUNDING_STEPS = {
    "lung_mask": VolumeStep(_check_lung_mask, _lung_mask, needs_hu=True),
    "crop_to_lungs": VolumeStep(_check_crop, _crop_to_lungs, needs_hu=True),
    "pad": VolumeStep(_check_pad, _pad),
}
