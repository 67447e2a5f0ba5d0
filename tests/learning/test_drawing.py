"""Patients are drawn within each class, each exactly once, and by the seed alone."""

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold
from sklearn.utils.class_weight import compute_class_weight

from lungdb.errors import ProcedureError
from lungdb.learning.drawing import (
    check_counts,
    class_weights,
    draw_folds,
    draw_validation,
    fewest_to_learn_from,
    undersample,
)

LABELS = np.random.default_rng(2).permutation(np.repeat([0, 1], [61, 22])).astype(np.int64)


@pytest.mark.parametrize("folds", [2, 3, 5, 10, 20])
def test_folds_are_as_even_as_scikit_learns(folds):
    """In each class and altogether, sizes differ by one at most, as StratifiedKFold's do."""
    drawn = draw_folds(LABELS, folds, seed=1)
    reference = [held for _, held in StratifiedKFold(folds, shuffle=True, random_state=1).split(LABELS, LABELS)]
    for chosen in (LABELS == 0, LABELS == 1):
        sizes = np.bincount(drawn[chosen], minlength=folds)
        assert sorted(sizes) == sorted(np.sum(chosen[held]) for held in reference)
    assert np.ptp(np.bincount(drawn, minlength=folds)) <= 1


def test_folds_depend_on_the_seed():
    """The same seed gives the same, another one others."""
    np.testing.assert_array_equal(draw_folds(LABELS, 5, 1), draw_folds(LABELS, 5, 1))
    assert (draw_folds(LABELS, 5, 1) != draw_folds(LABELS, 5, 2)).any()


def test_the_validation_part_has_its_share_of_each_class():
    """At least two."""
    kept = draw_validation(LABELS, 0.2, seed=1)
    assert [np.sum(kept & (label == LABELS)) for label in (0, 1)] == [12, 4]
    few = np.repeat([0, 1], [5, 50])
    assert np.sum(draw_validation(few, 0.1, seed=1) & (few == 0)) == 2


def test_class_weights_are_scikit_learns():
    """Its mode `balanced`."""
    assert class_weights(LABELS) == pytest.approx(compute_class_weight("balanced", classes=np.array([0, 1]), y=LABELS))


def test_undersampling_keeps_all_of_the_smaller_class_and_as_many_of_the_other():
    """Nobody twice, in order."""
    kept = undersample(LABELS, seed=1)
    assert np.bincount(LABELS[kept]).tolist() == [22, 22]
    assert set(np.flatnonzero(LABELS == 1)) <= set(kept)
    assert (np.diff(kept) > 0).all()
    assert (undersample(LABELS, seed=2) != kept).any()


@pytest.mark.parametrize(
    ("negatives", "positives", "folds", "number", "message"),
    [
        (20, 0, 0, 50112, "20 with label 0, so there is nothing to tell apart"),
        (0, 20, 5, 50112, "nothing to tell apart"),
        (0, 0, 0, 50113, "0 patients with label 1 and 0 with label 0"),
        (20, 3, 0, 50113, "Load at least 4 of each."),
        (20, 9, 10, 50113, "Load at least 10 of each or take fewer @Folds."),
        (20, 5, 2, 50113, "a fold of 2 would learn from 2 of one of them"),
    ],
)
def test_patients_who_do_not_suffice_are_refused(negatives, positives, folds, number, message):
    """With the number that T-SQL throws and what to do."""
    with pytest.raises(ProcedureError) as caught:
        check_counts(np.repeat([0, 1], [negatives, positives]), folds)
    assert caught.value.number == number
    assert message in caught.value.message


@pytest.mark.parametrize(("positives", "folds"), [(4, 0), (5, 5), (10, 10), (8, 2), (6, 3)])
def test_patients_who_just_suffice_are_taken(positives, folds):
    """Whatever the larger class has."""
    check_counts(np.repeat([0, 1], [60, positives]), folds)


@pytest.mark.parametrize("is_undersampled", [False, True])
@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
@pytest.mark.parametrize(
    ("negatives", "positives", "folds"), [(7, 7, 3), (23, 9, 5), (60, 30, 4), (11, 40, 2), (9, 8, 6)]
)
def test_the_fewest_to_learn_from_are_those_left_by_the_draws(negatives, positives, folds, fraction, is_undersampled):
    """Of the smallest fold, drawn by several seeds."""
    labels = np.repeat([0, 1], [negatives, positives])
    for seed in range(3):
        drawn = draw_folds(labels, folds, seed)
        left = []
        for fold in range(folds):
            learning = labels[drawn != fold]
            learning = learning[~draw_validation(learning, fraction, seed)]
            left.append(undersample(learning, seed).size if is_undersampled else learning.size)
        assert fewest_to_learn_from(negatives, positives, folds, fraction, is_undersampled=is_undersampled) == min(left)


OWNERS = np.repeat(np.arange(30), np.resize([1, 3, 2], 30))
"""Thirty patients with one to three scans each."""
OF_OWNERS = np.array([int(owner % 3 == 0 and place % 2 == 0) for place, owner in enumerate(OWNERS)])
"""Labels of the scans: some patients have both."""


def test_all_scans_of_a_patient_are_in_one_fold_and_in_one_part():
    """Whatever their labels are; folds have as many patients of each class as they can."""
    folds = draw_folds(OF_OWNERS, 4, 7, OWNERS)
    kept = draw_validation(OF_OWNERS, 0.25, 7, OWNERS)
    chosen = np.isin(np.arange(OWNERS.size), undersample(OF_OWNERS, 7, OWNERS))
    for drawn in (folds, kept, chosen):
        assert all(np.unique(drawn[owner == OWNERS]).size == 1 for owner in range(30))
    patients = [np.unique(OWNERS[folds == fold]) for fold in range(4)]
    assert sorted(owner for fold in patients for owner in fold) == list(range(30))
    assert {len(fold) for fold in patients} == {7, 8}
    positive = np.unique(OWNERS[OF_OWNERS == 1])
    assert {np.isin(fold, positive).sum() for fold in patients} <= {len(positive) // 4, -(-len(positive) // 4)}
    assert np.isin(positive, OWNERS[chosen]).all()
    assert np.unique(OWNERS[chosen]).size == 2 * positive.size


def test_patients_with_one_scan_are_drawn_as_without_owners():
    """So that what was trained before is trained again to the byte."""
    owners = np.arange(LABELS.size)
    assert draw_folds(LABELS, 5, 3, owners).tolist() == draw_folds(LABELS, 5, 3).tolist()
    assert draw_validation(LABELS, 0.2, 3, owners).tolist() == draw_validation(LABELS, 0.2, 3).tolist()
    assert undersample(LABELS, 3, owners).tolist() == undersample(LABELS, 3).tolist()


def test_patients_are_counted_and_not_their_scans():
    """Ten scans of one patient are not enough for two folds."""
    with pytest.raises(ProcedureError, match="1 patients with label 1 and 9 with label 0") as caught:
        check_counts(np.repeat([0, 1], [9, 10]), 2, np.concatenate([np.arange(9), np.full(10, 9)]))
    assert caught.value.number == 50113
