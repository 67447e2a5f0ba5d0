"""Near-duplicates and outliers: planted ones are found, and clean draws seldom alarm."""

import numpy as np
import pytest

from lungdb.learning.questions.oddities import near_duplicates, outliers


def _draws(seed, count, scans, width):
    """Yield clean draws: independent, correlated and skewed features in turn."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(4, width))
    for place in range(count):
        if place % 3 == 0:
            yield rng.normal(size=(scans, width))
        elif place % 3 == 1:
            yield rng.normal(size=(scans, 4)) @ mixing + 0.3 * rng.normal(size=(scans, width))
        else:
            yield rng.exponential(size=(scans, width))


def test_clean_draws_alarm_within_their_rate():
    """300 draws at 1 % each: 11 of either are exceeded by chance once in 10,000."""
    alike = apart = 0
    for vectors in _draws(1, 300, 40, 12):
        found = near_duplicates(vectors, np.arange(40), 0.01)
        alike += bool(found.pairs)
        scores, limit = outliers(vectors, 0.01)
        apart += bool((scores > limit).any())
    assert alike <= 11
    assert apart <= 11


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.05])
def test_planted_near_duplicates_are_found_and_no_others(noise):
    """Two copies of one scan and one of another, with and without noise, among sixty of other patients."""
    for seed, vectors in enumerate(_draws(2, 9, 60, 16)):
        rng = np.random.default_rng(seed)
        for source, copy in ((3, 50), (3, 51), (10, 52)):
            vectors[copy] = vectors[source] + noise * vectors.std(axis=0) * rng.normal(size=16) / 2
        found = near_duplicates(vectors, np.arange(60), 0.01)
        pairs = {(pair.one, pair.other) for pair in found.pairs}
        assert {(3, 50), (3, 51), (10, 52)} <= pairs
        assert pairs <= {(3, 50), (3, 51), (10, 52), (50, 51)}


def test_scans_of_one_patient_are_no_duplicates():
    """Three reconstructions that are nearly equal, of every patient."""
    rng = np.random.default_rng(3)
    patients = np.repeat(np.arange(20), 3)
    vectors = rng.normal(size=(20, 8))[patients] + 0.01 * rng.normal(size=(60, 8))
    assert near_duplicates(vectors, patients, 0.01).pairs == []
    vectors[0] = vectors[30]
    pairs = near_duplicates(vectors, patients, 0.01).pairs
    assert (0, 30) in {(pair.one, pair.other) for pair in pairs}


def test_the_ratio_is_that_of_distances():
    """Recomputed by all pairs of standardised vectors."""
    vectors = np.random.default_rng(4).normal(size=(30, 5))
    vectors[7] = vectors[2] + 0.001
    standardised = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
    table = np.linalg.norm(standardised[:, None] - standardised[None], axis=2)
    [pair] = near_duplicates(vectors, np.arange(30), 0.01).pairs
    assert (pair.one, pair.other) == (2, 7)
    assert pair.ratio == pytest.approx(min(np.sort(table[place])[1] / np.sort(table[place])[5] for place in (2, 7)))


def test_features_that_are_coarse_name_no_pair():
    """Columns of a few whole numbers make many equal scans."""
    vectors = np.random.default_rng(5).integers(0, 3, (60, 2)).astype(float)
    found = near_duplicates(vectors, np.arange(60), 0.01)
    assert found.is_coarse
    assert found.pairs == []
    assert found.equal > 0.5


def test_few_patients_and_constant_features_are_left_alone():
    """Nothing is said of nine patients, of one scan, or of features that do not vary."""
    vectors = np.random.default_rng(6).normal(size=(40, 4))
    assert near_duplicates(vectors, np.arange(40) % 9, 0.01) is None
    assert near_duplicates(np.ones((40, 4)), np.arange(40), 0.01) is None
    assert near_duplicates(vectors[:1], np.arange(1), 0.01) is None
    assert outliers(vectors[:19], 0.01) is None
    assert outliers(np.ones((40, 4)), 0.01) is None


def test_a_planted_outlier_is_found():
    """A scan five times as far out as others, of correlated features, some of them missing."""
    for seed, vectors in enumerate(_draws(7, 6, 50, 10)):
        vectors[np.random.default_rng(seed).random(vectors.shape) < 0.05] = np.nan
        vectors[17] = np.nanmean(vectors, axis=0) + 12 * np.nanstd(vectors, axis=0)
        scores, limit = outliers(vectors, 0.01)
        assert int(np.argmax(scores)) == 17
        assert scores[17] > limit


def test_the_score_is_the_modified_z_score_of_the_robust_distance():
    """By the formula of Iglewicz and Hoaglin on one feature."""
    values = np.random.default_rng(8).normal(size=(31, 1))
    scores, _ = outliers(values, 0.01)
    apart = np.abs(values[:, 0] - np.median(values))
    logs = np.log(apart[apart > 0] / (np.median(apart) / 0.6744897501960817))
    expected = (
        0.6744897501960817
        * (logs.max() - np.median(np.append(logs, -1e9)))
        / np.median(np.abs(np.append(logs, -1e9) - np.median(np.append(logs, -1e9))))
    )
    assert scores.max() == pytest.approx(expected)
