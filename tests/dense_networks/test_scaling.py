"""ScaleDataset scales as scikit-learn does and makes example 20 learn; a training that learns nothing says so."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from lungdb.database import Connection, run, run_script, sql_directory
from tests.dense_networks import reference_training
from tests.support.databases import fill, refused, rows, vectors_and_labels
from tests.support.dense_networks import add_dataset, train

VALUES = "SELECT value FROM dbo.examples WHERE dataset = ? ORDER BY example_id, feature_index;"
STEPS = "SELECT message FROM dbo.run_steps WHERE message LIKE N'After %' ORDER BY run_id, step;"


def read(connection: Connection, name: str, width: int) -> NDArray[np.float64]:
    """Read the features of a data set."""
    return np.array([value for (value,) in rows(connection, VALUES, (name,))]).reshape(-1, width)


def draw() -> NDArray[np.float64]:
    """Draw features of very different sizes, the last of which is the same everywhere."""
    x = np.random.default_rng(1).normal(size=(40, 4)) * [1e-3, 1, 1e5, 0] + [0, 5, 1e9, 0.1]
    return np.asarray(x)


@pytest.mark.parametrize(("method", "scaler"), [("zscore", StandardScaler()), ("minmax", MinMaxScaler())])
def test_values_are_those_of_scikit_learn_and_apply_to_other_data(
    networks: Connection, method: str, scaler: StandardScaler
) -> None:
    """Within 1e-9, a constant feature included; other examples are scaled by the figures of the first."""
    x = draw()
    other = x[:7] * 2 + 1
    add_dataset(networks, "first", x, np.arange(40) % 2)
    add_dataset(networks, "other", other, np.arange(7) % 2)
    run(networks, f"EXECUTE dbo.ScaleDataset @Dataset = N'first', @Into = N'first scaled', @Method = N'{method}';")
    run(networks, "EXECUTE dbo.ScaleDataset @Dataset = N'other', @Into = N'other scaled', @As = N'first scaled';")
    np.testing.assert_allclose(read(networks, "first scaled", 4), scaler.fit_transform(x), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(read(networks, "other scaled", 4), scaler.transform(other), rtol=1e-9, atol=1e-6)
    labels = "SELECT example_id, label FROM dbo.example_labels WHERE dataset = ? ORDER BY example_id;"
    assert rows(networks, labels, ("other scaled",)) == rows(networks, labels, ("other",))
    kept = rows(networks, "SELECT DISTINCT dataset, method, made_from FROM dbo.dataset_scalings ORDER BY dataset;")
    assert kept == [("first scaled", method, "first"), ("other scaled", method, "first")]
    assert rows(networks, "SELECT name, kind FROM dbo.datasets ORDER BY name;") == [
        ("first scaled", "examples"),
        ("other scaled", "examples"),
    ]


def test_a_name_that_is_taken_is_replaced_when_asked_only(networks: Connection) -> None:
    """That of a data set of scans never is, and what is refused leaves everything as it was."""
    add_dataset(networks, "x", draw())
    add_dataset(networks, "narrow", draw()[:, :2])
    run(networks, "INSERT INTO dbo.datasets (name, kind) VALUES (N'scans%', 'scans');")
    run(networks, "EXECUTE dbo.ScaleDataset @Dataset = N'x', @Into = N'y', @Method = N'minmax';")
    call = "EXECUTE dbo.ScaleDataset @Dataset = N'x', @Into = N"
    assert "'y'" in refused(networks, f"{call}'y';", 50303)
    assert "'narrow'" in refused(networks, f"{call}'narrow';", 50303)
    assert "scans%" in refused(networks, f"{call}'scans%', @Replace = 1;", 50273)
    assert "@Into" in refused(networks, f"{call}'x', @Replace = 1;", 50101)
    assert "'log'" in refused(networks, f"{call}'z', @Method = N'log';", 50101)
    assert "Both" in refused(networks, f"{call}'z', @Method = N'zscore', @As = N'y';", 50101)
    assert "'x'" in refused(networks, f"{call}'z', @As = N'x';", 50306)
    refused(networks, "EXECUTE dbo.ScaleDataset @Dataset = N'none', @Into = N'z';", 50171)
    refused(networks, "EXECUTE dbo.ScaleDataset @Dataset = N'narrow', @Into = N'z', @As = N'y';", 50172)
    run(networks, f"{call}'y', @Replace = 1;")
    assert rows(networks, "SELECT DISTINCT method FROM dbo.dataset_scalings;") == [("zscore",)]
    assert read(networks, "y", 4)[:, 1].std() == pytest.approx(1)


def test_the_example_learns_scaled_and_stays_at_chance_unscaled(installed: Connection) -> None:
    """Of features that differ by a hundredth around 50: the shipped calls tell nine of ten held-out patients."""
    vectors, labels = vectors_and_labels(120, 6, 4.0, 3)
    shifted = [
        str([round(50 + 0.01 * float(value), 6) for value in vector.strip("[]").split(",")]) for vector in vectors
    ]
    fill(installed, shifted, labels, 6)
    text = (sql_directory() / "execute" / "20_ct_features_as_a_data_set.sql").read_text(encoding="utf-8")
    messages: list[str] = []
    results = run_script(installed, text, on_message=lambda message: messages.append(message.text))
    figures = {(row[0], row[1]): row[2] for row in results[-1].rows}
    share = max(np.mean(labels), 1 - np.mean(labels))
    assert figures[-1, "accuracy"] >= 0.9 > share
    assert not [message for message in messages if message.startswith("After ")]
    chance = train(installed, "ct_train", "unscaled", "8", 100, L2=0.01)
    told = [message for message in chance if "has not moved from chance" in message]
    assert told
    assert "ScaleDataset" in told[0]


def test_a_training_that_learns_nothing_says_so_after_50_and_100_iterations(networks: Connection) -> None:
    """Of labels by chance with a tiny rate; beside it stands the entropy of the labels, and dbo.run_steps has it."""
    rng = np.random.default_rng(2)
    y = (np.arange(60) % 3 == 0).astype(np.int64)
    add_dataset(networks, "noise", rng.normal(size=(60, 2)), y)
    messages = train(networks, "noise", "net", "3", 120, LearningRate=1e-9)
    told = [message for message in messages if "not moved from chance" in message]
    assert [message.split(" ")[1] for message in told] == ["50", "100", "120"]
    share = y.mean()
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    assert all(f"gives {entropy:.4f}." in message for message in told)
    assert [message for (message,) in rows(networks, STEPS)] == told
    assert rows(networks, "SELECT MAX(iteration) FROM dbo.training_log;") == [(120,)]


def test_a_loss_that_rises_is_told_and_one_that_falls_is_not(networks: Connection) -> None:
    """A momentum so large that it carries the weights past the valley, where the reference's loss rises too."""
    x = np.random.default_rng(3).normal(size=(60, 2))
    y = (x[:, 0] > 0).astype(np.int64)
    add_dataset(networks, "sides", x, y)
    assert not [message for message in train(networks, "sides", "net", "4", 100) if message.startswith("After ")]
    given = {"LearningRate": 0.3, "L2": 0.1, "Momentum": 0.999}
    messages = train(networks, "sides", "wild", "4", 75, **given)
    assert [message for message in messages if message.startswith("After 75 iterations the loss rises")]
    _, losses = reference_training.train(x, y, [4], 75, rate=0.3, l2=0.1, batch=60, momentum=0.999, seed=1)
    assert np.mean(losses[50:]) > 1.5 * np.mean(losses[25:50])
