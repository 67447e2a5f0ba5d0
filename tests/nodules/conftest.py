"""A database with scans, what readers marked in them, and what a detector found."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest

from lungdb.database import Connection, run
from tests.support.databases import rows

Place = tuple[float, float, float]
WORKED: dict[str, tuple[list[tuple[float, ...]], list[tuple[float, ...]]]] = {
    "a": ([(0, 0, 0, 10, 4)], [(1, 0, 0, 0.9), (0, 2, 0, 0.95), (0, 0, 5, 0.7), (50, 0, 0, 0.6)]),
    "b": ([(0, 0, 0, 6, 3), (30, 0, 0, 10, 2)], [(34.9, 0, 0, 0.99), (35, 0, 0, 0.3)]),
    "c": ([], []),
    "d": ([(-7, 8, 9, 8, 4)], [(-7, 8, 9, 0.6)]),
}
"""The case that tests/learning/test_froc.py works by hand: marks x, y, z, diameter, readers; candidates x, y, z, score.

What is irrelevant there is here marked by two readers.
"""


def add_network(connection: Connection, name: str, model: bytes = b"", details: str = "{}") -> int:
    """Store a network, and give its number."""
    run(
        connection,
        "INSERT INTO dbo.networks (name, version, library, model, sha256, details) VALUES (?, 1, N'onnx', ?, ?, ?);",
        (name, model, hashlib.sha256(model).digest(), details),
    )
    ((number,),) = rows(connection, "SELECT MAX(network_id) FROM dbo.networks;")
    return int(number)


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


def mark(
    connection: Connection, scan: int, place: Sequence[float], diameter: float | None, readers: int | None = 4
) -> None:
    """Store what readers marked in a scan."""
    run(
        connection,
        "INSERT INTO dbo.nodules (scan_id, x, y, z, diameter, source, readers, content_sha256) "
        "SELECT scan_id, ?, ?, ?, ?, 'truth', ?, content_sha256 FROM dbo.scans WHERE scan_id = ?;",
        (*place, diameter, readers, scan),
    )


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


@pytest.fixture
def searched(installed: Connection) -> Connection:
    """Give the case worked by hand, as the data set `marked`; a scan beside that nobody has read."""
    detector = add_network(installed, "detector", b"detector")
    for patient, (marks, candidates) in WORKED.items():
        scan = add_scan(installed, patient, f"1.{patient}")
        for x, y, z, diameter, readers in marks:
            mark(installed, scan, (x, y, z), diameter, int(readers))
        search(installed, detector, scan, candidates)
    search(installed, detector, add_scan(installed, "unread", "1.unread"), [(0, 0, 0, 1.0)])
    run(
        installed,
        "EXECUTE dbo.CreateDataset @Name = N'marked', @Query = N'SELECT scan_id FROM dbo.scans WHERE patient_id <> "
        "N''unread''';",
    )
    return installed
