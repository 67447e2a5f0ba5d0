"""The interval of a share that was counted."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

_HALVINGS = 60


def exact_interval(hits: int, of: int, level: float = 0.95) -> tuple[float, float]:
    """Give the interval of a share of which `hits` of `of` were counted, so sure that it is never too narrow.

    It is that of Clopper and Pearson, The use of confidence or fiducial limits illustrated in the case of the binomial,
    Biometrika 26, 1934: its ends are the shares of which so few, or so many, have the chance (1 - level) / 2.

    Returns
    -------
    low, high : float
        0 to 1.
    """
    if not 0 <= hits <= of or of == 0:
        raise ValueError(f"{hits} of {of} is no share")
    tail = (1 - level) / 2
    low = 0.0 if hits == 0 else _share_where(lambda share: 1 - _at_most(hits - 1, of, share) >= tail)
    high = 1.0 if hits == of else _share_where(lambda share: _at_most(hits, of, share) <= tail)
    return low, high


def _share_where(holds: Callable[[float], bool]) -> float:
    """Find where something begins to hold that does for all greater shares."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _at_most(hits: int, of: int, share: float) -> float:
    """Give the chance of at most so many hits."""
    if share <= 0 or share >= 1:
        return float(share <= 0)
    places = np.arange(1, hits + 1)
    choices = np.concatenate([[0.0], np.cumsum(np.log((of - places + 1) / places))])
    counts = np.arange(hits + 1)
    return float(np.exp(choices + counts * math.log(share) + (of - counts) * math.log1p(-share)).sum())
