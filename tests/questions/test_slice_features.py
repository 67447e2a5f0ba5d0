"""dbo.slice_features, against NumPy's own reading of the bytes."""

from __future__ import annotations

import hashlib

import numpy as np

from lungdb.database import Connection, run
from tests.support.databases import rows

ROWS, COLS = 7, 300  # more columns than a byte counts


def test_every_kind_of_float32_is_read_bit_by_bit(featured: Connection) -> None:
    """Zeros of both signs, the smallest and the largest, subnormal ones; other scans stand beside, not in between."""
    array = np.random.default_rng(1).normal(size=(ROWS, COLS)).astype("<f4")
    array[2, :8] = [0, -0.0, 1e-42, -(2**-149), 3.4028235e38, -3.4028235e38, 1.1754944e-38, -1.5]
    blob = array.tobytes()
    run(
        featured,
        "UPDATE dbo.features SET array_rows = ?, array_cols = ?, array = ?, sha256 = ? WHERE scan_id = 2;",
        (ROWS, COLS, blob, hashlib.sha256(blob).digest()),
    )
    of_triple = rows(
        featured,
        "SELECT feature, value FROM dbo.slice_features WHERE scan_id = 2 AND triple = 2 ORDER BY feature;",
    )
    assert [feature for feature, _ in of_triple] == list(range(COLS))
    assert np.array_equal(np.float32([value for _, value in of_triple]), array[2])
    of_feature = rows(
        featured,
        "SELECT triple, first_slice, value FROM dbo.slice_features WHERE scan_id = 2 AND feature = 299 "
        "ORDER BY triple;",
    )
    assert of_feature == [(triple, 3 * triple, float(array[triple, 299])) for triple in range(ROWS)]
