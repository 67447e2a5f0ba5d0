"""Pooled vectors equal the original project's and scikit-learn's."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score

from lungdb.errors import LungdbError
from lungdb.learning.parameters import TrainingParameters
from lungdb.learning.pooling import pool
from lungdb.learning.training import train

SEED = Path(__file__).parents[1] / "data" / "seed" / "seed_pooling.npz"


@pytest.fixture
def features():
    """Eleven triples of forty features."""
    return np.random.default_rng(5).gamma(1.0, size=(11, 40)).astype(np.float32)


def test_pca1_gives_the_original_projects_vector():
    """Stored output of its scikit-learn PCA(n_components=1) fitted on features.T, sign included."""
    with np.load(SEED) as arrays:
        pooled = pool(arrays["features"], "pca1")
        np.testing.assert_allclose(pooled, arrays["pooled"], rtol=0, atol=2e-5)
    assert pooled.dtype == np.float32


@pytest.mark.parametrize("triples", [2, 3, 11, 60])
def test_pca1_equals_scikit_learn(triples):
    """Also with more triples than features, and whichever sign has the larger weight."""
    for seed in range(5):
        features = np.random.default_rng(seed).standard_normal((triples, 40)).astype(np.float32)
        expected = PCA(n_components=1, svd_solver="full").fit_transform(features.T.astype(np.float64))[:, 0]
        np.testing.assert_allclose(pool(features, "pca1"), expected, rtol=1e-4, atol=1e-5)


def test_pca1_of_a_single_triple_is_the_centred_triple(features):
    """One variable is its own principal axis."""
    np.testing.assert_allclose(pool(features[:1], "pca1"), features[0] - features[0].mean(), rtol=1e-5, atol=1e-6)


def test_mean_and_max_are_over_the_triples(features):
    """One value a feature."""
    np.testing.assert_allclose(pool(features, "mean"), features.astype(np.float64).sum(axis=0) / 11, rtol=1e-6)
    np.testing.assert_array_equal(pool(features, "max"), np.sort(features, axis=0)[-1])


def test_mean_max_std_is_the_three_one_after_the_other(features):
    """Three values a feature; the standard deviation is the population's."""
    pooled = pool(features, "mean_max_std")
    assert pooled.shape == (120,)
    np.testing.assert_array_equal(pooled[:40], pool(features, "mean"))
    np.testing.assert_array_equal(pooled[40:80], pool(features, "max"))
    squares = (features.astype(np.float64) ** 2).mean(axis=0) - features.astype(np.float64).mean(axis=0) ** 2
    np.testing.assert_allclose(pooled[80:], np.sqrt(squares), rtol=1e-5)


@pytest.mark.parametrize("name", ["mean", "max", "mean_max_std", "pca1", "thirds"])
def test_constant_features_pool_to_finite_values(name):
    """A scan of air alone must not give NaN."""
    assert np.isfinite(pool(np.full((4, 6), 2.5, np.float32), name)).all()


def test_an_unknown_pooling_is_refused_with_the_names(features):
    """The message lists what there is."""
    with pytest.raises(
        LungdbError, match=r"'median' is not supported\. .* mean, max, mean_max_std, pca1, thirds and top5"
    ):
        pool(features, "median")


def test_thirds_are_the_means_of_the_lower_middle_and_upper_third(features):
    """In the order of the slices; a triple that lies in two thirds counts in each by its share."""
    nine = features[:9].astype(np.float64)
    np.testing.assert_allclose(pool(features[:9], "thirds"), nine.reshape(3, 3, -1).mean(axis=1).reshape(-1), rtol=1e-6)
    four = features[:4].astype(np.float64)
    expected = [four[0] * 3 / 4 + four[1] / 4, (four[1] + four[2]) / 2, four[2] / 4 + four[3] * 3 / 4]
    np.testing.assert_allclose(pool(features[:4], "thirds"), np.concatenate(expected), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(pool(features[:1], "thirds"), np.tile(features[0], 3), rtol=1e-6)


def test_thirds_of_any_number_of_triples_are_those_of_each_repeated_thrice(features):
    """Repeating every triple three times divides evenly, and changes no mean of a share of the scan."""
    for rows in range(1, 12):
        repeated = np.repeat(features[:rows].astype(np.float64), 3, axis=0).reshape(3, rows, -1).mean(axis=1)
        np.testing.assert_allclose(pool(features[:rows], "thirds"), repeated.reshape(-1), rtol=1e-5, atol=1e-6)


def test_a_label_that_lies_in_the_order_alone_is_learnt_from_thirds_and_not_from_the_mean():
    """The same triples from below upward or from above downward: their mean is the same, their thirds are not."""
    rng = np.random.default_rng(3)
    labels = np.arange(80) % 2
    scans = [np.sort(rng.normal(size=(7, 4)), axis=0)[:: 1 if label else -1] for label in labels]
    areas = {}
    for name in ("mean", "thirds"):
        vectors = np.stack([pool(scan.astype(np.float32), name) for scan in scans])
        areas[name] = roc_auc_score(labels, train(vectors, labels, TrainingParameters(folds=5)).raw)
    # The variance of the AUC of scores that say nothing (Mann and Whitney 1947).
    deviation = np.sqrt((80 + 1) / (12 * 40 * 40))
    assert abs(areas["mean"] - 0.5) < 3 * deviation
    assert areas["thirds"] > 0.95
