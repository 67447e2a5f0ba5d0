"""The trials that a search makes."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lungdb.learning.drawing import draw_folds
from lungdb.learning.search import DEFAULT_GRID, DEFAULT_RANDOM, draw_trials, read_space
from lungdb.procedures import make_trials, run_trials

SMALL = '{"num_leaves": [3, 7, 15], "learning_rate": [0.1, 0.2], "imbalance": ["none", "class_weight"]}'


def _matrices() -> pd.DataFrame:
    """Two poolings of a feature set and one of another, with their training patients."""
    frame: pd.DataFrame = pd.DataFrame(
        {
            "matrix": np.array([2, 3, 1], dtype=np.int32),
            "feature_set_id": np.array([4, 9, 4], dtype=np.int32),
            "pooling": pd.Series(["mean", "mean", "max"], dtype=object),
            "negatives": np.array([60, 60, 60], dtype=np.int32),
            "positives": np.array([30, 30, 30], dtype=np.int32),
        }
    )
    return frame


def _make_trials(matrices: pd.DataFrame, *arguments: Any) -> tuple[pd.DataFrame, int, str]:
    """Make trials where every patient has one scan and, unless it is said, no value is missing."""
    counted = {
        "only_negatives": matrices["negatives"],
        "scans": matrices["negatives"] + matrices["positives"],
        "lacking": np.zeros(len(matrices), dtype=np.int32),
    }
    return make_trials(
        matrices.assign(**{name: column for name, column in counted.items() if name not in matrices}), *arguments
    )


def test_a_grid_is_every_combination_once() -> None:
    """Against the product written out."""
    frame, error, _ = _make_trials(_matrices(), "grid", 0, SMALL, 5, 1)
    assert error == 0
    made = [
        (number, *json.loads(text).values()) for number, text in zip(frame["matrix"], frame["parameters"], strict=True)
    ]
    wanted = itertools.product([1, 2, 3], [3, 7, 15], [0.1, 0.2], ["none", "class_weight"])
    assert len(made) == len(set(made)) == 36
    assert set(made) == set(wanted)
    assert frame["candidate"].tolist() == list(range(1, 37))


def test_the_same_seed_gives_the_same_trials_and_another_seed_others() -> None:
    """Also when the matrices come in another order."""
    first, _, _ = _make_trials(_matrices(), "random", 40, None, 5, 17)
    again, _, _ = _make_trials(_matrices().iloc[::-1], "random", 40, None, 5, 17)
    other, _, _ = _make_trials(_matrices(), "random", 40, None, 5, 18)
    pd.testing.assert_frame_equal(first, again)
    assert len(first) == 40
    assert not set(first["parameters"]) & set(other["parameters"])


def test_random_trials_stay_in_the_space_and_reach_all_of_it() -> None:
    """Whole numbers are whole, each of a range and each matrix is met, and a log range is even in the logarithm."""
    space = read_space(
        '{"num_leaves": {"low": 3, "high": 6}, "learning_rate": {"low": 0.001, "high": 1, "log": true}, '
        '"min_data_in_leaf": [4, 8]}'
    )
    trials = draw_trials(space, 2, "random", 2000, 3)
    assert {matrix for matrix, _ in trials} == {0, 1}
    leaves = [settings["num_leaves"] for _, settings in trials]
    assert {(type(value), value) for value in leaves} == {(int, value) for value in (3, 4, 5, 6)}
    shares = [leaves.count(value) / 2000 for value in (3, 4, 5, 6)]
    assert shares == pytest.approx([0.25] * 4, abs=0.05)
    rates = np.log10([float(settings["learning_rate"]) for _, settings in trials])
    assert rates.min() >= -3
    assert rates.max() <= 0
    assert np.quantile(rates, [0.25, 0.5, 0.75]) == pytest.approx([-2.25, -1.5, -0.75], abs=0.12)
    assert {settings["min_data_in_leaf"] for _, settings in trials} == {4, 8}


def test_random_trials_differ_and_exhaust_a_small_space() -> None:
    """As many as there are combinations: each once; one more is refused."""
    space = read_space(SMALL)
    trials = draw_trials(space, 1, "random", 12, 5)
    assert len({json.dumps(settings) for _, settings in trials}) == 12
    frame, number, message = _make_trials(_matrices().iloc[:1], "random", 13, SMALL, 5, 1)
    assert (len(frame), number) == (0, 50161)
    assert "12 different trials" in message


def test_the_default_spaces_are_the_documented_ones() -> None:
    """docs/search.md has them as a table."""
    grid = read_space(DEFAULT_GRID)
    assert grid == {"learning_rate": [0.02, 0.05, 0.1], "num_leaves": [3, 7, 15], "min_data_in_leaf": [5, 10, 20]}
    drawn = [settings for _, settings in draw_trials(read_space(DEFAULT_RANDOM), 1, "random", 1000, 1)]
    for name, low, high in (("learning_rate", 0.01, 0.3), ("num_leaves", 3, 31), ("min_data_in_leaf", 3, 30)):
        values = [float(settings[name]) for settings in drawn]
        assert low <= min(values) < low * 1.3
        assert high / 1.3 < max(values) <= high
        assert math.exp(np.mean(np.log(values))) == pytest.approx(math.sqrt(low * high), rel=0.15)


@pytest.mark.parametrize(
    ("space", "says"),
    [
        ("[]", "no JSON object"),
        ("{}", "no JSON object"),
        ('{"num_leaves": [3', "no JSON object"),
        ('{"depth": [3]}', "'depth'"),
        ('{"seed": [3]}', "'seed'"),
        ('{"num_leaves": []}', "neither as a list"),
        ('{"num_leaves": 3}', "neither as a list"),
        ('{"num_leaves": [1]}', "1 for the training parameter num_leaves"),
        ('{"num_leaves": [3.5]}', "3.5"),
        ('{"num_leaves": [3, 3]}', "twice"),
        ('{"num_leaves": {"low": 7, "high": 3}}', "from 7 to 3"),
        ('{"num_leaves": {"low": 3}}', "neither as a list"),
        ('{"num_leaves": {"low": 3, "high": 7, "log": 1}}', "log is true or false"),
        ('{"learning_rate": {"low": 0.0, "high": 0.1}}', "0.0"),
        ('{"learning_rate": {"low": 0.01, "high": NaN}}', "nan"),
        ('{"imbalance": {"low": "none", "high": "class_weight"}}', "imbalance from"),
        ('{"imbalance": ["some"]}', "'some'"),
    ],
)
def test_a_wrong_space_is_refused(space: str, says: str) -> None:
    """50160 with the value, and no trials."""
    frame, number, message = _make_trials(_matrices(), "random", 10, space, 5, 1)
    assert (len(frame), number) == (0, 50160)
    assert says in message


def test_a_grid_over_a_range_or_too_large_a_grid_is_refused() -> None:
    """50160 and 50161."""
    _, number, message = _make_trials(_matrices(), "grid", 0, '{"num_leaves": {"low": 3, "high": 7}}', 5, 1)
    assert number == 50160
    assert "num_leaves" in message
    large = {"num_leaves": list(range(2, 102)), "min_data_in_leaf": list(range(1, 41))}
    _, number, message = _make_trials(_matrices(), "grid", 0, json.dumps(large), 5, 1)
    assert number == 50161
    assert "12000" in message


@pytest.mark.parametrize(("negatives", "positives", "expected"), [(60, 0, 50112), (60, 4, 50113), (0, 0, 50113)])
def test_too_few_patients_are_refused_before_any_trial(negatives: int, positives: int, expected: int) -> None:
    """A search whose every trial would fail is not made."""
    matrices = _matrices().assign(negatives=negatives, positives=positives)
    frame, number, _ = _make_trials(matrices, "random", 10, None, 5, 1)
    assert (len(frame), number) == (0, expected)


def test_random_trials_are_those_that_few_patients_allow() -> None:
    """With 20 patients every trial of the default space runs; as many as without the bound, and the same seed's."""
    rng = np.random.default_rng(3)
    matrices = _matrices().iloc[:1].assign(negatives=12, positives=8)
    frame, number, _ = _make_trials(matrices, "random", 25, None, 4, 1)
    assert (len(frame), number) == (25, 0)
    leaves = [json.loads(text)["min_data_in_leaf"] for text in frame["parameters"]]
    assert (min(leaves), max(leaves)) == (3, 5)
    patients = pd.DataFrame(
        {
            "patient_id": pd.Series([f"p{number}" for number in range(20)], dtype=object),
            "scan_id": np.arange(20, dtype=np.int32),
            "label": np.repeat([0, 1], [12, 8]).astype(np.int32),
            "vector": pd.Series([json.dumps(list(map(float, row))) for row in rng.normal(size=(20, 3)).round(3)]),
        }
    )
    trials = [
        {"trial_id": place, "rung": 0, "parameters": {**json.loads(text), "max_iterations": 2}}
        for place, text in enumerate(frame["parameters"])
    ]
    results, number, message = run_trials(patients, json.dumps(trials), 4, 1, 1, 1000.0)
    assert (len(results), number, message) == (25, 0, "")
    assert results["error"].tolist() == [""] * 25


def test_a_space_of_which_too_few_patients_allow_nothing_is_refused() -> None:
    """50113, and what to change."""
    matrices = _matrices().assign(negatives=12, positives=8)
    frame, number, message = _make_trials(matrices, "random", 5, '{"min_data_in_leaf": [9, 20]}', 4, 1)
    assert (len(frame), number) == (0, 50113)
    assert "lower min_data_in_leaf" in message


def test_each_matrix_is_drawn_by_its_own_patients() -> None:
    """The one with more patients gets the larger leaves."""
    matrices = _matrices().assign(negatives=[12, 12, 60], positives=[8, 8, 60])
    frame, _, _ = _make_trials(matrices, "random", 200, None, 4, 1)
    largest = frame.assign(leaf=[json.loads(text)["min_data_in_leaf"] for text in frame["parameters"]])
    found = {key: int(part["leaf"].max()) for key, part in largest.groupby("matrix")}
    assert found[2] <= 5
    assert found[3] <= 5
    assert found[1] > 20


ALGORITHMS = (
    '{"algorithm": ["lightgbm", "random_forest", "logistic", "network"], "num_leaves": [3, 7], "l2": [1, 10], '
    '"learning_rate": [0.1, 0.2], "hidden": [[8], [16, 4]], "imbalance": ["none"]}'
)


def test_a_setting_that_the_algorithm_does_not_read_is_left_out_of_its_trials() -> None:
    """So that no two trials are the same: 4 of LightGBM, 2 of a forest, 2 logistic and 8 networks on each matrix."""
    frame, error, _ = _make_trials(_matrices(), "grid", 0, ALGORITHMS, 5, 1)
    assert error == 0
    trials = [
        json.loads(text) for text, matrix in zip(frame["parameters"], frame["matrix"], strict=True) if matrix == 1
    ]
    read = {
        "lightgbm": {"num_leaves", "learning_rate"},
        "random_forest": {"num_leaves"},
        "logistic": {"l2"},
        "network": {"l2", "learning_rate", "hidden"},
    }
    assert all(trial.keys() == read[trial["algorithm"]] | {"algorithm", "imbalance"} for trial in trials)
    counts = {name: sum(trial["algorithm"] == name for trial in trials) for name in read}
    assert counts == {"lightgbm": 4, "random_forest": 2, "logistic": 2, "network": 8}
    drawn, error, _ = _make_trials(_matrices(), "random", 20, ALGORITHMS, 5, 1)
    assert error == 0
    assert {json.loads(text)["algorithm"] for text in drawn["parameters"]} == read.keys()


@pytest.mark.parametrize(
    ("space", "part"),
    [
        ('{"l2": [1]}', "l2, which is not read by lightgbm"),
        ('{"algorithm": ["random_forest"], "learning_rate": [0.1]}', "not read by random_forest"),
        ('{"algorithm": ["svm"]}', "'svm'"),
        ('{"algorithm": ["ensemble"]}', "'ensemble'"),
        ('{"algorithm": {"low": 1, "high": 2}}', "algorithm"),
        ('{"algorithm": ["network"], "hidden": [[0]]}', "hidden"),
        ('{"algorithm": ["network"], "hidden": {"low": [1], "high": [2]}}', "hidden"),
    ],
)
def test_a_space_whose_settings_nothing_reads_is_refused(space: str, part: str) -> None:
    """And algorithms that a search cannot try."""
    _, number, message = _make_trials(_matrices(), "grid", 0, space, 5, 1)
    assert number == 50160
    assert part in message


def test_where_values_are_missing_no_trial_is_drawn_that_needs_all() -> None:
    """Trees alone are drawn on that matrix, every algorithm on the others; a space without trees is refused."""
    matrices = _matrices().assign(lacking=[3, 0, 0])
    frame, number, _ = _make_trials(matrices, "random", 30, ALGORITHMS, 5, 1)
    assert (len(frame), number) == (30, 0)
    algorithms = {
        matrix: {json.loads(text)["algorithm"] for text in part["parameters"]}
        for matrix, part in frame.groupby("matrix")
    }
    assert algorithms[2] == {"lightgbm", "random_forest"}
    assert algorithms[1] | algorithms[3] == {"lightgbm", "random_forest", "logistic", "network"}
    space = '{"algorithm": ["logistic", "network"]}'
    _, number, message = _make_trials(matrices.iloc[:1], "random", 2, space, 5, 1)
    assert number == 50113
    assert "values are missing" in message


def test_a_trial_that_needs_all_values_is_refused_where_some_are_missing() -> None:
    """The features are named with the number of scans; trees are measured; of test patients the scans are counted."""
    rng = np.random.default_rng(3)
    texts = [json.dumps([float(value) for value in row]) for row in rng.normal(size=(40, 2)).round(3)]
    texts[7] = "[0.5,null]"
    patients = pd.DataFrame(
        {
            "patient_id": pd.Series([f"p{number:02}" for number in range(40)], dtype=object),
            "scan_id": np.arange(40, dtype=np.int32),
            "label": np.repeat([0, 1], 20).astype(np.int32),
            "vector": pd.Series(texts, dtype=object),
        }
    )
    trials = json.dumps(
        [
            {"trial_id": place, "rung": 0, "parameters": {"algorithm": name, "max_iterations": 5}}
            for place, name in enumerate(("logistic", "lightgbm", "network"))
        ]
    )
    names = '[["made up/layer/lung/mean", 1], ["age", 1]]'
    results, number, _ = run_trials(patients, trials, 4, 1, 1, 1000.0, names, 0)
    assert number == 0
    assert "age (1)" in results["error"][0]
    assert results["error"][1] == ""
    assert "network needs all" in results["error"][2]
    whole = patients.assign(vector=patients["vector"].replace("[0.5,null]", "[0.5,1]"))
    results, _, _ = run_trials(whole, trials, 4, 1, 1, 1000.0, names, 9)
    assert "9 scans of test patients" in results["error"][0]
    assert results["error"][1] == ""


def test_scans_of_a_patient_are_held_out_together() -> None:
    """A label that only the patient tells gains nothing: with scans apart the figures would be those of memory."""
    rng = np.random.default_rng(5)
    owners = np.repeat(np.arange(40), 5)
    own = rng.normal(size=(40, 3))
    labels = np.repeat(rng.permutation(np.repeat([0, 1], 20)), 5)
    vectors = (own[owners] + 0.01 * rng.normal(size=(200, 3))).round(4)
    patients = pd.DataFrame(
        {
            "patient_id": pd.Series([f"p{owner:02}" for owner in owners], dtype=object),
            "scan_id": np.arange(200, dtype=np.int32),
            "label": labels.astype(np.int32),
            "vector": pd.Series([json.dumps([float(value) for value in row]) for row in vectors], dtype=object),
        }
    )
    trials = json.dumps([{"trial_id": 1, "rung": 0, "parameters": {"algorithm": "random_forest", "num_leaves": 31}}])
    shuffled = patients.sample(frac=1, random_state=1)
    together, _, _ = run_trials(shuffled, trials, 5, 1, 1, 1000.0)
    folds = draw_folds(labels.astype(np.int64), 5, 1, owners)
    assert all(np.unique(folds[owners == owner]).size == 1 for owner in range(40))
    apart, _, _ = run_trials(
        patients.assign(patient_id=[f"q{place:03}" for place in range(200)]), trials, 5, 1, 1, 1000.0
    )
    assert apart["auc"][0] > 0.9
    assert together["auc"][0] < 0.75


def test_leaves_are_drawn_by_the_scans_of_the_patients() -> None:
    """The smallest fold learns from 7 of 12 patients and 4 of 8: 11 scans with one each, 33 with three."""
    few = _matrices().iloc[:1].assign(negatives=12, positives=8)
    leaves = []
    for scans in (20, 60):
        frame, number, _ = _make_trials(few.assign(scans=scans), "random", 60, None, 4, 1)
        assert number == 0
        leaves.append(max(json.loads(text)["min_data_in_leaf"] for text in frame["parameters"]))
    assert leaves == [5, 16]
