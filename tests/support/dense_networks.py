"""A database as servers without external scripts have it, and data sets and dense networks put into it."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

from lungdb.database import Connection, run

INSERT_EXAMPLES = """
INSERT INTO dbo.examples (dataset, example_id, feature_index, value)
SELECT ?, CAST(r.[key] AS INT), CAST(v.[key] AS INT), CAST(v.[value] AS FLOAT)
FROM OPENJSON(?) AS r
CROSS APPLY OPENJSON(r.[value]) AS v;
"""
INSERT_LABELS = """
INSERT INTO dbo.example_labels (dataset, example_id, label)
SELECT ?, CAST(r.[key] AS INT), CAST(r.[value] AS INT)
FROM OPENJSON(?) AS r;
"""


def add_dataset(
    connection: Connection, name: str, features: NDArray[np.float64], labels: NDArray[np.int64] | None = None
) -> None:
    """Insert a data set; example_id is the row, from 0."""
    run(connection, INSERT_EXAMPLES, (name, json.dumps(features.tolist())))
    if labels is not None:
        run(connection, INSERT_LABELS, (name, json.dumps(labels.tolist())))


def train(connection: Connection, dataset: str, name: str, hidden: str, iterations: int, **options: float) -> list[str]:
    """Call TrainNetworkSql; returns its messages."""
    given = "".join(f", @{option} = {value!r}" for option, value in options.items())
    messages: list[str] = []
    run(
        connection,
        f"EXECUTE dbo.TrainNetworkSql @Dataset = ?, @ModelName = ?, @Hidden = ?, @Iterations = ?{given};",
        (dataset, name, hidden, iterations),
        on_message=lambda message: messages.append(message.text),
    )
    return messages


def probabilities(connection: Connection, name: str, dataset: str) -> NDArray[np.float64]:
    """Call ScoreNetworkSql; returns an array of shape (examples, classes)."""
    [found] = run(connection, "EXECUTE dbo.ScoreNetworkSql @ModelName = ?, @Dataset = ?;", (name, dataset))
    rows = np.array(found.rows)
    return rows[:, 2].reshape(len(np.unique(rows[:, 0])), -1)


def weights(connection: Connection, name: str) -> dict[str, NDArray[np.float64]]:
    """Read a network's tensors, biases as one row."""
    [found] = run(
        connection,
        "SELECT tensor, row_index, column_index, value FROM dbo.tensors WHERE network = ? "
        "ORDER BY tensor, row_index, column_index;",
        (name,),
    )
    tensors: dict[str, dict[tuple[int, int], float]] = {}
    for tensor, row, column, value in found.rows:
        tensors.setdefault(tensor, {})[row, column] = value
    return {
        tensor: np.array(list(cells.values())).reshape(max(row for row, _ in cells) + 1, -1)
        for tensor, cells in tensors.items()
    }
