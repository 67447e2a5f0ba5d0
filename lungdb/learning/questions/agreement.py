"""Whether two models are wrong about the same patients."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Agreement:
    """Counts of rows by who is wrong; kappa is None where errors of either are all or none.

    `p_value` is that of McNemar's exact test, that either is wrong alone as often as the other.
    """

    both_right: int
    only_a_wrong: int
    only_b_wrong: int
    both_wrong: int
    kappa: float | None
    p_value: float


def agreement(wrong_a: Flags, wrong_b: Flags) -> Agreement:
    """Compare the errors of two models on the same rows.

    Cohen, A coefficient of agreement for nominal scales, 1960, of being wrong; McNemar's test in its exact form is a
    two-sided sign test of the rows that only one gets wrong.
    """
    rows = wrong_a.size
    both, only_a, only_b = (int(np.sum(each)) for each in (wrong_a & wrong_b, wrong_a & ~wrong_b, ~wrong_a & wrong_b))
    right = rows - both - only_a - only_b
    kappa = None
    if rows:
        share_a, share_b = (both + only_a) / rows, (both + only_b) / rows
        expected = share_a * share_b + (1 - share_a) * (1 - share_b)
        kappa = ((both + right) / rows - expected) / (1 - expected) if expected < 1 else None
    alone = only_a + only_b
    tail = sum(math.comb(alone, count) for count in range(min(only_a, only_b) + 1))
    return Agreement(right, only_a, only_b, both, kappa, min(1.0, float(2 * tail / 2**alone)))
