"""Checking where lungs lie: that each mask is the one that was stored, of the size and the slices of its scan."""

from __future__ import annotations

from lungdb.database import Connection, run
from lungdb.errors import LungdbError, SqlError
from lungdb.imaging.volumes.masks import decode_mask

SCANS = "SELECT scan_id, COUNT(*) FROM dbo.lung_masks GROUP BY scan_id ORDER BY scan_id;"
"""Scans with lungs, and how many masks each has."""

MASKS = """
SELECT l.method, l.mask, l.mask_sha256, CASE WHEN l.content_sha256 = s.content_sha256 THEN 1 ELSE 0 END AS is_of_scan,
    s.number_images, s.image_rows, s.image_cols
FROM dbo.lung_masks AS l INNER JOIN dbo.scans AS s ON s.scan_id = l.scan_id WHERE l.scan_id = ? ORDER BY l.method;
"""

ADVICE = (
    "Find them again with EXECUTE dbo.FindLungs @Recompute = 1, or, of the method truth, load them again: lungdb "
    "load-lungs."
)


def mask_faults(connection: Connection, scan_id: int) -> list[str]:
    """Say what is wrong with the lungs of a scan, a text a mask."""
    faults = []
    try:
        rows = run(connection, MASKS, (scan_id,))[-1].rows
    except SqlError as error:
        return [f"scan_id {scan_id}: they cannot be read ({error.message})"]
    for method, mask, sha256, is_of_scan, slices, image_rows, cols in rows:
        named = f"scan_id {scan_id}, method {method}"
        if not is_of_scan:
            faults.append(f"{named}: they are of other slices than the scan has")
            continue
        try:
            decode_mask(bytes(mask), (slices, image_rows, cols), bytes(sha256))
        except LungdbError:
            faults.append(f"{named}: the mask does not match its SHA-256 or size")
    return faults
