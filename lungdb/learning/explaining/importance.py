"""How much a model relies on each of its features: gain, contributions, and what is lost when a feature is shuffled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.learning.explaining.attribution import contributions
from lungdb.learning.explaining.margins import margins
from lungdb.learning.metrics import auc

Features = NDArray[np.float32]
Values = NDArray[np.float64]

BLOCK_BYTES = 64_000_000
"""Shuffled vectors that are scored at a time, at most, unless those of one shuffle are more."""

_LIST = re.compile(rb"^(split_feature|split_gain)=(.*)$", re.M)


@dataclass(frozen=True)
class Importance:
    """The importance of every feature of a model, float64[width] each.

    Attributes
    ----------
    splits, gain : float64[width]
        How many splits of trees use it, and the sum of what those gained in training; NaN of a model without trees.
    mean_absolute : float64[width]
        Mean over scans of the absolute contribution to the margin; of an ensemble to the margin of the member that
        reads the feature.
    loss, loss_error : float64[width]
        How much worse the figure gets when the feature's values are shuffled among the scans, the mean over the
        repeats and its standard error; NaN where there are no labels of both classes.
    figure : float
        The figure without shuffling: of a classifier the AUC, of a regression the root mean squared error.
    """

    splits: Values
    gain: Values
    mean_absolute: Values
    loss: Values
    loss_error: Values
    figure: float


def importance(
    library: str,
    model: bytes,
    details: Mapping[str, Any],
    vectors: Features,
    labels: Values,
    repeats: int,
    seed: int,
) -> Importance:
    """Measure the importance of every feature on scans.

    Permutation importance is Breiman's (Random Forests, 2001), as scikit-learn's `permutation_importance` computes it.
    The margin stands for the score, which a calibration leaves in order.

    Parameters
    ----------
    library, model, details
        As of `lungdb.learning.explaining.margins.margins`.
    vectors : float32[scans, width]
    labels : float64[scans]
        0 or 1, of a regression numbers; NaN where none is known. Contributions are of all scans, the loss of those
        with labels.
    repeats : int
        Shuffles of each feature, 2 or more.
    seed : int

    Raises
    ------
    ProcedureError
        As of `margins` and `contributions`.
    """
    width = vectors.shape[1]
    splits, gain = _of_trees(model, width) if library == "lightgbm" else (np.full(width, np.nan),) * 2
    known = ~np.isnan(labels)
    figure, loss, error = _losses(library, model, details, vectors[known], labels[known], repeats, seed)
    absolute = _mean_absolute(library, model, details, vectors, seed)
    return Importance(splits, gain, absolute, loss, error, figure)


def _of_trees(model: bytes, width: int) -> tuple[Values, Values]:
    """Sum over the trees of LightGBM's model text, as its own feature_importance does."""
    lists: dict[bytes, list[float]] = {b"split_feature": [], b"split_gain": []}
    for name, numbers in _LIST.findall(model):
        lists[name] += map(float, numbers.split())
    features = np.array(lists[b"split_feature"], dtype=np.int64)
    gains = np.array(lists[b"split_gain"])
    # LightGBM counts no split without a gain.
    features, gains = features[gains > 0], gains[gains > 0]
    counts = np.bincount(features, minlength=width).astype(np.float64)
    sums = np.bincount(features, weights=gains, minlength=width).astype(np.float64)
    return counts, sums


def _mean_absolute(library: str, model: bytes, details: Mapping[str, Any], vectors: Features, seed: int) -> Values:
    absolute = np.zeros(vectors.shape[1])
    if library == "onnx":
        return np.full(vectors.shape[1], np.nan)
    means = vectors.astype(np.float64).mean(axis=0)
    for found in contributions(library, model, details, vectors, means, permutations=8, seed=seed):
        place = slice(found.first_index, found.first_index + found.values.shape[1])
        absolute[place] += np.abs(found.values).mean(axis=0)
    return absolute


def _losses(
    library: str,
    model: bytes,
    details: Mapping[str, Any],
    vectors: Features,
    labels: Values,
    repeats: int,
    seed: int,
) -> tuple[float, Values, Values]:
    width = vectors.shape[1]
    regresses = details.get("task") == "regression"
    if not len(labels) or (not regresses and len(np.unique(labels)) < 2):
        return np.nan, np.full(width, np.nan), np.full(width, np.nan)
    figure = _figure(labels, margins(library, model, details, vectors), regresses)
    rng = np.random.default_rng(seed)
    losses = np.zeros((repeats, width))
    block = max(1, BLOCK_BYTES // vectors.nbytes)
    for feature in range(width):
        if (vectors[:, feature] == vectors[0, feature]).all():
            continue
        found = np.empty(repeats)
        for first in range(0, repeats, block):
            count = min(block, repeats - first)
            shuffled = np.tile(vectors, (count, 1, 1))
            for repeat in range(count):
                shuffled[repeat, :, feature] = rng.permutation(vectors[:, feature])
            given = margins(library, model, details, shuffled.reshape(-1, width)).reshape(count, -1)
            found[first : first + count] = [_figure(labels, each, regresses) for each in given]
        losses[:, feature] = found - figure if regresses else figure - found
    return figure, losses.mean(axis=0), losses.std(axis=0, ddof=1) / np.sqrt(repeats)


def _figure(labels: Values, given: Values, regresses: bool) -> float:
    if regresses:
        return float(np.sqrt(np.mean((labels - given) ** 2)))
    found = auc(labels, given)
    return np.nan if found is None else found
