"""Numbers that are predicted: which can be learnt from, how good a prediction is, and how sure one can be of that."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.learning.metrics import average_ranks

_LEAST = 4  # patients: two to learn from and two to stop by
_LARGEST = 1e100  # whose square is still finite
_AT_A_TIME = 100  # resamples, which keeps their table small

Values = NDArray[np.float64]
Owners = NDArray[np.int64]


def check_targets(targets: Values, folds: int, owners: Owners | None = None) -> None:
    """Refuse numbers from which nothing can be learnt, and training patients who are too few for the folds.

    Raises
    ------
    ProcedureError
        50310 for numbers that are all the same, not finite or too large; 50113 for too few patients.
    """
    if not (np.isfinite(targets) & (np.abs(targets) <= _LARGEST)).all():
        raise ProcedureError(
            ErrorNumber.NUMERIC_LABELS,
            f"A numeric label is NULL, not finite, or beyond {_LARGEST:g}. Correct dbo.numeric_labels.",
        )
    patients = targets.size if owners is None else np.unique(owners).size
    if patients < max(folds, _LEAST):
        raise ProcedureError(
            ErrorNumber.TOO_FEW,
            f"The training part has {patients} patients with a numeric label. Load at least {max(folds, _LEAST)}"
            f"{' or take fewer @Folds' if folds > _LEAST else ''}.",
        )
    left = patients - -(-patients // folds) if folds else patients
    if left < _LEAST:
        raise ProcedureError(
            ErrorNumber.TOO_FEW,
            f"The training part has {patients} patients with a numeric label, so a fold of {folds} would learn from "
            f"{left} of them. Take more @Folds or load more patients.",
        )
    if np.ptp(targets) == 0:
        raise ProcedureError(
            ErrorNumber.NUMERIC_LABELS,
            f"All training patients have the numeric label {targets[0]:g}, so there is nothing to learn. Load the "
            "numbers of patients who differ.",
        )


def rmse(targets: ArrayLike, predicted: ArrayLike) -> float | None:
    """Give the root of the mean squared error; None without patients."""
    errors = np.asarray(targets, dtype=np.float64) - np.asarray(predicted)
    return float(np.sqrt(np.mean(errors**2))) if errors.size else None


def mae(targets: ArrayLike, predicted: ArrayLike) -> float | None:
    """Give the mean absolute error; None without patients."""
    errors = np.asarray(targets, dtype=np.float64) - np.asarray(predicted)
    return float(np.mean(np.abs(errors))) if errors.size else None


def r2(targets: ArrayLike, predicted: ArrayLike) -> float | None:
    """Give the coefficient of determination, 1 − Σ(y − ŷ)² / Σ(y − ȳ)²; None where all targets are the same."""
    target = np.asarray(targets, dtype=np.float64)
    if target.size < 2 or np.ptp(target) == 0:
        return None
    return float(1 - np.sum((target - np.asarray(predicted)) ** 2) / np.sum((target - target.mean()) ** 2))


def spearman(targets: ArrayLike, predicted: ArrayLike) -> float | None:
    """Give Spearman's rank correlation, ties at the mean of their ranks; None where one side is all the same."""
    one, other = (average_ranks(np.asarray(each, dtype=np.float64)) for each in (targets, predicted))
    if one.size < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    one, other = one - one.mean(), other - other.mean()
    return float(one @ other / np.sqrt((one @ one) * (other @ other)))


MEASURES = {"rmse": rmse, "mae": mae, "r2": r2, "spearman": spearman}


def intervals(
    targets: Values, predicted: Values, owners: Owners | None, seed: int, resamples: int = 2000
) -> dict[str, tuple[float, float] | None]:
    """Give the 95 % percentile bootstrap interval of each of `MEASURES`; None where no resample has the figure.

    Patients are drawn with replacement, all scans of one together (Field and Welsh, Bootstrapping clustered data,
    Journal of the Royal Statistical Society B 2007); `owners` has a number for the patient of each scan, None where
    each has one.
    """
    if not targets.size:
        return dict.fromkeys(MEASURES)
    places = np.arange(targets.size) if owners is None else np.unique(owners, return_inverse=True)[1].reshape(-1)
    patients = int(places.max()) + 1
    groups = [np.unique(each, return_inverse=True)[1].reshape(-1) for each in (targets, predicted)]
    centred, errors = targets - targets.mean(), targets - predicted
    rng = np.random.default_rng(seed)
    found: dict[str, list[Values]] = {name: [] for name in MEASURES}
    for start in range(0, resamples, _AT_A_TIME):
        rows = min(_AT_A_TIME, resamples - start)
        drawn = rng.integers(0, patients, (rows, patients)) + patients * np.arange(rows)[:, None]
        weights = np.bincount(drawn.reshape(-1), minlength=rows * patients).reshape(rows, patients)[:, places]
        total = weights.sum(axis=1)
        squares = weights @ errors**2
        spread = weights @ centred**2 - (weights @ centred) ** 2 / total
        ranks = [_weighted_ranks(group, weights) - (total[:, None] + 1) / 2 for group in groups]
        pairs = ((ranks[0], ranks[1]), (ranks[0], ranks[0]), (ranks[1], ranks[1]))
        products = [np.sum(weights * one * other, axis=1) for one, other in pairs]
        some = weights.argmax(axis=1)
        varies = [((weights > 0) & (group != group[some][:, None])).any(axis=1) for group in groups]
        with np.errstate(divide="ignore", invalid="ignore"):
            found["rmse"].append(np.sqrt(squares / total))
            found["mae"].append(weights @ np.abs(errors) / total)
            found["r2"].append(np.where(varies[0], 1 - squares / spread, np.nan))
            correlation = products[0] / np.sqrt(products[1] * products[2])
            found["spearman"].append(np.where(varies[0] & varies[1], correlation, np.nan))
    return {name: _interval(np.concatenate(values)) for name, values in found.items()}


def _weighted_ranks(group: NDArray[np.intp], weights: NDArray[np.int64]) -> Values:
    """Rank the drawn values of each resample from 1, where ones are drawn as often as their weight says."""
    rows, size = weights.shape[0], int(group.max()) + 1
    cells = (group + size * np.arange(rows)[:, None]).reshape(-1)
    counts = np.bincount(cells, weights=weights.reshape(-1), minlength=rows * size).reshape(rows, size)
    return np.asarray((np.cumsum(counts, axis=1) - (counts - 1) / 2)[:, group], dtype=np.float64)


def _interval(values: Values) -> tuple[float, float] | None:
    defined = values[np.isfinite(values)]
    if not defined.size:
        return None
    low, high = np.percentile(defined, [2.5, 97.5])
    return float(low), float(high)


def figures_of_numbers(
    targets: Values,
    predicted: Values,
    out_of_fold: NDArray[np.bool_],
    owners: Owners | None,
    constant: float | None,
    seed: int | None,
) -> dict[str, float | None]:
    """Measure one part by name; a figure that its patients do not allow is None.

    Names ending in `_low` and `_high` are of the interval by bootstrap over patients, which needs a seed; in
    `_constant` of predicting `constant`, the training patients' mean, for everybody.
    """
    found: dict[str, float | None] = {
        "patients": targets.size if owners is None else np.unique(owners).size,
        "out_of_fold": float(out_of_fold.all()),
    }
    if owners is not None:
        found["scans"] = targets.size
    ends = dict.fromkeys(MEASURES) if seed is None else intervals(targets, predicted, owners, seed)
    for name, measure in MEASURES.items():
        found[name] = measure(targets, predicted)
        found[f"{name}_low"], found[f"{name}_high"] = ends[name] or (None, None)
        if name != "spearman":  # a constant has no order
            everybody = None if constant is None else np.full(targets.size, constant)
            found[f"{name}_constant"] = None if everybody is None else measure(targets, everybody)
    return found
