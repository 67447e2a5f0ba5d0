"""The body of a made-up person: sizes, tissue densities and the outlines of trunk and rib cage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungdb.phantoms.grid import Points

Array = NDArray[np.float64]

# Outlines are closed curves over this many directions. 0 is the patient's left, a quarter turn on is the back.
DIRECTIONS = np.linspace(0, 2 * np.pi, 120, endpoint=False)

# Proportions at levels of the chest: 0 is the base of the lungs, 1 the apex.
_LEVELS = np.array([-0.25, 0.0, 0.25, 0.5, 0.65, 0.8, 0.9, 1.0, 1.15])
_CAGE_WIDTH = np.array([0.98, 1.0, 1.0, 0.96, 0.89, 0.76, 0.63, 0.47, 0.34])
_CAGE_DEPTH = np.array([1.02, 1.0, 1.0, 0.95, 0.88, 0.77, 0.67, 0.55, 0.44])
_CAGE_SHIFT = np.array([0.0, 0.0, 0.0, 1.0, 3.0, 7.0, 11.0, 15.0, 20.0])
_BODY_WIDTH = np.array([0.94, 0.96, 0.99, 1.01, 1.03, 1.05, 1.02, 0.93, 0.78])
_BODY_DEPTH = np.array([1.0, 1.0, 1.0, 0.99, 0.96, 0.91, 0.86, 0.79, 0.7])


@dataclass(frozen=True)
class Anatomy:
    """One person. Lengths in mm, densities in Hounsfield units.

    Typical densities: Bushberg et al., The Essential Physics of Medical Imaging, 3rd edition, chapter 10 (air −1000,
    lung −950 to −700, fat −120 to −80, soft tissue 20 to 70, bone above 200).
    """

    sex: str
    age: int
    base: float  # z of the base of the lungs
    height: float  # of the lungs
    cage_width: float  # half of the rib cage's outer width
    cage_depth: float  # half of its outer depth
    wall: float  # thickness of the rib cage
    muscle: float  # thickness of the muscle outside the cage
    fat: float  # mean thickness of the fat under the skin
    breast: float  # how far the breasts lift the skin
    harmonics: Array  # float64[3, 2], irregularity of the outlines
    lean: float  # sideways tilt of the trunk, mm from base to apex
    heart: float  # size relative to the usual
    dome_right: float  # height of the diaphragm, in levels
    dome_left: float
    lung_hu: float
    fat_hu: float
    muscle_hu: float
    blood_hu: float
    marrow_hu: float
    emphysema: float  # part of the upper lung that is destroyed

    def level(self, z: NDArray[np.floating]) -> Array:
        """Turn z in mm into the level of the chest, 0 at the base of the lungs and 1 at their apex."""
        return (np.asarray(z, dtype=np.float64) - self.base) / self.height

    def z(self, level: Array | float) -> Array:
        """Turn a level of the chest into z in mm."""
        return np.asarray(level, dtype=np.float64) * self.height + self.base

    def midline(self, level: Array) -> Array:
        """x of the spine in mm."""
        return self.lean * (level - 0.5)

    def spine_front(self, level: Array) -> Array:
        """y in mm of the front of the vertebral bodies; the chest's kyphosis bows them backwards half-way up."""
        return self.cage_depth * (0.27 + 0.06 * np.sin(np.pi * np.clip(level, -0.2, 1.2)))

    def cage(self, level: Array, inset: float | Array = 0.0) -> Points:
        """Outline of the rib cage, float64[levels, directions, 2] of (x, y) in mm, drawn in by `inset` mm."""
        a = self.cage_width * _profile(level, _CAGE_WIDTH)[:, None] - inset
        b = self.cage_depth * _profile(level, _CAGE_DEPTH)[:, None] - inset
        ray = _superellipse(a, b, 2.35) * self._irregular()
        # The chest narrows towards the breastbone.
        ray *= 1 - 0.05 * np.clip(-np.sin(DIRECTIONS), 0, 1) ** 2 * np.abs(np.cos(DIRECTIONS)) ** 0.5
        # The lungs reach back on both sides of the spine, which stands in a dent.
        gutters = sum(np.exp(-(((DIRECTIONS - centre) / 0.33) ** 2)) for centre in (0.9, np.pi - 0.9))
        dent = np.exp(-(((DIRECTIONS - np.pi / 2) / 0.42) ** 2))
        ray *= 1 + 0.055 * gutters - 0.2 * dent
        return self._place(ray, level, _profile(level, _CAGE_SHIFT))

    def skin(self, level: Array, inset: float = 0.0, *, bare: bool = False) -> Points:
        """Outline of the trunk, drawn in by `inset` mm; `bare` leaves the fat and the breasts off."""
        extra = self.muscle + self.fat
        a = (self.cage_width + extra) * _profile(level, _BODY_WIDTH)[:, None] - inset
        b = (self.cage_depth + 0.8 * extra) * _profile(level, _BODY_DEPTH)[:, None] - inset
        ray = _superellipse(a, b, 2.5) * self._irregular()
        back = np.exp(-(((DIRECTIONS - np.pi / 2) / 0.16) ** 2))
        front = np.exp(-(((DIRECTIONS - 3 * np.pi / 2) / 0.2) ** 2))
        ray = ray - 7 * back - 5 * front
        if bare:
            sides = 1 + 0.45 * np.cos(2 * DIRECTIONS) - 0.15 * np.sin(DIRECTIONS)
            ray = ray - self.fat * sides
        else:
            bumps = sum(np.exp(-(((DIRECTIONS - centre) / 0.3) ** 2)) for centre in (4.12, 5.3))
            ray = ray + self.breast * bumps * np.exp(-(((level - 0.4) / 0.2) ** 2))[:, None]
        return self._place(ray, level, np.zeros_like(level))

    def _irregular(self) -> Array:
        amplitude, phase = self.harmonics.T
        waves = amplitude[:, None] * np.cos(np.array([[2], [3], [5]]) * DIRECTIONS + phase[:, None])
        total: Array = waves.sum(axis=0)
        return 1 + total

    def _place(self, ray: Array, level: Array, shift: Array) -> Points:
        x = ray * np.cos(DIRECTIONS) + self.midline(level)[:, None]
        y = ray * np.sin(DIRECTIONS) + shift[:, None]
        return np.stack([x, y], axis=-1)


def draw_anatomy(rng: np.random.Generator, coverage: float) -> Anatomy:
    """Draw a person whose lungs fit into a scan of `coverage` mm from the lowest to the highest slice."""
    sex = str(rng.choice(["F", "M"]))
    size = rng.normal(1.0 if sex == "M" else 0.92, 0.05)
    height = coverage * rng.uniform(0.86, 0.98)
    return Anatomy(
        sex=sex,
        age=int(rng.integers(45, 82)),
        base=coverage * rng.uniform(0.0, 0.04),
        height=height,
        cage_width=141 * size * rng.uniform(0.95, 1.05),
        cage_depth=107 * size * rng.uniform(0.92, 1.1),
        wall=rng.uniform(11.5, 14),
        muscle=rng.uniform(11, 20) * (1.1 if sex == "M" else 0.85),
        fat=float(np.clip(rng.gamma(4, 4), 5, 36)),
        breast=rng.uniform(12, 38) if sex == "F" else rng.uniform(0, 4),
        harmonics=np.stack([rng.normal(0, 0.012, 3), rng.uniform(0, 2 * np.pi, 3)], axis=1),
        lean=rng.normal(0, 4),
        heart=rng.normal(1.0, 0.07),
        dome_right=rng.uniform(0.2, 0.32),
        dome_left=rng.uniform(0.14, 0.25),
        lung_hu=rng.normal(-862, 18),
        fat_hu=rng.uniform(-112, -92),
        muscle_hu=rng.uniform(44, 60),
        blood_hu=rng.uniform(34, 48),
        marrow_hu=rng.uniform(110, 230),
        emphysema=float(rng.choice([0.0, rng.uniform(0.05, 0.3)], p=[0.7, 0.3])),
    )


def _profile(level: Array, values: Array) -> Array:
    return np.interp(level, _LEVELS, values)


def _superellipse(a: Array, b: Array, exponent: float) -> Array:
    x, y = np.abs(np.cos(DIRECTIONS)) / a, np.abs(np.sin(DIRECTIONS)) / b
    result: Array = (x**exponent + y**exponent) ** (-1 / exponent)
    return result
