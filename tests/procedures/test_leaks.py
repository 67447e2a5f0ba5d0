"""Nothing of the test patients reaches their figures: the figures of a training run are what they seem."""

import json

import numpy as np
import pandas as pd
import pytest

from lungdb.imaging.codecs import encode_vector
from lungdb.procedures import measure_scores, train_lung_cancer_model

ALGORITHMS = [
    {"algorithm": "lightgbm"},
    {"algorithm": "lightgbm", "folds": 4},
    {"algorithm": "logistic", "folds": 4, "l2": 10.0},
]


def figures(vectors, labels, is_test, parameters):
    """Train and measure as the procedures do; the figures by part and name."""
    names = [f"patient {number:03}" for number in range(labels.size)]
    # Labels of test patients are handed over too, so that a run that used them would show.
    patients = pd.DataFrame(
        {
            "place": np.arange(labels.size),
            "patient_id": pd.Series(names, dtype=object),
            "part": pd.Series(np.where(is_test, "test", "train"), dtype=object),
            "label": labels,
            "vector": pd.Series([encode_vector(vector) for vector in vectors], dtype=object),
        }
    )
    result, _, _, details, number, message = train_lung_cancer_model(patients, vectors.shape[1], json.dumps(parameters))
    assert (number, message) == (0, "")
    scored = result.assign(label=labels[result["place"]])
    measured = measure_scores(scored, parameters.get("seed", 0), details)[0]
    return measured[measured["kind"] == "metric"].set_index(["part", "name"])["y"]


@pytest.fixture
def noise():
    """160 patients of 10 features that say nothing; every third is a test patient."""
    return np.random.default_rng(0).standard_normal((160, 10)).astype(np.float32), np.arange(160) % 3 == 0


@pytest.mark.parametrize("parameters", ALGORITHMS, ids=json.dumps)
def test_shuffled_labels_have_a_test_auc_of_one_half(noise, parameters):
    """Over 20 seeds: the 95 % interval misses one half three times at most, and the mean is within three errors."""
    rng = np.random.default_rng(1)
    vectors, is_test = noise
    vectors[:, :3] += (np.arange(160) % 2)[:, None] * 1.5  # they would tell the true labels apart
    runs = []
    for seed in range(20):
        shuffled = rng.permutation(np.arange(160) % 2)
        runs.append(figures(vectors, shuffled, is_test, {**parameters, "seed": seed}))
    low, area, high = (np.array([run["test", name] for run in runs]) for name in ("auc_low", "auc", "auc_high"))
    assert np.sum((low > 0.5) | (high < 0.5)) <= 3
    assert abs(area.mean() - 0.5) < 3 * area.std(ddof=1) / np.sqrt(20)
    if "folds" not in parameters:
        # What a leak would look like: the patients whom the model was fitted to.
        assert np.mean([run["train", "auc_low"] > 0.5 for run in runs]) > 0.8


@pytest.mark.parametrize("parameters", ALGORITHMS, ids=json.dumps)
def test_a_feature_that_equals_the_label_in_training_patients_only_gains_nothing(noise, parameters):
    """The test AUC stays at chance and the log loss gets worse than a constant's, though training looks perfect."""
    vectors, is_test = noise
    rng = np.random.default_rng(2)
    labels = rng.permutation(np.arange(160) % 2)
    vectors[:, 0] = np.where(is_test, rng.integers(0, 2, 160), labels)
    found = figures(vectors, labels, is_test, parameters)
    assert found["train", "auc"] > 0.95
    assert found["test", "auc_low"] < 0.5 < found["test", "auc_high"]
    assert found["test", "log_loss"] > found["test", "log_loss_constant"]


@pytest.mark.parametrize("parameters", ALGORITHMS, ids=json.dumps)
def test_such_a_feature_costs_what_honest_ones_give(noise, parameters):
    """With features that do tell the labels apart, the test AUC is no higher with it than without."""
    vectors, is_test = noise
    rng = np.random.default_rng(3)
    labels = rng.permutation(np.arange(160) % 2)
    vectors[:, 1:4] += labels[:, None] * 1.2
    honest = figures(vectors, labels, is_test, parameters)
    vectors[:, 0] = np.where(is_test, rng.integers(0, 2, 160), labels)
    assert honest["test", "auc"] > 0.8
    assert figures(vectors, labels, is_test, parameters)["test", "auc"] <= honest["test", "auc"]
