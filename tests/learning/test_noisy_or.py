"""The leaky noisy-or is its formula, and the leak is what makes the labels most likely."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from lungdb.errors import ProcedureError
from lungdb.learning import noisy_or, onnx_classifier
from lungdb.learning.parameters import TrainingParameters, read_parameters
from lungdb.learning.training import train


def patients(count=80, seed=1, leak=0.1):
    """Draw scores of nodules, the largest first, and labels as the model says that they come about."""
    rng = np.random.default_rng(seed)
    scores = -np.sort(-(rng.random((count, 5)) ** 3 * (rng.random((count, 5)) < 0.7)), axis=1)
    chance = 1 - (1 - leak) * (1 - scores).prod(axis=1)
    return scores.astype(np.float32), (rng.random(count) < chance).astype(np.int64)


def test_the_model_is_the_formula():
    """Worked by hand: one nodule of 0.5, and none, with a leak of 0.2; the stored model scores the same."""
    scores = np.array([[0.5, 0, 0, 0, 0], [0, 0, 0, 0, 0], [1, 0.5, 0, 0, 0], [0.5, 0.5, 0.5, 0, 0]], np.float32)
    expected = [1 - 0.8 * 0.5, 0.2, 1.0, 1 - 0.8 * 0.125]
    assert noisy_or.probabilities(scores, 0.2) == pytest.approx(expected)
    vectors, labels = patients()
    model, leak = noisy_or.fit(vectors, labels)
    loaded = onnx_classifier.load(model)
    assert loaded.width == 5
    assert loaded.probabilities(vectors) == pytest.approx(noisy_or.probabilities(vectors, leak), abs=1e-7)


def test_without_a_nodule_the_leak_is_the_share_of_positives_by_laplaces_rule():
    """The closed form, (k + 1) / (n + 2); weights count as patients."""
    labels = np.array([1, 0, 0, 0, 1, 0, 0, 0, 0, 0])
    nothing = np.zeros((10, 5), np.float32)
    assert noisy_or.fit(nothing, labels)[1] == pytest.approx(3 / 12)
    weights = np.where(labels == 1, 4.0, 1.0)
    assert noisy_or.fit(nothing, labels, weights)[1] == pytest.approx(9 / 18)


def test_nodules_that_explain_all_leave_the_leak_of_the_patients_without_any():
    """Where every positive patient has a certain nodule and no other has any: none of two, by Laplace's rule."""
    labels = np.array([1, 1, 0, 0])
    scores = np.zeros((4, 5), np.float32)
    scores[:2, 0] = 1
    assert noisy_or.fit(scores, labels)[1] == pytest.approx(1 / 4)


@pytest.mark.parametrize("seed", range(6))
def test_the_leak_is_that_of_scipys_optimiser(seed):
    """The log likelihood written out, and minimised over the leak by another's code."""
    vectors, labels = patients(seed=seed, leak=0.05 * (seed + 1))

    def loss(leak):
        chance = np.clip(noisy_or.probabilities(vectors, leak), 1e-15, 1 - 1e-15)
        added = np.log(leak) + np.log(1 - leak)  # of a patient without nodules who has cancer, and of one who has none
        return -np.log(np.where(labels == 1, chance, 1 - chance)).sum() - added

    best = minimize_scalar(loss, bounds=(0, 1), method="bounded", options={"xatol": 1e-10})
    found = noisy_or.fit(vectors, labels)[1]
    assert found == pytest.approx(best.x, abs=1e-5)
    assert loss(found) <= best.fun + 1e-9


def test_it_is_trained_calibrated_and_cross_validated_as_others_are():
    """The registry's form is ONNX, every patient has a score from a model that has not seen them."""
    vectors, labels = patients(200)
    parameters = read_parameters('{"algorithm": "noisy_or", "folds": 4, "calibration": "platt"}')
    trained = train(vectors, labels, parameters)
    assert (trained.library, trained.best_iteration, trained.l2) == ("onnx", 0, None)
    assert trained.out_of_fold.all()
    assert trained.calibration is not None
    assert trained.model == noisy_or.fit(vectors, labels)[0]


@pytest.mark.parametrize(
    ("vectors", "part"),
    [(np.zeros((20, 12), np.float32), "12 features"), (np.full((20, 5), 2, np.float32), "below 0 or above 1")],
)
def test_other_features_are_refused_with_what_to_name(vectors, part):
    """Five numbers that are no probabilities are no scores of nodules."""
    with pytest.raises(ProcedureError, match=part) as refusal:
        train(vectors, np.arange(20) % 2, TrainingParameters(algorithm="noisy_or", folds=2))
    assert refusal.value.number == 50101
    assert "@Pooling = N'top5'" in refusal.value.message
