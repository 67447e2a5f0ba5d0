"""Clusters around medoids against all subsets and scikit-learn, spaces and errors against closed forms and SciPy."""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import cohen_kappa_score, silhouette_score
from sklearn.metrics.pairwise import euclidean_distances

from lungdb.learning.questions.agreement import agreement
from lungdb.learning.questions.clustering import cluster, silhouette
from lungdb.learning.questions.spaces import distances, linear_cka, standardise, unbiased_cka


@pytest.mark.parametrize("clusters", [1, 2, 3, 4])
def test_medoids_are_the_best_of_all_subsets(clusters):
    """The sum of distances is the least of every choice of medoids, on twelve points of three draws."""
    for seed in range(3):
        table = distances(np.random.default_rng(seed).normal(size=(12, 3)))
        found = cluster(table, clusters, 1)
        least = min(table[:, list(chosen)].min(axis=1).sum() for chosen in combinations(range(12), clusters))
        assert found.distance.sum() == pytest.approx(least)
        assert found.distance == pytest.approx(table[:, found.medoids].min(axis=1))
        assert (found.cluster[found.medoids] == np.arange(clusters)).all()


def test_clusters_are_found_and_numbered_by_size():
    """Three heaps of 30, 20 and 10 points; their number is chosen by the silhouette, which is scikit-learn's."""
    rng = np.random.default_rng(4)
    points = np.concatenate([rng.normal(size=(size, 4)) + 9 * place for place, size in enumerate((10, 30, 20))])
    found = cluster(distances(points), None, 3)
    assert np.bincount(found.cluster).tolist() == [30, 20, 10]
    assert found.silhouette == pytest.approx(silhouette_score(points, found.cluster))
    again = cluster(distances(points), None, 3)
    assert (again.medoids == found.medoids).all()


def test_a_row_alone_counts_nothing_in_the_silhouette():
    """As in scikit-learn; one cluster has none."""
    points = np.random.default_rng(5).normal(size=(9, 2))
    groups = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2])
    assert silhouette(distances(points), groups) == pytest.approx(silhouette_score(points, groups))
    assert silhouette(distances(points), np.zeros(9, dtype=int)) is None


def test_equal_rows_are_one_cluster_unless_more_are_asked_for():
    """All distances 0: one by the rule; each medoid asked for is of its own cluster."""
    table = np.zeros((5, 5))
    assert cluster(table, None, 1).medoids.size == 1
    found = cluster(table, 3, 1)
    assert sorted(set(found.cluster.tolist())) == [0, 1, 2]
    assert (found.cluster[found.medoids] == np.arange(3)).all()
    assert cluster(np.zeros((1, 1)), None, 1).cluster.tolist() == [0]


def test_distances_are_scikit_learns_and_exact_for_equal_points():
    """Nearly equal points far from the middle keep their digits."""
    points = np.random.default_rng(6).normal(size=(40, 7)) + 1000
    points[3] = points[9]
    points[4] = points[9] + 1e-7
    found = distances(points)
    assert found == pytest.approx(np.linalg.norm(points[:, None] - points[None], axis=2), rel=1e-8)
    assert found[3, 9] == 0
    assert found == pytest.approx(euclidean_distances(points), abs=1e-3)


def test_standardised_values_have_mean_0_and_deviation_1_and_missing_ones_are_the_mean():
    """Constant features are left out."""
    values = np.random.default_rng(7).normal(5, 3, size=(30, 3))
    values[:, 1] = 7.7
    values[2, 0] = np.nan
    found = standardise(values)
    assert found.shape == (30, 2)
    assert found[2, 0] == 0
    assert found[:, 1] == pytest.approx((values[:, 2] - values[:, 2].mean()) / values[:, 2].std())


def test_cka_is_the_closed_form():
    """By the features' covariances; 1 after rotation, scale and shift; None of a space of one point."""
    rng = np.random.default_rng(8)
    one, other = rng.normal(size=(50, 6)), rng.normal(size=(50, 4))
    other[:, 0] += one[:, 2]
    x, y = one - one.mean(axis=0), other - other.mean(axis=0)
    expected = np.linalg.norm(y.T @ x) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
    assert linear_cka(one, other) == pytest.approx(expected)
    rotation = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    assert linear_cka(one, 3 * one @ rotation + 5) == pytest.approx(1)
    assert unbiased_cka(one, 3 * one @ rotation + 5) == pytest.approx(1)
    assert linear_cka(one, np.ones((50, 3))) is None
    assert unbiased_cka(one[:3], one[:3]) is None


def test_unbiased_cka_of_unrelated_wide_spaces_is_near_0():
    """Where the biased one is near 1: 30 scans, 2,000 features."""
    rng = np.random.default_rng(9)
    found = [(rng.normal(size=(30, 2000)), rng.normal(size=(30, 2000))) for _ in range(10)]
    assert min(linear_cka(*pair) for pair in found) > 0.9
    assert abs(np.mean([unbiased_cka(*pair) for pair in found])) < 0.05


def test_agreement_of_errors_is_scikit_learns_kappa_and_scipys_sign_test():
    """And without an error of either there is no kappa."""
    rng = np.random.default_rng(10)
    wrong_a = rng.random(70) < 0.3
    wrong_b = np.where(rng.random(70) < 0.6, wrong_a, rng.random(70) < 0.5)
    found = agreement(wrong_a, wrong_b)
    assert found.kappa == pytest.approx(cohen_kappa_score(wrong_a, wrong_b))
    alone = int((wrong_a & ~wrong_b).sum()), int((~wrong_a & wrong_b).sum())
    assert (found.only_a_wrong, found.only_b_wrong) == alone
    assert found.both_right + found.both_wrong + sum(alone) == 70
    assert found.p_value == pytest.approx(stats.binomtest(alone[0], sum(alone)).pvalue)
    none = agreement(np.zeros(5, dtype=bool), np.zeros(5, dtype=bool))
    assert (none.kappa, none.p_value) == (None, 1.0)
