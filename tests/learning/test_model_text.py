"""A LightGBM text of which a part is missing is refused before LightGBM reads it."""

import re

import lightgbm
import numpy as np
import pytest

from lungdb.errors import ProcedureError
from lungdb.learning.model_text import count_trees
from lungdb.learning.scoring import score_all

TREES = 6


@pytest.fixture(scope="module")
def model():
    """A model of six trees on four features."""
    rng = np.random.default_rng(3)
    features = rng.normal(size=(80, 4))
    settings = {"objective": "binary", "num_leaves": 4, "min_data_in_leaf": 5, "verbosity": -1, "num_threads": 1}
    booster = lightgbm.train(settings, lightgbm.Dataset(features, features[:, 0] > 0), TREES)
    return booster.model_to_string().encode()


def without(model, tree):
    """Cut a tree out, as if it had never been there but for the head."""
    start = model.index(b"Tree=%d\n" % tree)
    end = model.find(b"Tree=%d\n" % (tree + 1))
    return model[:start] + model[end if end >= 0 else model.index(b"end of trees") :]


def test_the_trees_are_counted_as_lightgbm_counts_them(model):
    """And the same for a text without tree_sizes, as old versions wrote it."""
    assert count_trees(model) == TREES == lightgbm.Booster(model_str=model.decode()).num_trees()
    assert count_trees(re.sub(rb"tree_sizes=.*\n", b"", model)) == TREES


def test_a_whole_model_is_scored(model):
    """The check refuses nothing that is whole."""
    vectors = np.random.default_rng(5).normal(size=(3, 4)).astype(np.float32)
    expected = lightgbm.Booster(model_str=model.decode()).predict(vectors)
    np.testing.assert_array_equal(score_all("lightgbm", model, vectors), expected)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda model: without(model, TREES - 1), "lists 6 trees"),
        (lambda model: without(model, 2), "not numbered one after the other"),
        (lambda model: without(model, 0), "not numbered one after the other"),
        (lambda model: model[: model.index(b"Tree=3\n")], "no whole LightGBM model text"),
        (lambda model: model[: model.index(b"Tree=3\n")] + b"end of trees\n", "lists 6 trees"),
        (lambda model: model.replace(b"leaf_value=", b"leaf_value=0", 1), "not of those sizes"),
        (lambda model: model.replace(b"\nthreshold=", b"\n", 1), "not of those sizes"),
        (lambda model: model.replace(b"Column_3", b"", 1), "another number of features"),
        (lambda model: b"", "no whole LightGBM model text"),
        (lambda model: b"tree\n\nend of trees\n" + model, "has no trees"),
    ],
)
def test_a_text_that_is_cut_is_refused(model, damage, says):
    """Whatever its hash says: 50116 and the reason, no scores, no end of the process."""
    for call in (count_trees, lambda text: score_all("lightgbm", text, np.zeros((1, 4), np.float32))):
        with pytest.raises(ProcedureError, match=says) as caught:
            call(damage(model))
        assert caught.value.number == 50116
