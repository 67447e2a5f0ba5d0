"""Where the lungs lie in a scan: by a threshold, connected parts and closing."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lungdb.errors import LungdbError
from lungdb.imaging.volumes.declared import VolumeInput
from lungdb.imaging.volumes.geometry import Geometry, Triple
from lungdb.imaging.volumes.moving import oriented
from lungdb.imaging.volumes.registry import Scan, Shape, Values

THRESHOLD = -400.0
"""Hounsfield units below which a voxel is air: about half of the way from lung to muscle."""

LEAST_MILLILITRES = 200.0
"""Volume of the lungs at least."""

Mask = NDArray[np.bool_]

_WORKING = 1.5  # mm: voxels are averaged to about it, which bounds the memory and takes noise away
_CLOSING = 8.0  # mm: vessels and nodules of this radius at the edge of a lung still belong to it
_SMALLER = 0.2  # of the larger lung's volume, which the other one has at least
_ASIDE = 20.0  # mm from the middle of the body: what lies nearer is both lungs in one
_TRACHEA = (60.0, 900.0)  # mm² of its section
_MIDDLE = 30.0  # mm from the middle of the body within which the trachea begins
_WIDER = 2.5  # times the section that it began with: there it has become the lungs


@dataclass(frozen=True)
class Lungs:
    """The lungs of a scan.

    Attributes
    ----------
    mask : bool[slices, rows, cols]
        Along the scan's own axes, vessels and nodules within the lungs included, windpipe left out.
    millilitres : float
        Their volume.
    """

    mask: Mask
    millilitres: float

    @property
    def box(self) -> tuple[Shape, Shape]:
        """First voxel, and first voxel beyond, along each axis."""
        return box_of(self.mask)


def box_of(mask: Mask) -> tuple[Shape, Shape]:
    """Give the first voxel, and the first beyond, of what is true along each axis; there has to be something."""
    ends = [np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    (top, left, near), (bottom, right, far) = (
        [int(end[0]) for end in ends],
        [int(end[-1]) + 1 for end in ends],
    )
    return (top, left, near), (bottom, right, far)


def lungs_of(mask: Mask, geometry: Geometry) -> Lungs:
    """Make lungs of a mask that is known, or found otherwise."""
    return Lungs(mask, float(np.count_nonzero(mask)) * _voxel(geometry) / 1000)


def dice(first: Mask, second: Mask) -> float:
    """Give twice the common part over the sum (Dice, Ecology 26, 1945, 297); 1 of two that are empty."""
    both, either = np.count_nonzero(first & second), np.count_nonzero(first) + np.count_nonzero(second)
    return 2 * both / either if either else 1.0


def find_lungs(values: Values, geometry: Geometry, threshold: float = THRESHOLD) -> Lungs:
    """Find the lungs in Hounsfield units, int16 or float32[slices, rows, cols].

    Voxels are averaged to about 1.5 mm. Air is what lies below the threshold; what of it is connected to the border of
    a slice lies outside. The windpipe is followed downwards from the top as long as its section stays narrow. The
    largest connected part is a lung, and the largest on the other side of the body, of at least a fifth of its volume,
    the other one; where the largest lies in the middle, it is both. Each is closed slice by slice with a disc of 8 mm
    and filled.

    Raises
    ------
    LungdbError
        There is no such part, or both together have less than 200 ml; or an axis is too far from the patient's.
    """
    mask: Mask = np.zeros(values.shape, dtype=bool)
    scan = oriented(Scan(values, geometry, _ANY), "SPL")
    into = oriented(Scan(mask, geometry, _ANY), "SPL").values
    places = [_blocks(side, step) for side, step in zip(scan.values.shape, scan.geometry.spacing, strict=True)]
    small = _averaged(scan.values, places)
    z, y, x = (
        float(step * len(place) / (place[-1] + 1)) for step, place in zip(scan.geometry.spacing, places, strict=True)
    )
    found = _found(small, (z, y, x), threshold)
    into[...] = found[np.ix_(*places)]
    return lungs_of(mask, geometry)


_ANY = VolumeInput(1, (None, None, None))


def _voxel(geometry: Geometry) -> float:
    return abs(float(np.linalg.det(np.asarray(geometry.steps))))


def _blocks(side: int, step: float) -> NDArray[np.intp]:
    """Give for each voxel of an axis the block that it is averaged into."""
    several = max(1, int(_WORKING / step + 0.25))
    return np.minimum(np.arange(side) // several, max(side // several, 1) - 1)


def _averaged(values: Values, places: list[NDArray[np.intp]]) -> NDArray[np.float32]:
    along, down, across = (place[-1] + 1 for place in places)
    made = np.zeros((along, down, across), dtype=np.float32)
    rows, cols = (np.flatnonzero(np.diff(place, prepend=-1)) for place in places[1:])
    counts = np.outer(np.bincount(places[1]), np.bincount(places[2])).astype(np.float32)
    several = np.bincount(places[0])
    for plane, place in zip(values, places[0], strict=True):
        sums = np.add.reduceat(np.add.reduceat(plane, cols, axis=1, dtype=np.float32), rows, axis=0)
        made[place] += sums / (counts * several[place])
    return made


def _found(hu: NDArray[np.float32], spacing: Triple, threshold: float) -> Mask:
    """Find the lungs in slices that rise to the head, rows to the back, columns to the left."""
    air: Mask = hu < threshold
    labels, _ = ndimage.label(air)
    border = [labels[:, 0], labels[:, -1], labels[:, :, 0], labels[:, :, -1]]
    is_outside = np.zeros(labels.max() + 1, dtype=bool)
    for face in border:
        is_outside[np.unique(face)] = True
    is_outside[0] = False
    outside = is_outside[labels]
    body = np.flatnonzero((~outside).any(axis=(0, 1)))
    air &= ~outside
    middle = float(body[0] + body[-1]) / 2 if len(body) else hu.shape[2] / 2
    air &= ~_windpipe(air, spacing, middle)
    labels, _ = ndimage.label(air)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    found: Mask = np.zeros(hu.shape, dtype=bool)
    for label in _sides(labels, sizes, spacing, middle):
        found |= _closed(labels == label, spacing)
    millilitres = float(np.count_nonzero(found)) * float(np.prod(spacing)) / 1000
    if millilitres < LEAST_MILLILITRES:
        raise LungdbError(
            f"No lungs are found: what lies below {threshold:g} HU within the body has {millilitres:.0f} ml, and lungs "
            f"have at least {LEAST_MILLILITRES:g} ml. Load a CT that shows the whole chest with air around it, or use "
            "a preprocessing without lungs."
        )
    return found


def _sides(labels: NDArray[np.int32], sizes: NDArray[np.intp], spacing: Triple, middle: float) -> list[int]:
    """Give the labels of one lung or of both."""
    order = [int(label) for label in np.argsort(-sizes) if sizes[label] > 0]
    if not order:
        return []
    first = order[0]
    parts = ndimage.find_objects(labels)

    def aside(label: int) -> float:
        part = parts[label - 1]
        columns = np.flatnonzero(np.ones(part[2].stop - part[2].start)) + part[2].start
        weights = (labels[part] == label).sum(axis=(0, 1))
        return float((columns * weights).sum() / weights.sum() - middle) * spacing[2]

    where = aside(first)
    if abs(where) < _ASIDE:
        return [first]
    for label in order[1:]:
        if sizes[label] < _SMALLER * sizes[first]:
            break
        if aside(label) * where < 0:
            return [first, label]
    return [first]


def _windpipe(air: Mask, spacing: Triple, middle: float) -> Mask:
    """Follow the windpipe from the top slice that shows it down to where it becomes the lungs."""
    found: Mask = np.zeros(air.shape, dtype=bool)
    pixel = spacing[1] * spacing[2]
    inside: Mask | None = None
    began = 0.0
    for index in range(len(air) - 1, -1, -1):
        count, labels, stats, centres = cv2.connectedComponentsWithStats(air[index].astype(np.uint8), connectivity=4)
        areas = stats[:, cv2.CC_STAT_AREA] * pixel
        if inside is None:
            if index < len(air) * 0.6:
                break
            near = [
                label
                for label in range(1, count)
                if _TRACHEA[0] <= areas[label] <= _TRACHEA[1]
                and abs(centres[label][0] - middle) * spacing[2] <= _MIDDLE
            ]
            if not near:
                continue
            chosen = min(near, key=lambda label: abs(centres[label][0] - middle))
            inside, began = labels == chosen, float(areas[chosen])
        else:
            reach = cv2.dilate(inside.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
            touched = [int(label) for label in np.unique(labels[reach]) if label]
            if not touched or float(areas[touched].sum()) > _WIDER * began:
                break
            inside = np.isin(labels, touched)
        found[index] = inside
    return found


def _closed(lung: Mask, spacing: Triple) -> Mask:
    """Close a lung slice by slice with a disc and fill what it surrounds."""
    across, down = (int(_CLOSING / step + 0.5) for step in (spacing[2], spacing[1]))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * across + 1, 2 * down + 1))
    made = np.zeros_like(lung)
    for index, plane in enumerate(lung):
        if plane.any():
            # A frame as wide as the disc, so that what lies at the border is closed as elsewhere.
            framed = np.pad(plane.astype(np.uint8), ((down, down), (across, across)))
            closed = cv2.morphologyEx(framed, cv2.MORPH_CLOSE, disc)
            closed = closed[down : closed.shape[0] - down, across : closed.shape[1] - across]
            made[index] = ndimage.binary_fill_holes(closed)
    return made
