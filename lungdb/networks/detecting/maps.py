"""Heat maps and segmentations: probabilities of each voxel, and the nodules in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lungdb.errors import LungdbError
from lungdb.imaging.volumes.geometry import Geometry, Tile
from lungdb.networks.detecting.candidates import Candidates, no_candidates
from lungdb.networks.detecting.forms import HeatMap, Segmentation
from lungdb.networks.detecting.outputs import Outputs, in_range, other_shape, output_at

Maps = NDArray[np.float32]
"""float32[channels, z, y, x]: probabilities, and of heat maps that tell them diameters behind."""


def read_maps(form: HeatMap | Segmentation, outputs: Outputs, tile: Tile) -> Maps:
    """Make maps of a tile's size: probabilities, and diameters where an output tells them.

    A map that is coarser than the tile by whole numbers is spread linearly, its cells beside each other.
    """
    size = tile.values.shape[1:]
    values = output_at(outputs, form.output, 4, "a map of channels and three axes")
    maps = [_probability(form, values)]
    if isinstance(form, HeatMap) and form.diameter == "output":
        told = output_at(outputs, form.diameters, 4, "a map of diameters")
        if form.diameter_channel >= len(told):
            raise other_shape(
                form.diameters, told.shape, f"the diameter is declared in channel {form.diameter_channel}"
            )
        maps.append(told[form.diameter_channel].astype(np.float32))
    spread = [_spread(each, size, form.output) for each in maps]
    return np.stack(spread)


def _probability(form: HeatMap | Segmentation, values: NDArray[Any]) -> NDArray[np.float32]:
    channels = len(values)
    channel = 0 if channels == 1 and form.channel is None else form.channel
    others = form.others if isinstance(form, Segmentation) else ()
    if channel is None or max(channel, *others, 0) >= channels:
        raise LungdbError(
            f"Output {form.output} of the network has {channels} channels"
            f"{'' if channel is None else f', and class {max(channel, *others, 0)} is declared'}. Declare which of "
            "them, counted from 0, the nodules are under class when the network is loaded."
        )
    drawn = [channel, *others]
    if form.score == "softmax":
        if channels == 1:
            raise other_shape(form.output, values.shape, "a softmax is declared, which needs two channels and more")
        shifted = np.exp((values - values.max(axis=0)).astype(np.float32))
        softmax: NDArray[np.float32] = shifted[drawn].sum(axis=0) / shifted.sum(axis=0)
        return softmax
    chosen: NDArray[np.float32] = values[drawn].max(axis=0).astype(np.float32)
    if form.score == "logit":
        chosen = (1 / (1 + np.exp(-np.clip(chosen, -80, 80)))).astype(np.float32)
        return chosen
    return in_range(chosen, form.output)


def _spread(values: NDArray[np.float32], size: tuple[int, ...], position: int) -> NDArray[np.float32]:
    if values.shape == size:
        return values
    if any(whole % cells for whole, cells in zip(size, values.shape, strict=True)):
        raise other_shape(position, values.shape, f"it divides no tile of {list(size)} voxels by whole numbers")
    factors = [whole // cells for whole, cells in zip(size, values.shape, strict=True)]
    spread: NDArray[np.float32] = ndimage.zoom(values, factors, order=1, mode="nearest", grid_mode=True)
    return spread


def find(form: HeatMap | Segmentation, maps: Maps, geometry: Geometry) -> Candidates:
    """Find the candidates in maps of a whole scan, which tiles were combined to."""
    if isinstance(form, HeatMap):
        return _peaks(form, maps, geometry)
    return _parts(form, maps[0], geometry)


@dataclass(frozen=True)
class _Marked:
    """Voxels that are marked in a volume, by the connected part that they belong to.

    Attributes
    ----------
    numbers : int[parts]
        1, 2, …
    of_part : int[voxels]
        The part of each.
    at : float64[voxels, 3]
        z, y, x.
    values : float64[voxels]
    """

    numbers: NDArray[np.intp]
    of_part: NDArray[np.int32]
    at: NDArray[np.float64]
    values: NDArray[np.float64]

    @classmethod
    def of(cls, heat: NDArray[np.float32], marked: NDArray[np.bool_], connectivity: int) -> _Marked:
        """Label what hangs together; beyond the labels this takes memory for the marked voxels only."""
        labels, count = ndimage.label(marked, ndimage.generate_binary_structure(3, {6: 1, 18: 2, 26: 3}[connectivity]))
        at = np.nonzero(labels)
        return cls(np.arange(1, count + 1), labels[at], np.stack(at, axis=1).astype(np.float64), heat[at].astype(float))

    def middles(self) -> NDArray[np.float64]:
        """Give the mean voxel of each part."""
        means = [ndimage.mean(along, self.of_part, self.numbers) for along in self.at.T]
        return np.stack(means, axis=1)

    def nearest(self, middles: NDArray[np.float64]) -> NDArray[np.intp]:
        """Give the voxel of each part that is nearest to its middle, which may lie outside, as that of a ring."""
        away = ((self.at - middles[self.of_part - 1]) ** 2).sum(axis=1)
        order = np.lexsort((away, self.of_part))
        firsts = order[np.flatnonzero(np.diff(self.of_part[order], prepend=0))]
        return self.at[firsts].astype(np.intp)

    def highest(self) -> NDArray[np.float64]:
        """Give the highest value of each part."""
        return np.asarray(ndimage.maximum(self.values, self.of_part, self.numbers), np.float64)

    def mean(self) -> NDArray[np.float64]:
        """Give the mean value of each part."""
        return np.asarray(ndimage.mean(self.values, self.of_part, self.numbers), np.float64)

    def sides(self, geometry: Geometry) -> NDArray[np.float64]:
        """Give the extents of each part along x, y, z in mm, its voxels with their corners."""
        places = geometry.to_patient(self.at).T
        ends = [
            ndimage.maximum(along, self.of_part, self.numbers) - ndimage.minimum(along, self.of_part, self.numbers)
            for along in places
        ]
        sides: NDArray[np.float64] = np.stack(ends, axis=1) + np.abs(np.asarray(geometry.steps)).sum(axis=0)
        return sides


def _peaks(form: HeatMap, maps: Maps, geometry: Geometry) -> Candidates:
    heat = maps[0]
    summits = (heat > form.threshold) & (heat == ndimage.maximum_filter(heat, size=3, mode="constant"))
    # What is equally high and hangs together, as where a sigmoid is 1, is one peak in its middle.
    marked = _Marked.of(heat, summits, 26)
    if not len(marked.numbers):
        return no_candidates()
    middles, scores = marked.middles(), marked.highest()
    places = geometry.to_patient(middles)
    kept = _apart(places, scores, form)
    places, scores = places[kept], scores[kept]
    sides, volumes = _extents(form, maps, marked.nearest(middles)[kept], geometry)
    return Candidates(places, sides, sides[:, :2].mean(axis=1), volumes, np.minimum(scores, 1.0))


def _apart(places: NDArray[np.float64], scores: NDArray[np.float64], form: HeatMap) -> NDArray[np.intp]:
    """Choose peaks that have no higher one within the radius."""
    left = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(left) and len(kept) < form.most:
        first = int(left[0])
        kept.append(first)
        left = left[1:][np.linalg.norm(places[left[1:]] - places[first], axis=1) > form.radius]
    return np.asarray(kept, np.intp)


def _extents(
    form: HeatMap, maps: Maps, voxels: NDArray[np.intp], geometry: Geometry
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give sides along x, y, z in mm, and volumes, at the voxels of peaks."""
    steps, spacing = np.abs(np.asarray(geometry.steps)), np.asarray(geometry.spacing)
    if form.diameter == "half":
        widths = np.array([[_half_width(maps[0], voxel, axis) for axis in range(3)] for voxel in voxels])
        return widths @ steps, np.pi / 6 * np.prod(widths * spacing, axis=1)
    if form.diameter == "output":
        told = maps[1][tuple(voxels.T)].astype(np.float64)
        if not (told > 0).all():
            raise LungdbError(
                f"The network tells the diameter {told.min():g} of a candidate. Declare another output for the "
                "diameters, or a diameter in mm, when the network is loaded."
            )
        if form.diameter_unit == "voxel":
            widths = np.repeat(told[:, None], 3, axis=1)
            return widths @ steps, np.pi / 6 * np.prod(widths * spacing, axis=1)
        sides = np.repeat(told[:, None], 3, axis=1)
    else:
        sides = np.full((len(voxels), 3), float(form.diameter))
    return sides, np.pi / 6 * np.prod(sides, axis=1)


def _half_width(heat: NDArray[np.float32], voxel: NDArray[np.intp], axis: int) -> float:
    """Give the voxels between the two places where a map falls to half of a peak, linearly between voxels."""
    at = [slice(int(place), int(place) + 1) for place in voxel]
    at[axis] = slice(None)
    line = heat[tuple(at)].reshape(-1).astype(np.float64)
    peak = int(voxel[axis])
    return _fall(line[peak:]) + _fall(line[peak::-1])


def _fall(line: NDArray[np.float64]) -> float:
    half = line[0] / 2
    below = np.flatnonzero(line <= half)
    if not len(below):
        return len(line) - 0.5  # to the outer side of the last voxel
    first = int(below[0])
    return float(first - 1 + (line[first - 1] - half) / (line[first - 1] - line[first]))


def _parts(form: Segmentation, mask: NDArray[np.float32], geometry: Geometry) -> Candidates:
    marked = _Marked.of(mask, mask > form.threshold, form.connectivity)
    if not len(marked.numbers):
        return no_candidates()
    counts = np.bincount(marked.of_part)[1:]
    volumes: NDArray[np.float64] = counts * np.abs(np.linalg.det(np.asarray(geometry.steps)))
    diameters = np.cbrt(6 * volumes / np.pi)
    scores = np.minimum(marked.highest() if form.of_part == "max" else marked.mean(), 1.0)
    parts = Candidates(geometry.to_patient(marked.middles()), marked.sides(geometry), diameters, volumes, scores)
    large = np.flatnonzero(diameters >= form.smallest)
    return parts.taken(large[np.argsort(-scores[large], kind="stable")[: form.most]])
