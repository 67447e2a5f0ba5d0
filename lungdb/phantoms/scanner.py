"""What the scanner does to a body: blur, noise, the limits of the numbers it stores."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lungdb.phantoms.anatomy import Anatomy
from lungdb.phantoms.grid import Grid, Volume

_OUTSIDE = -1024  # Hounsfield units that loading makes of padding
HIGHEST = 3071  # Hounsfield units, the end of 12 bits with the intercept −1024


@dataclass(frozen=True)
class Scanner:
    """How a series is taken and stored.

    Attributes
    ----------
    manufacturer, kernel : str
    kvp : int
        Tube voltage in kV.
    current : int
        Tube current in mA.
    blur : float
        Standard deviation of the in-plane blur in mm.
    noise : float
        Standard deviation in Hounsfield units in the middle of the chest.
    slope, intercept : float
        Hounsfield units = slope · stored value + intercept.
    signed : bool
        Whether stored values are signed.
    round_field : bool
        Whether pixels outside the round field of view hold the padding value.
    """

    manufacturer: str
    kernel: str
    kvp: int
    current: int
    blur: float
    noise: float
    slope: float
    intercept: float
    signed: bool
    round_field: bool


def draw_scanner(rng: np.random.Generator) -> Scanner:
    """Draw a scanner; dose, sharpness and way of storing vary."""
    current = int(rng.choice([40, 60, 90, 140, 220]))
    sharp = rng.uniform(0, 1)
    round_field = bool(rng.random() < 0.4)
    stored = [(1.0, -1024.0, round_field), (1.0, -1000.0, True), (0.5, -1024.0, True)]
    # With another draw every phantom would be another one, and with them the figures that are published.
    if not round_field:
        stored.append((1.0, 0.0, True))
    others = len(stored) - 1
    slope, intercept, signed = stored[rng.choice(len(stored), p=[0.55, *[0.45 / others] * others])]
    return Scanner(
        manufacturer=str(rng.choice(["Phantom Imaging", "Synthetic Medical", "Made-up Systems"])),
        kernel="sharp" if sharp > 0.6 else "standard" if sharp > 0.3 else "soft",
        kvp=int(rng.choice([100, 120, 120, 120, 140])),
        current=current,
        blur=1.15 - 0.6 * sharp,
        noise=float(np.clip(13 * np.sqrt(120 / current) * (0.7 + 0.7 * sharp) * rng.uniform(0.8, 1.2), 6, 40)),
        slope=slope,
        intercept=intercept,
        signed=signed,
        round_field=round_field,
    )


def outside_field(size: int) -> NDArray[np.bool_]:
    """Which pixels, bool[size, size], lie outside the circle that touches the picture's edges."""
    away = np.arange(size) - (size - 1) / 2
    outside: NDArray[np.bool_] = away[:, None] ** 2 + away**2 > (size / 2) ** 2
    return outside


def scan(hu: Volume, grid: Grid, anatomy: Anatomy, scanner: Scanner, rng: np.random.Generator) -> NDArray[np.int16]:
    """Blur, add noise and round: float32[slices, rows, columns] to int16 of the same shape.

    Noise of filtered back projection has little power at low frequencies (Riederer et al., Phys. Med. Biol. 23
    (1978) 446): white noise less a blurred copy of itself. It is stronger behind the shoulders, in streaks from side
    to side.
    """
    level = anatomy.level(np.arange(grid.slices) * grid.spacing)
    strength = scanner.noise * (1 + 0.6 * np.clip((level - 0.75) / 0.3, 0, 1))
    streaks = np.clip((level - 0.7) / 0.4, 0, 0.6)
    lowest = min(scanner.intercept, -1000.0) if not scanner.signed else -1024.0
    away = (np.arange(grid.size) - (grid.size - 1) / 2) / (grid.size / 2)
    # Rays through the middle pass through most of the body.
    centre = (1.1 - 0.5 * (away[:, None] ** 2 + away**2)).astype(np.float32)
    outside = outside_field(grid.size) if scanner.round_field else None
    result = np.empty(hu.shape, np.int16)
    sharp = 0.55 * scanner.blur / grid.pixel + 0.25
    unit = _noise_unit(sharp)
    for k in range(grid.slices):
        noise = rng.standard_normal((grid.size, grid.size), dtype=np.float32)
        fine = cv2.GaussianBlur(noise, (0, 0), sharp)
        fine -= 0.8 * cv2.GaussianBlur(noise, (0, 0), 2.5 * sharp)
        fine *= np.float32(strength[k] / unit)
        if streaks[k] > 0:
            fine += cv2.GaussianBlur(noise, (0, 0), sigmaX=12, sigmaY=0.7) * np.float32(strength[k] * streaks[k] * 5)
        fine *= centre
        picture = cv2.GaussianBlur(hu[k], (0, 0), scanner.blur / grid.pixel)
        picture += fine
        if outside is not None:
            picture[outside] = _OUTSIDE
        result[k] = np.clip(np.rint(picture), lowest, HIGHEST)
    return result


def _noise_unit(sharp: float) -> float:
    """Standard deviation of unit white noise after the difference of blurs in `scan`."""
    wide = 2.5 * sharp
    # Integral of the product of two normal curves of widths s and t in two dimensions: 1 / (2π (s² + t²)).
    own, other, both = (1 / (2 * np.pi * v) for v in (2 * sharp**2, 2 * wide**2, sharp**2 + wide**2))
    return float(np.sqrt(own + 0.64 * other - 1.6 * both))
