"""Parameters of training are read, and refused where they are wrong or contradict."""

import pytest

from lungdb.errors import ProcedureError
from lungdb.learning.parameters import TrainingParameters, read_parameters


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
