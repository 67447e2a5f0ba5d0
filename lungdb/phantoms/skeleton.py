"""Spine, ribs, breastbone, shoulder blades and collar bones."""

from __future__ import annotations

import numpy as np

from lungdb.phantoms.anatomy import DIRECTIONS, Anatomy, Array
from lungdb.phantoms.canvas import Canvas, ellipse, shape
from lungdb.phantoms.grid import Grid, Points, Volume, blend
from lungdb.phantoms.tubes import Centreline, smooth_path, tube

RIBS = 12
_STEP = 1.2  # mm between samples along a rib
_BREASTBONE_LEVELS = (0.3, 0.86)


def paint_spine(canvas: Canvas, anatomy: Anatomy, rng: np.random.Generator) -> None:
    """Paint vertebral bodies with a bright rim, discs, the spinal canal, arches and processes."""
    level = anatomy.level(canvas.z)
    x = anatomy.midline(level)
    wide = (16.5 + 3.0 * (1 - level)) * anatomy.cage_width / 143
    deep = (13.0 + 2.5 * (1 - level)) * anatomy.cage_width / 143
    front = anatomy.spine_front(level)
    y = front + deep
    phase = (level * RIBS + rng.random()) % 1.0  # 0 to 1 over a vertebra and its disc
    disc = phase < 0.2
    body = ~disc
    near_end = body & ((phase < 0.28) | (phase > 0.92))
    canal = y + deep + 7

    # Muscle along the spine, then the vertebra in it.
    for side in (-1, 1):
        canvas.fill(ellipse(x + side * 23, canal + 19, 18, 12, side * 0.25), anatomy.muscle_hu)
        canvas.line(ellipse(x + side * 23, canal + 19, 19, 13, side * 0.25)[:, 2:16], anatomy.fat_hu + 30, 1)
    canvas.fill(ellipse(x, y, wide + 2.5, deep + 2), anatomy.muscle_hu)
    canvas.fill(ellipse(x, canal, 18, 15), anatomy.muscle_hu)
    canvas.fill(ellipse(x, y, wide - 1, deep - 1), 80, disc)

    marrow, rim = anatomy.marrow_hu - 50, 420.0
    arch = body & (phase < 0.75)
    blade = np.array([[-11, -9], [11, -9], [15, 2], [12, 11], [4, 16], [-4, 16], [-12, 11], [-15, 2]], dtype=float)
    canvas.fill_bone(shape(x, canal, blade), rim, arch)
    canvas.fill_bone(shape(x, canal, blade * 0.83), 250, arch)
    for side in (-1, 1):
        process = np.array([[9, 0], [25, 9], [33, 15], [32, 20], [22, 15], [8, 9]], dtype=float) * (side, 1)
        here = body & (phase > 0.25) & (phase < 0.62)
        canvas.fill_bone(shape(x, canal, process), 340, here)
        canvas.fill_bone(shape(x, canal, process * 0.86 + (side * 2.8, 1.2)), 190, here)
    tail = np.array([[-4, 12], [4, 12], [3.2, 30], [2.4, 38], [-2.4, 38], [-3.2, 30]], dtype=float)
    canvas.fill_bone(shape(x, canal, tail), 330, phase > 0.35)
    canvas.fill_bone(shape(x, canal, tail * (0.45, 0.93) + (0, 1)), 170, phase > 0.35)

    canvas.fill_bone(ellipse(x, y, wide, deep), rim * 0.75, body)
    canvas.fill_bone(ellipse(x, y, wide - 1.5, deep - 1.5), marrow, body)
    canvas.fill_bone(ellipse(x, y, wide - 1, deep - 1), marrow + 130, near_end)
    canvas.fill_bone(ellipse(x, canal - 0.5, 9, 8), 0)
    canvas.fill(ellipse(x, canal - 0.5, 8.5, 7.5), anatomy.fat_hu + 60)
    canvas.fill(ellipse(x, canal - 0.5, 6.5, 5.5), 22)


def paint_breastbone(canvas: Canvas, anatomy: Anatomy) -> None:
    """Paint the breastbone in the front wall of the rib cage."""
    level = anatomy.level(canvas.z)
    low, high = _BREASTBONE_LEVELS
    front = anatomy.cage(level, anatomy.wall / 2)[:, int(0.75 * len(DIRECTIONS))]
    half = np.interp(level, [low, 0.45, 0.7, 0.76, high], [9, 17, 14, 22, 27]) * anatomy.cage_width / 143
    here = (level > low) & (level < high)
    canvas.fill(ellipse(front[:, 0], front[:, 1] - 1, half + 3, 8), anatomy.muscle_hu, here)
    canvas.fill_bone(ellipse(front[:, 0], front[:, 1] - 1, half, 6), 330, here)
    canvas.fill_bone(ellipse(front[:, 0], front[:, 1] - 1, half - 1.8, 4.2), anatomy.marrow_hu - 70, here)


def paint_shoulder_blades(canvas: Canvas, anatomy: Anatomy, rng: np.random.Generator) -> None:
    """Paint the shoulder blades as thin bowed plates in the muscle behind the ribs."""
    level = anatomy.level(canvas.z)
    middle = anatomy.midline(level)
    along = np.linspace(0, 1, 9)
    for side in (-1, 1):
        tip = 0.5 + rng.uniform(-0.04, 0.04)
        here = (level > tip) & (level < 1.02)
        rise = np.clip((level - tip) / (1 - tip), 0, 1)[:, None]
        reach = anatomy.cage_width * (0.62 + 0.05 * rise), anatomy.cage_width * (0.88 + 0.2 * rise)
        length = np.clip(rise * 2.2 + 0.15, 0, 1)
        part = 0.5 + (along - 0.5) * length
        x = reach[0] + (reach[1] - reach[0]) * part
        y = anatomy.cage_depth * (0.98 - 0.1 * rise - (0.62 + 0.05 * rise) * part**1.4) + 5
        thick = 2.2 + 2.2 * np.abs(part - 0.5) + 2.4 * rise * part**3
        x = middle[:, None] + side * x
        x, y = _within(anatomy.skin(level, 9.0, bare=True), x, y)
        for margin, hu in ((1.0, 430.0), (-0.2, 160.0)):
            near = np.stack([x, y - (thick + margin) / 2], axis=-1)
            far = np.stack([x, y + thick / 2 + margin], axis=-1)
            canvas.fill_bone(np.concatenate([near, far[:, ::-1]], axis=1), hu, here)
        spine = here & (level > tip + 0.3)
        ridge = np.stack([x[:, 3:7], y[:, 3:7] + thick[:, 3:7]], axis=-1)
        peak = _within(anatomy.skin(level, 9.0, bare=True), x[:, 6:2:-1], y[:, 6:2:-1] + (3, 10, 13, 7))
        canvas.fill_bone(np.concatenate([ridge, np.stack(peak, axis=-1)], axis=1), 300, spine)


def _within(outline: Points, x: Array, y: Array) -> tuple[Array, Array]:
    """Pull points, float64[planes, n], that lie outside a plane's outline onto it."""
    centre = outline.mean(axis=1, keepdims=True)
    away = np.stack([x, y], axis=-1) - centre
    direction = np.rint(np.arctan2(away[..., 1], away[..., 0]) / (2 * np.pi) * len(DIRECTIONS)).astype(np.intp)
    limit = np.linalg.norm(
        np.take_along_axis(outline - centre, direction[..., None] % len(DIRECTIONS), axis=1), axis=-1
    )
    pulled = centre + away * np.minimum(limit / np.linalg.norm(away, axis=-1), 1)[..., None]
    return pulled[..., 0], pulled[..., 1]


def add_ribs(hu: Volume, grid: Grid, anatomy: Anatomy, element: float, rng: np.random.Generator) -> None:
    """Put ribs, their cartilage and the collar bones into a volume, float32[slices, rows, columns]."""
    phase = rng.uniform(-0.02, 0.02)
    for number in range(1, RIBS):
        for side in (-1, 1):
            bone, cartilage = _rib(anatomy, number, side, phase, rng)
            if cartilage is not None:
                blend(hu, grid, tube(cartilage, 1.2 * element, flatness=0.65), 105.0)
            parts = tube(bone, 1.2 * element, flatness=0.68)
            blend(hu, grid, parts, np.where(parts.depth > 0.72, 640.0, anatomy.marrow_hu + 30))
    for side in (-1, 1):
        front = anatomy.cage(np.array([0.86]), 4.0)[0, int(0.75 * len(DIRECTIONS)), 1]
        knots = np.array(
            [[18, front + 2, 0.87], [60, front - 4, 0.93], [105, front + 32, 0.99], [150, front + 45, 1.05]]
        )
        knots[:, 0] *= side * anatomy.cage_width / 143
        knots[:, 2] = anatomy.z(knots[:, 2])
        parts = tube(smooth_path(knots, np.array([8.0, 6, 6, 7]), element), element)
        blend(hu, grid, parts, np.where(parts.depth > 0.75, 680.0, anatomy.marrow_hu + 20))


def _rib(
    anatomy: Anatomy, number: int, side: int, phase: float, rng: np.random.Generator
) -> tuple[Centreline, Centreline | None]:
    """Lay a rib from the spine round to the front, where it lies lower by half its way, and its cartilage."""
    start = 1.11 - 0.104 * number + phase
    drop = np.interp(number, [1, 4, 8, 11], [0.24, 0.44, 0.54, 0.4]) + rng.normal(0, 0.008)
    turn = np.interp(number, [1, 7, 10, 11], [2.45, 2.5, 2.1, 1.7])  # from back towards the front, π being all the way
    way = np.linspace(0.16, turn, 16)
    level = start - drop * np.clip((way - 0.3) / (turn - 0.3), 0, 1) ** 1.15
    height = np.interp(way, [way[0], way[4], way[-2], way[-1]], [3.6, 4.6, 4.8, 4.0])
    bone = smooth_path(_on_cage(anatomy, level, way, side), height, _STEP)
    if number > 9:
        return bone, None
    end = np.linspace(turn, 2.95, 6)
    low, high = _BREASTBONE_LEVELS
    target = max(level[-1] + 0.02 * number, low)
    rise = level[-1] + (min(target, high) - level[-1]) * np.linspace(0, 1, 6)
    return bone, smooth_path(_on_cage(anatomy, rise, end, side), np.full(6, 5.0), _STEP)


def _on_cage(anatomy: Anatomy, level: Array, way: Array, side: int) -> Points:
    """Turn levels and angles from the middle of the back into points (x, y, z) inside the wall of the cage."""
    outline = anatomy.cage(level, anatomy.wall * 0.5)
    direction = (np.pi / 2 - side * way) % (2 * np.pi)
    place = direction / (2 * np.pi) * len(DIRECTIONS)
    lower = np.floor(place).astype(np.intp)
    share = (place - lower)[:, None]
    row = np.arange(len(level))
    start = outline[row, lower % len(DIRECTIONS)]
    end = outline[row, (lower + 1) % len(DIRECTIONS)]
    return np.concatenate([start + share * (end - start), anatomy.z(level)[:, None]], axis=1)
