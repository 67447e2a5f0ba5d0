"""The T-SQL that stores a network in dbo.networks and lists what is there, the same on both engines."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lungdb.database import Connection, run
from lungdb.errors import LungdbError
from lungdb.loading.network_layers import store_layers
from lungdb.loading.precision import Entry
from lungdb.networks.wording import printable

_NEXT_VERSION = """
SELECT COALESCE(MAX(version), 0) + 1 AS version FROM dbo.networks WITH (UPDLOCK, HOLDLOCK) WHERE name = ?;
"""
_LOADED = "SELECT name, version, sha256, details FROM dbo.networks ORDER BY network_id;"
_INSERT = """
INSERT INTO dbo.networks (name, version, library, model, sha256, details) VALUES (?, ?, ?, ?, ?, ?);
"""
_NEWEST = "SELECT TOP (1) name FROM dbo.networks ORDER BY network_id DESC;"
_ID = "SELECT network_id FROM dbo.networks WHERE name = ? AND version = ?;"
_LISTED = """
SELECT network_id, name, version, library, details, DATALENGTH(model) AS size, sha256, created_at
FROM dbo.networks ORDER BY name, version;
"""
_FEATURE_SETS = """
SELECT network_id, layer, preprocessing, width FROM dbo.feature_sets ORDER BY feature_set_id;
"""
_SAME = ("input", "normalisation", "penultimate", "width", "precision")


@dataclass(frozen=True)
class StoredNetwork:
    """Where a network is in the database, and whether it was put there just now."""

    name: str
    version: int
    is_new: bool


@dataclass(frozen=True)
class ListedNetwork:
    """A network of the database without its model, whose bytes `size` counts."""

    network_id: int
    name: str
    version: int
    library: str
    details: dict[str, Any]
    size: int
    sha256: bytes
    created_at: datetime


@dataclass(frozen=True)
class ListedFeatureSet:
    """A way to make features with a network, or, without one, features combined of others."""

    network_id: int | None
    layer: str
    preprocessing: str
    width: int


def store_network(connection: Connection, name: str, entry: Entry, *, renamed: bool) -> StoredNetwork:
    """Add a network in a transaction of the caller's, unless it is there.

    Parameters
    ----------
    name : str
        What is there of it is an older version.
    renamed : bool
        The user chose the name, so one that is there under another is refused.

    Raises
    ------
    LungdbError
        It is there under another name.
    """
    version = run(connection, _NEXT_VERSION, (name,))[0].scalar()
    sha256 = entry.sha256
    for other, number, hashed, details in run(connection, _LOADED)[0].rows:
        if other == name and (json.loads(details).get("kind") != entry.details.get("kind")):
            raise LungdbError(
                f"The network {printable(other)} that is there is of another kind: one makes features, and one pools "
                "them. Give another name with --name."
            )
        if bytes(hashed) == sha256 or _is_same(json.loads(details), entry.details):
            if renamed and other != name:
                raise LungdbError(
                    f"The same network is in the database as {printable(other)}, version {number}. Use that name."
                )
            return StoredNetwork(other, number, is_new=False)
    run(connection, _INSERT, (name, version, entry.library, entry.model, sha256, json.dumps(entry.details)))
    network_id = run(connection, _ID, (name, version))[0].scalar()
    store_layers(connection, network_id, entry.model, entry.details)
    return StoredNetwork(name, version, is_new=True)


def list_networks(connection: Connection) -> list[ListedNetwork]:
    """List the networks by name and version."""
    return [
        ListedNetwork(**row | {"details": json.loads(row["details"])}) for row in run(connection, _LISTED)[0].records()
    ]


def newest_network(connection: Connection) -> str:
    """Return the name of the network that was loaded last."""
    return str(run(connection, _NEWEST)[0].scalar())


def list_feature_sets(connection: Connection) -> list[ListedFeatureSet]:
    """List the feature sets in the order in which they were made."""
    return [ListedFeatureSet(*row) for row in run(connection, _FEATURE_SETS)[0].rows]


def _is_same(details: dict[str, Any], other: dict[str, Any]) -> bool:
    """Tell whether two networks come from the same file and are described alike."""
    source = details.get("source")
    if other["precision"] != "float32":  # calibrated on what the database held at the time
        return False
    return bool(source) and source == other["source"] and all(details.get(key) == other[key] for key in _SAME)
