"""Drift between two groups of patients: known statistics, an error rate that is what it says, and alarms where due."""

import numpy as np
import pytest
from scipy import stats

from lungdb.learning.drift import compare_groups

NO_NUMBERS = np.empty((60, 0))


def groups(earlier, later):
    """Who is later: the last ones."""
    return np.arange(earlier + later) >= earlier


def test_a_number_is_compared_as_by_mann_and_whitney():
    """The normal statistic with ties, of SciPy, of a shift that is larger than any change of spread."""
    rng = np.random.default_rng(2)
    numbers = np.round(rng.normal(size=(60, 4)), 1) + 2.0 * groups(30, 30)[:, None]
    found = compare_groups(groups(30, 30), numbers, [], 99, 1)
    for item, values in zip(found.items, numbers.T, strict=True):
        reference = stats.mannwhitneyu(values[:30], values[30:], method="asymptotic", use_continuity=False)
        assert item.statistic == pytest.approx(stats.norm.isf(reference.pvalue / 2), rel=1e-9)


def test_a_mix_of_two_kinds_is_compared_as_by_chi_square():
    """z² is Pearson's statistic times (n − 1) / n, the variance being that of drawing without replacement."""
    kinds = ["A"] * 30 + ["B"] * 10 + ["A"] * 6 + ["B"] * 14
    found = compare_groups(groups(40, 20), NO_NUMBERS, [kinds], 99, 1)
    reference = stats.chi2_contingency([[30, 10], [6, 14]], correction=False).statistic
    assert found.items[0].statistic ** 2 == pytest.approx(reference * 59 / 60)


def test_p_values_of_one_item_are_those_of_the_permutation_test():
    """Of a single mix with two kinds: the hypergeometric tail, by Fisher's exact test."""
    kinds = ["A"] * 20 + ["B"] * 10 + ["A"] * 10 + ["B"] * 20
    found = compare_groups(groups(30, 30), NO_NUMBERS, [kinds], 9_999, 1)
    exact = stats.fisher_exact([[20, 10], [10, 20]]).pvalue
    assert found.p_value == pytest.approx(exact, abs=3 * np.sqrt(exact * (1 - exact) / 10_000))


def test_what_is_missing_more_often_is_seen():
    """The values that are there are alike."""
    rng = np.random.default_rng(4)
    numbers = rng.normal(size=(60, 1))
    numbers[40:52] = np.nan
    assert compare_groups(groups(40, 20), numbers, [], 999, 1).p_value == 0.001
    mix = [None if missing else "A" for missing in np.isnan(numbers[:, 0])]
    assert compare_groups(groups(40, 20), NO_NUMBERS, [mix], 999, 1).p_value == 0.001


def test_a_change_of_spread_alone_is_seen():
    """As of a scanner with more noise."""
    rng = np.random.default_rng(5)
    numbers = rng.normal(size=(200, 3))
    numbers[100:, 1] *= 3
    found = compare_groups(groups(100, 100), numbers, [], 999, 1)
    assert [item.p_value <= 0.01 for item in found.items] == [False, True, False]


def test_the_stability_index_is_the_sum_over_shares():
    """Of a mix by hand, one kind missing in a group and counted as half a patient; of a number over tenths."""
    kinds = ["A"] * 30 + ["B"] * 10 + ["A"] * 10 + ["C"] * 10
    found = compare_groups(groups(40, 20), NO_NUMBERS, [kinds], 99, 1)
    shares = [(0.75, 0.5), (0.25, 0.5 / 20), (0.5 / 40, 0.5)]
    assert found.items[0].stability_index == pytest.approx(sum((b - a) * np.log(b / a) for a, b in shares))

    numbers = np.concatenate([np.arange(100.0), np.repeat(99.0, 50)])[:, None]
    found = compare_groups(groups(100, 50), numbers, [], 99, 1)
    lower = 9 * (0.1 - 0.01) * np.log(0.1 / 0.01)
    assert found.items[0].stability_index == pytest.approx(lower + (1 - 0.1) * np.log(1 / 0.1))


def test_undisturbed_groups_alarm_at_the_rate_that_is_said():
    """300 draws of 60 correlated patients: the count of alarms lies in the binomial 99 % interval, at three rates."""
    p_values = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        numbers = rng.normal(size=(60, 20)) @ rng.normal(size=(20, 20))
        mixes = [rng.choice(["A", "B", "C"], 60, p=[0.7, 0.25, 0.05]).tolist()]
        p_values.append(compare_groups(groups(35, 25), numbers, mixes, 499, seed).p_value)
    for rate in (0.01, 0.05, 0.2):
        low, high = stats.binom.interval(0.99, 300, rate)
        assert low <= sum(p_value <= rate for p_value in p_values) <= high


def test_one_feature_that_moves_is_found_among_two_thousand():
    """With the p value of its own statistic, and none of the others."""
    rng = np.random.default_rng(6)
    numbers = rng.normal(size=(400, 2000))
    numbers[200:, 1234] += 0.8
    found = compare_groups(groups(200, 200), numbers, [], 499, 1)
    assert [place for place, item in enumerate(found.items) if item.p_value <= 0.01] == [1234]
    assert found.p_value == 0.002
    assert found.statistic == found.items[1234].statistic


def test_what_does_not_vary_has_no_statistic():
    """A constant feature and one scanner are no reason for an alarm."""
    found = compare_groups(groups(40, 20), np.full((60, 2), 7.5), [["A"] * 60], 99, 1)
    assert [(item.statistic, item.p_value, item.stability_index) for item in found.items] == [(0.0, 1.0, 0.0)] * 3
    assert found.p_value == 1.0


def test_a_seed_gives_the_same_p_values_and_another_nearly_the_same():
    """Only the permutations are drawn."""
    rng = np.random.default_rng(7)
    numbers = rng.normal(size=(60, 5)) + 0.6 * groups(40, 20)[:, None]
    first, second, other = (compare_groups(groups(40, 20), numbers, [], 999, seed) for seed in (1, 1, 2))
    assert first == second
    assert first.p_value == pytest.approx(other.p_value, abs=0.05)
    assert [item.statistic for item in first.items] == pytest.approx([item.statistic for item in other.items])
