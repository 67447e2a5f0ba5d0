"""Parameters of training are read, and refused where they are wrong or contradict."""

import pytest

from lungdb.errors import ProcedureError
from lungdb.learning.parameters import TrainingParameters, least_to_learn_from, read_parameters, recorded


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
     '{"max_iterations": 0}', '{"early_stopping_rounds": 0}', '{"folds": 1}', '{"folds": 21}', '{"folds": 2.0}',
     '{"folds": null}', '{"algorithm": "svm"}', '{"algorithm": null}', '{"algorithm": []}', '{"imbalance": "smote"}',
     '{"calibration": true}', '{"feature_fraction": 0}', '{"l2": 1}', '{"algorithm": "logistic", "l2": 0}'],
)  # fmt: skip
def test_parameters_out_of_range_are_refused(text):
    """With the number that T-SQL throws."""
    with pytest.raises(ProcedureError) as caught:
        read_parameters(text)
    assert caught.value.number == 50101


def test_null_leaves_the_choice_of_the_penalty_to_training():
    """And a number is taken, with the algorithm that reads it."""
    assert read_parameters('{"l2": null}').l2 is None
    assert read_parameters('{"algorithm": "logistic", "l2": 3}').l2 == 3


def test_contradictory_parameters_are_refused_with_what_to_do():
    """A penalty that nothing reads would be silently lost."""
    with pytest.raises(ProcedureError, match=r"l2 was given with the algorithm lightgbm.* take the algorithm logistic"):
        read_parameters('{"l2": 1.0}')


def test_an_algorithm_has_defaults_of_its_own():
    """And only what it reads is recorded; the older algorithms record all, as they did."""
    forest = read_parameters('{"algorithm": "random_forest"}')
    assert (forest.num_leaves, forest.min_data_in_leaf, forest.max_iterations) == (15, 5, 200)
    assert read_parameters('{"algorithm": "extra_trees", "num_leaves": 9}').num_leaves == 9
    assert not {"learning_rate", "early_stopping_rounds", "l2", "hidden"} & recorded(forest).keys()
    assert recorded(read_parameters('{"algorithm": "network", "hidden": [8, 4]}'))["hidden"] == (8, 4)
    assert {"l2", "early_stopping_rounds"} <= recorded(read_parameters("{}")).keys()


def test_a_tree_of_a_forest_needs_patients_for_two_leaves_of_what_it_is_given():
    """0.632 of them are."""
    assert least_to_learn_from(read_parameters("{}")) == 20
    assert least_to_learn_from(read_parameters('{"algorithm": "random_forest", "min_data_in_leaf": 10}')) == 32
    assert least_to_learn_from(read_parameters('{"algorithm": "network"}')) == 0
