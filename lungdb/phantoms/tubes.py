"""Tubes along curves: blood vessels, airways and ribs as volume elements."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungdb.phantoms.grid import Elements, Points

GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))  # Vogel, Mathematical Biosciences 44 (1979) 179: even filling of a disc


@dataclass(frozen=True)
class Centreline:
    """Samples along the axis of one or many tubes.

    Attributes
    ----------
    points, tangents : float64[n, 3]
        Positions in mm and unit directions.
    lengths : float64[n]
        The stretch of axis in mm that each sample stands for.
    radii : float64[n]
        In mm.
    """

    points: Points
    tangents: Points
    lengths: NDArray[np.float64]
    radii: NDArray[np.float64]


def smooth_path(knots: Points, radii: NDArray[np.float64], step: float) -> Centreline:
    """Lay a Catmull-Rom spline through knots, float64[n, 3] in mm, and sample it about every `step` mm."""
    padded = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    before, start, end, after = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    return _hermite(start, end, (end - before) / 2, (after - start) / 2, radii[:-1], radii[1:], step)


def branches(positions: Points, parents: NDArray[np.intp], radii: NDArray[np.float64], step: float) -> Centreline:
    """Sample the curved edges of a tree about every `step` mm.

    Parameters
    ----------
    positions : float64[n, 3]
        Nodes in mm; the first is the root.
    parents : intp[n]
        Index of each node's parent; the root's is 0.
    radii : float64[n]
        Of the edge that ends in the node, in mm.
    """
    child = np.arange(1, len(positions))
    parent = parents[child]
    start, end = positions[parent], positions[child]
    chord = end - start
    length = np.linalg.norm(chord, axis=1, keepdims=True)
    arriving = start - positions[parents[parent]]
    arriving /= np.maximum(np.linalg.norm(arriving, axis=1, keepdims=True), 1e-9)
    leaving = 0.5 * arriving * length + 0.5 * chord
    first = np.minimum(radii[parent], 1.25 * radii[child])
    return _hermite(start, end, leaving, chord, first, radii[child], step)


def _hermite(
    start: Points,
    end: Points,
    leaving: Points,
    arriving: Points,
    first: NDArray[np.float64],
    last: NDArray[np.float64],
    step: float,
) -> Centreline:
    lengths = np.linalg.norm(end - start, axis=1)
    counts = np.maximum(np.ceil(lengths / step).astype(np.intp), 1)
    edge = np.repeat(np.arange(len(start)), counts)
    within = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
    u = ((within + 0.5) / counts[edge])[:, None]
    p, q, m, n = start[edge], end[edge], leaving[edge], arriving[edge]
    points = (2 * u**3 - 3 * u**2 + 1) * p + (u**3 - 2 * u**2 + u) * m + (3 * u**2 - 2 * u**3) * q + (u**3 - u**2) * n
    slope = (6 * u**2 - 6 * u) * (p - q) + (3 * u**2 - 4 * u + 1) * m + (3 * u**2 - 2 * u) * n
    speed = np.linalg.norm(slope, axis=1)
    tangents = slope / np.maximum(speed, 1e-9)[:, None]
    radii = first[edge] + u[:, 0] * (last - first)[edge]
    return Centreline(points, tangents, speed / counts[edge], radii)


def tube(
    line: Centreline, element: float, *, flatness: float = 1.0, margin: NDArray[np.float64] | float = 0
) -> Elements:
    """Fill a tube with volume elements about `element` mm wide.

    Parameters
    ----------
    line : Centreline
    element : float
        Width of an element in mm.
    flatness : float
        Horizontal half axis of the cross section over the vertical one, for ribs; `line.radii` is the vertical one.
    margin : float or float64[n]
        Added to the radii, in mm: the wall of an airway.
    """
    radii = line.radii + margin
    area = np.pi * radii**2 * flatness
    counts = np.maximum(np.rint(area / element**2).astype(np.intp), 1)
    sample = np.repeat(np.arange(len(radii)), counts)
    within = np.arange(len(sample)) - np.repeat(np.cumsum(counts) - counts, counts)
    # Elements are many and 32 bits place them within a micrometre.
    depth = np.sqrt((within + 0.5).astype(np.float32) / counts.astype(np.float32)[sample])
    # A turn by an irrational part of a circle from sample to sample keeps the spirals from lining up.
    angle = ((within * GOLDEN_ANGLE + 2.4 * sample) % (2 * np.pi)).astype(np.float32)
    upright = np.zeros_like(line.tangents)
    upright[:, 2] = 1.0
    upright[np.abs(line.tangents[:, 2]) > 0.9] = (1.0, 0.0, 0.0)
    across = np.cross(line.tangents, upright)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    up = np.cross(across, line.tangents)
    reach = radii.astype(np.float32)[sample] * depth
    centre, level, rise = (vectors.astype(np.float32) for vectors in (line.points, across * flatness, up))
    points = centre[sample]
    points += (reach * np.cos(angle))[:, None] * level[sample]
    points += (reach * np.sin(angle))[:, None] * rise[sample]
    volumes = (area * line.lengths / counts).astype(np.float32)[sample]
    return Elements(points, volumes, depth)
