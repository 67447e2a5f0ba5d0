"""How far the features of scans are from those that a model was trained on, by the rule of internal.MeasureScope."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MOST = 100.0  # what a feature counts at most, and one that all had alike counts where it is another
_SAME = 1e-6
_FAR = 10.0


@dataclass(frozen=True)
class Scope:
    """What dbo.model_scope_features holds of a model.

    Attributes
    ----------
    places : int64[n]
        Of the features in a vector.
    mean, sd : float64[n]
        Over the patients that the model was trained on; sd is 0 where all had the same.
    """

    places: NDArray[np.int64]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]

    def distances(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Measure scans: the mean of ((x - mean) / sd) squared over the features that both know, each up to 100.

        Parameters
        ----------
        vectors : float64[scans, width]
            As their texts have them, not as float32; NaN is a value that is missing.

        Returns
        -------
        float64[scans]
            NaN where no feature is known.
        """
        known = self.places < vectors.shape[1]
        mean, sd = self.mean[known], self.sd[known]
        differences = vectors[:, self.places[known]] - mean
        is_there = ~np.isnan(differences)
        alike = sd == 0
        with np.errstate(invalid="ignore", over="ignore"):
            sizes = np.abs(differences)
            scaled = differences / np.where(alike, 1.0, sd)
            counted = np.where(sizes > _FAR * sd, _MOST, scaled * scaled)
            counted[:, alike] = np.where(sizes[:, alike] <= _SAME * (1 + np.abs(mean[alike])), 0.0, _MOST)
            counted[~is_there] = 0.0
            found: NDArray[np.float64] = counted.sum(axis=1) / is_there.sum(axis=1)
        return found


def scope_of(rows: Sequence[Sequence[Any]] | NDArray[np.float64]) -> Scope:
    """Make a scope of rows of (feature_index, mean, sd), of which there may be none."""
    columns = np.asarray(rows, dtype=np.float64).reshape(-1, 3)
    return Scope(columns[:, 0].astype(np.int64), columns[:, 1], columns[:, 2])


def read_scope(text: str | None) -> Scope:
    """Read a scope from a JSON array of such rows; that of nothing and of NULL knows no feature."""
    return scope_of(json.loads(text) if text else [])
