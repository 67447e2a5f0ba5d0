"""Nodules that readers marked, as rows of dbo.nodules; what networks find lies in the same table and is left alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from lungdb.database import Connection, run

_PRESENT = """
SELECT scan_id, x, y, z, diameter, readers, malignancy, content_sha256
FROM dbo.nodules WITH (UPDLOCK, HOLDLOCK)
WHERE source = 'truth' AND is_relevant = ?;
"""
_DELETE = "DELETE FROM dbo.nodules WHERE scan_id = ? AND source = 'truth' AND is_relevant = ?;"
_INSERT = """
INSERT INTO dbo.nodules (scan_id, x, y, z, diameter, source, readers, malignancy, content_sha256, is_relevant)
VALUES (?, ?, ?, ?, ?, 'truth', ?, ?, ?, ?);
"""


@dataclass(frozen=True)
class Nodule:
    """A nodule.

    Attributes
    ----------
    centre : tuple of float
        x, y and z in mm, in DICOM's patient coordinates: to the patient's left, back and head.
    diameter : float or None
        In mm; None of one that is marked as a point.
    readers : int or None
        How many marked it; None where that is not told.
    malignancy : float or None
        Median of the readers' impressions, 1 to 5, which is no label of the patient.
    """

    centre: tuple[float, float, float]
    diameter: float | None
    readers: int | None = None
    malignancy: float | None = None


def replace_nodules(
    connection: Connection,
    nodules: Mapping[int, Sequence[Nodule]],
    contents: Mapping[int, bytes],
    *,
    is_relevant: bool = True,
) -> tuple[int, int]:
    """Make what readers marked in some scans what is given, inside of the caller's transaction.

    Parameters
    ----------
    nodules : mapping of int to sequence of Nodule
        scan_id -> what is marked in it; the rows of a scan that has just these stay as they are.
    contents : mapping of int to bytes
        scan_id -> content_sha256 of its slices.
    is_relevant : bool
        False for findings that are neither nodules to be found nor false alarms; the others stay beside them.

    Returns
    -------
    tuple of int
        How many scans were changed, and how many of those had others before.
    """
    present: dict[int, list[tuple[object, ...]]] = {}
    for scan_id, *values, content in run(connection, _PRESENT, (int(is_relevant),))[0].rows:
        present.setdefault(scan_id, []).append((*values, bytes(content)))
    changed = []
    rows = []
    for scan_id, found in nodules.items():
        wanted = [(*one.centre, one.diameter, one.readers, one.malignancy, contents[scan_id]) for one in found]
        if sorted(map(repr, wanted)) != sorted(map(repr, present.get(scan_id, []))):
            changed.append(scan_id)
            rows += [(scan_id, *row, int(is_relevant)) for row in wanted]
    with closing(connection.cursor()) as cursor:
        before = [(scan_id, int(is_relevant)) for scan_id in changed if scan_id in present]
        if before:
            cursor.executemany(_DELETE, before)
        if rows:
            cursor.executemany(_INSERT, rows)
    return len(changed), len(before)
