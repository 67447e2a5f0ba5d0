"""What lies between the lungs: fat, heart, great vessels, gullet and lymph nodes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lungdb.phantoms.anatomy import DIRECTIONS, Anatomy
from lungdb.phantoms.canvas import Canvas, ellipse
from lungdb.phantoms.grid import Elements, Grid, Points, Volume, blend
from lungdb.phantoms.tubes import Centreline, smooth_path, tube

# Half widths in mm of the mediastinum from breastbone to spine (columns) at levels of the chest (rows).
_LEVELS = np.array([-0.2, 0.15, 0.4, 0.55, 0.68, 0.78, 0.9, 1.0])
_RIGHT = np.array(
    [
        [6, 14, 22, 24, 20, 17],
        [4, 14, 24, 26, 20, 16],
        [2, 10, 28, 32, 22, 15],
        [2, 8, 26, 31, 22, 14],
        [3, 10, 24, 24, 16, 13],
        [8, 18, 27, 26, 19, 15],
        [20, 26, 29, 28, 23, 18],
        [30, 32, 33, 32, 28, 24],
    ],
    dtype=np.float64,
)
_LEFT = np.array(
    [
        [6, 22, 32, 30, 28, 30],
        [5, 22, 34, 30, 26, 29],
        [2, 14, 32, 30, 25, 29],
        [2, 9, 33, 38, 27, 29],
        [3, 12, 27, 31, 31, 29],
        [8, 18, 25, 26, 25, 20],
        [20, 26, 28, 28, 25, 20],
        [30, 32, 33, 32, 28, 24],
    ],
    dtype=np.float64,
)


def paint_mediastinum(canvas: Canvas, anatomy: Anatomy, rng: np.random.Generator) -> None:
    """Paint the fat between the lungs, the heart in its pericardium, the gullet, lymph nodes and the thymus' rest."""
    level = anatomy.level(canvas.z)
    x = anatomy.midline(level)
    front = anatomy.cage(level, anatomy.wall - 2)[:, int(0.75 * len(DIRECTIONS)), 1]
    back = anatomy.spine_front(level)
    scale = anatomy.cage_width / 143 * rng.uniform(0.94, 1.08)
    canvas.fill(_between_lungs(level, x, front, back, scale), anatomy.fat_hu)

    heart = anatomy.heart * anatomy.cage_width / 143
    middle = rng.uniform(0.2, 0.25)
    reach = np.sqrt(np.clip(1 - ((level - middle) / 0.27) ** 2, 0, None))
    beating = reach > 0.15
    hx, hy = x + 20 * heart - 8 * (level - middle) / 0.27, np.maximum(front + 50 * heart, -0.36 * anatomy.cage_depth)
    turn = rng.uniform(0.45, 0.7)
    tip = rng.uniform(2, 6)
    muscle = ellipse(hx, hy, 63 * heart * reach, 46 * heart * reach, -turn)
    place = np.stack([hx, hy], axis=-1)[:, None]
    around = np.linspace(0, 2 * np.pi, muscle.shape[1], endpoint=False)
    bumps = np.zeros(muscle.shape[:2])
    for k in (2, 3, 4):
        bumps += rng.normal(0, 0.03) * np.cos(k * around + rng.uniform(0, 6) + 4 * level[:, None])
    muscle = place + (muscle - place) * (1 + bumps)[..., None]
    canvas.fill(place + (muscle - place) * (1 + tip / 55), anatomy.fat_hu + 8, beating)
    canvas.fill(muscle, anatomy.blood_hu + 2, beating)
    for along, across, size in ((-0.42, 0.86, 4.5), (0.34, -0.9, 4.0), (0.05, 0.95, 3.5)):
        u, v = 63 * heart * reach * along, 46 * heart * reach * across
        gx, gy = u * np.cos(turn) + v * np.sin(turn), -u * np.sin(turn) + v * np.cos(turn)
        canvas.fill(ellipse(hx + gx, hy + gy, size * 1.8, size, -turn), anatomy.fat_hu + 15, beating)
    atrium = np.sqrt(np.clip(1 - ((level - 0.4) / 0.09) ** 2, 0, None))
    canvas.fill(ellipse(x + 2, back - 24, 34 * heart * atrium, 15 * heart * atrium), anatomy.blood_hu, atrium > 0.2)

    canvas.fill(ellipse(x + 3 + 4 * np.sin(5 * level), back - 6, 8.5, 6), 36)
    gas = rng.uniform(0.5, 0.9)
    canvas.fill(ellipse(x + 3, back - 6, 2.5, 2), -900, np.abs(level - gas) < 0.06)
    for _ in range(16):
        where = rng.uniform(0.45, 0.9)
        here = np.abs(level - where) < rng.uniform(0.008, 0.025)
        node_x = x + rng.uniform(-24, 24)
        node_y = front + (back - front) * rng.uniform(0.25, 0.9)
        canvas.fill(ellipse(node_x, node_y, rng.uniform(2, 5), rng.uniform(1.8, 3.2), rng.uniform(0, 3)), 35, here)


def _between_lungs(
    level: NDArray[np.float64],
    x: NDArray[np.float64],
    front: NDArray[np.float64],
    back: NDArray[np.float64],
    scale: float,
) -> Points:
    """Outline of the space between the lungs, float64[planes, vertices, 2]: down the right side, up the left."""
    knots = np.linspace(0, 1, _RIGHT.shape[1])
    along = np.linspace(0, 1, 16)
    sides = []
    for table in (_RIGHT, _LEFT):
        at_level = np.stack([np.interp(level, _LEVELS, column) for column in table.T], axis=1)
        half = np.stack([np.interp(along, knots, row) for row in at_level])
        half[:, 1:-1] = (half[:, :-2] + 2 * half[:, 1:-1] + half[:, 2:]) / 4
        sides.append(half * scale)
    y = front[:, None] - 3 + (back - front + 14)[:, None] * along
    right = np.stack([x[:, None] - sides[0], y], axis=-1)
    left = np.stack([x[:, None] + sides[1], y], axis=-1)
    return np.concatenate([right, left[:, ::-1]], axis=1)


def add_great_vessels(hu: Volume, grid: Grid, anatomy: Anatomy, element: float, rng: np.random.Generator) -> None:
    """Put aorta, its branches, great veins and the central lung arteries into a volume.

    Older people have calcium in the aortic wall.
    """
    scale = anatomy.cage_width / 143
    wide = rng.uniform(0.9, 1.18)
    spine = float(anatomy.spine_front(np.array([0.5]))[0])

    def vessel(knots: list[tuple[float, float, float, float]], factor: float = 1.0) -> None:
        table = np.array(knots)
        blend(hu, grid, tube(_path(anatomy, table, scale, element, factor), element), anatomy.blood_hu)

    down = [(20.0, spine - 4, z, 12.5) for z in (0.6, 0.45, 0.3, 0.1, -0.25)]
    aorta = [
        (4, -30, 0.36, 15), (-10, -32, 0.46, 16.5), (-15, -30, 0.57, 16), (-8, -22, 0.68, 15),
        (6, -6, 0.735, 14.5), (17, 14, 0.72, 14), (21, spine - 8, 0.66, 13), *down,
    ]  # fmt: skip
    vessel(aorta, wide)
    vessel([(-5, -18, 0.74, 6.5), (-13, -14, 0.85, 6.5), (-22, -12, 1.0, 6)])
    vessel([(5, -6, 0.74, 4.5), (9, -6, 0.86, 4), (17, -5, 1.05, 4)])
    vessel([(15, 8, 0.73, 5), (22, 6, 0.85, 5), (32, 0, 1.0, 5)])
    vessel([(-28, -10, 0.38, 11), (-27, -16, 0.55, 10), (-25, -20, 0.72, 9.5), (-27, -24, 0.86, 8), (-36, -22, 1.0, 7)])
    vessel([(-22, -24, 0.76, 7), (0, -36, 0.81, 6.5), (20, -30, 0.86, 7), (36, -18, 0.99, 7)])
    vessel([(-28, -14, 0.7, 4), (-20, 8, 0.685, 4), (-8, spine - 3, 0.64, 4), (-5, spine - 3, 0.3, 3.5)])
    vessel([(14, -44, 0.44, 13), (14, -40, 0.53, 14), (20, -26, 0.59, 12.5), (38, -4, 0.6, 10), (48, 4, 0.56, 8)])
    vessel([(14, -30, 0.56, 12), (-4, -14, 0.545, 10.5), (-26, -6, 0.54, 10), (-48, 0, 0.51, 8)])
    for side in (-1, 1):
        vessel([(side * 16, spine - 24, 0.41, 7), (side * 38, spine - 26, 0.4, 6.5), (side * 52, spine - 22, 0.39, 5)])

    if anatomy.age > 58 and rng.random() < 0.7:
        line = _path(anatomy, np.array(aorta[3:]), scale, element, wide)
        for at in rng.integers(0, len(line.points), rng.integers(2, 9)):
            turn = rng.uniform(0, 2 * np.pi)
            across = np.cross(line.tangents[at], (np.cos(turn), np.sin(turn), 0.3))
            place = line.points[at] + line.radii[at] * across / np.linalg.norm(across)
            points = place + rng.normal(0, rng.uniform(0.6, 1.6, 3), (60, 3))
            flake = Elements(points, np.full(60, rng.uniform(0.2, 0.9)), np.zeros(60))
            blend(hu, grid, flake, rng.uniform(350, 800))


def _path(anatomy: Anatomy, table: NDArray[np.float64], scale: float, step: float, factor: float) -> Centreline:
    points = table[:, :3] * (scale, scale, 1)
    points[:, 0] += anatomy.midline(table[:, 2])
    points[:, 2] = anatomy.z(table[:, 2])
    return smooth_path(points, table[:, 3] * scale * factor, step)
