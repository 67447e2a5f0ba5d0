"""TopSlices, against NumPy's own order of the values, and its sheet against the pixels."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np
import pandas as pd

from lungdb.database import Connection, run
from lungdb.imaging.codecs import SHUFFLED, encode_slice
from lungdb.imaging.contact_sheet import SIDE, contact_sheet
from lungdb.procedures import slices_sheet, top_triples
from tests.support.databases import refused, said

SIZE = 32


def store_arrays(connection: Connection, scans: int, triples: int) -> np.ndarray:
    """Give the first scans arrays of five features, and slices of their own grey; the arrays come back."""
    arrays = np.random.default_rng(4).normal(size=(scans, triples, 5)).astype("<f4")
    run(connection, "UPDATE dbo.feature_sets SET width = 5; DELETE FROM dbo.features WHERE scan_id > ?;", (scans,))
    for place, array in enumerate(arrays):
        blob = array.tobytes()
        run(
            connection,
            "UPDATE dbo.features SET array_rows = ?, array_cols = 5, array = ?, sha256 = ? WHERE scan_id = ?;"
            "UPDATE dbo.scans SET image_rows = 32, image_cols = 32, number_images = ? WHERE scan_id = ?;"
            "DELETE FROM dbo.scan_images WHERE scan_id = ?;",
            (triples, blob, hashlib.sha256(blob).digest(), place + 1, 3 * triples, place + 1, place + 1),
        )
        for index in range(3 * triples):
            pixels, sha256 = encode_slice(np.full((SIZE, SIZE), grey(place + 1, index), np.int16), SHUFFLED)
            run(
                connection,
                "INSERT INTO dbo.scan_images (scan_id, slice_index, instance_uid, rescale_slope, rescale_intercept, "
                "encoding, pixels, pixels_sha256) VALUES (?, ?, ?, 1, -1024, N'shuffled', ?, ?);",
                (place + 1, index, f"1.{place}.{index}", pixels, sha256),
            )
    return arrays


def grey(scan: int, index: int) -> int:
    """Give the Hounsfield units of a slice."""
    return -1300 + 100 * scan + 50 * index


def test_ties_are_told(trained: Connection) -> None:
    """A feature that is 0 everywhere, and one triple alone, which is no tie."""
    arrays = store_arrays(trained, 4, 3)
    arrays[:, :, 2] = 0
    for place, array in enumerate(arrays):
        sql = "UPDATE dbo.features SET array = ?, sha256 = ? WHERE scan_id = ?;"
        run(trained, sql, (array.tobytes(), hashlib.sha256(array.tobytes()).digest(), place + 1))
    assert "Feature 2 is the same in all" in said(trained, "EXECUTE dbo.TopSlices @Feature = 2, @Top = 5;")
    assert "is the same" not in said(trained, "EXECUTE dbo.TopSlices @Feature = 2, @Top = 1;")
    assert "is the same" not in said(trained, "EXECUTE dbo.TopSlices @Feature = 1, @Top = 5;")


def test_the_largest_come_first_with_their_middle_slices(trained: Connection) -> None:
    """Over all scans, and over a data set alone; the sheet shows the middle slice of each, in the lung's window."""
    arrays = store_arrays(trained, 4, 3)
    found, sheet = (result.rows for result in run(trained, "EXECUTE dbo.TopSlices @Feature = 2, @Top = 5;"))
    flat = arrays[:, :, 2].ravel()
    order = np.argsort(-flat, kind="stable")[:5]
    places = [(row[2] - 1) * 3 + row[3] for row in found]
    assert places == order.tolist()
    assert [row[0] for row in found] == [1, 2, 3, 4, 5]
    np.testing.assert_array_equal(np.float32([row[5] for row in found]), flat[order])
    picture = cv2.imdecode(np.frombuffer(sheet[0][0], np.uint8), cv2.IMREAD_UNCHANGED)
    for place, row in enumerate(found):
        top, left = 6 + place // 3 * (SIDE + 26), 6 + place % 3 * (SIDE + 6)
        shown = picture[top : top + SIDE, left : left + SIDE]
        expected = 255 * np.clip((grey(row[2], 3 * row[3] + 1) + 1350) / 1500, 0, 1)
        assert np.abs(shown - expected).max() <= 1
    run(
        trained,
        "EXECUTE dbo.CreateDataset @Name = N'two', @Query = N'SELECT scan_id FROM dbo.scans WHERE scan_id = 2';",
    )
    of_set = run(trained, "EXECUTE dbo.TopSlices @Feature = 2, @Dataset = N'two', @Top = 100;")[0].rows
    assert [row[3] for row in of_set] == np.argsort(-arrays[1, :, 2], kind="stable").tolist()


def test_what_cannot_be_shown_is_refused(trained: Connection) -> None:
    """A feature that is not there, damaged arrays and pixels, no arrays at all."""
    store_arrays(trained, 2, 1)
    assert "0 to 4" in refused(trained, "EXECUTE dbo.TopSlices @Feature = 5;", 50101)
    refused(trained, "EXECUTE dbo.TopSlices;", 50101)
    refused(trained, "EXECUTE dbo.TopSlices @Feature = 0, @FeatureSetId = 99;", 50117)
    refused(trained, "EXECUTE dbo.TopSlices @Feature = 0, @Top = 0;", 50101)
    run(trained, "UPDATE dbo.scan_images SET pixels = 0x00 WHERE scan_id = 1;")
    assert "Scan 1, slice 1" in refused(trained, "EXECUTE dbo.TopSlices @Feature = 0;", 50105)
    run(trained, "UPDATE dbo.features SET array = 0x00 WHERE scan_id = 2;")
    assert "scan 2" in refused(trained, "EXECUTE dbo.TopSlices @Feature = 0;", 50105)
    run(trained, "DELETE FROM dbo.features;")
    refused(trained, "EXECUTE dbo.TopSlices @Feature = 0;", 50109)


def test_scans_without_slices_have_rows_and_no_sheet(trained: Connection) -> None:
    """As a copied model brings them."""
    store_arrays(trained, 2, 1)
    run(trained, "DELETE FROM dbo.scan_images;")
    found, sheet = (result.rows for result in run(trained, "EXECUTE dbo.TopSlices @Feature = 0;"))
    assert len(found) == 2
    assert sheet == [(None,)]


def test_a_slice_that_is_not_square_keeps_its_shape() -> None:
    """And each has its caption below; nothing to draw is refused."""
    sheet = contact_sheet([np.zeros((20, 10)), np.full((5, 10), -1350)], ["a", "b"])
    picture = cv2.imdecode(np.frombuffer(sheet, np.uint8), cv2.IMREAD_UNCHANGED)
    first = picture[6 : 6 + SIDE, 6 : 6 + SIDE]
    columns = np.flatnonzero((first > 200).all(axis=0))
    assert (columns.min(), columns.max()) == (SIDE // 4, 3 * SIDE // 4 - 1)
    assert picture[6 + SIDE : 6 + SIDE + 20, 6 : 6 + SIDE].max() > 150


def test_a_missing_column_is_refused() -> None:
    """By name, in both scripts."""
    frame = pd.DataFrame({"scan_id": [1]})
    for _, number, message in (top_triples(frame, 0, 1), slices_sheet(frame)):
        assert number == 50101
        assert "has no column" in message
