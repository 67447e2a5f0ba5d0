"""Steps that move voxels: orient, resample."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

from lungdb.errors import LungdbError
from lungdb.imaging.steps.registry import Arguments
from lungdb.imaging.volumes.declared import ORIENTATIONS
from lungdb.imaging.volumes.geometry import Geometry, Triple
from lungdb.imaging.volumes.registry import Scan, Shape, Values, VolumeStep, check_voxels

MOST_DEGREES = 30.0
"""Angle at most between an axis of a scan and the patient's axis that it stands for."""

_LETTERS = {"L": (0, 1), "R": (0, -1), "P": (1, 1), "A": (1, -1), "S": (2, 1), "I": (2, -1)}
_TRUNCATED = 4.0  # standard deviations at which a Gaussian ends, as SciPy has it
_NEGLIGIBLE = 1e-7  # weights of a spline below it change no Hounsfield unit by 0.001


def _check_orient(arguments: Arguments) -> None:
    arguments.choice("orientation", ["network", *ORIENTATIONS], "network")


def _orient(scan: Scan, arguments: Mapping[str, Any]) -> Scan:
    wanted = arguments["orientation"]
    return oriented(scan, scan.wanted.orientation if wanted == "network" else wanted)


def oriented(scan: Scan, orientation: str) -> Scan:
    """Turn a scan so that its axes rise to where the letters say, by its nearest axes; nothing is copied."""
    steps = np.asarray(scan.geometry.steps)
    axes = _nearest_axes(steps / np.linalg.norm(steps, axis=1, keepdims=True))
    sources = [axes.index(_LETTERS[letter][0]) for letter in orientation]
    values, origin = scan.values.transpose(sources), np.asarray(scan.geometry.origin)
    steps = steps[sources]
    for axis, letter in enumerate(orientation):
        if steps[axis, _LETTERS[letter][0]] * _LETTERS[letter][1] < 0:
            values = np.flip(values, axis)
            origin = origin + steps[axis] * (values.shape[axis] - 1)
            steps[axis] = -steps[axis]
    lungs = None if scan.lungs is None else oriented(replace(scan, values=scan.lungs, lungs=None), orientation).values
    return replace(scan, values=values, geometry=geometry(origin, steps), lungs=lungs)


def geometry(origin: NDArray[np.float64], steps: NDArray[np.float64]) -> Geometry:
    """Make a geometry of arrays."""
    first, second, third = (_triple(step) for step in steps)
    return Geometry(_triple(origin), (first, second, third))


def _triple(values: NDArray[np.float64]) -> Triple:
    x, y, z = (float(value) for value in values)
    return x, y, z


def _nearest_axes(directions: NDArray[np.float64]) -> list[int]:
    """Give the patient's axis that each axis of a scan stands for; LungdbError where one is too far from any."""
    best = max(itertools.permutations(range(3)), key=lambda axes: sum(abs(directions[i, axes[i]]) for i in range(3)))
    degrees = max(math.degrees(math.acos(min(1.0, abs(directions[i, best[i]])))) for i in range(3))
    if not degrees <= MOST_DEGREES:
        raise LungdbError(
            f"An axis of the scan is {degrees:.1f}° away from the patient's, more than {MOST_DEGREES:g}°, so that "
            "left, back and head cannot be told apart. Reformat the series along the patient's axes and load that."
        )
    return list(best)


def _check_resample(arguments: Arguments) -> None:
    arguments.choice("unit", ["mm"], "mm")
    if arguments.given.get("spacing", "network") == "network":
        arguments.choice("spacing", ["network"], "network")
    else:
        arguments.numbers("spacing", 3, 0.05, 50)
    interpolation = arguments.choice("interpolation", ["nearest", "linear", "cubic"], "linear")
    arguments.choice("antialias", [False] if interpolation == "nearest" else [True, False], interpolation != "nearest")


def _resample(scan: Scan, arguments: Mapping[str, Any]) -> Scan:
    spacing = scan.wanted.spacing if arguments["spacing"] == "network" else tuple(arguments["spacing"])
    if spacing is None:
        return scan
    return resampled(scan, spacing, arguments["interpolation"], arguments["antialias"])


def resampled(scan: Scan, spacing: Triple, interpolation: str = "linear", antialias: bool = True) -> Scan:
    """Bring a scan to a spacing along its own axes; its first voxel stays where it is.

    An axis of n voxels gets round((n − 1) · old / new) + 1, as MONAI's Spacing has it, and what lies beyond the last
    voxel has its value. With `antialias`, axes that shrink are blurred before by a Gaussian of (new / old − 1) / 2
    voxels, as scikit-image's resize has it. Values are float32, but for `nearest`, which keeps their type.
    """
    old = scan.geometry.spacing
    ratios = [new / before for new, before in zip(spacing, old, strict=True)]
    if all(abs(ratio - 1) < 1e-6 for ratio in ratios):
        return scan
    depth, rows, cols = (round((side - 1) / ratio) + 1 for side, ratio in zip(scan.values.shape, ratios, strict=True))
    check_voxels((depth, rows, cols), "The resampled scan")
    steps = np.asarray(scan.geometry.steps) * np.asarray(ratios)[:, None]
    moved = geometry(np.asarray(scan.geometry.origin), steps)
    lungs = None
    if scan.lungs is not None:
        lungs = resampled(replace(scan, values=scan.lungs, lungs=None), spacing, "nearest").values
    if interpolation == "nearest":
        places = [
            np.minimum(np.floor(np.arange(new) * ratio + 0.5).astype(np.intp), side - 1)
            for new, ratio, side in zip((depth, rows, cols), ratios, scan.values.shape, strict=True)
        ]
        return replace(scan, values=scan.values[np.ix_(*places)], geometry=moved, lungs=lungs, is_own=True)
    weights = [
        _weights(side, new, ratio, interpolation, antialias)
        for side, new, ratio in zip(scan.values.shape, (depth, rows, cols), ratios, strict=True)
    ]
    return replace(
        scan, values=_weighted(scan.values, weights, (depth, rows, cols)), geometry=moved, lungs=lungs, is_own=True
    )


def _weighted(values: Values, weights: list[NDArray[np.float64]], shape: Shape) -> NDArray[np.float32]:
    """Weight along rows and columns slice by slice, then along slices, holding those at once that one is made of."""
    along = weights[0].astype(np.float32)
    # Few voxels count in each new one, and most of the weights are 0.
    down, across = (sparse.csr_matrix(weight.astype(np.float32)) for weight in weights[1:])
    made = np.empty(shape, dtype=np.float32)
    planes: dict[int, NDArray[np.float32]] = {}
    for index, row in enumerate(along):
        needed = np.flatnonzero(row)
        for place in [place for place in planes if place < needed[0]]:
            del planes[place]
        made[index] = 0
        for place in needed.tolist():
            if place not in planes:
                planes[place] = (across @ (down @ values[place].astype(np.float32)).T).T
            made[index] += row[place] * planes[place]
    return made


@lru_cache(8)  # of a few scans: a matrix has megabytes, and each scan its own spacing
def _weights(old: int, new: int, ratio: float, interpolation: str, antialias: bool) -> NDArray[np.float64]:
    """Make float64[new, old]: how much each voxel of an axis counts in each new one."""
    places = np.minimum(np.arange(new) * ratio, old - 1)
    weights: NDArray[np.float64] = np.eye(old)
    if antialias and ratio > 1:
        weights = ndimage.gaussian_filter1d(weights, (ratio - 1) / 2, axis=0, mode="nearest", truncate=_TRUNCATED)
    if interpolation == "linear":
        lower = np.minimum(np.floor(places).astype(np.intp), max(old - 2, 0))
        part = (places - lower)[:, None]
        between: NDArray[np.float64] = weights[lower] * (1 - part) + weights[np.minimum(lower + 1, old - 1)] * part
        return between
    # A cubic B-spline through the voxels: its coefficients are a linear filter of them.
    coefficients = ndimage.spline_filter1d(weights, order=3, axis=0, mode="mirror") if old > 1 else weights
    made: NDArray[np.float64] = _spline(coefficients, places)
    made[np.abs(made) < _NEGLIGIBLE] = 0
    return made


def _spline(coefficients: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Evaluate cubic B-splines, float64[old, …] of coefficients, mirrored at the ends, at places along the axis."""
    last = len(coefficients) - 1
    lower = np.floor(places).astype(np.intp)
    made = np.zeros((len(places), coefficients.shape[1]))
    for offset in (-1, 0, 1, 2):
        distance = np.abs(places - (lower + offset))
        weight = np.where(distance < 1, 2 / 3 - distance**2 + distance**3 / 2, np.maximum(2 - distance, 0) ** 3 / 6)
        place = np.abs(lower + offset)
        place = np.where(place > last, 2 * last - place, place) if last else np.zeros_like(place)
        made += weight[:, None] * coefficients[place]
    return made


MOVING_STEPS = {
    "orient": VolumeStep(_check_orient, _orient),
    "resample": VolumeStep(_check_resample, _resample),
}
