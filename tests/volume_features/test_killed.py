"""GenerateFeatures over volumes and ScoreNodules, killed between two scans, go on where they stopped."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lungdb.cli import load_network
from lungdb.database import Connection, connect, run
from tests.support.databases import copy_to, rows, target_of
from tests.support.dying import die
from tests.volume_features.detectors import PLACED, add_scan, write_brightest
from tests.volume_features.writing import write_network

SCANS = 3
SHAPE = (24, 160, 160)
"""Of noise, which takes more than half a megabyte a scan, so that of chunks of one megabyte each has one scan."""
DETECT = "EXECUTE dbo.GenerateFeatures @ModelName = N'detector', @ChunkMegabytes = 1;"
SCORE = "EXECUTE dbo.ScoreNodules @ModelName = N'stage', @Detector = N'detector', @ChunkMegabytes = 1;"
FOUND = (
    "SELECT f.scan_id, f.sha256, n.nodule_id, n.x, n.y, n.z, n.score FROM dbo.features AS f "
    "INNER JOIN dbo.nodules AS n ON n.scan_id = f.scan_id ORDER BY n.nodule_id;"
)
SCORED = (
    "SELECT n.scan_id, s.nodule_id, s.score FROM dbo.nodule_scores AS s "
    "INNER JOIN dbo.nodules AS n ON n.nodule_id = s.nodule_id ORDER BY s.nodule_id;"
)
POOLED = (
    "SELECT p.scan_id, f.layer, p.vector FROM dbo.pooled_features AS p INNER JOIN dbo.feature_sets AS f "
    "ON f.feature_set_id = p.feature_set_id ORDER BY f.layer, p.scan_id;"
)


def state(connection: Connection) -> list[list[tuple[Any, ...]]]:
    """Read what was found, scored and pooled."""
    return [rows(connection, sql) for sql in (FOUND, SCORED, POOLED)]


@pytest.fixture(scope="module")
def noise_file(installed_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with scans of noise, a detector that finds the brightest voxel of each tile, and a stage."""
    folder = tmp_path_factory.mktemp("noise")
    file = copy_to(folder, installed_file)
    target = target_of(file)
    with closing(connect(target)) as connection:
        for seed in range(SCANS):
            hu = np.random.default_rng(seed).integers(-1000, 200, SHAPE).astype(np.int16)
            add_scan(connection, hu, PLACED)
        stored = "SELECT SUM(DATALENGTH(pixels)) FROM dbo.scan_images GROUP BY scan_id;"
        assert min(size for (size,) in rows(connection, stored)) > 500_000
    reads = "spacing=any,window=-1000,200"
    declared = "boxes,columns=score zc yc xc d,unit=voxel,score=probability"
    for name, network, told in (
        ("detector", write_brightest(folder / "boxes.onnx", (24, 96, 96)), ["--detects", declared]),
        ("stage", write_network(folder / "stage.onnx", (8, 16, 16)), ["--stage", "activation=softmax,class=1"]),
    ):
        assert load_network.main([str(network), "-d", target, "--name", name, "--input", reads, *told]) == 0
    return file


@pytest.fixture(scope="module")
def whole(noise_file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[list[tuple[Any, ...]]]]:
    """A copy on which both calls ran through, and what it holds."""
    file = copy_to(tmp_path_factory.mktemp("whole"), noise_file)
    with closing(connect(target_of(file))) as connection:
        run(connection, DETECT + SCORE)
        return file, state(connection)


@pytest.mark.slow
@pytest.mark.parametrize("scans", [1, 2])
def test_a_detector_that_was_killed_goes_on_with_the_next_scan(
    noise_file: Path, whole: tuple[Path, list[list[tuple[Any, ...]]]], tmp_path: Path, scans: int
) -> None:
    """Behind a scan's commit there are whole scans alone; a second call keeps them, and ends as one whole call does."""
    file = copy_to(tmp_path, noise_file)
    found = whole[1][0]
    die(file, DETECT, "features", scans)
    with closing(connect(target_of(file))) as connection:
        assert rows(connection, FOUND) == [row for row in found if row[0] <= scans]
        run(connection, DETECT + SCORE)
        assert state(connection) == whole[1]


@pytest.mark.slow
@pytest.mark.parametrize("scans", [1, 2])
def test_a_stage_that_was_killed_goes_on_with_the_next_scan(
    whole: tuple[Path, list[list[tuple[Any, ...]]]], tmp_path: Path, scans: int
) -> None:
    """Scores of whole scans stay, none is made again, and features come with the last."""
    file, (found, scored, pooled) = whole
    file = copy_to(tmp_path, file)
    with closing(connect(target_of(file))) as connection:
        run(connection, "DELETE FROM dbo.nodule_scores; DELETE FROM dbo.pooled_features WHERE feature_set_id IN "
            "(SELECT feature_set_id FROM dbo.feature_sets WHERE layer <> N'nodules');")  # fmt: skip
    kept = [row for row in scored if row[0] <= scans]
    assert 0 < len(kept) < len(scored)
    die(file, SCORE, "nodule_scores", len(kept))
    with closing(connect(target_of(file))) as connection:
        assert state(connection) == [found, kept, [row for row in pooled if row[1] == "nodules"]]
        # What is scored is not scored again: a score that the network does not give stays.
        run(connection, "UPDATE dbo.nodule_scores SET score = 1 WHERE nodule_id = ?;", (kept[0][1],))
        run(connection, SCORE)
        changed = [(*row[:2], 1.0) if row[1] == kept[0][1] else row for row in scored]
        assert rows(connection, SCORED) == changed
        assert [row[:2] for row in rows(connection, POOLED)] == [row[:2] for row in pooled]
