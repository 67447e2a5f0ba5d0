"""Rows of dbo.nodules as a detector and readers leave them, and where a scan lies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lungdb.database import Connection, run
from tests.support.databases import rows

INSERT_NETWORK = """
INSERT INTO dbo.networks (name, version, library, model, sha256, details) OUTPUT inserted.network_id
VALUES (?, 1, N'onnx', ?, ?, ?);
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


def add_network(
    connection: Connection,
    name: str,
    form: str | None = "boxes",
    *,
    model: bytes | None = None,
    details: str | None = None,
) -> int:
    """Register a network: a detector of a form, or with None one that gives no places; its bytes are none that run.

    Bytes and details may be given instead.
    """
    told = details or json.dumps({"output": {"form": form}} if form else {})
    content = name.encode() if model is None else model
    return int(run(connection, INSERT_NETWORK, (name, content, hashlib.sha256(content).digest(), told))[0].scalar())


def add_scan(connection: Connection, patient: str, series: str, **columns: object) -> int:
    """Store a scan without pixels, and its patient where that is a new one; give its number."""
    content = hashlib.sha256(series.encode()).digest()
    run(
        connection,
        "IF NOT EXISTS (SELECT 1 FROM dbo.patients WHERE patient_id = ?) INSERT INTO dbo.patients (patient_id, idx) "
        "SELECT ?, COUNT(*) FROM dbo.patients;"
        "INSERT INTO dbo.scans (patient_id, is_primary, series_uid, study_uid, image_rows, image_cols, number_images, "
        "content_sha256) SELECT ?, CASE COUNT(*) WHEN 0 THEN 1 ELSE 0 END, ?, ?, 64, 64, 1, ? FROM dbo.scans "
        "WHERE patient_id = ?;",
        (patient, patient, patient, series, f"study of {series}", content, patient),
    )
    ((number,),) = rows(connection, "SELECT MAX(scan_id) FROM dbo.scans;")
    for name, value in columns.items():
        run(connection, f"UPDATE dbo.scans SET {name} = ? WHERE scan_id = ?;", (value, number))
    return int(number)


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


def search(connection: Connection, network: int, scan: int, candidates: Sequence[Sequence[float]]) -> None:
    """Store what a detector found in a scan: x, y, z in mm, score; and that it has searched."""
    run(
        connection,
        "IF NOT EXISTS (SELECT 1 FROM dbo.feature_sets WHERE network_id = ?) INSERT INTO dbo.feature_sets (network_id, "
        "layer, preprocessing, width) VALUES (?, N'nodules', N'volume', 6);"
        "INSERT INTO dbo.features (scan_id, feature_set_id, array_rows, array_cols, array, sha256) "
        "SELECT ?, feature_set_id, 1, 6, 0x, 0x FROM dbo.feature_sets WHERE network_id = ?;",
        (network, network, scan, network),
    )
    for x, y, z, score in candidates:
        run(
            connection,
            "INSERT INTO dbo.nodules (scan_id, x, y, z, diameter, source, network_id, preprocessing, score, "
            "content_sha256) SELECT scan_id, ?, ?, ?, 6, 'network', ?, N'volume', ?, content_sha256 FROM dbo.scans "
            "WHERE scan_id = ?;",
            (x, y, z, network, score, scan),
        )
