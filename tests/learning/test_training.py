"""Training learns, keeps its parts apart, and gives the same model for the same patients."""

import math

import lightgbm
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

from lungdb.errors import ProcedureError
from lungdb.learning.parameters import TrainingParameters, read_parameters
from lungdb.learning.training import measure, train

PARAMETERS = TrainingParameters()


def test_the_model_finds_what_a_logistic_regression_finds(cohort):
    """AUC on the test patients within 0.1 of a linear model's, which is right for these data."""
    vectors, labels, is_test = cohort
    linear = LogisticRegression().fit(vectors[~is_test], labels[~is_test]).predict_proba(vectors[is_test])[:, 1]
    trained = train(vectors, labels, is_test, PARAMETERS)
    learned = roc_auc_score(labels[is_test], trained.probabilities[is_test])
    assert learned > roc_auc_score(labels[is_test], linear) - 0.1


def test_lightgbm_reads_the_model_and_gives_the_same_probabilities(cohort):
    """The text is LightGBM's own and holds the best iteration only."""
    vectors, labels, is_test = cohort
    trained = train(vectors, labels, is_test, PARAMETERS)
    booster = lightgbm.Booster(model_str=trained.model.decode())
    assert booster.num_trees() == trained.best_iteration < PARAMETERS.max_iterations
    np.testing.assert_array_equal(booster.predict(vectors), trained.probabilities)


def test_test_patients_take_no_part_in_training(cohort):
    """Other features and labels of the test patients leave the model as it is."""
    vectors, labels, is_test = cohort
    changed, flipped = vectors.copy(), labels.copy()
    changed[is_test] = 99
    flipped[is_test] = 1 - flipped[is_test]
    assert train(changed, flipped, is_test, PARAMETERS).model == train(vectors, labels, is_test, PARAMETERS).model


def test_the_validation_part_is_drawn_within_each_class(cohort):
    """A fifth of each class of the training patients, another one for another seed."""
    vectors, labels, is_test = cohort
    parts = train(vectors, labels, is_test, PARAMETERS).parts
    assert (parts[is_test] == "test").all()
    assert [np.sum(parts[labels == label] == "validation") for label in (0, 1)] == [7, 7]
    assert [np.sum(parts[labels == label] == "train") for label in (0, 1)] == [28, 28]
    assert (train(vectors, labels, is_test, TrainingParameters(seed=1)).parts != parts).any()


def test_the_figures_are_those_of_each_part(cohort):
    """As scikit-learn computes them; the interval is given for the test part only."""
    vectors, labels, is_test = cohort
    trained = train(vectors, labels, is_test, PARAMETERS)
    figures = measure(trained, labels, 1)
    for part, values in figures.items():
        chosen = trained.parts == part
        assert values["auc"] == pytest.approx(roc_auc_score(labels[chosen], trained.probabilities[chosen]))
        assert values["log_loss"] == pytest.approx(log_loss(labels[chosen], trained.probabilities[chosen]))
    assert figures["test"]["auc_low"] < figures["test"]["auc"] < figures["test"]["auc_high"]
    assert "auc_low" not in figures["train"]


def test_a_test_part_without_both_classes_has_no_auc(cohort):
    """It is no error: the model is trained all the same."""
    vectors, labels, _ = cohort
    figures = measure(train(vectors, labels, np.arange(100) >= 99, PARAMETERS), labels, 1)
    assert figures["test"]["auc"] is figures["test"]["auc_low"] is None
    assert math.isfinite(figures["test"]["log_loss"])
    figures = measure(train(vectors, labels, np.zeros(100, bool), PARAMETERS), labels, 1)
    assert set(figures["test"].values()) == {None}


@pytest.mark.parametrize(
    ("positives", "negatives", "number"), [(0, 20, 50112), (20, 0, 50112), (3, 20, 50113), (0, 0, 50113)]
)
def test_training_patients_that_do_not_suffice_are_refused(positives, negatives, number):
    """One class only, or fewer than four of a class, whatever the test part has."""
    labels = np.repeat([1, 0, 1, 0], [positives, negatives, 9, 9])
    is_test = np.arange(labels.size) >= positives + negatives
    with pytest.raises(
        ProcedureError, match=f"{positives} patients with label 1 and {negatives} with label 0"
    ) as caught:
        train(np.zeros((labels.size, 3), np.float32), labels, is_test, PARAMETERS)
    assert caught.value.number == number


def test_too_few_patients_for_the_leaves_are_refused(cohort):
    """A tree that cannot split would give everybody the same probability."""
    vectors, labels, is_test = cohort
    with pytest.raises(
        ProcedureError, match=r"56 patients are left .* leaves of 29\. .*lower @MinDataInLeaf"
    ) as caught:
        train(vectors, labels, is_test, TrainingParameters(min_data_in_leaf=29))
    assert caught.value.number == 50113


def test_parameters_that_are_not_given_keep_their_defaults():
    """An empty object is all defaults."""
    assert read_parameters("{}") == TrainingParameters()
    assert read_parameters('{"num_leaves": 15, "learning_rate": 1}') == TrainingParameters(
        num_leaves=15, learning_rate=1
    )


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", None, '{"depth": 3}', '{"num_leaves": 1}', '{"num_leaves": 7.0}', '{"num_leaves": "7"}',
     '{"num_leaves": true}', '{"num_leaves": null}', '{"learning_rate": 0}', '{"learning_rate": NaN}',
     '{"validation_fraction": 0.6}', '{"seed": -1}', '{"seed": 2147483648}', '{"min_data_in_leaf": 0}',
     '{"max_iterations": 0}', '{"early_stopping_rounds": 0}'],
)  # fmt: skip
def test_parameters_out_of_range_are_refused(text):
    """With the number that T-SQL throws."""
    with pytest.raises(ProcedureError) as caught:
        read_parameters(text)
    assert caught.value.number == 50101
