"""`lungdb networks`: the pretrained networks that lungdb knows by name, and those that a database holds."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lungdb.cli.sql import print_table
from lungdb.cli.support import add_database_argument, exit_status, open_database
from lungdb.config import load_settings
from lungdb.database import Connection, run
from lungdb.database.connection import SQLITE_PREFIX
from lungdb.networks.architectures.catalog import CATALOG

_LOADED = """
SELECT network_id, name, version, library, details, DATALENGTH(model) AS bytes, sha256, created_at
FROM dbo.networks ORDER BY name, version;
"""
_FEATURE_SETS = """
SELECT network_id, layer, preprocessing, width FROM dbo.feature_sets ORDER BY feature_set_id;
"""
_HASH_DIGITS = 8


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, or 1 for an error."""
    parser = argparse.ArgumentParser(prog="lungdb networks", description=__doc__)
    add_database_argument(parser)
    arguments = parser.parse_args(argv)
    return exit_status(lambda: _show(arguments.database))


def _show(target: str | None) -> int:
    _print_catalog()
    if target is None and _is_absent(load_settings().database):
        print("\nThere is no database here; -d TARGET shows the networks of one.")
        return 0
    with open_database(target) as connection:
        _print_loaded(connection)
    return 0


def _is_absent(target: str) -> bool:
    """Tell whether a target is a file that is not there, which opening it would make."""
    return target.startswith(SQLITE_PREFIX) and not Path(target[len(SQLITE_PREFIX) :]).exists()


def _print_catalog() -> None:
    print("Known networks\n")
    rows = [
        (
            known.name,
            known.title,
            f"{known.input_size} × {known.input_size}",
            known.channel_order,
            known.width,
            _layers(known.layers),
        )
        for known in CATALOG
    ]
    print_table(("name", "network", "input", "order", "width", "layers"), rows)
    print("\nWhere they are published\n")
    print_table(("name", "address"), [(known.name, address) for known in CATALOG for _, address in known.published])


def _layers(names: Sequence[str]) -> str:
    """Write names, runs such as layer1, layer2, layer3 as layer1…layer3."""
    runs: list[list[str]] = []
    for name in names:
        stem = name.rstrip("0123456789")
        number = name[len(stem) :]
        if runs and number and runs[-1][-1] == f"{stem}{int(number) - 1}":
            runs[-1].append(name)
        else:
            runs.append([name])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]}…{run[-1]}" for run in runs)


def _print_loaded(connection: Connection) -> None:
    networks = run(connection, _LOADED)[0].rows
    if not networks:
        print("\nThe database holds no network. lungdb load-network FILE loads one.")
        return
    print("\nLoaded networks\n")
    columns = ("name", "ver", "from", "network", "precision", "width", "MB", "SHA-256", "loaded")
    print_table(columns, [_row(*network[1:]) for network in networks])
    names = {network[0]: f"{network[1]}, version {network[2]}" for network in networks}
    sets = run(connection, _FEATURE_SETS)[0].rows
    if sets:
        print("\nFeature sets\n")
        print_table(("network", "layer", "preprocessing", "width"), [(names[key], *told) for key, *told in sets])


def _row(name: str, version: int, library: str, text: str, size: int, sha256: bytes, loaded: Any) -> tuple[Any, ...]:
    details = json.loads(text)
    return (
        name,
        version,
        library,
        details.get("architecture") or "",
        details.get("precision", "float32"),
        details.get("width"),
        f"{size / 1e6:.1f}",
        bytes(sha256).hex()[:_HASH_DIGITS],
        str(loaded)[:10],
    )
