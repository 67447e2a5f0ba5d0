"""A prepared volume as the tiles that a network reads, and what it gives for them put together again."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError
from lungdb.imaging.steps.registry import Arguments
from lungdb.imaging.volumes.declared import MOST_SIDE
from lungdb.imaging.volumes.geometry import Geometry, Tile, Volume
from lungdb.imaging.volumes.registry import Scan, Shape, Values, VolumeStep, check_voxels

_SIGMA = 0.125  # of a tile's side, as nnU-Net and MONAI weight tiles
_LEAST_WEIGHT = 1e-3

MOST_TILES = 50_000
"""Tiles of a scan at most."""


@dataclass(frozen=True)
class Prepared:
    """A volume as a network reads it.

    Attributes
    ----------
    values : int16 or float32[z, y, x]
        Before the network's own normalisation.
    geometry : Geometry
    channels : int
        Of a tile; each has the same values.
    size : (depth, rows, cols)
        Of a tile.
    starts : list of (z, y, x)
        First voxels of the tiles.
    weights : str
        How much a voxel counts where tiles overlap: `gaussian` of its way to the middle of the tile, or `uniform`.
    fill : float
        Value of a tile's voxels that lie outside the volume.
    """

    values: Values
    geometry: Geometry
    channels: int
    size: Shape
    starts: tuple[Shape, ...]
    weights: str
    fill: float

    @property
    def count(self) -> int:
        """How many tiles there are."""
        return len(self.starts)

    @property
    def shape(self) -> Shape:
        """Slices, rows and columns of the prepared volume."""
        z, y, x = self.values.shape
        return z, y, x

    @property
    def volume(self) -> Volume:
        """The prepared volume as a whole."""
        return Volume(self.values, self.geometry)

    def tiles(self) -> Iterator[Tile]:
        """Give the tiles one after another, slices outermost."""
        for start in self.starts:
            yield self.tile(start, self.size)

    def tile(self, start: Shape, size: Shape) -> Tile:
        """Give any part of the volume; what of it lies outside has the value that air has."""
        values = np.full((self.channels, *size), self.fill, dtype=np.float32)
        here, there = _overlap(start, size, self.shape)
        for channel in values:
            channel[here] = self.values[there]
        origin = self.geometry.to_patient(np.asarray([start], np.float64))[0]
        x, y, z = (float(value) for value in origin)
        return Tile(values, start, Geometry((x, y, z), self.geometry.steps))

    def combine(self, values: Iterable[tuple[Tile, NDArray[np.float32]]]) -> NDArray[np.float32]:
        """Put together what a network gives for the voxels of tiles.

        Parameters
        ----------
        values : iterable of (Tile, float32[K, depth, rows, cols])
            Of every tile, of its size.

        Returns
        -------
        float32[K, z, y, x]
            The weighted mean where tiles overlap.

        Raises
        ------
        LungdbError
            A voxel is in no tile, or what a network gives has another size than its tile.
        """
        weight = _weight(self.size, self.weights)
        total: NDArray[np.float32] | None = None
        counted = np.zeros(self.shape, dtype=np.float32)
        for tile, given in values:
            if given.ndim != 4 or given.shape[1:] != self.size or (total is not None and len(given) != len(total)):
                raise LungdbError(
                    f"The network gives {' × '.join(map(str, given.shape))} values for a tile of "
                    f"{' × '.join(map(str, self.size))} voxels. Use an output with a value for each voxel of the tile."
                )
            if total is None:
                check_voxels((len(given), *self.shape), "What the network gives for the whole volume")
                total = np.zeros((len(given), *self.shape), dtype=np.float32)
            here, there = _overlap(tile.start, self.size, self.shape)
            counted[there] += weight[here]
            for channel, into in zip(given, total, strict=True):
                into[there] += channel[here] * weight[here]
        if total is None or not (counted > 0).all():
            raise LungdbError("The tiles do not cover the volume. Give what the network makes of every tile.")
        for into in total:
            into /= counted
        return total


def _overlap(start: Shape, size: Shape, shape: Shape) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Give where a part of a volume lies in the part's array and in the volume's."""
    here, there = [], []
    for first, side, whole in zip(start, size, shape, strict=True):
        low, high = max(first, 0), max(min(first + side, whole), 0)
        low = min(low, high)
        here.append(slice(low - first, high - first))
        there.append(slice(low, high))
    return tuple(here), tuple(there)


def _weight(size: Shape, kind: str) -> NDArray[np.float32]:
    """Make float32[depth, rows, cols]; a Gaussian as MONAI's sliding window has it."""
    weight = np.ones(size, dtype=np.float32)
    if kind == "gaussian":
        for axis, side in enumerate(size):
            away = np.arange(side) - (side - 1) / 2
            shape = [1, 1, 1]
            shape[axis] = side
            weight *= np.exp(-(away**2) / (2 * (_SIGMA * side) ** 2)).astype(np.float32).reshape(shape)
        np.maximum(weight, max(float(weight.min()), _LEAST_WEIGHT), out=weight)
    return weight


def _check_tile(arguments: Arguments) -> None:
    if arguments.given.get("size", "network") == "network":
        arguments.choice("size", ["network"], "network")
    else:
        sides = arguments.numbers("size", 3, 1, MOST_SIDE)
        if any(side != int(side) for side in sides):
            raise arguments.refused("size", sides, "'network' and whole numbers of slices, rows and columns")
    arguments.number("overlap", 0, 0.9, 0.25)
    arguments.choice("weights", ["gaussian", "uniform"], "gaussian")
    check_fill(arguments)


def check_fill(arguments: Arguments) -> None:
    """Read what stands outside a scan: what air has become, unless a number is written."""
    if arguments.given.get("fill", "air") == "air":
        arguments.choice("fill", ["air"], "air")
    else:
        arguments.number("fill", -1e6, 1e6)


def tiled(scan: Scan, arguments: Mapping[str, Any]) -> Prepared:
    """Lay tiles over a scan: as far apart as the overlap says, the last one flush with the end, as MONAI has it.

    An axis that the network leaves free, with the size `network`, is one tile of the next multiple; a volume smaller
    than the tile lies in its middle.
    """
    size = _size(scan, arguments["size"])
    check_voxels((scan.wanted.channels, *size), "A tile")
    axes = []
    for whole, side in zip(scan.values.shape, size, strict=True):
        if whole <= side:
            axes.append([-((side - whole) // 2)])
            continue
        step = max(1, int(side * (1 - arguments["overlap"])))
        axes.append([min(place * step, whole - side) for place in range(math.ceil((whole - side) / step) + 1)])
    count = math.prod(map(len, axes))
    if count > MOST_TILES:
        raise LungdbError(
            f"The scan, prepared {' × '.join(map(str, scan.values.shape))} voxels large, has {count:,} tiles of "
            f"{' × '.join(map(str, size))} voxels, more than {MOST_TILES:,}. Use larger tiles, less overlap, or a "
            "wider spacing."
        )
    starts = tuple((z, y, x) for z, y, x in itertools.product(*axes))
    fill = scan.air if arguments["fill"] == "air" else arguments["fill"]
    return Prepared(scan.values, scan.geometry, scan.wanted.channels, size, starts, arguments["weights"], fill)


def _size(scan: Scan, asked: Any) -> Shape:
    wanted = scan.wanted
    sides = []
    for axis, whole in enumerate(scan.values.shape):
        fixed, multiple = wanted.size[axis], wanted.multiple[axis]
        side = (fixed or -(-whole // multiple) * multiple) if asked == "network" else int(asked[axis])
        if side != (fixed or side) or side % multiple:
            reads = f"{fixed}" if fixed else f"multiples of {multiple}"
            raise LungdbError(
                f"Tiles of {' × '.join(str(int(each)) for each in asked)} voxels do not fit the network, which reads "
                f"{reads} along axis {axis + 1} of 3. Use a preprocessing with tiles of the size 'network', or of one "
                "that it reads."
            )
        sides.append(side)
    depth, rows, cols = sides
    return depth, rows, cols


def _no_change(scan: Scan, _: Mapping[str, Any]) -> Scan:
    return scan


TILE = VolumeStep(_check_tile, _no_change, is_last=True)
