"""Made-up chest CT of a made-up person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import LungdbError
from lungdb.phantoms.anatomy import Anatomy, draw_anatomy
from lungdb.phantoms.canvas import Canvas
from lungdb.phantoms.grid import Grid
from lungdb.phantoms.lungs import add_texture, add_trees, smooth_field
from lungdb.phantoms.mediastinum import add_great_vessels, paint_mediastinum
from lungdb.phantoms.nodules import Nodule, add_nodules
from lungdb.phantoms.scanner import Scanner, draw_scanner, scan
from lungdb.phantoms.skeleton import add_ribs, paint_breastbone, paint_shoulder_blades, paint_spine
from lungdb.phantoms.trunk import paint_abdomen, paint_table, paint_wall

_ELEMENTS_PER_VOXEL = 8


@dataclass(frozen=True)
class Phantom:
    """A synthetic scan and the truth about it.

    Attributes
    ----------
    seed : int
    cancer : bool
    hu : int16[slices, rows, columns]
        Hounsfield units. Slices run from feet to head, rows from front to back, columns from the patient's right to
        left.
    spacing : tuple of float
        Distance of slices, rows and columns in mm.
    origin : tuple of float
        (x, y, z) in mm of the first pixel of the first slice, in the patient coordinates of DICOM.
    nodules : list of Nodule
    sex : str
        F or M.
    age : int
        In years.
    scanner : Scanner
    lungs : bool[slices, rows, columns]
        Voxels of which half or more lies in a lung as it was drawn: vessels, airways and nodules in it included.
    """

    seed: int
    cancer: bool
    hu: NDArray[np.int16]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]
    nodules: list[Nodule]
    sex: str
    age: int
    scanner: Scanner
    lungs: NDArray[np.bool_]


def make_phantom(seed: int, *, cancer: bool, slices: int = 32, size: int = 256) -> Phantom:
    """Make the chest CT of one person; the same arguments give the same voxels.

    Parameters
    ----------
    seed : int
        Not negative.
    cancer : bool
        Whether there are malignant nodules.
    slices : int
        At least 4. They cover the lungs whatever their number.
    size : int
        Rows and columns, at least 64.

    Raises
    ------
    LungdbError
        If an argument is out of range.
    """
    for name, value, least in (("seed", seed, 0), ("slices", slices, 4), ("size", size, 64)):
        if value < least:
            raise LungdbError(f"The value {value} for {name} is too small. Give {least} or more.")
    rng = np.random.default_rng(seed)
    spacing = round(rng.uniform(205, 245) / slices, 2)
    anatomy = draw_anatomy(rng, spacing * (slices - 1))
    scanner = draw_scanner(rng)
    grid = _draw_grid(rng, anatomy, slices, size, spacing)
    element = (grid.voxel / _ELEMENTS_PER_VOXEL) ** (1 / 3)

    canvas = Canvas(grid)
    paint_table(canvas, anatomy, rng)
    paint_wall(canvas, anatomy, rng)
    paint_abdomen(canvas, anatomy, rng)
    paint_mediastinum(canvas, anatomy, rng)
    paint_spine(canvas, anatomy, rng)
    paint_breastbone(canvas, anatomy)
    paint_shoulder_blades(canvas, anatomy, rng)
    hu, lung = canvas.volume()

    hu += smooth_field(rng, grid, 22.0) * 4
    add_texture(hu, lung, grid, anatomy, rng)
    add_ribs(hu, grid, anatomy, element, rng)
    add_great_vessels(hu, grid, anatomy, element, rng)
    add_trees(hu, lung, grid, anatomy, element, rng)
    nodules = add_nodules(hu, lung, grid, rng, cancer=cancer, element=element)
    return Phantom(
        seed=seed,
        cancer=cancer,
        hu=scan(hu, grid, anatomy, scanner, rng),
        spacing=(spacing, grid.pixel, grid.pixel),
        origin=(grid.left, grid.top, round(float(rng.uniform(-400, 100)), 2)),
        nodules=nodules,
        sex=anatomy.sex,
        age=anatomy.age,
        scanner=scanner,
        lungs=lung >= 0.5,
    )


def _draw_grid(rng: np.random.Generator, anatomy: Anatomy, slices: int, size: int, spacing: float) -> Grid:
    outline = anatomy.skin(np.array([0.2, 0.5]))
    width = float(np.ptp(outline[..., 0]))
    pixel = round(width * rng.uniform(1.0, 1.12) / size, 6)
    half = (size - 1) / 2 * pixel
    middle = float(outline[..., 1].mean())
    left, top = -half + rng.normal(0, 5), middle - half + 8 + rng.normal(0, 6)
    return Grid(slices, size, spacing, pixel, round(left, 3), round(top, 3))
