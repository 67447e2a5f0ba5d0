"""Slices that earlier versions stored are stored again, in the encoding that takes less room, beside those who read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lungdb.database import Connection, run
from lungdb.database.retrying import committed, retried
from lungdb.errors import LungdbError
from lungdb.imaging.codecs import PLAIN, SHUFFLED, decode_slice, encode_slice

_AT_ONCE = 16  # slices in a transaction: 5 MB at most of most scans, and locks for milliseconds
_COLUMN = "SELECT COL_LENGTH(N'dbo.scan_images', N'encoding');"
_SCANS = """
SELECT i.scan_id, s.image_rows, s.image_cols, COUNT(*) FROM dbo.scan_images AS i
INNER JOIN dbo.scans AS s ON s.scan_id = i.scan_id
WHERE i.encoding IS NULL GROUP BY i.scan_id, s.image_rows, s.image_cols ORDER BY i.scan_id;
"""
_SLICES = f"""
SELECT TOP ({_AT_ONCE}) slice_index, pixels, pixels_sha256 FROM dbo.scan_images
WHERE scan_id = ? AND slice_index > ? AND encoding IS NULL ORDER BY slice_index;
"""
# The hash says that the row is still the one that was read: a scan may be replaced meanwhile.
_UPDATE = """
UPDATE dbo.scan_images SET pixels = ?, encoding = ?
WHERE scan_id = ? AND slice_index = ? AND encoding IS NULL AND pixels_sha256 = ?;
"""


@dataclass
class Recompression:
    """What was done.

    Attributes
    ----------
    slices : int
        How many were stored again.
    before, after : int
        Bytes of those.
    damaged : list of (int, int)
        scan_id and slice_index of slices that are not what was loaded; they are left as they are.
    """

    slices: int = 0
    before: int = 0
    after: int = 0
    damaged: list[tuple[int, int]] = field(default_factory=list)


def recompress(connection: Connection, report: Callable[[str, int, int], None]) -> Recompression:
    """Store every slice that lies plain as `SHUFFLED`, a few in a transaction; those that lie so already stay.

    What is read is compared with its SHA-256, and what takes its place is read back and compared before it does.
    Stopped at any point, it goes on there when called again.

    Parameters
    ----------
    report : callable
        Called with what is done, how many slices of it and of how many.

    Raises
    ------
    LungdbError
        The database is of a version that knew one encoding.
    """
    if retried(lambda: run(connection, _COLUMN)[0].scalar(), connection) is None:
        raise LungdbError("The database is of an earlier version. Run: lungdb install -d TARGET")
    scans = retried(lambda: run(connection, _SCANS)[0].rows, connection)
    total = sum(count for *_, count in scans)
    done = Recompression()
    seen = 0
    for scan_id, rows, cols, _ in scans:
        last = -1
        while found := retried(partial(_slices, connection, scan_id, last), connection):
            last = found[-1][0]
            seen += len(found)
            _store(connection, scan_id, (rows, cols), found, done)
            report("slices", seen, max(total, seen))
    return done


def _slices(connection: Connection, scan_id: int, last: int) -> list[tuple[Any, ...]]:
    return run(connection, _SLICES, (scan_id, last))[0].rows


def _store(
    connection: Connection, scan_id: int, size: tuple[int, int], found: list[tuple[Any, ...]], done: Recompression
) -> None:
    made = []
    for index, pixels, sha256 in found:
        blob = bytes(pixels)
        try:
            made.append((index, len(blob), _again(blob, *size, bytes(sha256)), bytes(sha256)))
        except LungdbError:
            done.damaged.append((scan_id, index))

    def update() -> None:
        for index, _, blob, sha256 in made:
            run(connection, _UPDATE, (blob, SHUFFLED, scan_id, index, sha256))

    committed(connection, update)
    done.slices += len(made)
    done.before += sum(before for _, before, _, _ in made)
    done.after += sum(len(blob) for _, _, blob, _ in made)


def _again(blob: bytes, rows: int, cols: int, sha256: bytes) -> bytes:
    again, _ = encode_slice(decode_slice(blob, rows, cols, sha256, PLAIN), SHUFFLED)
    decode_slice(again, rows, cols, sha256, SHUFFLED)
    return again
