"""A database with scans, what readers marked in them, and what a detector found."""

from __future__ import annotations

import pytest

from lungdb.database import Connection, run
from tests.support.nodules import add_network, add_scan, add_truth, search

WORKED: dict[str, tuple[list[tuple[float, ...]], list[tuple[float, ...]]]] = {
    "a": ([(0, 0, 0, 10, 4)], [(1, 0, 0, 0.9), (0, 2, 0, 0.95), (0, 0, 5, 0.7), (50, 0, 0, 0.6)]),
    "b": ([(0, 0, 0, 6, 3), (30, 0, 0, 10, 2)], [(34.9, 0, 0, 0.99), (35, 0, 0, 0.3)]),
    "c": ([], []),
    "d": ([(-7, 8, 9, 8, 4)], [(-7, 8, 9, 0.6)]),
}
"""The case that tests/learning/test_froc.py works by hand: marks x, y, z, diameter, readers; candidates x, y, z, score.

What is irrelevant there is here marked by two readers.
"""


@pytest.fixture
def searched(installed: Connection) -> Connection:
    """Give the case worked by hand, as the data set `marked`; a scan beside that nobody has read."""
    detector = add_network(installed, "detector")
    for patient, (marks, candidates) in WORKED.items():
        scan = add_scan(installed, patient, f"1.{patient}")
        for x, y, z, diameter, readers in marks:
            add_truth(installed, scan, (x, y, z), diameter, int(readers))
        search(installed, detector, scan, candidates)
    search(installed, detector, add_scan(installed, "unread", "1.unread"), [(0, 0, 0, 1.0)])
    run(
        installed,
        "EXECUTE dbo.CreateDataset @Name = N'marked', @Query = N'SELECT scan_id FROM dbo.scans WHERE patient_id <> "
        "N''unread''';",
    )
    return installed
