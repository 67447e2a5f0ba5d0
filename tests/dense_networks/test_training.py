"""TrainNetworkSql learns what the same algorithm in NumPy learns, goes on where it stopped, and refuses the rest."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from lungdb.database import Connection, run
from lungdb.errors import SqlError
from tests.dense_networks import reference_training
from tests.sql.gates.check import SQL
from tests.sql.gates.dotnet import NO_RUNTIME, has_runtime_wheel
from tests.sql.gates.parser import parse
from tests.support.dense_networks import add_dataset, probabilities, train, weights


def _three_classes(count: int = 60) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    x = np.random.default_rng(4).normal(size=(count, 5))
    return x, np.argmax(x[:, :3], axis=1)


def _sides(count: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    x = np.random.default_rng(1).normal(size=(count, 2))
    return x, (x.sum(1) > 0).astype(np.int64)


@pytest.mark.parametrize(
    ("hidden", "batch"), [([4], 60), ([6, 4], 60), ([6, 4], 7), ([5, 4, 3], 7), ([15, 12], 7), ([40, 20], 7)]
)
def test_weights_after_20_iterations_are_those_of_numpy(networks: Connection, hidden: list[int], batch: int) -> None:
    """Relative error below 1e-9 with momentum and L2, in batches or all at once; the last has units in rows."""
    x, y = _three_classes()
    add_dataset(networks, "three", x, y)
    units = ",".join(map(str, hidden))
    train(networks, "three", "net", units, 20, LearningRate=0.3, L2=0.01, BatchSize=batch, Momentum=0.8, Seed=77)
    layers, losses = reference_training.train(x, y, hidden, 20, rate=0.3, l2=0.01, batch=batch, momentum=0.8, seed=77)
    found = weights(networks, "net")
    for number, (weight, bias) in enumerate(layers):
        for name, wanted in ((f"{number}.weight", weight), (f"{number}.bias", bias[None, :])):
            assert np.abs(found[name] - wanted).max() < 1e-9 * np.abs(wanted).max()
    logged = run(networks, "SELECT loss FROM dbo.training_log WHERE network = N'net' ORDER BY iteration;")[0].rows
    assert [row[0] for row in logged] == pytest.approx(losses, rel=1e-9)


def _composed_step(connection: Connection, hidden: str, classes: int, then: str = "") -> list[list[tuple[Any, ...]]]:
    """Return the text of a step over a new data set, and what a statement after it selects."""
    x = np.random.default_rng(4).normal(size=(40, 5))
    add_dataset(connection, "some", x, np.arange(40) % classes)
    train(connection, "some", "net", hidden, 3)
    text = (SQL / "procedures/dense_networks/TrainNetworkSql.sql").read_text(encoding="utf-8")
    found = run(
        connection,
        f"{' '.join(re.findall('CREATE TABLE #.*?;', text, re.DOTALL))} DECLARE @Composed NVARCHAR(MAX), @I INT;"
        f"EXECUTE internal.StartNetwork N'net', N'some', N'{hidden}', 1, @I OUTPUT;"
        f"EXECUTE internal.ComposeStep @Composed OUTPUT; SELECT @Composed; {then}",
    )
    return [each.rows for each in found]


@pytest.mark.parametrize(("hidden", "classes"), [("4", 2), ("4,3", 20), ("2,2,2", 3)])
def test_a_composed_step_gives_what_rows_give(networks: Connection, hidden: str, classes: int) -> None:
    """The gradients of a batch that begins anew at the first example agree to nine digits."""
    step = "EXECUTE internal.TakeStep {}, 1, 1, 30, 25, 40; SELECT value FROM #gradients ORDER BY layer, input, unit;"
    then = f"{step.format('@Composed')} DELETE FROM #losses; DELETE FROM #gradients; {step.format('NULL')}"
    [(composed,)], by_columns, by_rows = _composed_step(networks, hidden, classes, then)
    assert composed is not None
    assert np.ravel(by_columns) == pytest.approx(np.ravel(by_rows), rel=1e-9, abs=1e-15)
    assert np.abs(by_rows).max() > 0.01


@pytest.mark.skipif(not has_runtime_wheel(), reason=NO_RUNTIME)
@pytest.mark.parametrize("hidden", ["1", "4,3"])
def test_a_composed_step_is_in_sql_servers_grammar(networks: Connection, hidden: str) -> None:
    """By Microsoft's parser for 2017, as every file is."""
    [[(composed,)]] = _composed_step(networks, hidden, 3)
    script = parse(composed)
    assert script.faults == []
    assert len(list(script.find("InsertStatement"))) == 3 + 3 * (hidden.count(",") + 2)


@pytest.mark.parametrize(("hidden", "classes"), [("60", 3), ("2", 21)])
def test_no_step_is_composed_for_a_large_network(networks: Connection, hidden: str, classes: int) -> None:
    """More than 500 weights or 20 classes; its tables have a row for each unit."""
    assert _composed_step(networks, hidden, classes) == [[(None,)]]


def test_the_first_step_follows_the_central_differences_of_the_loss(networks: Connection) -> None:
    """With no momentum and a rate of 1 the step is the gradient, which the loss alone gives too."""
    x, y = _three_classes()
    add_dataset(networks, "three", x, y)
    train(networks, "three", "net", "4", 1, LearningRate=1.0, L2=0.05, Momentum=0.0, Seed=5)
    start = reference_training.begin([5, 4, 3], reference_training.Generator(5))
    found = weights(networks, "net")
    for number, (weight, bias) in enumerate(start):
        for name, values in ((f"{number}.weight", weight), (f"{number}.bias", bias)):
            moved = -found[f"{name}.velocity"].ravel()
            for place in range(values.size):
                kept = values.flat[place]
                values.flat[place] = kept + 1e-5
                above = reference_training.loss(start, x, y, 0.05)
                values.flat[place] = kept - 1e-5
                below = reference_training.loss(start, x, y, 0.05)
                values.flat[place] = kept
                assert moved[place] == pytest.approx((above - below) / 2e-5, abs=1e-8)


def test_a_training_in_parts_is_the_training_in_one(networks: Connection) -> None:
    """Weights and velocities are equal to the last bit, and every iteration is logged once."""
    add_dataset(networks, "three", *_three_classes())
    options = {"LearningRate": 0.3, "BatchSize": 11, "Momentum": 0.9, "Seed": 3}
    train(networks, "three", "whole", "5", 9, **options)
    for iterations in (4, 4, 9):
        train(networks, "three", "parts", "5", iterations, **options)
    whole, parts = weights(networks, "whole"), weights(networks, "parts")
    assert whole.keys() == parts.keys()
    assert all(np.array_equal(whole[name], parts[name]) for name in whole)
    log = run(networks, "SELECT network, iteration, loss FROM dbo.training_log ORDER BY network, iteration;")[0].rows
    assert [row[1:] for row in log if row[0] == "whole"] == [row[1:] for row in log if row[0] == "parts"]


@pytest.mark.slow
def test_a_killed_training_goes_on_to_the_same_weights(networks: Connection, tmp_path: Path) -> None:
    """SIGKILL after the weights were first stored, then a second call: equal to the last bit to one that was let be."""
    add_dataset(networks, "sides", *_sides(400))
    file = tmp_path / "lung_cancer_database.db"
    call = "EXECUTE dbo.TrainNetworkSql @Dataset = N'sides', @ModelName = N'killed', @Hidden = N'3', @BatchSize = 150"
    command = [sys.executable, "-m", "lungdb.cli.main", "sql", "-d", f"sqlite:///{file.as_posix()}", "-q"]
    command.append(f"{call}, @Iterations = 1000000;")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("Iteration "):
                # Between two stores, which are five seconds apart.
                time.sleep(1)
                os.killpg(process.pid, signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    [(stored,)] = run(networks, "SELECT MAX(iteration) FROM dbo.training_log;")[0].rows
    for name in ("killed", "whole"):
        train(networks, "sides", name, "3", stored + 20, BatchSize=150)
    whole, killed = weights(networks, "whole"), weights(networks, "killed")
    assert whole.keys() == killed.keys()
    assert all(np.array_equal(whole[name], killed[name]) for name in whole)


def test_two_hidden_units_learn_the_sign_of_a_sum(networks: Connection) -> None:
    """93 % after 10 iterations and over 99 % after 100, with the learning rate 2.0."""
    x, y = _sides(400)
    add_dataset(networks, "sides", x, y)
    options = {"LearningRate": 2.0, "Momentum": 0.0}
    train(networks, "sides", "net", "2", 10, **options)
    assert (probabilities(networks, "net", "sides").argmax(1) == y).mean() >= 0.93
    train(networks, "sides", "net", "2", 100, **options)
    assert (probabilities(networks, "net", "sides").argmax(1) == y).mean() > 0.99


@pytest.mark.slow
def test_a_hundred_iterations_over_100000_examples_finish(networks: Connection) -> None:
    """Where the query that this follows stopped at 10."""
    x, y = _sides(100_000)
    add_dataset(networks, "sides", x, y)
    train(networks, "sides", "net", "2", 100, LearningRate=2.0, Momentum=0.0)
    assert (probabilities(networks, "net", "sides").argmax(1) == y).mean() > 0.99


@pytest.mark.slow
def test_digits_are_learned_wholly_in_t_sql(networks: Connection) -> None:
    """At least 93 % of the half that was not learned from."""
    digits = load_digits()
    x, y = digits.data / 16, digits.target.astype(np.int64)
    add_dataset(networks, "learn", x[::2], y[::2])
    add_dataset(networks, "held out", x[1::2])
    train(networks, "learn", "digits", "32", 300, LearningRate=0.1, BatchSize=64, Momentum=0.9)
    assert (probabilities(networks, "digits", "held out").argmax(1) == y[1::2]).mean() >= 0.93


def test_what_does_not_fit_is_refused_by_number(networks: Connection) -> None:
    """Data set, features, labels, layers, arguments, overflow, transaction: nothing of it is stored."""
    x, y = _three_classes(12)
    add_dataset(networks, "three", x, y)
    add_dataset(networks, "unlabelled", x)
    add_dataset(networks, "negative", x, y - 1)
    add_dataset(networks, "torn", x, y)
    run(networks, "DELETE FROM dbo.examples WHERE dataset = N'torn' AND example_id = 3 AND feature_index = 1;")
    add_dataset(networks, "large", x * 1e37, y)
    add_dataset(networks, "huge", x * 1e40, y)
    for dataset, hidden, number, said in (
        ("none", "4", 50171, "none"),
        ("torn", "4", 50172, "Example 3 "),
        ("unlabelled", "4", 50175, "NULL"),
        ("negative", "4", 50175, "-1"),
        ("three", "4,", 50101, "@Hidden"),
        ("three", "0", 50101, "@Hidden"),
        ("large", "4", 50176, "iteration "),
        ("huge", "4", 50172, r"feature \d of the example 0 .* is -?\d\.\d+e\+0?\d\d"),
    ):
        with pytest.raises(SqlError, match=said) as error:
            train(networks, dataset, "net", hidden, 5)
        assert error.value.number == number
    with pytest.raises(SqlError, match="inside a transaction"):
        run(networks, "BEGIN TRANSACTION; EXECUTE dbo.TrainNetworkSql @Dataset = N'three';")
    run(networks, "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;")
    for table in ("tensors", "dense_layers", "training_log"):
        assert run(networks, f"SELECT COUNT(*) FROM dbo.{table};")[0].rows == [(0,)]


def test_a_stored_network_is_not_trained_with_other_layers(networks: Connection) -> None:
    """Its own @Hidden goes on; another is refused, and so is a label that it has no unit for."""
    x, y = _three_classes(12)
    add_dataset(networks, "three", x, y)
    add_dataset(networks, "four", x, y + 1)
    train(networks, "three", "net", "4", 1)
    with pytest.raises(SqlError, match="other layers") as error:
        train(networks, "three", "net", "5", 2)
    assert error.value.number == 50174
    with pytest.raises(SqlError, match="the label 3") as error:
        train(networks, "four", "net", "4", 2)
    assert error.value.number == 50175


def test_the_generator_is_the_standards(networks: Connection) -> None:
    """From the seed 1 its 10,000th state is 399268537, as the C++ standard says of minstd_rand."""
    [found] = run(
        networks,
        "CREATE TABLE #numbers (number BIGINT NOT NULL PRIMARY KEY, state BIGINT NOT NULL); "
        "EXECUTE internal.DrawNumbers 1, 10000; "
        "SELECT state, (SELECT COUNT(*) FROM #numbers) FROM #numbers WHERE number = 9999;",
    )
    assert found.rows == [(399268537, 10000)]
