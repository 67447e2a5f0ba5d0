"""Lungs of phantoms, whose lungs are known, and what FindLungs does with scans that have none."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from lungdb.database import Connection, run
from lungdb.errors import LungdbError, SqlError
from lungdb.imaging.codecs import content_sha256, encode_slice
from lungdb.imaging.volumes.geometry import Geometry
from lungdb.imaging.volumes.lungs import dice, find_lungs
from lungdb.imaging.volumes.moving import oriented
from lungdb.imaging.volumes.registry import Scan
from lungdb.phantoms import Phantom
from tests.support.databases import refused, rows
from tests.volumes.conftest import PHANTOMS, geometry_of
from tests.volumes.test_volume_steps import ANY

LEAST_DICE = 0.97


def failed(connection: Connection) -> str:
    """Call FindLungs where a scan fails, which it says at its end; give its message."""
    with pytest.raises(SqlError) as refusal:
        run(connection, "EXECUTE dbo.FindLungs;")
    assert refusal.value.number == 50120
    return refusal.value.message


def test_find_lungs_stores_masks_that_agree_with_the_known_lungs(database: Connection, phantoms: list[Phantom]) -> None:
    """Of six phantoms each; the mask that is stored, read by NumPy alone, has the Dice and the volume beside it."""
    found = run(database, "EXECUTE dbo.FindLungs @ChunkMegabytes = 1;")[-1].rows
    assert [row[0] for row in found] == list(range(1, PHANTOMS + 1))
    for (_, millilitres, *box, stored), phantom in zip(found, phantoms, strict=True):
        assert stored > LEAST_DICE
        voxel = float(np.prod(phantom.spacing)) / 1000
        assert millilitres == pytest.approx(np.count_nonzero(phantom.lungs) * voxel, rel=0.05)
        places = np.argwhere(phantom.lungs)
        ends = np.stack([places.min(axis=0), places.max(axis=0)], axis=1).ravel()
        assert np.abs(np.array(box) - ends).max() <= 4
    blob, score = rows(database, "SELECT mask, dice FROM dbo.lung_masks WHERE scan_id = 1 AND method = N'threshold';")[
        0
    ]
    shape = phantoms[0].hu.shape
    bits = np.unpackbits(np.frombuffer(gzip.decompress(blob), np.uint8))[: int(np.prod(shape))].reshape(shape)
    both = np.count_nonzero((bits == 1) & phantoms[0].lungs)
    assert 2 * both / (bits.sum() + phantoms[0].lungs.sum()) == pytest.approx(score, abs=1e-12)


def test_lungs_of_other_slices_are_found_again(database: Connection) -> None:
    """What was found in slices that are no longer there is not taken for the lungs of those that are."""
    run(database, "EXECUTE dbo.FindLungs;")
    run(database, "UPDATE dbo.lung_masks SET content_sha256 = 0x00 WHERE scan_id = 2;")
    run(database, "EXECUTE dbo.FindLungs;")
    found = rows(
        database,
        "SELECT l.method, l.dice FROM dbo.lung_masks AS l INNER JOIN dbo.scans AS s ON s.scan_id = l.scan_id "
        "AND s.content_sha256 = l.content_sha256 WHERE l.scan_id = 2;",
    )
    assert found == [("threshold", None)]
    (total,) = rows(database, "SELECT TOP (1) message FROM dbo.run_steps ORDER BY run_id DESC, step;")[0]
    assert total == "1 scans to find lungs in."


def test_a_scan_without_lungs_is_named_and_the_others_are_stored(database: Connection) -> None:
    """Air alone, and later nothing to do; a call with another threshold finds them again."""
    slices = rows(database, "SELECT slice_index FROM dbo.scan_images WHERE scan_id = 3;")
    blob, sha256 = encode_slice(np.full((96, 96), -1024, dtype=np.int16))
    run(database, "UPDATE dbo.scan_images SET pixels = ?, pixels_sha256 = ? WHERE scan_id = 3;", (blob, sha256))
    content = content_sha256([sha256] * len(slices))
    run(database, "UPDATE dbo.scans SET content_sha256 = ? WHERE scan_id = 3;", (content,))
    message = failed(database)
    assert (
        "1 of 6 scans failed: scan 3: No lungs are found: what lies below -400 HU within the body has 0 ml" in message
    )
    assert rows(database, "SELECT scan_id FROM dbo.lung_masks WHERE method = N'threshold';") == [
        (1,),
        (2,),
        (4,),
        (5,),
        (6,),
    ]
    assert rows(database, "SELECT TOP (1) failed, total FROM dbo.runs ORDER BY run_id DESC;") == [(1, 6)]
    run(database, "DELETE FROM dbo.scan_images WHERE scan_id = 3; DELETE FROM dbo.lung_masks WHERE scan_id = 3;")
    run(database, "DELETE FROM dbo.scans WHERE scan_id = 3;")
    assert len(run(database, "EXECUTE dbo.FindLungs;")[-1].rows) == PHANTOMS - 1
    assert rows(database, "SELECT TOP (1) total FROM dbo.runs ORDER BY run_id DESC;") == [(0,)]


def test_arguments_that_cannot_be_worked_with_are_named(database: Connection) -> None:
    """All in one error, and nothing inside a transaction."""
    message = refused(database, "EXECUTE dbo.FindLungs @Threshold = 40, @ChunkMegabytes = 0;", 50101)
    assert "@Threshold" in message
    assert "@ChunkMegabytes" in message
    run(database, "BEGIN TRANSACTION;")
    refused(database, "EXECUTE dbo.FindLungs;", 50100)


def test_a_scan_whose_place_is_not_known_says_what_to_do(database: Connection) -> None:
    """It was loaded before places were recorded."""
    run(database, "UPDATE dbo.scans SET step_z = NULL WHERE scan_id = 2;")
    message = failed(database)
    assert (
        "scan 2: The place in the patient of the scan is not known (step_z of dbo.scans is NULL). Load it again"
        in message
    )


@pytest.mark.parametrize("orientation", ["IAR", "RPS", "ASL"])
def test_lungs_are_the_same_whichever_way_a_scan_lies(phantoms: list[Phantom], orientation: str) -> None:
    """Turned, found, and turned back."""
    place = geometry_of(phantoms[0])
    turned = oriented(Scan(phantoms[0].hu, place, ANY), orientation)
    lungs = find_lungs(turned.values, turned.geometry)
    back = oriented(Scan(lungs.mask, turned.geometry, ANY), "SPL").values
    assert (back == find_lungs(phantoms[0].hu, place).mask).all()


def test_the_windpipe_above_the_lungs_is_no_lung(phantoms: list[Phantom]) -> None:
    """In the topmost slices that show air in the middle of the body, the mask has nothing there."""
    for phantom in phantoms[:3]:
        mask = find_lungs(phantom.hu, geometry_of(phantom)).mask
        lungs = np.flatnonzero(phantom.lungs.any(axis=(1, 2)))
        above = mask[lungs[-1] + 1 :]
        assert np.count_nonzero(above) == 0


def test_a_soft_body_without_air_is_refused() -> None:
    """With how much there is and what to do."""
    hu = np.full((20, 64, 64), -1000, dtype=np.int16)
    hu[:, 8:-8, 8:-8] = 40
    hu[5:15, 20:32, 20:32] = -800
    with pytest.raises(LungdbError, match=r"has 39 ml, and lungs have at least 200 ml\. Load a CT"):
        find_lungs(hu, Geometry((0, 0, 0), ((0, 0, 3), (0, 3, 0), (3, 0, 0))))


def test_dice_is_that_of_a_case_worked_by_hand() -> None:
    """Three voxels against two of which one is common: 2·1/(3+2)."""
    first = np.array([1, 1, 1, 0, 0], dtype=bool)
    second = np.array([0, 0, 1, 1, 0], dtype=bool)
    assert dice(first, second) == pytest.approx(0.4)
