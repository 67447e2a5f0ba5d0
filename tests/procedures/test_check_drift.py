"""check_drift gives an item a row, or refuses."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest

from lungdb.learning import logistic
from lungdb.procedures import check_drift

WIDTH = 4


def call(change=None, **others):
    """Compare 30 patients with 20 later ones, alike."""
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(50, WIDTH)).astype(np.float32)
    model = logistic.fit(vectors, (vectors[:, 0] > 0).astype(int), 1.0).to_json().encode()
    frame = pd.DataFrame(
        {
            "is_later": np.repeat([0, 1], (30, 20)).astype(np.int32),
            "vector": pd.Series([json.dumps(vector.tolist()) for vector in vectors], dtype=object),
            "spacing_z": rng.choice([1.0, 2.5], 50),
            "manufacturer": pd.Series(rng.choice(["Acme", "Ünal"], 50), dtype=object),
            "convolution_kernel": pd.Series([None] * 50, dtype=object),
        }
    )
    values = {
        "model": model,
        "model_sha256": hashlib.sha256(model).hexdigest(),
        "library": "logistic",
        "details": json.dumps({"width": WIDTH, "calibration": None, "prevalence": 0.5}),
        "permutations": 199,
        "seed": 3,
    } | others
    return check_drift(frame if change is None else change(frame), **values)


def test_every_feature_and_what_is_no_feature_is_a_row():
    """In order, with dtypes that SQL Server takes."""
    result, statistic, p_value, number, message = call()
    assert (number, message) == (0, "")
    assert result["kind"].tolist() == ["feature"] * WIDTH + ["score", "spacing", "scanner", "kernel"]
    assert result["feature_index"].tolist() == [0, 1, 2, 3, -1, -1, -1, -1]
    assert [str(dtype) for dtype in result.dtypes] == ["object", "int32", "float64", "float64", "float64"]
    assert statistic == result["statistic"].max()
    assert p_value == result["p_value"].min() > 0.01


def test_a_score_that_moved_is_seen_without_any_feature_that_did_as_much():
    """The score sums what the features do."""
    rng = np.random.default_rng(2)
    weights = np.ones(WIDTH)
    model = logistic.Logistic(np.zeros(WIDTH), np.ones(WIDTH), weights, 0.0).to_json().encode()

    def change(frame):
        vectors = rng.normal(size=(50, WIDTH)) + 0.9 * frame["is_later"].to_numpy()[:, None]
        return frame.assign(vector=pd.Series([json.dumps(vector.tolist()) for vector in vectors], dtype=object))

    result, *_ = call(change, model=model, model_sha256=hashlib.sha256(model).hexdigest())
    assert result["statistic"].idxmax() == WIDTH


@pytest.mark.parametrize(
    ("change", "others", "number"),
    [
        (lambda frame: frame.drop(columns="spacing_z"), {}, 50101),
        (lambda frame: frame.assign(is_later=np.nan), {}, 50101),
        (lambda frame: frame.assign(is_later=1), {}, 50113),
        (lambda frame: frame.assign(vector="[1, 2]"), {}, 50110),
        (lambda frame: frame.assign(vector="no vector"), {}, 50116),
        (
            lambda frame: frame.assign(vector="[1, null, 2, 3]"),
            {"details": json.dumps({"width": WIDTH, "feature_names": list("abcd"), "calibration": None})},
            50279,
        ),
        (None, {"model": b"{}"}, 50105),
        (None, {"details": "no"}, 50116),
        (None, {"library": "cobol"}, 50116),
    ],
)
def test_what_cannot_be_compared_is_refused_with_no_rows(change, others, number):
    """By number, with plain values."""
    result, statistic, p_value, found, message = call(change, **others)
    assert (found, len(result), statistic, p_value) == (number, 0, 0.0, 0.0)
    assert message.endswith(".")
    assert type(found) is int


@pytest.mark.parametrize("column", ["manufacturer", "spacing_z"])
def test_what_is_not_known_of_a_whole_group_is_not_compared(column):
    """It was not recorded then, and is now."""

    def change(frame):
        nothing = None if column == "manufacturer" else np.nan
        return frame.assign(**{column: frame[column].where(frame["is_later"] == 1, nothing)})

    result, *_ = call(change)
    kind = "scanner" if column == "manufacturer" else "spacing"
    assert result.set_index("kind").loc[kind, ["statistic", "p_value"]].tolist() == [0.0, 1.0]
