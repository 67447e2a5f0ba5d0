"""Whether patients who came later are like those whom a model was tested on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 10
"""Of a number for its stability index, at the tenths of the earlier patients."""

Flags = NDArray[np.bool_]
Values = NDArray[np.float64]
Texts = Sequence[str | None]

_NUMBERS = 4_000_000  # of a table of permuted statistics at a time
_ALIKE = 1e-9  # relative: statistics of the same patients differ by rounding alone


@dataclass(frozen=True)
class Item:
    """What is compared: its statistic, the p value of that among all items, and its population stability index."""

    statistic: float
    p_value: float
    stability_index: float


@dataclass(frozen=True)
class Drift:
    """Items in the order given, numbers before mixes; the largest statistic, and its p value."""

    items: list[Item]
    statistic: float
    p_value: float


def compare_groups(is_later: Flags, numbers: Values, mixes: Sequence[Texts], permutations: int, seed: int) -> Drift:
    """Compare two groups of patients in many items at once, with one error rate for all of them.

    Every item becomes columns, each with mean 0 and variance 1 over all patients: of a number its rank and how far
    that is from the middle, so that a shift and a change of spread both show; of a mix an indicator of each kind; and
    of either an indicator of what is missing. The statistic of a column is the difference of the groups' means in
    standard errors, that of an item the largest of its columns. Which patients are later is permuted; the p value of
    an item is the share of permutations, the one observed among them, whose largest statistic of all items is as
    large (Westfall and Young, Resampling-based multiple testing, 1993; maxT). If both groups are drawn alike, any item
    has a p value of α or less in at most α of all calls.

    Parameters
    ----------
    is_later : bool[patients]
        Some are and some are not.
    numbers : float64[patients, items]
        NaN where a value is missing.
    mixes : list of texts
        A text, or None, of each patient.
    permutations : int
        The smallest p value is 1 / (permutations + 1).
    seed : int
        Of the permutations.
    """
    columns, owners = _columns(numbers, mixes)
    items = numbers.shape[1] + len(mixes)
    observed = _statistics(is_later[None], columns)[0]
    largest = float(observed.max()) if observed.size else 0.0
    permuted = _largest(is_later, columns, permutations, seed)
    of_items = np.zeros(items)
    np.maximum.at(of_items, owners, observed)
    beaten = np.searchsorted(np.sort(permuted), of_items * (1 - _ALIKE), side="left")
    p_values = (1 + permutations - beaten) / (1 + permutations)
    indices = [_stability_of_number(values, is_later) for values in numbers.T]
    indices += [_stability_of_mix(texts, is_later) for texts in mixes]
    found = [
        Item(float(statistic), float(p_value), index)
        for statistic, p_value, index in zip(of_items, p_values, indices, strict=True)
    ]
    return Drift(found, largest, min((item.p_value for item in found), default=1.0))


def _columns(numbers: Values, mixes: Sequence[Texts]) -> tuple[Values, NDArray[np.int64]]:
    """Give standardised columns, float64[patients, columns], and the item of each; constant ones are left out."""
    missing = ~np.isfinite(numbers)
    ranks = _ranks(np.where(missing, np.inf, numbers))
    middle = np.array(
        [column[~gone].mean() if (~gone).any() else 0.0 for column, gone in zip(ranks.T, missing.T, strict=True)]
    )
    shifts = np.where(missing, 0.0, ranks - middle)
    spreads = np.abs(shifts)
    known = np.maximum((~missing).sum(axis=0), 1)
    spreads = np.where(missing, spreads.sum(axis=0) / known, spreads)
    places = np.arange(numbers.shape[1])
    blocks, owners = [shifts, spreads, missing.astype(np.float64)], [places] * 3
    for place, texts in enumerate(mixes, start=numbers.shape[1]):
        kinds = sorted(set(texts), key=lambda kind: (kind is not None, kind or ""))
        block = np.array([[text == kind for kind in kinds] for text in texts], dtype=np.float64)
        blocks.append(block)
        owners.append(np.full(len(kinds), place))
    columns, owner = np.concatenate(blocks, axis=1), np.concatenate(owners)
    columns = columns - columns.mean(axis=0)
    deviation = columns.std(axis=0)
    varies = deviation > _ALIKE * np.maximum(1.0, np.abs(columns).max(axis=0, initial=0.0))
    return columns[:, varies] / deviation[varies], owner[varies]


def _ranks(values: Values) -> Values:
    """Rank each column from 1; equal values share the mean of their ranks."""
    order = np.argsort(values, axis=0, kind="stable")
    ordered = np.take_along_axis(values, order, axis=0)
    rows = values.shape[0]
    starts = np.ones_like(ordered, dtype=bool)
    starts[1:] = ordered[1:] != ordered[:-1]
    places = np.arange(rows)[:, None]
    first = np.maximum.accumulate(np.where(starts, places, 0), axis=0)
    ends = np.ones_like(starts)
    ends[:-1] = starts[1:]
    last = np.minimum.accumulate(np.where(ends, places, rows)[::-1], axis=0)[::-1]
    ranks = np.empty_like(values)
    np.put_along_axis(ranks, order, (first + last) / 2 + 1, axis=0)
    return ranks


def _statistics(later: Flags, columns: Values) -> Values:
    """Give |difference of means| in standard errors, float64[rows, columns], for each row of who is later."""
    patients = later.shape[1]
    members = int(later[0].sum())
    # The columns sum to 0, so that the sum of one group tells the difference; the variance is that of drawing the
    # group from all patients without replacement.
    scale = np.sqrt(members * (patients - members) / (patients - 1))
    return np.asarray(np.abs(later.astype(np.float64) @ columns) / scale, dtype=np.float64)


def _largest(is_later: Flags, columns: Values, permutations: int, seed: int) -> Values:
    """Give the largest statistic of each permutation."""
    rng = np.random.default_rng(seed)
    patients, members = is_later.size, int(is_later.sum())
    found = np.zeros(permutations)
    at_a_time = max(1, _NUMBERS // max(columns.shape[1], patients))
    for start in range(0, permutations, at_a_time):
        rows = min(at_a_time, permutations - start)
        chosen = np.argpartition(rng.random((rows, patients)), members - 1, axis=1)[:, :members]
        later = np.zeros((rows, patients), dtype=bool)
        np.put_along_axis(later, chosen, True, axis=1)
        if columns.shape[1]:
            found[start : start + rows] = _statistics(later, columns).max(axis=1)
    return found


def _stability_of_number(values: Values, is_later: Flags) -> float:
    known = np.isfinite(values)
    earlier = values[known & ~is_later]
    if not earlier.size:
        return _stability(np.where(known, 0, 1), is_later)
    edges = np.unique(np.quantile(earlier, np.arange(1, BINS) / BINS))
    return _stability(np.where(known, np.searchsorted(edges, values, side="left"), edges.size + 1), is_later)


def _stability_of_mix(texts: Texts, is_later: Flags) -> float:
    kinds = {kind: number for number, kind in enumerate(dict.fromkeys(texts))}
    return _stability(np.array([kinds[text] for text in texts], dtype=np.int64), is_later)


def _stability(kinds: NDArray[np.int64], is_later: Flags) -> float:
    """Give Σ (later − earlier) ln(later / earlier) over the shares of each kind.

    The population stability index (Siddiqi, Credit risk scorecards, 2006). A kind that a group lacks counts as half a
    patient of it.
    """
    counts = [np.bincount(kinds[chosen], minlength=int(kinds.max()) + 1) for chosen in (is_later, ~is_later)]
    held = (counts[0] + counts[1]) > 0
    later, earlier = (np.maximum(of_group[held], 0.5) / of_group.sum() for of_group in counts)
    return float(np.sum((later - earlier) * np.log(later / earlier)))
