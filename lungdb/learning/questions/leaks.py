"""Columns of a data set that tell its label or its part, and features that go with the label.

A label is one of two or more classes, of which each is compared with all others, or a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lungdb.learning.metrics import auc
from lungdb.learning.questions.associations import (
    Effect,
    area,
    area_interval,
    benjamini_hochberg,
    cramers_v,
    rank_correlation,
    rank_correlation_p_value,
    rank_p_value,
)

AREA_LIMIT = 0.65
"""Area under the ROC curve above which a number tells a class; half a standard deviation makes 0.64."""
V_LIMIT = 0.3
"""Cramér's V from which a kind goes with a class, Cohen's medium effect."""
RHO_LIMIT = 0.3
"""Spearman's ρ, up or down, from which a number goes with a number, Cohen's medium effect."""
FEWEST = 10
"""Patients of either class that columns are compared on at least."""
MOST_KINDS = 12
"""Values of a number up to which, where there are five times as many patients, each is a kind."""

Flags = NDArray[np.bool_]
Values = NDArray[np.float64]
Codes = NDArray[np.int64]
Texts = Sequence[str | None]


@dataclass(frozen=True)
class Leak:
    """What a column tells of a class.

    Attributes
    ----------
    column : int
        Its place, numbers before texts.
    measure : str
        `area` of a number, `v` of kinds, `missing` for V of whether there is a value; `rank` for Spearman's ρ.
    effect : Effect
        With the interval that holds for all columns together.
    limit : float
        From which on it is a leak.
    of_class : int
        Which class it tells from all others; -1 where there are two, or a number.
    """

    column: int
    measure: str
    effect: Effect
    limit: float
    of_class: int = -1

    @property
    def is_alarm(self) -> bool:
        """Whether the whole interval lies above the limit."""
        return self.effect.low > self.limit

    @property
    def is_there(self) -> bool:
        """Whether the interval leaves out that the column tells nothing."""
        return self.effect.low > (0.5 if self.measure == "area" else 0.0)


def leaks(numbers: Values, texts: Sequence[Texts], positive: Flags, alpha: float) -> list[Leak]:
    """Say how well each column tells a class, with intervals that hold for all of them in 1 - alpha of data sets.

    A number is compared by the area under the ROC curve among the rows that have it, one of few values and a text by
    Cramér's V; whether a value is there is compared beside. The level of an interval is divided by the number of
    columns (Bonferroni). What tells the class no better than chance has its low end above a limit in a share alpha of
    data sets at most, and by far more seldom because limits are of effects that matter.

    Parameters
    ----------
    numbers : float64[patients, columns]
        NaN where it is not known.
    texts : list of texts
        A text, or None, of each patient.
    positive : bool[patients]
        `FEWEST` of either at least, else nothing is compared.
    alpha : float
        Above 0 and below 1.
    """
    if min(int(positive.sum()), int((~positive).sum())) < FEWEST:
        return []
    columns = numbers.shape[1] + len(texts)
    each = alpha / max(1, 2 * columns)
    found: list[tuple[int, str, Effect | None]] = []
    for place, values in enumerate(numbers.T):
        known = np.isfinite(values)
        distinct = np.unique(values[known]).size
        if 1 < distinct <= min(MOST_KINDS, int(known.sum()) // 5):
            found.append((place, "v", cramers_v(values[known].tolist(), positive[known], each)))
        elif distinct > 1 and min(int(positive[known].sum()), int((~positive[known]).sum())) >= FEWEST:
            found.append((place, "area", area(values[known], positive[known], each)))
        found.append((place, "missing", cramers_v(known.tolist(), positive, each)))
    for place, kinds in enumerate(texts, start=numbers.shape[1]):
        there = np.array([text is not None for text in kinds], dtype=bool)
        known_kinds = [text for text in kinds if text is not None]
        if known_kinds:
            found.append((place, "v", cramers_v(known_kinds, positive[there], each)))
        found.append((place, "missing", cramers_v(there.tolist(), positive, each)))
    return [
        Leak(place, measure, effect, AREA_LIMIT if measure == "area" else V_LIMIT)
        for place, measure, effect in found
        if effect is not None
    ]


def class_leaks(numbers: Values, texts: Sequence[Texts], classes: Codes, alpha: float) -> list[Leak]:
    """Say how well each column tells classes: of two, one from the other; of more, each from all others.

    Of more than two classes a column has the class that it tells best, by the low end of the interval, and the level
    is divided by the number of classes as well (Bonferroni).

    Parameters
    ----------
    numbers, texts, alpha
        As `leaks` takes them.
    classes : int64[patients]
    """
    if np.unique(classes).size < 3:
        return leaks(numbers, texts, classes == classes.max(initial=0), alpha)
    kinds = _compared(classes)
    best: dict[tuple[int, str], Leak] = {}
    for kind in kinds:
        for leak in leaks(numbers, texts, classes == kind, alpha / len(kinds)):
            key = leak.column, leak.measure
            if key not in best or leak.effect.low > best[key].effect.low:
                best[key] = replace(leak, of_class=kind)
    return [best[key] for key in sorted(best)]


def _compared(classes: Codes) -> list[int]:
    """Return the classes that `FEWEST` patients are of, and as many are not."""
    kinds, counts = np.unique(classes, return_counts=True)
    return [int(kind) for kind, count in zip(kinds, counts, strict=True) if FEWEST <= count <= classes.size - FEWEST]


def amount_leaks(numbers: Values, texts: Sequence[Texts], amounts: Values, alpha: float) -> list[Leak]:
    """Say how well each column tells a number: a number by Spearman's ρ, whichever way it goes.

    Kinds, and whether there is a value, are compared with whether the number lies above its median.

    Parameters
    ----------
    numbers, texts, alpha
        As `leaks` takes them.
    amounts : float64[patients]
        Finite.
    """
    above = amounts > np.median(amounts) if amounts.size else np.zeros(0, dtype=bool)
    if min(int(above.sum()), int((~above).sum())) < FEWEST:
        return []
    each = alpha / max(1, 2 * (numbers.shape[1] + len(texts)))
    found = [leak for leak in leaks(numbers, texts, above, alpha) if _is_of_kinds(leak, numbers.shape[1])]
    for place, values in enumerate(numbers.T):
        known = np.isfinite(values)
        effect = rank_correlation(values[known], amounts[known], each) if int(known.sum()) >= 2 * FEWEST else None
        if effect is not None:
            size, ends = abs(effect.value), sorted((abs(effect.low), abs(effect.high)))
            low = 0.0 if effect.low <= 0 <= effect.high else ends[0]
            found.append(Leak(place, "rank", Effect(size, low, ends[1]), RHO_LIMIT))
    return sorted(found, key=lambda leak: (leak.column, leak.measure == "missing"))


def _is_of_kinds(leak: Leak, numbers: int) -> bool:
    return leak.measure == "missing" or leak.column >= numbers


@dataclass(frozen=True)
class Associations:
    """How features go with a label, by feature; NaN where one does not vary.

    Attributes
    ----------
    value : float64[width]
        The area under the ROC curve of a class, or Spearman's ρ with a number.
    low, high : float64[width]
        Its 95 % interval.
    p_value, q_value : float64[width]
        By Mann and Whitney, or of ρ; by Benjamini and Hochberg over all features that vary.
    of_class : int64[width]
        The class that the feature goes with most, against all others; -1 of two classes and of a number.
    """

    value: Values
    low: Values
    high: Values
    p_value: Values
    q_value: Values
    of_class: Codes


def associations(features: NDArray[np.floating], classes: Codes) -> Associations:
    """Say how each feature goes with classes.

    Of more than two a feature has the class with the smallest p value, which is multiplied by the number of classes
    (Bonferroni). Classes of fewer than `FEWEST` patients are not compared: the normal approximation fails for them.

    Parameters
    ----------
    features : float[patients, width]
        NaN where a value is missing: such patients are left out of that feature.
    classes : int64[patients]
    """
    every = [int(kind) for kind in np.unique(classes)]
    is_several = len(every) > 2
    kinds = _compared(classes) if is_several else every[1:]
    found = _empty(features.shape[1])
    for place, values, known in _varying(features):
        measured = []
        for kind in kinds:
            positive = classes[known] == kind
            area_found, p_value = auc(positive.astype(np.int64), values), rank_p_value(values, positive)
            if area_found is not None and p_value is not None:
                measured.append((min(1.0, p_value * len(kinds)), kind, area_found, int(positive.sum())))
        if measured:
            found.p_value[place], kind, found.value[place], positives = min(measured)
            ends = area_interval(found.value[place], positives, values.size - positives, 0.05)
            found.low[place], found.high[place] = ends
            found.of_class[place] = kind if is_several else -1
    return _discoveries(found)


def amount_associations(features: NDArray[np.floating], amounts: Values) -> Associations:
    """Say how each feature goes with a number, by Spearman's ρ.

    Parameters
    ----------
    features : float[patients, width]
        NaN where a value is missing: such patients are left out of that feature.
    amounts : float64[patients]
        Finite.
    """
    found = _empty(features.shape[1])
    for place, values, known in _varying(features):
        effect = rank_correlation(values, amounts[known], 0.05)
        p_value = rank_correlation_p_value(values, amounts[known])
        if effect is not None and p_value is not None:
            found.value[place], found.low[place], found.high[place] = effect.value, effect.low, effect.high
            found.p_value[place] = p_value
    return _discoveries(found)


def _empty(width: int) -> Associations:
    value, low, high, p_value, q_value = (np.full(width, np.nan) for _ in range(5))
    return Associations(value, low, high, p_value, q_value, np.full(width, -1, dtype=np.int64))


def _varying(features: NDArray[np.floating]) -> Iterator[tuple[int, Values, Flags]]:
    """Yield of each feature that varies its place, its values where it has any, and where that is."""
    for place, column in enumerate(np.asarray(features, dtype=np.float64).T):
        known = np.isfinite(column)
        values = column[known]
        if values.size and values.min() < values.max():
            yield place, values, known


def _discoveries(found: Associations) -> Associations:
    tested = np.isfinite(found.p_value)
    found.q_value[tested] = benjamini_hochberg(found.p_value[tested])
    return found
