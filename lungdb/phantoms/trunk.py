"""Painting the trunk: table, skin, fat, muscle, rib cage, lungs and the organs under the diaphragm."""

from __future__ import annotations

import numpy as np

from lungdb.phantoms.anatomy import DIRECTIONS, Anatomy
from lungdb.phantoms.canvas import Canvas, ellipse
from lungdb.phantoms.grid import Points


def paint_table(canvas: Canvas, anatomy: Anatomy, rng: np.random.Generator) -> None:
    """Paint the patient table: a curved carbon-fibre shell around foam, and a mattress."""
    back = float(anatomy.skin(np.array([0.5]))[0, :, 1].max())
    x = np.linspace(-1, 1, 41)
    half, depth = rng.uniform(195, 225), rng.uniform(14, 26)
    # The mattress fills the gap between the table and a back that is not flat.
    top = back + 3 + rng.uniform(0, 3) - 26 * x**4 * rng.uniform(0.3, 0.9) - 6 * x**2
    upper = np.stack([half * x, top], axis=-1)
    lower = np.stack([half * x, top + depth * (1 - 0.9 * x**6)], axis=-1)[::-1]
    everywhere = len(canvas.z)
    pad = np.concatenate([upper - (0, 9), upper[::-1]])
    canvas.fill(np.repeat(pad[None], everywhere, 0), -955)
    canvas.fill(np.repeat(np.concatenate([upper, lower])[None], everywhere, 0), -915)
    for surface, hu in ((upper, -560.0), (lower, -480.0)):
        canvas.line(np.repeat(surface[None], everywhere, 0), hu, 1)


def paint_wall(canvas: Canvas, anatomy: Anatomy, rng: np.random.Generator) -> None:
    """Paint skin, fat, breasts, muscle and the rib cage without its bones, and fill the cage with lung."""
    level = anatomy.level(canvas.z)
    middle = anatomy.midline(level)
    canvas.fill(anatomy.skin(level), 5)
    canvas.fill(anatomy.skin(level, 1.8), anatomy.fat_hu)
    if anatomy.sex == "F":
        _paint_glands(canvas, anatomy, rng)
    muscle = anatomy.skin(level, 2.0, bare=True)
    cage = anatomy.cage(level, -1.5)
    # Where the cage is wide the muscle over it stays at least as thick as the hand-drawn outline leaves it.
    centre = np.stack([middle, np.zeros_like(middle)], axis=-1)[:, None, :]
    thin = np.linalg.norm(muscle - centre, axis=-1) < np.linalg.norm(cage - centre, axis=-1) + 4
    muscle = np.where(thin[..., None], centre + (cage - centre) * 1.045, muscle)
    canvas.fill(muscle, anatomy.muscle_hu)
    for part in (0.34, 0.68):
        _paint_fat_plane(canvas, anatomy, cage + part * (muscle - cage), rng)
    for side in (-1, 1):
        upper = (level > 0.52) & (level < 1.0)
        girth = np.interp(level, [0.5, 0.62, 0.85, 1.0], [2, 12, 20, 16])
        room = np.abs(muscle[:, :: len(DIRECTIONS) // 2, 0] - middle[:, None]).min(axis=1) - 0.75 * girth - 6
        reach = np.minimum(
            anatomy.cage_width * np.interp(level, [0.5, 0.7, 0.9, 1.0], [1.02, 0.97, 0.86, 0.75]) + 10, room
        )
        canvas.fill(ellipse(middle + side * reach, -18, girth * 0.75, girth * 1.5, side * 0.5), anatomy.fat_hu, upper)
        for _ in range(5):
            start = rng.uniform(0.55, 0.9)
            x = middle + side * (reach + rng.uniform(-8, 8))
            here = upper & (level > start) & (level < start + rng.uniform(0.03, 0.2))
            canvas.fill(ellipse(x, rng.uniform(-45, 5), rng.uniform(2, 4.5), rng.uniform(2, 4)), 40, here)
    canvas.fill(cage, anatomy.fat_hu)
    canvas.fill(anatomy.cage(level), anatomy.muscle_hu)
    canvas.fill(anatomy.cage(level, anatomy.wall - 1.5), anatomy.fat_hu)
    canvas.fill_lung(anatomy.cage(level, anatomy.wall), anatomy.lung_hu, level < 1.03)


def _paint_fat_plane(canvas: Canvas, anatomy: Anatomy, outline: Points, rng: np.random.Generator) -> None:
    """Draw fat between two sheets of muscle along parts of an outline, float64[planes, directions, 2]."""
    for start in (0.0, 0.9, 1.9, 2.9, 3.6, 5.0):
        begin = start + rng.uniform(0, 0.35)
        end = begin + rng.uniform(0.35, 0.75)
        chosen = (begin < DIRECTIONS) & (end > DIRECTIONS)
        canvas.line(outline[:, chosen], anatomy.fat_hu + 25, int(rng.integers(1, 3)))


def _paint_glands(canvas: Canvas, anatomy: Anatomy, rng: np.random.Generator) -> None:
    level = anatomy.level(canvas.z)
    skin = anatomy.skin(level)
    for direction in (4.12, 5.3):
        place = skin[:, int(direction / (2 * np.pi) * len(DIRECTIONS))]
        for _ in range(9):
            inward = 0.8 + 0.1 * rng.random()
            middle, reach = rng.normal(0.4, 0.06), rng.uniform(0.02, 0.06)
            here = np.abs(level - middle) < reach
            x = place[:, 0] * inward + rng.normal(0, 9)
            size = anatomy.breast * rng.uniform(0.06, 0.2)
            canvas.fill(
                ellipse(x, place[:, 1] * inward, size * 1.6, size, rng.uniform(0, 3)), rng.uniform(-20, 30), here
            )


def paint_abdomen(canvas: Canvas, anatomy: Anatomy, rng: np.random.Generator) -> None:
    """Paint what bulges into the chest under the diaphragm: liver right, stomach, spleen and fat left."""
    level = anatomy.level(canvas.z)
    right, left = anatomy.dome_right, anatomy.dome_left
    liver, spleen = anatomy.muscle_hu + 4, anatomy.muscle_hu - 3
    _paint_dome(canvas, anatomy, -1, right, 0.96, liver)
    _paint_dome(canvas, anatomy, 1, left, 0.95, anatomy.muscle_hu - 4)
    _paint_dome(canvas, anatomy, 1, left - 0.02, 0.91, anatomy.fat_hu)

    middle = anatomy.midline(level)
    width, depth = anatomy.cage_width - anatomy.wall, anatomy.cage_depth - anatomy.wall
    gas = rng.uniform(-0.05, 0.05)
    for top, x, y, a, b, hu, turn in (
        (right - 0.07, 0.0, -0.52, 0.4, 0.3, liver, 0.1),
        (left - 0.04, 0.68, 0.24, 0.18, 0.38, spleen, 0.35),
        (left - 0.035, 0.36, -0.22, 0.26, 0.36, 22.0, -0.3),
        (left - 0.05, 0.36, -0.36 + gas, 0.17, 0.16, -985.0, 0.0),
    ):
        reach = np.minimum(np.sqrt(np.clip((top - level) / 0.12, 0, None)), 1.0)
        outline = ellipse(middle + x * width, y * depth, a * width * reach, b * depth * reach, turn)
        canvas.fill(outline, hu, level < top)


def _paint_dome(canvas: Canvas, anatomy: Anatomy, side: int, top: float, widest: float, hu: float) -> None:
    """Paint half of the space under the diaphragm; it follows the chest wall and leaves a gap of lung, wider behind."""
    level = anatomy.level(canvas.z)
    wall = anatomy.cage(level, anatomy.wall)
    centre = np.stack([anatomy.midline(level) + side * 0.44 * anatomy.cage_width, np.full_like(level, -12.0)], axis=-1)
    half = np.flatnonzero(side * np.cos(DIRECTIONS) > -0.05)
    half = half if side < 0 else np.roll(half, int((DIRECTIONS[half] >= np.pi).sum()))
    reach = np.minimum(np.sqrt(np.clip(1 - level / top, 0, None)), 1) * widest
    behind = np.clip(np.sin(DIRECTIONS[half]), 0, 1) ** 2
    gap = 1 - 0.16 * behind * np.clip(1 + level / 0.15, 0, 1)[:, None]
    outline = centre[:, None] + (wall[:, half] - centre[:, None]) * (reach[:, None] * gap)[..., None]
    across = np.linspace(0, 1, 20)[1:-1, None]
    inner = outline[:, -1:] + (outline[:, :1] - outline[:, -1:]) * across
    canvas.fill(_rounded(np.concatenate([outline, inner], axis=1), 6), hu, level < top)


def _rounded(outlines: Points, reach: int) -> Points:
    """Round the corners of closed outlines, float64[planes, vertices, 2], by averaging neighbours."""
    shifts = range(-reach, reach + 1)
    rounded: Points = np.mean([np.roll(outlines, shift, axis=1) for shift in shifts], axis=0)
    return rounded
