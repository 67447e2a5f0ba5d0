"""`lungdb networks`: the pretrained networks that lungdb knows by name, and those that a database holds."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from lungdb.cli.sql import print_table
from lungdb.cli.support import add_database_argument, exit_status
from lungdb.config import load_settings
from lungdb.database import Connection
from lungdb.database.site import is_missing_file, open_database
from lungdb.loading.network_store import ListedNetwork, list_feature_sets, list_networks
from lungdb.networks.architectures.catalog import CATALOG
from lungdb.networks.wording import printable

_HASH_DIGITS = 8


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, or 1 for an error."""
    parser = argparse.ArgumentParser(prog="lungdb networks", description=__doc__)
    add_database_argument(parser)
    arguments = parser.parse_args(argv)
    return exit_status(lambda: _show(arguments.database))


def _show(target: str | None) -> int:
    _print_catalog()
    if target is None and is_missing_file(load_settings().database):
        print("\nThere is no database here; -d TARGET shows the networks of one.")
        return 0
    with open_database(target) as connection:
        _print_loaded(connection)
    return 0


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
    networks = list_networks(connection)
    if not networks:
        print("\nThe database holds no network. lungdb load-network FILE loads one.")
        return
    print("\nLoaded networks\n")
    columns = ("name", "ver", "from", "network", "precision", "width", "MB", "SHA-256", "loaded")
    print_table(columns, [_row(network) for network in networks])
    names = {network.network_id: f"{printable(network.name)}, version {network.version}" for network in networks}
    sets = [
        ("" if one.network_id is None else names[one.network_id], printable(one.layer), one.preprocessing, one.width)
        for one in list_feature_sets(connection)
    ]
    if sets:
        print("\nFeature sets\n")
        print_table(("network", "layer", "preprocessing", "width"), sets)


def _row(network: ListedNetwork) -> tuple[Any, ...]:
    return (
        printable(network.name),
        network.version,
        network.library,
        network.details.get("architecture") or "",
        network.details.get("precision", "float32"),
        network.details.get("width"),
        f"{network.size / 1e6:.1f}",
        network.sha256.hex()[:_HASH_DIGITS],
        str(network.created_at)[:10],
    )
