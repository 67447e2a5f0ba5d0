"""FeaturizeImages in three sessions at once, of which one is killed, stores what a single one does."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

from lungdb.cli import load_images, load_network
from lungdb.database import connect, run
from lungdb.errors import SqlError
from tests.support.databases import copy_to, rows, target_of
from tests.support.fixtures import DEMO_NETWORK
from tests.support.searching import wait_until
from tests.support.sharing import HELD, end, record_stores, share_with_one_killed, start

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


def test_workers_of_which_one_is_killed_make_the_pictures_that_were_queued(pictures_file: Path, tmp_path: Path) -> None:
    """SIGKILL while it holds pictures: another worker makes the rest, and the bytes are those of FeaturizeImages."""
    for name in ("shared", "alone"):
        (tmp_path / name).mkdir()
    with closing(connect(target_of(copy_to(tmp_path / "alone", pictures_file)))) as connection:
        run(connection, CALL)
        expected = rows(connection, FEATURES)
    file = copy_to(tmp_path / "shared", pictures_file)
    how = ("--batch-size", "1", "--chunk-megabytes", "1")
    first = start(file, "work", "--network", "demo_resnet", "--pictures", *how)
    with closing(connect(target_of(file))) as connection:
        wait_until(lambda: rows(connection, HELD) and rows(connection, "SELECT item FROM dbo.stores;"))
        end(first)
        second = start(file, "work", *how)
        said, errors = second.communicate(timeout=120)
        assert (second.returncode, errors) == (0, "")
        assert "A worker takes part: layer penultimate: " in said
        assert rows(connection, FEATURES) == expected
        stored = rows(connection, "SELECT item FROM dbo.stores ORDER BY item;")
        assert stored == [(name,) for name, *_ in expected]
        assert rows(connection, "SELECT COUNT(*) FROM dbo.work;") == [(0,)]


def test_a_worker_makes_pictures_and_goes_on_after_some_that_nobody_can(pictures_file: Path, tmp_path: Path) -> None:
    """A damaged picture fails alone; work of a layer that is not there is set aside; the run says how many failed."""
    file = copy_to(tmp_path, pictures_file)
    with closing(connect(target_of(file))) as connection:
        with pytest.raises(SqlError) as caught:
            run(connection, "EXECUTE dbo.QueueImages @ModelName = N'demo_resnet', @Layer = N'typo';")
        assert caught.value.number == 50115
        run(connection, "DELETE FROM dbo.network_layers;")
        run(connection, "EXECUTE dbo.QueueImages @ModelName = N'demo_resnet', @Layer = N'typo';")
        found = run(connection, "EXECUTE dbo.QueueImages @ModelName = N'demo_resnet';")[-1].rows
        assert found == [(2, PICTURES, PICTURES)]
        run(connection, "UPDATE dbo.images SET image = 0x00 WHERE name = (SELECT MIN(name) FROM dbo.images);")
        worker = start(file, "work")
        said, errors = worker.communicate(timeout=120)
        assert (worker.returncode, errors) == (0, "")
        assert f"Work 1 is set aside with the {PICTURES} items that were open: The network has no layer 'typo'." in said
        assert len(rows(connection, FEATURES)) == PICTURES - 1
        assert rows(connection, "SELECT DISTINCT work_id, state, error_number FROM dbo.work_items;") == [
            (1, "failed", 50115)
        ]
        [(failed, message)] = rows(
            connection, "SELECT TOP (1) failed, message FROM dbo.runs WHERE failed > 0 ORDER BY run_id DESC;"
        )
        assert failed == 1
        assert message.startswith(f"1 of {PICTURES} pictures failed and have no features; dbo.run_steps says why")
