"""`lungdb load-tensors`: a dense network becomes rows of dbo.tensors, which ScoreNetworkSql runs with no Python."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from lungdb.cli.support import add_database_argument, exit_status
from lungdb.config import load_settings
from lungdb.database import Connection, connect, run
from lungdb.database.transaction import transaction
from lungdb.errors import LungdbError
from lungdb.networks.dense import ACTIVATIONS, DenseLayer, read_dense

_LONGEST_NAME = 128
_INSERT = """
INSERT INTO dbo.tensors (network, tensor, row_index, column_index, value)
SELECT ?, ?, CAST(r.[key] AS INT), CAST(c.[key] AS INT), CAST(c.[value] AS FLOAT)
FROM OPENJSON(?) AS r
CROSS APPLY OPENJSON(r.[value]) AS c;
"""
_INSERT_LAYER = "INSERT INTO dbo.dense_layers (network, layer, inputs, units, activation) VALUES (?, ?, ?, ?, ?);"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 for an error, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="lungdb load-tensors", description=__doc__)
    parser.add_argument("file", type=Path, help="a dense network: ONNX, safetensors or npz")
    add_database_argument(parser)
    parser.add_argument("--name", help="name in the database (default: the file's name)")
    parser.add_argument(
        "--activation",
        choices=ACTIVATIONS,
        default="relu",
        help="of the hidden layers, where the file does not say it: safetensors and npz (default: relu)",
    )
    parser.add_argument("--replace", action="store_true", help="replace the network of this name")
    arguments = parser.parse_args(argv)
    return exit_status(lambda: _load(arguments))


def _load(arguments: argparse.Namespace) -> int:
    try:
        data = arguments.file.read_bytes()
    except OSError as error:
        raise LungdbError(f"The file '{arguments.file}' cannot be read ({error.strerror}). Check its path.") from error
    layers = read_dense(data, arguments.activation)
    name = arguments.name or arguments.file.stem
    if not name or len(name) > _LONGEST_NAME:
        raise LungdbError(f"The name '{name}' has {len(name)} characters. Give one of 1 to 128 with --name.")
    with closing(connect(arguments.database or load_settings().database)) as connection:
        run(connection, "SET NOCOUNT ON; SET XACT_ABORT ON;")
        if run(connection, "SELECT OBJECT_ID(N'dbo.tensors', N'U');")[0].rows[0][0] is None:
            raise LungdbError("The database does not hold the table dbo.tensors. Install lungdb's sql_only part there.")
        with transaction(connection):
            store_network(connection, name, layers, replace=arguments.replace)
    widths = [layers[0].weight.shape[0], *(layer.weight.shape[1] for layer in layers)]
    print(f"Network: {name}, widths {', '.join(map(str, widths))}, {', '.join(layer.activation for layer in layers)}.")
    return 0


def store_network(connection: Connection, name: str, layers: Sequence[DenseLayer], *, replace: bool) -> None:
    """Write a network into dbo.dense_layers and dbo.tensors, in a transaction of the caller's.

    Raises
    ------
    LungdbError
        There is one of this name, and `replace` is not set.
    """
    if run(connection, "SELECT COUNT(*) FROM dbo.dense_layers WHERE network = ?;", (name,))[0].rows[0][0]:
        if not replace:
            raise LungdbError(f"The database has a network '{name}'. Give another --name, or --replace it.")
        for table in ("dense_layers", "tensors", "training_log"):
            run(connection, f"DELETE FROM dbo.{table} WHERE network = ?;", (name,))
    for number, layer in enumerate(layers):
        run(connection, _INSERT_LAYER, (name, number, *layer.weight.shape, layer.activation))
        run(connection, _INSERT, (name, f"{number}.weight", json.dumps(layer.weight.tolist())))
        run(connection, _INSERT, (name, f"{number}.bias", json.dumps([layer.bias.tolist()])))
