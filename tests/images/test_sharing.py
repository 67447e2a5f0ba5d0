"""FeaturizeImages in three sessions at once, of which one is killed, stores what a single one does."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

from lungdb.cli import load_images, load_network
from lungdb.database import connect, run
from tests.support.databases import copy_to, rows, target_of
from tests.support.fixtures import DEMO_NETWORK
from tests.support.sharing import record_stores, share_with_one_killed

PICTURES = 30
# One picture a batch, because rounding may depend on the others in it.
CALL = "EXECUTE dbo.FeaturizeImages @ModelName = N'demo_resnet', @BatchSize = 1, @ChunkMegabytes = 1;"
FEATURES = "SELECT name, array_rows, array_cols, sha256 FROM dbo.image_features ORDER BY name, feature_set_id;"


@pytest.fixture(scope="module")
def pictures_file(installed_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo network and noisy pictures, of which four make a megabyte as they are sent."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(3)
    for index in range(PICTURES):
        assert cv2.imwrite(str(folder / f"{index:02}.png"), rng.integers(0, 256, (200, 200, 3), dtype=np.uint8))
    file = copy_to(tmp_path_factory.mktemp("loaded"), installed_file)
    assert load_images.main([str(folder), "-d", target_of(file)]) == 0
    assert load_network.main([str(DEMO_NETWORK), "--name", "demo_resnet", "-d", target_of(file)]) == 0
    with closing(connect(target_of(file))) as connection:
        record_stores(connection)
    return file


def test_three_sessions_of_which_one_is_killed_make_each_picture_once(pictures_file: Path, tmp_path: Path) -> None:
    """SIGKILL while it holds pictures and after it has stored some: the same bytes, nothing doubled or lost."""
    for name in ("shared", "alone"):
        (tmp_path / name).mkdir()
    with closing(connect(target_of(copy_to(tmp_path / "alone", pictures_file)))) as connection:
        run(connection, CALL)
        expected = rows(connection, FEATURES)
    assert len(expected) == PICTURES
    shared = copy_to(tmp_path / "shared", pictures_file)
    with closing(connect(target_of(shared))) as connection:
        share_with_one_killed(connection, shared, CALL, {str(name) for name, *_ in expected})
        assert rows(connection, FEATURES) == expected
