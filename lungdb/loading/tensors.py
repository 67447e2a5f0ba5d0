"""A dense network becomes rows of dbo.dense_layers and dbo.tensors, which ScoreNetworkSql runs with no Python."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lungdb.database import Connection, run
from lungdb.database.retrying import committed
from lungdb.database.run_log import logged_load
from lungdb.database.site import open_database
from lungdb.errors import LungdbError
from lungdb.networks.dense import DenseLayer, read_dense

_LONGEST_NAME = 128
_OF_CLASSIFIERS = "classifier/"
_COUNT = "SELECT COUNT(*) FROM dbo.dense_layers WHERE network = ?;"
_DELETE = tuple(f"DELETE FROM dbo.{table} WHERE network = ?;" for table in ("dense_layers", "tensors", "training_log"))
_INSERT = """
INSERT INTO dbo.tensors (network, tensor, row_index, column_index, value)
SELECT ?, ?, CAST(r.[key] AS INT), CAST(c.[key] AS INT), CAST(c.[value] AS FLOAT)
FROM OPENJSON(?) AS r
CROSS APPLY OPENJSON(r.[value]) AS c;
"""
_LAYERS = "SELECT inputs, units, activation FROM dbo.dense_layers WHERE network = ? ORDER BY layer;"
_TENSORS = "SELECT tensor, row_index, column_index, value FROM dbo.tensors WHERE network = ?;"
_INSERT_LAYER = "INSERT INTO dbo.dense_layers (network, layer, inputs, units, activation) VALUES (?, ?, ?, ?, ?);"


def load_tensors(
    target: str | None, file: Path, name: str | None, activation: str, *, replace: bool
) -> tuple[str, list[DenseLayer]]:
    """Load a file's network.

    Parameters
    ----------
    target : str or None
        As `lungdb.database.site.open_database` takes it.
    file : Path
        ONNX, safetensors or npz.
    name : str or None
        Name in the database; None is the file's.
    activation : str
        Of the hidden layers, where the file does not say it.
    replace : bool
        Replace the network of this name.

    Returns
    -------
    name : str
        As it is stored.
    layers : list of DenseLayer
        What is stored.

    Raises
    ------
    LungdbError
        The file is no dense network, the name is not usable or taken, or the database is not there.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise LungdbError(f"The file '{file}' cannot be read ({error.strerror}). Check its path.") from error
    layers = read_dense(data, activation)
    name = name or file.stem
    if not name or len(name) > _LONGEST_NAME:
        raise LungdbError(f"The name '{name}' has {len(name)} characters. Give one of 1 to 128 with --name.")
    if name.casefold().startswith(_OF_CLASSIFIERS):
        raise LungdbError(
            f"The name '{name}' is kept for the classifiers that are networks. Give another one with --name."
        )
    given = {"name": name, "replace": replace}
    with open_database(target, "tensors") as connection, logged_load(connection, "load-tensors", given):
        asked = False

        def store() -> None:
            nonlocal asked
            # A commit that was asked for and not answered may have stored it.
            if not asked or not _is_stored(connection, name, layers):
                store_network(connection, name, layers, replace=replace)
            asked = True

        committed(connection, store)
    return name, layers


def store_network(connection: Connection, name: str, layers: Sequence[DenseLayer], *, replace: bool) -> None:
    """Write a network into dbo.dense_layers and dbo.tensors, in a transaction of the caller's.

    Raises
    ------
    LungdbError
        There is one of this name, and `replace` is not set.
    """
    if run(connection, _COUNT, (name,))[0].scalar():
        if not replace:
            raise LungdbError(f"The database has a network '{name}'. Give another --name, or --replace it.")
        for statement in _DELETE:
            run(connection, statement, (name,))
    for number, layer in enumerate(layers):
        run(connection, _INSERT_LAYER, (name, number, *layer.weight.shape, layer.activation))
        run(connection, _INSERT, (name, f"{number}.weight", json.dumps(layer.weight.tolist())))
        run(connection, _INSERT, (name, f"{number}.bias", json.dumps([layer.bias.tolist()])))


def _is_stored(connection: Connection, name: str, layers: Sequence[DenseLayer]) -> bool:
    """Tell whether the network of this name has just these layers and numbers."""
    wanted = [(*layer.weight.shape, layer.activation) for layer in layers]
    if [tuple(row) for row in run(connection, _LAYERS, (name,))[0].rows] != wanted:
        return False
    arrays = {f"{number}.weight": layer.weight for number, layer in enumerate(layers)}
    arrays |= {f"{number}.bias": layer.bias[None] for number, layer in enumerate(layers)}
    numbers = {(tensor, *place): value for tensor, array in arrays.items() for place, value in np.ndenumerate(array)}
    return {(tensor, *place): value for tensor, *place, value in run(connection, _TENSORS, (name,))[0].rows} == numbers
