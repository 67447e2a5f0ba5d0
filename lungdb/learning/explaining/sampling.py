"""Shapley values from permutations: what comes one after the other, and what each adds when it comes.

Every second permutation is the one before it turned round, which takes out much of the spread (Mitchell, Cooper, Frank
and Holmes, Sampling permutations for Shapley value estimation, Journal of Machine Learning Research 2022).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Order = NDArray[np.int64]


@dataclass(frozen=True)
class Sampled:
    """Shapley values by permutations.

    Attributes
    ----------
    start : float
        The value with nothing there.
    values : float64[players]
        They sum to the value with all there minus `start`.
    errors : float64[players]
        Standard errors; NaN from fewer than two pairs of permutations.
    """

    start: float
    values: Values
    errors: Values


def permutations_of(players: int, count: int, seed: int) -> Iterator[Order]:
    """Draw permutations in pairs, of which the second is the first turned round."""
    generator = np.random.default_rng(seed)
    for place in range(count):
        if place % 2 == 0:
            order = generator.permutation(players)
            yield order
        else:
            yield order[::-1]


def settle(paths: Sequence[tuple[Order, Values]], end: float) -> Sampled:
    """Average what each player added over the permutations.

    Parameters
    ----------
    paths : sequence of (int64[players], float64[players + 1])
        Each permutation, and the values with the first 0, 1, … of it there.
    end : float
        The value with all there, to which rounding along the paths is brought.
    """
    players = paths[0][0].size
    added = np.empty((len(paths), players))
    for row, (order, values) in zip(added, paths, strict=True):
        row[order] = np.diff(np.append(values[:-1], end))
    pairs = np.stack([added[first : first + 2].mean(axis=0) for first in range(0, len(paths), 2)])
    errors = np.full(players, np.nan)
    if len(pairs) > 1:
        errors = pairs.std(axis=0, ddof=1) / np.sqrt(len(pairs))
    return Sampled(float(paths[0][1][0]), added.mean(axis=0), errors)
