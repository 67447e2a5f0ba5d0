"""Nodules: lobulated and spiculated ones, smooth ones, calcified granulomas."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lungdb.phantoms.grid import Elements, Grid, Points, Volume, blend
from lungdb.phantoms.tubes import smooth_path, tube

SMALLEST, LARGEST = 8.0, 30.0  # mm, of malignant nodules


@dataclass(frozen=True)
class Nodule:
    """What is true about a nodule of a phantom.

    Attributes
    ----------
    kind : str
        malignant, benign or granuloma.
    index : tuple of float
        Its centre as fractional (slice, row, column).
    diameter : float
        Of the sphere of the same volume, in mm, without spicules and ground glass.
    hu : float
        Of its solid part.
    spiculated, ground_glass : bool
        Whether it has spicules, and a hazy margin.
    """

    kind: str
    index: tuple[float, float, float]
    diameter: float
    hu: float
    spiculated: bool = False
    ground_glass: bool = False


def add_nodules(
    hu: Volume, lung: Volume, grid: Grid, rng: np.random.Generator, *, cancer: bool, element: float
) -> list[Nodule]:
    """Put nodules into a volume and return them.

    With `cancer` one to three are malignant. Granulomas and smooth benign nodules come as often with as without.

    Parameters
    ----------
    hu, lung : float32[slices, rows, columns]
        Hounsfield units, changed in place, and the part of each voxel that is lung.
    element : float
        Width of a volume element in mm.
    """
    depth = np.stack([cv2.distanceTransform(plane, cv2.DIST_L2, 3) for plane in (lung > 0.9).astype(np.uint8)])
    depth *= np.float32(grid.pixel)
    taken: list[tuple[Points, float]] = []
    nodules = []
    if cancer:
        for _ in range(int(rng.choice([1, 2, 3], p=[0.55, 0.3, 0.15]))):
            diameter = float(np.clip(rng.lognormal(np.log(15.5), 0.3), SMALLEST + 1, LARGEST - 3))
            nodules.append(
                _add_malignant(hu, grid, _place(depth, grid, diameter / 2, taken, rng), diameter, element, rng)
            )
    for _ in range(int(rng.choice([0, 1, 2], p=[0.6, 0.3, 0.1]))):
        diameter = rng.uniform(4.5, 11)
        nodules.append(_add_benign(hu, grid, _place(depth, grid, diameter / 2, taken, rng), diameter, element, rng))
    for _ in range(int(rng.poisson(1.6))):
        diameter = rng.uniform(2, 5)
        centre = _place(depth, grid, diameter / 2, taken, rng)
        value = rng.uniform(250, 900)
        blend(hu, grid, _ball(centre, diameter / 2, np.ones(1), np.zeros((1, 3)), min(element, 0.7), rng), value)
        nodules.append(Nodule("granuloma", _index(grid, centre), diameter, value))
    return nodules


def _add_malignant(
    hu: Volume, grid: Grid, centre: Points, diameter: float, element: float, rng: np.random.Generator
) -> Nodule:
    radius = diameter / 2
    value = rng.uniform(15, 60)
    spiculated = bool(rng.random() < 0.65)
    ground_glass = bool(rng.random() < 0.25)
    lobes = _directions(rng, int(rng.integers(4, 9)))
    swelling = rng.uniform(0.15, 0.45, len(lobes)) * rng.choice([1, 1, 1, -0.7], len(lobes))
    if ground_glass:
        halo = rng.uniform(1.3, 1.6)
        parts = _ball(centre, radius * halo, swelling, lobes, element, rng)
        blend(hu, grid, parts, rng.uniform(-700, -560) - 140 * parts.depth)
    if spiculated:
        for way in _directions(rng, int(rng.integers(9, 20))):
            length = radius * rng.uniform(0.35, 0.9) + 2
            bend = rng.normal(0, 0.12 * length, 3)
            knots = (
                centre + np.outer([0.7 * radius, radius + length / 2, radius + length], way) + np.outer([0, 1, 0], bend)
            )
            blend(hu, grid, tube(smooth_path(knots, np.array([1.5, 0.9, 0.35]), 0.8), min(element, 0.8)), value)
    blend(hu, grid, _ball(centre, radius, swelling, lobes, element, rng), value)
    return Nodule("malignant", _index(grid, centre), diameter, value, spiculated, ground_glass)


def _add_benign(
    hu: Volume, grid: Grid, centre: Points, diameter: float, element: float, rng: np.random.Generator
) -> Nodule:
    value = rng.uniform(0, 90)
    stretch = rng.uniform(0.0, 0.12, 1)
    parts = _ball(centre, diameter / 2, stretch, _directions(rng, 1), min(element, 0.8), rng)
    calcified = rng.random() < 0.35
    blend(hu, grid, parts, np.where(parts.depth < 0.5, rng.uniform(200, 500), value) if calcified else value)
    return Nodule("benign", _index(grid, centre), diameter, value)


def _ball(
    centre: Points,
    radius: float,
    swelling: NDArray[np.float64],
    lobes: Points,
    element: float,
    rng: np.random.Generator,
) -> Elements:
    """Fill a ball that swells by parts of its radius towards unit vectors `lobes`, keeping a ball's volume."""
    # Elements fall at random: five times as many as a tube's make the ball as even.
    count = max(int(np.ceil(5 * 4 / 3 * np.pi * (radius / element) ** 3)), 200)
    cube = rng.random((count, 3))
    cosine, turn, depth = 2 * cube[:, 0] - 1, 2 * np.pi * cube[:, 1], cube[:, 2] ** (1 / 3)
    sine = np.sqrt(1 - cosine**2)
    way = np.stack([sine * np.cos(turn), sine * np.sin(turn), cosine], axis=1)
    reach = 1 + (np.exp(5 * (way @ lobes.T - 1)) * swelling).sum(axis=1)
    reach *= radius / np.cbrt(np.mean(reach**3))
    volumes = 4 / 3 * np.pi * reach**3 / count
    return Elements(centre + (reach * depth)[:, None] * way, volumes, depth)


def _directions(rng: np.random.Generator, count: int) -> Points:
    ways: Points = rng.standard_normal((count, 3))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    return ways


def _place(
    depth: Volume, grid: Grid, radius: float, taken: list[tuple[Points, float]], rng: np.random.Generator
) -> Points:
    """Draw a centre (x, y, z) in mm in the lung, at least about its radius from the surface and from others."""
    reach = int(np.ceil(radius / grid.spacing))
    margin = 0.85 * radius + 1
    inside = depth > margin
    inside[:reach] = False
    inside[grid.slices - reach :] = False
    choices = np.flatnonzero(inside)
    if not len(choices):
        choices = np.array([int(np.argmax(depth))])
    best, room = np.zeros(3), -np.inf
    for flat in rng.choice(choices, 60):
        k, row, column = np.unravel_index(flat, depth.shape)
        point = grid.point(np.array([k, row, column]) + rng.uniform(-0.5, 0.5, 3))
        above = depth[max(k - reach, 0) : k + reach + 1, row, column].min() - 0.3 * radius
        # Spicules and ground glass reach to 1.6 radii.
        apart = min((float(np.linalg.norm(point - p)) - 1.6 * (r + radius) for p, r in taken), default=np.inf)
        here = min(float(above), apart - 3)
        if here > room:
            best, room = point, here
        if room > 0:
            break
    taken.append((best, radius))
    return best


def _index(grid: Grid, centre: Points) -> tuple[float, float, float]:
    k, row, column = grid.index(centre)
    return float(k), float(row), float(column)
