"""A dense network: fitted by scikit-learn on standardised features, whose standardisation is folded in."""

import json

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier

from lungdb.errors import ProcedureError
from lungdb.learning.boosting import Part
from lungdb.learning.parameters import TrainingParameters
from lungdb.learning.perceptron import fit, from_json


def _part(rows: int, seed: int = 0) -> Part:
    rng = np.random.default_rng(seed)
    vectors = (100 + rng.normal(size=(rows, 6)) * [1, 2, 3, 4, 5, 0]).astype(np.float32)
    labels = (vectors[:, 0] + rng.normal(size=rows) > 100).astype(np.int64)
    return Part(vectors, labels, None)


def _parameters(**settings: object) -> TrainingParameters:
    given = {"algorithm": "network", "hidden": (5, 3), "l2": 2.0, "learning_rate": 0.01, "max_iterations": 12}
    return TrainingParameters(**{**given, **settings})


def test_it_scores_as_scikit_learns_own_network():
    """As many passes over standardised features; one of them is constant."""
    part = _part(80)
    learnt = fit(part, None, _parameters())
    values = part.vectors.astype(np.float64)
    scale = values.std(axis=0)
    scale[-1] = 1
    standard = (values - values.mean(axis=0)) / scale
    reference = MLPClassifier((5, 3), alpha=2.0, batch_size=32, learning_rate_init=0.01, random_state=20170401)
    for _ in range(12):
        reference.partial_fit(standard, part.labels, classes=[0, 1])
    np.testing.assert_allclose(
        learnt.network.probabilities(part.vectors), reference.predict_proba(standard)[:, 1], atol=1e-9
    )
    assert learnt.passes == len(learnt.curve["train"]) == 12


def test_a_validation_part_keeps_the_best_pass():
    """The loss of what is kept is the least of the curve, and it ends some passes after it."""
    part, validation = _part(60), _part(40, seed=1)
    learnt = fit(part, validation, _parameters(max_iterations=400, early_stopping_rounds=5))
    curve = learnt.curve["validation"]
    assert learnt.passes == int(np.argmin(curve)) + 1
    assert len(curve) in (learnt.passes + 5, 400)


def test_weights_take_the_smaller_class_as_often():
    """A constant feature apart, a network that knows nothing then gives a half to both."""
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(100, 2)).astype(np.float32)
    labels = (np.arange(100) < 10).astype(np.int64)
    plain = fit(Part(vectors, labels, None), None, _parameters(l2=1000.0, max_iterations=60))
    balanced = fit(Part(vectors, labels, np.ones(100)), None, _parameters(l2=1000.0, max_iterations=60))
    assert plain.network.probabilities(vectors).mean() == pytest.approx(0.1, abs=0.05)
    assert balanced.network.probabilities(vectors).mean() == pytest.approx(0.5, abs=0.05)


def test_json_reads_back_the_same_numbers_and_anything_else_is_refused():
    """Layers that do not fit, numbers that are none, other activations."""
    learnt = fit(_part(40), None, _parameters())
    text = learnt.network.to_json()
    again = from_json(text)
    assert all(np.array_equal(a, b) for a, b in zip(again.weights, learnt.network.weights, strict=True))
    read = json.loads(text)
    damaged = [
        "", "[]", "{}", '{"layers": []}', text[:-3],
        json.dumps({"layers": read["layers"][:-1]}), json.dumps({"layers": read["layers"][1:] + read["layers"][:1]}),
        text.replace("sigmoid", "softmax"), text.replace('"bias": [', '"bias": [NaN, '),
    ]  # fmt: skip
    for each in damaged:
        with pytest.raises(ProcedureError) as caught:
            from_json(each)
        assert caught.value.number == 50116


def test_a_missing_value_is_refused():
    """With what can read it."""
    part = _part(40)
    part.vectors[3, 1] = np.nan
    with pytest.raises(ProcedureError, match="lightgbm"):
        fit(part, None, _parameters())
