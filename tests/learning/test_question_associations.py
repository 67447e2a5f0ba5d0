"""Measures of association, against SciPy, scikit-learn and closed forms."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from lungdb.learning.questions.associations import (
    area,
    area_interval,
    benjamini_hochberg,
    cramers_v,
    noncentral_below,
    rank_correlation,
    rank_correlation_p_value,
    rank_p_value,
)
from lungdb.learning.questions.leaks import amount_associations, amount_leaks, associations, class_leaks, leaks


@pytest.mark.parametrize("x", [0.2, 3.0, 40.0, 300.0])
@pytest.mark.parametrize("freedom", [1, 2, 5, 12])
@pytest.mark.parametrize("noncentrality", [0.0, 0.7, 25.0, 280.0])
def test_noncentral_chi_square_is_scipys(x, freedom, noncentrality):
    """Central ones too, of odd and even degrees of freedom."""
    expected = stats.ncx2.cdf(x, freedom, noncentrality) if noncentrality else stats.chi2.cdf(x, freedom)
    assert noncentral_below(x, freedom, noncentrality) == pytest.approx(expected, abs=1e-10)


def test_an_area_is_scikit_learns_above_a_half():
    """Whichever class has the higher values; its interval holds it."""
    rng = np.random.default_rng(1)
    positive = rng.random(80) < 0.4
    values = np.round(rng.normal(size=80) - 0.6 * positive, 1)
    found = area(values, positive, 0.05)
    assert found.value == pytest.approx(1 - roc_auc_score(positive, values))
    assert found.value > 0.5
    assert found.low < found.value < found.high


def test_the_ends_of_an_area_solve_their_equation():
    """At both ends the difference is z standard errors of that end; a whole separation has a low end below 1."""
    for value, positives, negatives in ((0.7, 20, 35), (0.5, 12, 12), (1.0, 15, 60)):
        low, high = area_interval(value, positives, negatives, 0.05)
        size = (positives + negatives) / 2
        for end in (low, high) if value < 1 else (low,):
            spread = end * (1 - end)
            spread *= 1 + (size - 1) * (1 - end) / (2 - end) + (size - 1) * end / (1 + end)
            assert abs(end - value) == pytest.approx(1.959964 * np.sqrt(spread / (positives * negatives)), rel=1e-6)
    assert high == 1
    assert 0.8 < low < 1


def test_cramers_v_is_scipys_and_its_interval_inverts_chi_square():
    """SciPy has V; at the low end of λ the statistic is at 97.5 % of noncentral χ², at the high end at 2.5 %."""
    rng = np.random.default_rng(2)
    positive = rng.random(120) < 0.5
    kinds = np.where(rng.random(120) < 0.5, "a", np.where(positive, "b", "c")).tolist()
    found = cramers_v(kinds, positive, 0.05)
    table = stats.contingency.crosstab(kinds, positive)[1]
    assert found.value == pytest.approx(stats.contingency.association(table, method="cramer"))
    statistic = stats.chi2_contingency(table, correction=False)[0]
    assert stats.ncx2.cdf(statistic, 2, 120 * found.low**2) == pytest.approx(0.975)
    assert stats.ncx2.cdf(statistic, 2, 120 * found.high**2) == pytest.approx(0.025)


def test_rare_kinds_count_as_one():
    """Sixty texts of one row each tell nothing, though each is of one class."""
    positive = np.arange(60) % 2 == 0
    assert cramers_v([str(place) for place in range(60)], positive, 0.05) is None
    assert cramers_v(["a", "b"] * 30, positive, 0.05).value == 1


def test_p_values_are_scipys_with_ties():
    """The asymptotic Mann-Whitney test with continuity; equal values give 1."""
    rng = np.random.default_rng(3)
    positive = rng.random(60) < 0.3
    for digits in (0, 1, 6):
        values = np.round(rng.normal(size=60) + 0.5 * positive, digits)
        expected = stats.mannwhitneyu(values[positive], values[~positive], method="asymptotic").pvalue
        assert rank_p_value(values, positive) == pytest.approx(expected, rel=1e-9)
    assert rank_p_value(np.ones(60), positive) == 1


def test_q_values_are_scipys():
    """Benjamini and Hochberg's adjusted p values, ties among them."""
    p_values = np.random.default_rng(4).choice(np.linspace(0.001, 1, 40), 60)
    assert benjamini_hochberg(p_values) == pytest.approx(stats.false_discovery_control(p_values))


def test_features_that_go_with_the_label_are_found_and_others_are_not():
    """Area and q value of each against scikit-learn and SciPy; what is missing leaves its patient out of that one."""
    rng = np.random.default_rng(5)
    positive = rng.random(90) < 0.4
    features = rng.normal(size=(90, 30))
    features[:, 4] -= 1.5 * positive
    features[:, 7] = 3.0
    features[:20, 4] = np.nan
    found = associations(features, positive.astype(np.int64))
    assert found.value[4] == pytest.approx(roc_auc_score(positive[20:], features[20:, 4]))
    assert np.isnan(found.value[7])
    tested = [place for place in range(30) if place != 7]
    p_values = []
    for place in tested:
        known = np.isfinite(features[:, place])
        groups = features[known & positive, place], features[known & ~positive, place]
        p_values.append(stats.mannwhitneyu(*groups, method="asymptotic").pvalue)
    assert found.q_value[tested] == pytest.approx(stats.false_discovery_control(p_values))
    assert np.flatnonzero(found.q_value < 0.05).tolist() == [4]


def _columns(rng, patients):
    numbers = np.column_stack([rng.normal(size=(patients, 6)), rng.choice([100.0, 120.0, 140.0], (patients, 2))])
    numbers[rng.random(numbers.shape) < 0.1] = np.nan
    texts = [rng.choice(["B30f", "B70f", "FC51"], patients).tolist() for _ in range(2)]
    return numbers, texts


def test_clean_columns_alarm_within_their_rate():
    """Three hundred draws of ten columns that tell nothing, at 5 %: chance exceeds 30 once in 10,000."""
    rng = np.random.default_rng(6)
    alarms = noticed = 0
    for _ in range(300):
        found = leaks(*_columns(rng, 60), rng.permutation(np.arange(60) % 3 == 0), 0.05)
        alarms += any(leak.is_alarm for leak in found)
        noticed += any(leak.is_there for leak in found)
    assert alarms == 0
    assert noticed <= 30


@pytest.mark.parametrize("kind", ["shift", "both sides", "text", "missing", "text missing"])
def test_a_planted_leak_alarms(kind):
    """A number that is higher, a number that is at either end, a kernel, and a value that is missing of one class."""
    rng = np.random.default_rng(7)
    numbers, texts = _columns(rng, 80)
    positive = rng.permutation(np.arange(80) % 2 == 0)
    place, measure = {"shift": (2, "area"), "both sides": (6, "v"), "text": (9, "v")}.get(kind, (3, "missing"))
    if kind == "shift":
        numbers[:, 2] = rng.normal(size=80) + 3 * positive
    elif kind == "both sides":
        numbers[:, 6] = np.where(positive, rng.choice([80.0, 140.0], 80), 120.0)
    elif kind == "text":
        texts[1] = np.where(positive, "Br40", "B30f").tolist()
    elif kind == "missing":
        numbers[positive, 3] = np.nan
    else:
        place = 8
        texts[0] = [None if each else "B30f" for each in positive]
    found = leaks(numbers, texts, positive, 0.01)
    assert [(leak.column, leak.measure) for leak in found if leak.is_alarm] == [(place, measure)]


def test_what_is_significant_and_weak_is_no_alarm():
    """A difference of a third of a standard deviation among 2,000 patients is there for certain and small."""
    rng = np.random.default_rng(8)
    positive = rng.random(2000) < 0.5
    numbers = rng.normal(size=(2000, 1)) + 0.33 * positive[:, None]
    [leak] = leaks(numbers, [], positive, 0.01)
    assert leak.is_there
    assert not leak.is_alarm


def test_too_few_patients_are_not_compared():
    """Nine of a class are too few, however far apart."""
    positive = np.arange(40) < 9
    assert leaks(positive[:, None].astype(float), [], positive, 0.01) == []


@pytest.mark.parametrize("slope", [-0.6, 0.0, 0.2, 0.4])
def test_a_rank_correlation_is_scipys(slope):
    """With ties; its p value is an approximation of the t test's, near 1 and far below."""
    rng = np.random.default_rng(9)
    amounts = rng.normal(size=120).round(1)
    values = slope * amounts + rng.normal(size=120)
    expected = stats.spearmanr(values, amounts)
    effect = rank_correlation(values, amounts, 0.05)
    assert effect.value == pytest.approx(expected.statistic)
    assert effect.low < effect.value < effect.high
    found = rank_correlation_p_value(values, amounts)
    assert np.log(found) == pytest.approx(np.log(expected.pvalue), rel=0.1, abs=0.02)


def test_intervals_of_rank_correlations_hold_the_true_one():
    """Of normal pairs it is 6/π asin(ρ/2); 95 % of 400 intervals, and chance leaves fewer than 90 % once in 10,000."""
    rng = np.random.default_rng(10)
    pearson = 0.6
    true = 6 / np.pi * np.arcsin(pearson / 2)
    held = 0
    for _ in range(400):
        one, other = rng.normal(size=(2, 50))
        effect = rank_correlation(one, pearson * one + np.sqrt(1 - pearson**2) * other, 0.05)
        held += effect.low <= true <= effect.high
    assert held >= 360


def test_a_perfect_rank_correlation_has_an_interval_and_a_constant_number_has_none():
    """As ranks with two neighbours exchanged have, whichever way it goes."""
    ranks = np.arange(30.0)
    effect = rank_correlation(ranks, -(ranks**3), 0.05)
    assert effect.value == -1
    assert effect.low < effect.high < -0.99
    assert rank_correlation_p_value(ranks, ranks) < 1e-20
    assert rank_correlation(ranks, np.ones(30), 0.05) is None
    assert rank_correlation(ranks[:3], ranks[:3], 0.05) is None


def test_of_three_classes_the_one_that_a_column_tells_is_named():
    """A number that is higher in class 2, and a kernel of class 0; a class of nine is compared with nothing."""
    rng = np.random.default_rng(11)
    numbers, texts = _columns(rng, 129)
    classes = np.repeat([0, 1, 2, 5], [40, 40, 40, 9])
    numbers[:, 1] = rng.normal(size=129) + 4 * (classes == 2)
    texts[0] = np.where(classes == 0, "Br40", "B30f").tolist()
    numbers[classes == 5, 3] = np.nan
    found = class_leaks(numbers, texts, classes, 0.01)
    alarms = [(leak.column, leak.measure, leak.of_class) for leak in found if leak.is_alarm]
    assert alarms == [(1, "area", 2), (8, "v", 0)]


def test_clean_columns_alarm_within_their_rate_of_classes_and_of_a_number():
    """A hundred draws each, at 5 %: chance exceeds 14 once in 10,000."""
    rng = np.random.default_rng(12)
    noticed = [0, 0]
    for _ in range(100):
        columns = _columns(rng, 90)
        of_classes = class_leaks(*columns, rng.permutation(np.arange(90) % 3), 0.05)
        of_amounts = amount_leaks(*columns, rng.lognormal(size=90), 0.05)
        assert not [leak for leak in of_classes + of_amounts if leak.is_alarm]
        noticed[0] += any(leak.is_there for leak in of_classes)
        noticed[1] += any(leak.is_there for leak in of_amounts)
    assert max(noticed) <= 14


def test_columns_that_go_with_a_number_alarm():
    """One that falls with it, a kernel of its upper half, a value that is missing in the lower half."""
    rng = np.random.default_rng(13)
    numbers, texts = _columns(rng, 100)
    amounts = rng.lognormal(size=100)
    above = amounts > np.median(amounts)
    numbers[:, 2] = -np.log(amounts) + rng.normal(scale=0.5, size=100)
    texts[1] = np.where(above, "Br40", "B30f").tolist()
    numbers[~above, 5] = np.nan
    found = amount_leaks(numbers, texts, amounts, 0.01)
    alarms = [(leak.column, leak.measure) for leak in found if leak.is_alarm]
    assert alarms == [(2, "rank"), (5, "missing"), (9, "v")]
    assert found[[leak.column for leak in found].index(2)].effect.value > 0.5
    assert amount_leaks(numbers, texts, np.ones(100), 0.01) == []


def test_features_are_ranked_by_the_class_or_the_number_that_they_go_with():
    """The p value of three classes is three times that of the best of them, ρ has its sign; against SciPy."""
    rng = np.random.default_rng(14)
    classes = rng.integers(0, 3, 90)
    features = rng.normal(size=(90, 8))
    features[:, 3] += 2 * (classes == 1)
    found = associations(features, classes)
    expected = stats.mannwhitneyu(features[classes == 1, 3], features[classes != 1, 3], method="asymptotic").pvalue
    assert found.p_value[3] == pytest.approx(3 * expected)
    assert found.value[3] == pytest.approx(roc_auc_score(classes == 1, features[:, 3]))
    assert found.of_class[3] == 1
    amounts = -features[:, 6] + rng.normal(size=90)
    ranked = amount_associations(features, amounts)
    assert ranked.value[6] == pytest.approx(stats.spearmanr(features[:, 6], amounts).statistic)
    assert ranked.value[6] < -0.5
    assert np.flatnonzero(ranked.q_value < 0.01).tolist() == [6]
    assert set(ranked.of_class) == {-1}


@pytest.mark.parametrize("sizes", [(60, 38, 1, 1), (50, 49, 1), (40, 40, 20)])
def test_sparse_features_go_with_no_class_however_rare_one_is(sizes):
    """300 features that are mostly 0 and drawn apart from the label; no class of one patient is told by any."""
    rng = np.random.default_rng(15)
    classes = np.repeat(np.arange(len(sizes)), sizes)
    features = np.maximum(rng.normal(size=(classes.size, 300)) - 1.5, 0)
    found = associations(features, classes)
    assert np.nanmin(found.q_value) > 0.1
    assert {kind for kind in found.of_class if kind >= 0} <= {0, 1, 2 if sizes[2] > 1 else 0}
