"""Detectors of each form, from load-network to the rows of dbo.nodules, against what is computed from the voxels."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from lungdb.cli import load_network
from lungdb.database import Connection, connect, run
from lungdb.errors import SqlError
from lungdb.operating.checks import CHECKS
from tests.support.databases import copy_to, refused, rows, said, target_of
from tests.volume_features.detectors import (
    BALLS,
    PLACED,
    SHAPE,
    SPACING,
    TURNED,
    add_scan,
    hu_with_balls,
    place_of,
    write_brightest,
    write_smoothing,
)
from tests.volume_features.writing import write_map

DATA = Path(__file__).parents[1] / "data" / "detecting"
WINDOW = "window=-1000,200,spacing=any,orientation=SPL"
FOUND = (
    "SELECT x, y, z, diameter, volume, score FROM dbo.nodules WHERE source = 'network' AND scan_id = {} "
    "ORDER BY score DESC;"
)
MIDDLES = [ball[:3] for ball in BALLS]


@pytest.fixture(scope="module")
def scanned_file(installed_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the same balls in a patient on the back and in one on the belly."""
    file = copy_to(tmp_path_factory.mktemp("scanned"), installed_file)
    with closing(connect(target_of(file))) as connection:
        add_scan(connection, hu_with_balls(), PLACED)
        add_scan(connection, hu_with_balls(), TURNED)
    return file


@pytest.fixture
def scanned(scanned_file: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return copy_to(tmp_path, scanned_file)


def detected(database: Path, network: Path, detects: str, reads: str) -> Connection:
    """Load a detector and let it look at all scans; the connection is open."""
    target = target_of(database)
    told = ["--name", "detector", "--detects", detects, "--input", reads]
    assert load_network.main([str(network), "-d", target, *told]) == 0
    connection = connect(target)
    run(connection, "EXECUTE dbo.GenerateFeatures @ModelName = N'detector';")
    return connection


def found_in(connection: Connection, scan: int) -> NDArray[np.float64]:
    """Give x, y, z, diameter, volume and score of the nodules of a scan, the most probable first."""
    return np.array(rows(connection, FOUND.format(scan)), float).reshape(-1, 6)


def in_order_of(found: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the nodules that lie nearest to places."""
    return found[np.linalg.norm(found[None, :, :3] - places[:, None], axis=2).argmin(axis=1)]


def windowed(hu: NDArray[np.int16]) -> NDArray[np.float64]:
    """Give what a network with that window reads."""
    return np.clip((hu.astype(float) + 1000) / 1200, 0, 1)


def test_parts_of_a_segmentation_are_counted_in_tiles(scanned: Path, tmp_path: Path) -> None:
    """Twelve tiles a scan, combined; middles, volumes and scores by SciPy on the scan as a whole."""
    network = write_map(tmp_path / "map.onnx", (16, 24, 24))
    probability = np.clip((windowed(hu_with_balls()) - 0.8) * 10, 0, 1)
    labels, count = ndimage.label(probability > 0.5, np.ones((3, 3, 3)))
    voxels = [np.argwhere(labels == number) for number in range(1, count + 1)]

    with closing(detected(scanned, network, "segmentation,score=probability", WINDOW)) as connection:
        for scan, placed in ((1, PLACED), (2, TURNED)):
            places = np.concatenate([place_of([part.mean(axis=0)], placed) for part in voxels])
            found = in_order_of(found_in(connection, scan), places)

            assert len(found_in(connection, scan)) == len(voxels) == len(BALLS)
            np.testing.assert_allclose(found[:, :3], places, atol=1e-3)
            volumes = np.array([len(part) * np.prod(SPACING) for part in voxels])
            np.testing.assert_allclose(found[:, 4], volumes, rtol=1e-6)
            np.testing.assert_allclose(found[:, 3], np.cbrt(6 * volumes / np.pi), rtol=1e-6)
            np.testing.assert_allclose(found[:, 5], [probability[tuple(part.T)].max() for part in voxels], atol=1e-4)


def test_peaks_of_heat_lie_in_the_middle_of_the_balls(scanned: Path, tmp_path: Path) -> None:
    """A Gaussian convolution of a network that takes volumes of any size; its heights by SciPy."""
    kernel = ndimage.gaussian_filter(np.pad([[[1.0]]], 3), 1.2)
    network = write_smoothing(tmp_path / "heat.onnx", ("D", "H", "W"), (kernel / kernel.sum()).astype(np.float32))
    heat = ndimage.correlate(windowed(hu_with_balls()), kernel / kernel.sum(), mode="constant")

    declared = "heatmap,score=probability,diameter=7.5,threshold=0.4"
    with closing(detected(scanned, network, declared, f"{WINDOW},size=any,any,any")) as connection:
        for scan, placed in ((1, PLACED), (2, TURNED)):
            found = in_order_of(found_in(connection, scan), place_of(MIDDLES, placed))

            assert len(found_in(connection, scan)) == len(BALLS)
            np.testing.assert_allclose(found[:, :3], place_of(MIDDLES, placed), atol=1e-3)
            np.testing.assert_allclose(found[:, 5], [heat[middle] for middle in MIDDLES], atol=1e-3)
            np.testing.assert_allclose(found[:, 3], 7.5)


def test_boxes_of_tiles_that_overlap_are_a_nodule_each(scanned: Path, tmp_path: Path) -> None:
    """The brightest voxel of each tile, where one is bright enough, counted once."""
    network = write_brightest(tmp_path / "boxes.onnx", (16, 24, 24))
    declared = "boxes,columns=score zc yc xc d,unit=voxel,score=probability,threshold=0.955"

    with closing(detected(scanned, network, declared, WINDOW)) as connection:
        for scan, placed in ((1, PLACED), (2, TURNED)):
            found = in_order_of(found_in(connection, scan), place_of(MIDDLES, placed))

            assert len(found_in(connection, scan)) == len(BALLS)
            np.testing.assert_allclose(found[:, :3], place_of(MIDDLES, placed), atol=1e-3)
            np.testing.assert_allclose(found[:, 3], 5 * 0.8, rtol=1e-6)
            np.testing.assert_allclose(found[:, 4], np.pi / 6 * 125 * np.prod(SPACING), rtol=1e-6)
            np.testing.assert_allclose(found[:, 5], windowed(np.array(150)), atol=1e-4)


def test_candidates_of_no_size_or_place_are_named_and_nothing_is_stored(scanned: Path, tmp_path: Path) -> None:
    """A size that no float32 of the features holds a volume of, and no body."""
    network = write_brightest(tmp_path / "boxes.onnx", (16, 24, 24), side=1e20)
    declared = "boxes,columns=score zc yc xc d,unit=mm,frame=LPS,score=probability"
    with pytest.raises(SqlError, match="2 of 2 scans failed") as caught:
        detected(scanned, network, declared, WINDOW)
    with closing(connect(target_of(scanned))) as connection:
        assert rows(connection, "SELECT COUNT(*) FROM dbo.nodules;") == [(0,)]
        error = rows(connection, "SELECT TOP (1) message FROM dbo.scan_failures;")[0][0]
    assert caught.value.number == 50120
    assert "a place or size that no nodule has" in error
    assert "with a diameter of 1e+20 mm" in error


def test_a_network_that_monai_exported_finds_what_monai_finds(installed_file: Path, tmp_path: Path) -> None:
    """Its heads on a scan turned to x, y, z of RAS; boxes, sizes and scores are MONAI's own."""
    database = copy_to(tmp_path, installed_file)
    hu = np.random.default_rng(21).integers(-1000, 400, SHAPE).astype(np.int16)
    with closing(connect(target_of(database))) as connection:
        add_scan(connection, hu, PLACED)
    with np.load(DATA / "monai.npz") as recorded:
        boxes, scores = recorded["scan_boxes"].astype(float), recorded["scan_scores"].astype(float)
    declared = (
        "retinanet,anchor_shapes=[[6,8,4],[8,6,5],[10,10,6]],anchor_scales=[1,2],threshold=0.3,per_level=200,most=40"
    )

    reads = "orientation=RAS,spacing=any,window=-1024,300"
    with closing(detected(database, DATA / "retinanet.onnx", declared, reads)) as connection:
        found = found_in(connection, 1)

    # An index from the right and the front, in an array of x, y, z, is one from the left and the back.
    x, y, z = (boxes[:, :3] + boxes[:, 3:]).T / 2
    places = place_of(np.stack([z, SHAPE[1] - 1 - y, SHAPE[2] - 1 - x], axis=1), PLACED)
    sides = (boxes[:, 3:] - boxes[:, :3]) * SPACING[::-1]
    assert len(found) == len(boxes) == 40
    np.testing.assert_allclose(found[:, 5], scores, atol=1e-4)
    np.testing.assert_allclose(found[:, :3], places, atol=2e-2)
    np.testing.assert_allclose(found[:, 3], sides[:, :2].mean(axis=1), atol=2e-2)
    np.testing.assert_allclose(found[:, 4], np.pi / 6 * sides.prod(axis=1), rtol=1e-2)


def test_nodules_are_resumed_replaced_and_deleted_with_their_features(scanned: Path, tmp_path: Path) -> None:
    """A second call does nothing; made again they are new rows in the same places; the network stays while they do."""
    network = write_map(tmp_path / "map.onnx", (16, 24, 24))
    call = "EXECUTE dbo.GenerateFeatures @ModelName = N'detector'{};"
    ids = "SELECT nodule_id FROM dbo.nodules ORDER BY nodule_id;"
    with closing(detected(scanned, network, "segmentation,score=probability", WINDOW)) as connection:
        before, places = rows(connection, ids), found_in(connection, 2)
        assert "0 scans to do" in said(connection, call.format(""))
        assert rows(connection, ids) == before

        run(
            connection, "DELETE FROM dbo.features WHERE scan_id = 2; DELETE FROM dbo.pooled_features WHERE scan_id = 2;"
        )
        assert "1 scans to do" in said(connection, call.format(""))
        assert rows(connection, ids)[:3] == before[:3]
        assert {row[0] for row in rows(connection, ids)[3:]}.isdisjoint({row[0] for row in before})
        np.testing.assert_array_equal(found_in(connection, 2), places)

        run(connection, call.format(", @Recompute = 1"))
        assert len(rows(connection, ids)) == 2 * len(BALLS)
        np.testing.assert_array_equal(found_in(connection, 2), places)
        deleting = "EXECUTE dbo.DeleteNetwork @ModelName = N'detector', @Version = 1;"
        assert "6 nodules" in refused(connection, deleting, 50305)

        counts = dict(rows(connection, "EXECUTE dbo.DeleteFeatures @NetworkName = N'detector', @Layer = N'nodules';"))
        assert counts["nodules"] == 6
        assert rows(connection, ids) == []
        run(connection, deleting)
        assert rows(connection, "SELECT 1 FROM dbo.networks;") == []


def test_features_hold_the_candidates_and_their_five_best_scores(scanned: Path, tmp_path: Path) -> None:
    """The layer `nodules` has a row of six numbers each; fewer than five scores end in zeros."""
    network = write_map(tmp_path / "map.onnx", (16, 24, 24))
    with closing(connect(target_of(scanned))) as connection:
        add_scan(connection, np.full(SHAPE, -850, np.int16), PLACED)
    with closing(detected(scanned, network, "segmentation,score=probability", WINDOW)) as connection:
        (stored,) = run(
            connection,
            "SELECT f.array_rows, f.array_cols, f.array, p.vector FROM dbo.features AS f "
            "INNER JOIN dbo.pooled_features AS p ON p.scan_id = f.scan_id AND p.feature_set_id = f.feature_set_id "
            "WHERE p.pooling = N'top5' ORDER BY f.scan_id;",
        )
        found = found_in(connection, 1)
    whole, _, nothing = stored.rows
    np.testing.assert_allclose(np.frombuffer(whole[2], "<f4").reshape(whole[:2]), found, rtol=1e-6)
    np.testing.assert_allclose(np.array(_numbers(whole[3])), [*found[:, 5], 0, 0], rtol=1e-6)
    assert nothing[:2] == (1, 6)
    assert not np.frombuffer(nothing[2], "<f4").any()
    assert _numbers(nothing[3]) == [0] * 5


def test_a_scan_without_a_place_is_named_and_the_others_go_on(scanned: Path, tmp_path: Path) -> None:
    """Nodules lie somewhere in a patient; of a scan whose place is not known none are stored."""
    network = write_map(tmp_path / "map.onnx", (16, 24, 24))
    with closing(connect(target_of(scanned))) as connection:
        run(connection, "UPDATE dbo.scans SET origin_x = NULL WHERE scan_id = 1;")
    told = ["--name", "detector", "--detects", "segmentation,score=probability", "--input", WINDOW]
    assert load_network.main([str(network), "-d", target_of(scanned), *told]) == 0
    with closing(connect(target_of(scanned))) as connection:
        with pytest.raises(SqlError, match="1 of 2 scans failed") as caught:
            run(connection, "EXECUTE dbo.GenerateFeatures @ModelName = N'detector';")
        ((scan, error),) = rows(connection, "SELECT scan_id, message FROM dbo.scan_failures;")

        assert caught.value.number == 50120
        assert (scan, len(found_in(connection, 2))) == (1, len(BALLS))
        assert "origin_x of dbo.scans is NULL" in error


def test_nodules_of_a_scan_whose_slices_are_others_are_named(scanned: Path, tmp_path: Path) -> None:
    """The check of an installation finds those of a network as it finds those of readers."""
    (check,) = [each for each in CHECKS if each.says == "nodules of other slices than their scan has"]
    network = write_map(tmp_path / "map.onnx", (16, 24, 24))
    with closing(detected(scanned, network, "segmentation,score=probability", WINDOW)) as connection:
        assert rows(connection, check.query) == []
        run(connection, "UPDATE dbo.scans SET content_sha256 = 0x00 WHERE scan_id = 2;")

        assert [scan for _, scan in rows(connection, check.query)] == [2] * len(BALLS)


def _numbers(vector: str) -> list[Any]:
    return [float(number) for number in vector.strip("[]").split(",")]
