"""EvaluateNetworkSql measures a network as scikit-learn does, and dbo.network_scores shows what networks scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, log_loss, precision_score, recall_score

from lungdb.database import Connection, run
from tests.dense_networks.test_scoring import _load
from tests.support.databases import refused, rows
from tests.support.dense_networks import add_dataset, probabilities, train

CALL = "EXECUTE dbo.EvaluateNetworkSql @ModelName = N'{}', @Dataset = N'{}';"


@pytest.fixture
def network(networks: Connection, tmp_path: Path) -> Connection:
    """A database with a linear network of four classes, of which the last is never the likeliest."""
    np.savez(tmp_path / "net.npz", coefs_0=np.eye(4)[:3], intercepts_0=np.array([0, 0.1, 0, -30]))
    assert _load(tmp_path, tmp_path / "net.npz") == 0
    return networks


def test_four_classes_are_measured_as_scikit_learn_measures_them(network: Connection) -> None:
    """K × K counts and percentages, and all figures, with one class that is never told and one example unlabelled."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(60, 3)), rng.integers(0, 4, 60)
    x[np.arange(60), np.minimum(y, 2)] += 1.5
    add_dataset(network, "four", x, y)
    run(network, "DELETE FROM dbo.example_labels WHERE example_id = 59;")
    matrix, figures = (result.rows for result in run(network, CALL.format("net", "four")))
    given = probabilities(network, "net", "four")[:59]
    truth, told = y[:59], given.argmax(axis=1)
    wanted = confusion_matrix(truth, told, labels=range(4))
    assert [row[:2] for row in matrix] == [(label, other) for label in range(4) for other in range(4)]
    assert [row[2] for row in matrix] == wanted.ravel().tolist()
    shares = 100 * wanted / wanted.sum(axis=1, keepdims=True)
    assert [row[3] for row in matrix] == pytest.approx(shares.ravel().tolist())
    found = {(label, metric): value for label, metric, value in figures}
    assert found[-1, "accuracy"] == pytest.approx(accuracy_score(truth, told))
    assert found[-1, "macro_f1"] == pytest.approx(f1_score(truth, told, average="macro"))
    assert found[-1, "log_loss"] == pytest.approx(log_loss(truth, given, labels=range(4)))
    assert found[3, "precision"] is None
    for metric, function in (("recall", recall_score), ("f1", f1_score), ("precision", precision_score)):
        classes = [0, 1, 2] if metric == "precision" else [0, 1, 2, 3]
        reference = function(truth, told, average=None, labels=classes)
        assert [found[label, metric] for label in classes] == pytest.approx(reference.tolist())


def test_the_view_shows_what_was_scored_and_whether_the_network_has_learnt_on(networks: Connection) -> None:
    """Nothing until it is kept; then every probability, the likeliest class and the true one."""
    x = np.random.default_rng(2).normal(size=(30, 2))
    y = (x[:, 0] > 0).astype(np.int64)
    add_dataset(networks, "two", x, y)
    train(networks, "two", "net", "3", 5)
    given = probabilities(networks, "net", "two")
    query = (
        "SELECT example_id, label, probability, is_told, true_label, is_current FROM dbo.network_scores ORDER BY 1, 2;"
    )
    assert rows(networks, query) == []
    run(networks, "EXECUTE dbo.ScoreNetworkSql @ModelName = N'net', @Dataset = N'two', @Keep = 1;")
    shown = rows(networks, query)
    assert [row[2] for row in shown] == given.ravel().tolist()
    assert [row[3] for row in shown] == (given == given.max(axis=1, keepdims=True)).astype(int).ravel().tolist()
    assert [row[4] for row in shown[::2]] == y.tolist()
    assert {row[5] for row in shown} == {1}
    run(networks, "UPDATE dbo.network_probabilities SET scored_at = DATEADD(HOUR, -1, scored_at);")
    assert {row[5] for row in rows(networks, query)} == {0}


def test_what_cannot_be_measured_is_refused(network: Connection) -> None:
    """A network or data set that is not there, no labels, a label beyond the classes."""
    add_dataset(network, "bare", np.ones((2, 3)))
    add_dataset(network, "five", np.ones((2, 3)), np.array([0, 4]))
    assert "'none'" in refused(network, CALL.format("none", "bare"), 50170)
    assert "'none'" in refused(network, CALL.format("net", "none"), 50171)
    assert "has a label" in refused(network, CALL.format("net", "bare"), 50175)
    assert "Example 1 of the data set 'five' has the label 4" in refused(network, CALL.format("net", "five"), 50175)
    refused(network, "EXECUTE dbo.ScoreNetworkSql @ModelName = N'net', @Dataset = N'five', @Keep = NULL;", 50101)
