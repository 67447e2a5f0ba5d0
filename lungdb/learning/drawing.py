"""Drawing patients: folds, a validation part and a smaller class, always within each class and by a seed.

A row is a scan. Where patients have several, `owners` has a number for the patient of each row, and what is drawn is
patients: all rows of one go together. A patient counts for the class 1 where any of the rows has that label.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, ProcedureError

_IN_VALIDATION = 2  # of a class at least
_TO_LEARN = 2  # of a class at least

Labels = NDArray[np.int64]


def check_counts(labels: Labels, folds: int, owners: Labels | None = None) -> None:
    """Refuse training patients who are too few of a class to learn from, to stop by and for the folds.

    Raises
    ------
    ProcedureError
        50112 for one class only; 50113 for too few.
    """
    check_classes(count_patients(labels, owners), folds)


def check_classes(counts: tuple[int, int], folds: int) -> None:
    """Refuse what `check_counts` does, by the numbers of training patients with a row of label 0 and of label 1."""
    have = f"The training part has {counts[1]} patients with label 1 and {counts[0]} with label 0"
    if max(counts) > 0 and min(counts) == 0:
        raise ProcedureError(
            ErrorNumber.ONE_CLASS, f"{have}, so there is nothing to tell apart. Load patients of both labels."
        )
    if min(counts) < max(folds, _IN_VALIDATION + _TO_LEARN):
        needed = max(folds, _IN_VALIDATION + _TO_LEARN)
        fewer = " or take fewer @Folds" if folds > _IN_VALIDATION + _TO_LEARN else ""
        raise ProcedureError(ErrorNumber.TOO_FEW, f"{have}. Load at least {needed} of each{fewer}.")
    if folds:
        left = min(counts) - -(-min(counts) // folds)
        if left < _IN_VALIDATION + _TO_LEARN:
            raise ProcedureError(
                ErrorNumber.TOO_FEW,
                f"{have}, so a fold of {folds} would learn from {left} of one of them. Take more @Folds or load more "
                "patients.",
            )


def count_patients(labels: Labels, owners: Labels | None = None) -> tuple[int, int]:
    """Count the patients with a row of label 0, and those with one of label 1."""
    if owners is None:
        return int(np.sum(labels == 0)), int(np.sum(labels == 1))
    return np.unique(owners[labels == 0]).size, np.unique(owners[labels == 1]).size


def draw_folds(labels: Labels, folds: int, seed: int, owners: Labels | None = None) -> NDArray[np.int64]:
    """Give each patient a fold, 0 to folds - 1.

    Sizes differ by one at most, in each class and altogether; which patients share a fold is drawn by the seed.
    """
    classes, places = _patients(labels, owners)
    rng = np.random.default_rng(seed)
    drawn = np.empty(classes.size, dtype=np.int64)
    start = 0
    for label in (0, 1):
        members = rng.permutation(np.flatnonzero(classes == label))
        # The second class goes on where the first ended, so that no fold gets the larger share of both.
        drawn[members] = (start + np.arange(members.size)) % folds
        start += members.size
    return np.asarray(drawn[places])


def fewest_to_learn_from(
    negatives: int, positives: int, folds: int, validation_fraction: float, *, is_undersampled: bool
) -> int:
    """Give how many patients the smallest fold of a cross-validation learns from, as the draws here part them.

    Parameters
    ----------
    negatives, positives : int
        Training patients with label 0 and 1.
    folds : int
        2 or more.
    validation_fraction : float
        Share of each class that is kept for early stopping.
    is_undersampled : bool
        As many of the larger class are taken as the smaller one has.
    """
    fewest = negatives + positives
    for fold in range(folds):
        left = []
        for start, size in ((0, negatives), (negatives, positives)):
            outside = size - len(range((fold - start) % folds, size, folds))
            left.append(outside - max(_IN_VALIDATION, round(outside * validation_fraction)))
        fewest = min(fewest, 2 * min(left) if is_undersampled else sum(left))
    return fewest


def draw_validation(labels: Labels, fraction: float, seed: int, owners: Labels | None = None) -> NDArray[np.bool_]:
    """Mark the patients kept for early stopping: this share of each class, two at least."""
    classes, places = _patients(labels, owners)
    rng = np.random.default_rng(seed)
    kept = np.zeros(classes.size, dtype=bool)
    for label in (0, 1):
        members = np.flatnonzero(classes == label)
        kept[rng.permutation(members)[: max(_IN_VALIDATION, round(members.size * fraction))]] = True
    return np.asarray(kept[places])


def class_weights(labels: Labels) -> tuple[float, float]:
    """Give the weights of label 0 and 1 that make both classes weigh as much: patients / (2 × those of the class)."""
    counts = [int(np.sum(labels == label)) for label in (0, 1)]
    return labels.size / (2 * counts[0]), labels.size / (2 * counts[1])


def undersample(labels: Labels, seed: int, owners: Labels | None = None) -> NDArray[np.int64]:
    """Draw as many patients of the larger class as the smaller one has; gives the rows of both, in their order.

    Raises
    ------
    ProcedureError
        50113 where patients with several scans are all of one class.
    """
    classes, places = _patients(labels, owners)
    rng = np.random.default_rng(seed)
    of_class = [np.flatnonzero(classes == label) for label in (0, 1)]
    smaller = min(members.size for members in of_class)
    if not smaller:
        raise ProcedureError(
            ErrorNumber.TOO_FEW,
            "No patient to learn from has scans of label 0 only, so that patients cannot be drawn by class. Take "
            "@Imbalance = N'class_weight', or load more patients.",
        )
    kept = [rng.permutation(members)[:smaller] for members in of_class]
    return np.flatnonzero(np.isin(places, np.concatenate(kept)))


def _patients(labels: Labels, owners: Labels | None) -> tuple[Labels, NDArray[np.intp]]:
    """Give the class of each patient, and for each row the place of its patient among them."""
    if owners is None:
        return labels, np.arange(labels.size)
    found, places = np.unique(owners, return_inverse=True)
    places = places.reshape(-1)
    classes = np.zeros(found.size, dtype=np.int64)
    np.maximum.at(classes, places, labels)
    return classes, places
