"""dbo.network_layers: the nodes of stored networks as rows, for networks that were loaded before it was there too."""

from __future__ import annotations

import json
from contextlib import closing
from functools import partial
from typing import Any

from lungdb.database import Connection, run
from lungdb.database.retrying import committed, retried
from lungdb.errors import LungdbError
from lungdb.networks.graphs.listing import list_layers
from lungdb.networks.inputs.stored import sides_of

_INSERT = """
INSERT INTO dbo.network_layers (network_id, position, name, operator, output_shape, parameters)
VALUES (?, ?, ?, ?, ?, ?);
"""
_LACKING = """
SELECT n.network_id, n.name, n.version, n.details FROM dbo.networks AS n
WHERE NOT EXISTS (SELECT 1 FROM dbo.network_layers AS l WHERE l.network_id = n.network_id) ORDER BY n.network_id;
"""
_DESCRIBED = "SELECT COUNT(*) FROM dbo.network_layers WITH (UPDLOCK, HOLDLOCK) WHERE network_id = ?;"
_MODEL = "SELECT model FROM dbo.networks WHERE network_id = ?;"
_NAME_LENGTH = 256


def store_layers(connection: Connection, network_id: int, model: bytes, details: dict[str, Any]) -> None:
    """Store the rows of a network that has none, in a transaction of the caller's.

    Raises
    ------
    LungdbError
        The bytes are no ONNX network.
    """
    layers = list_layers(model, *sides_of(details))
    rows = [
        (network_id, place, row.name[:_NAME_LENGTH], row.operator, row.output_shape, row.parameters)
        for place, row in enumerate(layers)
    ]
    with closing(connection.cursor()) as cursor:
        cursor.executemany(_INSERT, rows)


def count_lacking(connection: Connection) -> int:
    """Count the networks that have no rows."""
    return len(run(connection, _LACKING)[0].rows)


def describe_networks(connection: Connection) -> list[tuple[str, int, str]]:
    """Store the rows of every network that has none, each in a transaction of its own.

    Returns
    -------
    list of (str, int, str)
        Name and version of each, and why it could not be described, or an empty text.
    """
    described = []
    for network_id, name, version, details in retried(lambda: run(connection, _LACKING)[0].rows, connection):
        message = ""
        try:
            committed(connection, partial(_describe, connection, network_id, json.loads(details)))
        except LungdbError as error:
            message = str(error)
        described.append((name, version, message))
    return described


def _describe(connection: Connection, network_id: int, details: dict[str, Any]) -> None:
    if not run(connection, _DESCRIBED, (network_id,))[0].scalar():  # by a commit whose answer was lost
        store_layers(connection, network_id, bytes(run(connection, _MODEL, (network_id,))[0].scalar()), details)
