"""Rows of dbo.nodules as a detector and readers leave them, and where a scan lies."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

from lungdb.database import Connection, run

INSERT_NETWORK = """
INSERT INTO dbo.networks (name, version, library, model, sha256, details) OUTPUT inserted.network_id
VALUES (?, 1, N'onnx', 0x00, HASHBYTES('SHA2_256', ?), ?);
"""
INSERT_FOUND = """
INSERT INTO dbo.nodules (scan_id, x, y, z, diameter, volume, source, network_id, preprocessing, score, content_sha256)
OUTPUT inserted.nodule_id
SELECT scan_id, ?, ?, ?, ?, ?, 'network', ?, N'volume', ?, content_sha256 FROM dbo.scans WHERE scan_id = ?;
"""
INSERT_TRUTH = """
INSERT INTO dbo.nodules (scan_id, x, y, z, diameter, source, readers, malignancy, is_relevant, content_sha256)
OUTPUT inserted.nodule_id
SELECT scan_id, ?, ?, ?, ?, 'truth', ?, ?, ?, content_sha256 FROM dbo.scans WHERE scan_id = ?;
"""
PLACE = """
UPDATE dbo.scans SET origin_x = ?, origin_y = ?, origin_z = ?, row_x = ?, row_y = ?, row_z = ?,
    column_x = ?, column_y = ?, column_z = ?, step_x = ?, step_y = ?, step_z = ?, spacing_y = ?, spacing_x = ?
WHERE scan_id = ?;
"""
INSERT_STAGE = (
    "INSERT INTO dbo.nodule_scores (nodule_id, network_id, preprocessing, score) VALUES (?, ?, N'volume', ?);"
)

Place = tuple[float, float, float]


def add_network(connection: Connection, name: str, form: str | None = "boxes") -> int:
    """Register a network without bytes: a detector of a form, or with None one that gives no places."""
    details = json.dumps({"output": {"form": form}} if form else {})
    return int(run(connection, INSERT_NETWORK, (name, name, details))[0].scalar())


def add_found(
    connection: Connection, scan: int, network: int, place: Place, diameter: float | None, score: float
) -> int:
    """Store what a detector found, with the volume of its sphere."""
    volume = None if diameter is None else np.pi * diameter**3 / 6
    values = (*place, diameter, volume, network, score, scan)
    return int(run(connection, INSERT_FOUND, values)[0].scalar())


def add_truth(
    connection: Connection,
    scan: int,
    place: Place,
    diameter: float | None,
    readers: int | None = None,
    malignancy: float | None = None,
    is_relevant: bool = True,
) -> int:
    """Store what readers marked."""
    values = (*place, diameter, readers, malignancy, int(is_relevant), scan)
    return int(run(connection, INSERT_TRUTH, values)[0].scalar())


def add_stage(connection: Connection, nodule: int, network: int, score: float) -> None:
    """Store what a later stage says of a nodule."""
    run(connection, INSERT_STAGE, (nodule, network, score))


def lay(
    connection: Connection,
    scan: int,
    origin: Place,
    row: Place,
    column: Place,
    step: Place,
    pixel: tuple[float, float],
) -> NDArray[np.float64]:
    """Say where a scan lies; gives the matrix from (column, row, slice, 1) to millimetres, float64[4, 4]."""
    run(connection, PLACE, (*origin, *row, *column, *step, *pixel, scan))
    matrix = np.eye(4)
    matrix[:3, 0] = np.multiply(row, pixel[1])
    matrix[:3, 1] = np.multiply(column, pixel[0])
    matrix[:3, 2] = step
    matrix[:3, 3] = origin
    return matrix
