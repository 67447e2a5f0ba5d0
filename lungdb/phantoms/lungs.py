"""Inside the lungs: density, texture, emphysema, airways, arteries and veins."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from lungdb.phantoms.anatomy import Anatomy
from lungdb.phantoms.grid import Grid, Points, Volume, blend
from lungdb.phantoms.trees import Tree, grow
from lungdb.phantoms.tubes import Centreline, branches, smooth_path, tube

_TREE_STEP = 1.2  # mm between samples along a vessel
_HILUM = 2  # the node of an airway tree where its main bronchus enters the lung


def smooth_field(rng: np.random.Generator, grid: Grid, width: float) -> Volume:
    """Draw a smooth random field of mean 0 and standard deviation about 1 whose bumps are about `width` mm wide."""
    planes = max(int(np.ceil(grid.slices * grid.spacing / width)) + 1, 2)
    side = max(int(np.ceil(grid.size * grid.pixel / width)) + 1, 2)
    coarse = rng.standard_normal((planes, side, side), dtype=np.float32)
    at = np.linspace(0, planes - 1, grid.slices, dtype=np.float32)
    lower = np.minimum(at.astype(np.intp), planes - 2)
    share = (at - lower)[:, None, None]
    between: Volume = coarse[lower] * (1 - share) + coarse[lower + 1] * share
    size = (grid.size, grid.size)
    # Interpolation between independent values lowers their spread to about two thirds.
    field: Volume = np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_CUBIC) for plane in between])
    field *= 1.5
    return field


def add_texture(hu: Volume, lung: Volume, grid: Grid, anatomy: Anatomy, rng: np.random.Generator) -> None:
    """Vary the density of the lungs: denser towards the back, where blood settles; patchy; thinned by emphysema.

    Parameters
    ----------
    hu, lung : float32[slices, rows, columns]
        Hounsfield units, changed in place, and the part of each voxel that is lung.
    """
    y = (grid.top + grid.pixel * np.arange(grid.size)) / anatomy.cage_depth
    back = (rng.uniform(8, 26) * y + rng.uniform(10, 60) * np.clip(y - 0.55, 0, None) ** 2).astype(np.float32)
    texture = smooth_field(rng, grid, 28.0) * 10
    texture += smooth_field(rng, grid, 5.0) * np.float32(rng.uniform(7, 14))
    texture += back[:, None]
    if anatomy.emphysema:
        threshold = 1.6 - 4 * anatomy.emphysema
        holes = np.clip((smooth_field(rng, grid, rng.uniform(7, 14)) - np.float32(threshold)) * 2, 0, 1)
        level = anatomy.level(np.arange(grid.slices) * grid.spacing)
        texture -= holes * (90 * np.clip(0.15 + level, 0.1, 1)).astype(np.float32)[:, None, None]
    texture *= lung
    hu += texture


def add_trees(hu: Volume, lung: Volume, grid: Grid, anatomy: Anatomy, element: float, rng: np.random.Generator) -> None:
    """Put arteries, veins and airways into a volume, both lungs."""
    scale = anatomy.cage_width / 143
    carina = np.array([float(anatomy.midline(np.array([0.58]))[0]), -2.0, anatomy.z(0.585)])
    airways = []
    for side in (-1, 1):
        targets = _places_in_lung(lung, grid, 1000, side, rng)
        hilum = np.array([side * 44 * scale, 0.0, float(anatomy.z(0.5 if side < 0 else 0.52))])
        bronchus = np.array([carina, (carina + hilum) / 2 + (0, 1, 0), hilum])
        reach = np.linalg.norm(targets - hilum, axis=1)
        central = targets[(reach > 18) & (reach < 0.3 * anatomy.height)]
        airway = grow(bronchus, central[:40], balance=0.45, twig=1.25, exponent=2.5)
        airway = Tree(airway.positions, airway.parents, np.minimum(airway.radii, 6.5 * scale))
        airways.append(airway)
        beside = airway.positions[len(bronchus) :] + rng.normal(0, 0.6, 3) + (side * 1.5, -2.5, 2.5)
        artery_root = hilum + np.array([0, 2.0, 6.0 if side < 0 else 12.0])
        vein_root = np.array([side * 40 * scale, float(anatomy.spine_front(np.array([0.4]))[0]) - 26, anatomy.z(0.4)])
        half = len(targets) // 2
        for root, places in ((artery_root, np.concatenate([beside, targets[:half]])), (vein_root, targets[half:])):
            trunk = np.array([root - (side * 14.0, 0, 0), root])
            tree = grow(trunk, places, balance=0.35, twig=rng.uniform(0.62, 0.75), exponent=2.75)
            vessels = branches(tree.positions, tree.parents, np.minimum(tree.radii, 6.0), _TREE_STEP)
            blend(hu, grid, tube(vessels, element), anatomy.blood_hu)
    for airway in airways:
        _add_airway(hu, lung, grid, airway, element)
    _add_windpipe(hu, grid, anatomy, carina, element, rng)


def _add_airway(hu: Volume, lung: Volume, grid: Grid, airway: Tree, element: float) -> None:
    line = branches(airway.positions, airway.parents, airway.radii, _TREE_STEP)
    # A branch that takes a short cut through the heart is not drawn there; the main bronchi are.
    index = np.clip(np.rint(grid.index(line.points)).astype(np.intp), 0, np.array(lung.shape) - 1)
    x, y, _ = np.abs(line.points - airway.positions[_HILUM]).T
    main = (np.abs(line.points[:, 0]) < abs(airway.positions[_HILUM, 0])) & (y < 8)
    kept = (lung[tuple(index.T)] > 0.3) | main | (x + y < 12)
    line = Centreline(line.points[kept], line.tangents[kept], line.lengths[kept], line.radii[kept])
    blend(hu, grid, tube(line, element, margin=0.35 + 0.18 * line.radii), 30.0)
    blend(hu, grid, tube(line, element), -985.0)


def _add_windpipe(
    hu: Volume, grid: Grid, anatomy: Anatomy, carina: Points, element: float, rng: np.random.Generator
) -> None:
    radius = rng.uniform(7.5, 9.5) * anatomy.cage_width / 143
    top = anatomy.z(1.2)
    knots = np.array([(carina[0], -16, top), (carina[0] - 1, -9, (2 * top + carina[2]) / 3), carina])
    line = smooth_path(knots, np.array([radius, radius, radius * 1.1]), element)
    blend(hu, grid, tube(line, element, margin=1.6), 35.0)
    blend(hu, grid, tube(line, element), -990.0)


def _places_in_lung(lung: Volume, grid: Grid, count: int, side: int, rng: np.random.Generator) -> Points:
    """Draw places spread over one lung, float64[count, 3] (x, y, z) in mm, a few mm from its surface."""
    columns = (grid.left + grid.pixel * np.arange(grid.size)) * side > 0
    reach = max(round(4 / grid.pixel), 1)
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    inner = np.stack([cv2.erode(plane, kernel) for plane in (lung > 0.98).astype(np.uint8)])
    inside: NDArray[np.intp] = np.flatnonzero(inner * columns)
    chosen = rng.choice(inside, count, replace=len(inside) < count)
    index = np.stack(np.unravel_index(chosen, lung.shape), axis=1) + rng.uniform(-0.5, 0.5, (count, 3))
    return grid.point(index)
