"""How strongly a column goes with one of two classes, with intervals that hold where it tells them apart wholly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from lungdb.learning.metrics import auc, average_ranks

FEWEST_OF_KIND = 5
"""Rows that a text has at least to be a kind of its own; rarer ones are one kind together."""

Flags = NDArray[np.bool_]
Values = NDArray[np.float64]

_HALVINGS = 80
_EXACT = 1e-12


@dataclass(frozen=True)
class Effect:
    """A measure of association and its interval."""

    value: float
    low: float
    high: float


def area(values: Values, positive: Flags, alpha: float) -> Effect | None:
    """Give the area under the ROC curve of a number, above 0.5 whichever way it goes; None when a class is missing.

    Parameters
    ----------
    values : float64[n]
        Finite.
    positive : bool[n]
    alpha : float
        1 less the level of the interval.
    """
    found = auc(positive.astype(np.int64), values)
    if found is None:
        return None
    found = max(found, 1 - found)
    positives = int(positive.sum())
    return Effect(found, *area_interval(found, positives, positive.size - positives, alpha))


def area_interval(found: float, positives: int, negatives: int, alpha: float) -> tuple[float, float]:
    """Give the interval of an area under the ROC curve that stays right near 1 and inside 0…1.

    It has the areas that a test by their own variance (Hanley and McNeil, Radiology 1982, with the mean of both sizes)
    does not refuse: Newcombe, Confidence intervals for an effect size measure based on the Mann-Whitney statistic, part
    2, Statistics in Medicine 2006, method 5.
    """
    z = NormalDist().inv_cdf(1 - alpha / 2)
    size = (positives + negatives) / 2

    def is_refused(theta: float) -> bool:
        terms = 1 + (size - 1) * (1 - theta) / (2 - theta) + (size - 1) * theta / (1 + theta)
        return abs(theta - found) > z * math.sqrt(theta * (1 - theta) * terms / (positives * negatives))

    ends = []
    for end in (0.0, 1.0):
        refused, kept = end, found
        for _ in range(_HALVINGS):
            middle = (refused + kept) / 2
            if is_refused(middle):
                refused = middle
            else:
                kept = middle
        ends.append(kept)
    return ends[0], ends[1]


def rank_correlation(values: Values, amounts: Values, alpha: float) -> Effect | None:
    """Give Spearman's rank correlation of two numbers and its interval; None when either does not vary.

    The interval is Fisher's with the variance (1 + ρ²/2) / (n - 3) of Bonett and Wright, Sample size requirements for
    estimating Pearson, Kendall and Spearman correlations, Psychometrika 2000.

    Parameters
    ----------
    values, amounts : float64[n]
        Finite.
    alpha : float
        1 less the level of the interval.
    """
    found = _rank_correlation(values, amounts)
    if found is None:
        return None
    z = NormalDist().inv_cdf(1 - alpha / 2)
    half = z * math.sqrt((1 + found * found / 2) / (values.size - 3))
    middle = _fisher(found, values.size)
    return Effect(found, math.tanh(middle - half), math.tanh(middle + half))


def rank_correlation_p_value(values: Values, amounts: Values) -> float | None:
    """Give the two-sided p value of Spearman's rank correlation by Fisher's z with the variance 1.06 / (n - 3).

    Fieller, Hartley and Pearson, Tests for rank correlation coefficients, Biometrika 1957. None when either number does
    not vary.
    """
    found = _rank_correlation(values, amounts)
    if found is None:
        return None
    z = abs(_fisher(found, values.size)) * math.sqrt((values.size - 3) / 1.06)
    return min(1.0, math.erfc(z / math.sqrt(2)))


def _rank_correlation(values: Values, amounts: Values) -> float | None:
    if values.size < 4:
        return None
    one, other = (average_ranks(each) - (values.size + 1) / 2 for each in (values, amounts))
    scale = math.sqrt(float(one @ one) * float(other @ other))
    return None if scale == 0 else max(-1.0, min(1.0, float(one @ other) / scale))


def _fisher(correlation: float, size: int) -> float:
    """Give Fisher's z of a rank correlation; of a perfect one that of ranks with two neighbours exchanged, not ∞."""
    most = 1 - 12 / (size * (size * size - 1))
    return math.atanh(max(-most, min(most, correlation)))


def cramers_v(kinds: Sequence[object], positive: Flags, alpha: float) -> Effect | None:
    """Give Cramér's V of a kind and a class: 0 independent, 1 each kind of one class; None when either is one only.

    Kinds of fewer than `FEWEST_OF_KIND` rows count as one together. The interval is that of the noncentrality of χ²
    (Smithson, Confidence intervals, 2003), as V = √(λ / n).
    """
    _, codes = np.unique([str(kind) for kind in kinds], return_inverse=True)
    codes = codes.reshape(-1)
    counts = np.bincount(codes)
    codes = np.where(counts[codes] < FEWEST_OF_KIND, counts.size, codes)
    _, codes = np.unique(codes, return_inverse=True)
    codes = codes.reshape(-1)
    table = np.array([np.bincount(codes[chosen], minlength=int(codes.max()) + 1) for chosen in (positive, ~positive)])
    if table.shape[1] < 2 or not table.sum(axis=1).all():
        return None
    total = int(table.sum())
    expected = table.sum(axis=1)[:, None] * table.sum(axis=0)[None, :] / total
    statistic = float(((table - expected) ** 2 / expected).sum())
    freedom = table.shape[1] - 1
    ends = [_noncentrality(statistic, freedom, share) for share in (1 - alpha / 2, alpha / 2)]
    low, high = (min(1.0, math.sqrt(end / total)) for end in ends)
    return Effect(min(1.0, math.sqrt(statistic / total)), low, high)


def _noncentrality(statistic: float, freedom: int, share: float) -> float:
    """Give the noncentrality at which χ² stays below a statistic with a probability; 0 where none is small enough."""
    low, high = 0.0, max(1.0, statistic)
    above = noncentral_below(statistic, freedom, low) - share
    if above <= 0:
        return 0.0
    while (below := noncentral_below(statistic, freedom, high) - share) > 0:
        low, above, high = high, below, 2 * high
    # Regula falsi in the form of Illinois: an end that stays has its value halved, so that both ends close in.
    kept = 0
    for _ in range(_HALVINGS):
        middle = (low * below - high * above) / (below - above)
        found = noncentral_below(statistic, freedom, middle) - share
        if abs(found) < _EXACT or high - low < _EXACT * high:
            return middle
        if found > 0:
            low, above, below = middle, found, below / 2 if kept == 1 else below
            kept = 1
        else:
            high, below, above = middle, found, above / 2 if kept == -1 else above
            kept = -1
    return (low + high) / 2


def noncentral_below(x: float, freedom: int, noncentrality: float) -> float:
    """Give the probability that noncentral χ² is at most x, as a Poisson mixture of central ones.

    Abramowitz and Stegun, Handbook of mathematical functions, 26.4.25; central ones of two more degrees of freedom
    follow from each other by 26.4.8.
    """
    if x <= 0:
        return 0.0
    half, mean = x / 2, noncentrality / 2
    start = 1 + (freedom + 1) % 2
    below = math.erf(math.sqrt(half)) if start == 1 else -math.expm1(-half)
    below -= sum(math.exp(n / 2 * math.log(half) - half - math.lgamma(n / 2 + 1)) for n in range(start, freedom, 2))
    terms = np.arange(1, int(mean + 12 * math.sqrt(mean + 1) + 20) if mean > 0 else 1)
    logs = math.log(half) * (freedom / 2 + terms - 1) - half
    logs -= math.lgamma(freedom / 2 + 1) + np.append(0.0, np.cumsum(np.log(freedom / 2 + terms)))[: terms.size]
    central = np.maximum(below - np.append(0.0, np.cumsum(np.exp(logs))), 0.0)
    weights = np.append(0.0, terms * math.log(mean) - np.cumsum(np.log(terms))) - mean if mean > 0 else np.zeros(1)
    return min(1.0, float(np.exp(weights) @ central))


def rank_p_value(values: Values, positive: Flags) -> float | None:
    """Give the two-sided p value of the Mann-Whitney test by the normal approximation.

    It is corrected for ties and continuity. None when a class is missing; 1 where all values are equal.
    """
    ranks = average_ranks(values)
    positives, total = int(positive.sum()), positive.size
    negatives = total - positives
    if not positives or not negatives:
        return None
    mean = positives * negatives / 2
    statistic = float(ranks[positive].sum()) - positives * (positives + 1) / 2
    sizes = np.unique(values, return_counts=True)[1].astype(np.float64)
    ties = float((sizes**3 - sizes).sum()) / (total * (total - 1)) if total > 1 else 0.0
    variance = positives * negatives / 12 * (total + 1 - ties)
    if variance <= 0:
        return 1.0
    z = (abs(statistic - mean) - 0.5) / math.sqrt(variance)
    return min(1.0, math.erfc(z / math.sqrt(2)))


def benjamini_hochberg(p_values: Values) -> Values:
    """Give for each p value the false discovery rate at which it is still a discovery.

    Benjamini and Hochberg, Controlling the false discovery rate, Journal of the Royal Statistical Society B 1995; as
    adjusted values: the least of p · tests / rank over all ranks from its own on, 1 at most.
    """
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * p_values.size / np.arange(1, p_values.size + 1)
    found = np.empty(p_values.size)
    found[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    return found
