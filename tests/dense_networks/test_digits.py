"""The digits that sql/execute ships are scored in T-SQL as scikit-learn scores them, and nearly all are right."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier

from lungdb.database import Connection, connect, run, run_script
from scripts import make_digits
from tests.sql.gates.check import SQL
from tests.support.databases import copy_to, target_of
from tests.support.dense_networks import probabilities, weights

NETWORK, DATASET = "digits_network", "digits_test"


@pytest.fixture(scope="module")
def digits(sql_only_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A database without Python in which 22_digits.sql has run twice, as it may."""
    file = copy_to(tmp_path_factory.mktemp("digits"), sql_only_file)
    with closing(connect(target_of(file))) as connection:
        for _ in range(2):
            run_script(connection, (SQL / "execute" / "22_digits.sql").read_text(encoding="utf-8"))
        yield connection


def _stored_pictures(connection: Connection) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    [examples] = run(connection, "SELECT example_id, feature_index, value FROM dbo.examples WHERE dataset = ? "
                     "ORDER BY example_id, feature_index;", (DATASET,))  # fmt: skip
    [truth] = run(connection, "SELECT label FROM dbo.example_labels WHERE dataset = ? ORDER BY example_id;", (DATASET,))
    pictures = np.array([value for *_, value in examples.rows]).reshape(-1, 64)
    return pictures, np.array([label for (label,) in truth.rows])


def test_the_pictures_are_those_held_out(digits: Connection) -> None:
    """As scikit-learn brings them and the script parts them; none of them is among those that were learnt from."""
    learnt, held_out, _, labels = make_digits.split()
    pictures, truth = _stored_pictures(digits)
    assert np.array_equal(pictures, held_out / 16)
    assert np.array_equal(truth, labels)
    assert len(held_out) == 450
    assert not {row.tobytes() for row in learnt} & {row.tobytes() for row in held_out}


def test_t_sql_scores_the_digits_as_scikit_learn_does(digits: Connection) -> None:
    """Its own network with the stored weights: the same probabilities, the same digits, and 97.9 % of them right."""
    pictures, truth = _stored_pictures(digits)
    stored = weights(digits, NETWORK)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = MLPClassifier((100,), max_iter=1).fit(pictures, truth)
    network.coefs_ = [stored["0.weight"], stored["1.weight"]]
    network.intercepts_ = [stored["0.bias"][0], stored["1.bias"][0]]
    scored = probabilities(digits, NETWORK, DATASET)
    assert scored == pytest.approx(network.predict_proba(pictures), abs=1e-12)
    assert np.array_equal(scored.argmax(axis=1), network.predict(pictures))
    assert np.mean(scored.argmax(axis=1) == truth) >= 0.979


def test_the_sample_says_how_many_are_right_and_what_a_digit_takes(digits: Connection) -> None:
    """Of the digits and of a made-up network of 784-100-10."""
    said: list[str] = []
    script = (SQL / "execute" / "23_score_digits.sql").read_text(encoding="utf-8")
    run_script(digits, script, on_message=lambda message: said.append(message.text))
    truth = _stored_pictures(digits)[1]
    right = np.sum(probabilities(digits, NETWORK, DATASET).argmax(axis=1) == truth)
    told = next(line for line in said if line.startswith("64-100-10"))
    assert told.startswith(f"64-100-10: {right} of 450 digits right,  {right / 4.5:.2f} %;")
    assert re.search(r" \d+\.\d{3} ms a digit\.$", told)
    assert any(re.fullmatch(r"784-100-10: +\d+\.\d{3} ms a picture\.", line) for line in said)


@pytest.mark.slow
def test_the_script_learns_a_network_as_good_again(digits: Connection) -> None:
    """From the pictures to learn from alone; weights may differ in their last digits on another machine."""
    learnt, held_out, labels, truth = make_digits.split()
    network = make_digits.learn(learnt, labels, make_digits.CHOSEN)
    assert network.score(held_out / 16, truth) >= 0.97
    pictures, _ = _stored_pictures(digits)
    agreeing = network.predict(held_out / 16) == probabilities(digits, NETWORK, DATASET).argmax(axis=1)
    assert len(pictures) == len(held_out)
    assert np.mean(agreeing) > 0.97
