"""The part of a copy that is a dense network: its layers and numbers, and probabilities to compare on arrival."""

from __future__ import annotations

from typing import Any

import numpy as np

from lungdb.database import Connection, run
from lungdb.errors import LungdbError
from lungdb.networks.dense import DenseLayer, dense_probabilities

NETWORK_TABLES = {
    "#copy_layers": """
    network NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, layer INT NOT NULL, inputs INT NOT NULL,
    units INT NOT NULL, activation NVARCHAR(16) COLLATE DATABASE_DEFAULT NOT NULL""",
    "#copy_tensors": """
    tensor NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL, row_index INT NOT NULL, column_index INT NOT NULL,
    value FLOAT NOT NULL, PRIMARY KEY (tensor, row_index, column_index)""",
    "#copy_probes": """
    example_id INT NOT NULL, feature_index INT NOT NULL, value FLOAT NOT NULL""",
    "#copy_answers": """
    example_id INT NOT NULL, label INT NOT NULL, probability FLOAT NOT NULL""",
}
_PROBES = 4

_LAYERS = "SELECT network, layer, inputs, units, activation FROM dbo.dense_layers WHERE network = ? ORDER BY layer;"
# One statement that keeps its locks, so that the numbers are of one moment of a network that is being trained.
_TENSORS = """
SELECT tensor, row_index, column_index, value
FROM dbo.tensors WITH (HOLDLOCK)
WHERE network = ? AND tensor NOT LIKE N'%.velocity'
ORDER BY tensor, row_index, column_index;
"""


def network_rows(source: Connection, network: str) -> list[tuple[str, tuple[str, ...], list[tuple[Any, ...]]]]:
    """Read what goes into `NETWORK_TABLES`: for each its name, columns and rows.

    What a training needs to go on, velocities and its log, stays behind.

    Raises
    ------
    LungdbError
        The source has no such network, or its tensors do not fit its layers.
    """
    if network.casefold().startswith("classifier/"):
        raise LungdbError(f"The network '{network}' is part of a trained model. Copy that with --model.")
    (found,) = run(source, _LAYERS, (network,))
    if not found.rows:
        raise LungdbError(f"There is no network '{network}' in dbo.dense_layers. Give the name of one with --network.")
    (tensors,) = run(source, _TENSORS, (network,))
    layers = _layers(network, found.rows, tensors.rows)
    probes = np.random.default_rng(0).uniform(-1, 1, size=(_PROBES, layers[0].weight.shape[0]))
    answers = dense_probabilities(layers, probes)
    return [
        ("#copy_layers", found.columns, found.rows),
        ("#copy_tensors", tensors.columns, tensors.rows),
        ("#copy_probes", ("example_id", "feature_index", "value"), _cells(probes)),
        ("#copy_answers", ("example_id", "label", "probability"), _cells(answers)),
    ]


def _layers(network: str, layers: list[tuple[Any, ...]], tensors: list[tuple[Any, ...]]) -> list[DenseLayer]:
    cells: dict[str, dict[tuple[int, int], float]] = {}
    for tensor, row, column, value in tensors:
        cells.setdefault(tensor, {})[row, column] = value
    made = []
    before = layers[0][2]
    for position, (_, layer, inputs, units, activation) in enumerate(layers):
        weight, bias = (
            _array(cells.pop(f"{layer}.{part}", {}), shape)
            for part, shape in (("weight", (inputs, units)), ("bias", (1, units)))
        )
        if weight is None or bias is None or layer != position or inputs != before:
            raise _unfit(network, f"layer {layer}")
        made.append(DenseLayer(weight, bias[0], activation))
        before = units
    if cells:
        raise _unfit(network, f"'{min(cells)}'")
    return made


def _array(cells: dict[tuple[int, int], float], shape: tuple[int, int]) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """Fill an array, or give None where a number is missing or outside it."""
    if list(cells) != list(np.ndindex(shape)):
        return None
    return np.array(list(cells.values())).reshape(shape)


def _unfit(network: str, where: str) -> LungdbError:
    return LungdbError(
        f"The tensors of the network '{network}' do not fit its rows in dbo.dense_layers: {where}. "
        "Load the network again before it is copied."
    )


def _cells(array: np.ndarray[Any, np.dtype[np.float64]]) -> list[tuple[Any, ...]]:
    return [(*place, value) for place, value in zip(np.ndindex(array.shape), array.ravel().tolist(), strict=True)]
