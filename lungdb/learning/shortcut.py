"""What can be said of scans without looking at them: a model on age, sex, spacing and scanner alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungdb.learning import logistic

FEWEST = 10
"""Patients of each class that it is fitted on at least."""
MOST_KINDS = 20
"""Texts of a column that are told apart, the most frequent ones."""

Labels = NDArray[np.int64]
Values = NDArray[np.float64]
Texts = Sequence[str | None]

_L2 = 1.0


@dataclass(frozen=True)
class Columns:
    """Columns of scans by name: numbers with NaN where they are missing, and texts with None there."""

    numbers: Mapping[str, Values]
    texts: Mapping[str, Texts]


def score_by_columns(learning: Columns, labels: Labels, scans: Columns) -> Values:
    """Fit a logistic regression to the columns of training scans and score others with it.

    A number that is missing counts as the mean of the training scans, and has an indicator of its own; of a text each
    of the `MOST_KINDS` most frequent in training is an indicator. All are standardised; the penalty is 1.

    Parameters
    ----------
    learning, labels : Columns, int64[training scans]
        Both labels occur.
    scans : Columns
        With the same names.

    Returns
    -------
    float64[scans]
        Probabilities.
    """
    fitted: list[Values] = []
    scored: list[Values] = []
    for name, values in learning.numbers.items():
        known = np.isfinite(values)
        mean = float(values[known].mean()) if known.any() else 0.0
        for columns, target in ((values, fitted), (scans.numbers[name], scored)):
            missing = ~np.isfinite(columns)
            target += [np.where(missing, mean, columns), missing.astype(np.float64)]
    for name, texts in learning.texts.items():
        for kind in _kinds(texts):
            fitted.append(_is(texts, kind))
            scored.append(_is(scans.texts[name], kind))
    model = logistic.fit(_stack(fitted), labels, _L2, None)
    return model.probabilities(_stack(scored))


def _kinds(texts: Texts) -> list[str | None]:
    """Give the most frequent texts, None among them; of those as frequent the first in order."""
    kinds = sorted(set(texts), key=lambda kind: (-sum(text == kind for text in texts), kind or ""))
    return kinds[:MOST_KINDS]


def _is(texts: Texts, kind: str | None) -> Values:
    return np.array([text == kind for text in texts], dtype=np.float64)


def _stack(columns: list[Values]) -> Values:
    return np.stack(columns, axis=1)
