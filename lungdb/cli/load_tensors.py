"""`lungdb load-tensors`: a dense network becomes rows of dbo.tensors, which ScoreNetworkSql runs with no Python."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from lungdb.cli.support import add_database_argument, exit_status
from lungdb.errors import escaped
from lungdb.loading.tensors import load_tensors
from lungdb.networks.dense import ACTIVATIONS


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
    name, layers = load_tensors(
        arguments.database, arguments.file, arguments.name, arguments.activation, replace=arguments.replace
    )
    widths = [layers[0].weight.shape[0], *(layer.weight.shape[1] for layer in layers)]
    activations = ", ".join(layer.activation for layer in layers)
    print(f"Network: {escaped(name)}, widths {', '.join(map(str, widths))}, {activations}.")
    return 0
