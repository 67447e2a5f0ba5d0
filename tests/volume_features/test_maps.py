"""ExplainRegions of a scored volume, from its voxels in a database to the rows of dbo.score_maps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lungdb.cli import load_network
from lungdb.database import Connection, connect, run
from tests.support.databases import copy_to, refused, rows, said, target_of
from tests.volume_features.detectors import PLACED, add_scan
from tests.volume_features.test_features import computed, tiles
from tests.volume_features.writing import write_network

SHAPE = (12, 16, 10)
SIDES = (8, 8, 8)  # of a tile: 2 × 3 × 2 of them a scan, which overlap
GRID = 3
PATIENTS = 24
SCAN = 2
WINDOW = "--input=spacing=any,window=-1000,1000,orientation=IAR"
MAPS = (
    "SELECT slice_index, method, first_row, end_row, first_col, end_col, map_rows, map_cols, lowest, highest, map, "
    "map_sha256 FROM dbo.score_maps ORDER BY slice_index;"
)


def voxels(patient: int) -> NDArray[np.int16]:
    """Make noise, with a bright box where the patient has cancer, and air in a corner."""
    hu = np.random.default_rng(patient).integers(-900, 100, SHAPE).astype(np.int16)
    if patient % 2:
        hu[7:11, 3:9, 2:6] += 700
    hu[:4, :6, :4] = -1024
    return hu


@pytest.fixture(scope="module")
def scored_file(installed_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database in which a line over the maxima of tiles has scored the second scan."""
    file = copy_to(tmp_path_factory.mktemp("scored"), installed_file)
    network = write_network(file.parent / "network.onnx", SIDES)
    with closing(connect(target_of(file))) as connection:
        run(connection, "BEGIN TRANSACTION;")
        for patient in range(PATIENTS):
            add_scan(connection, voxels(patient), PLACED)
        run(connection, "COMMIT TRANSACTION;")
        run(connection, "INSERT INTO dbo.labels (patient_id, label) SELECT patient_id, 1 - idx % 2 FROM dbo.patients;")
    assert load_network.main(["-d", target_of(file), str(network), "--name", "mine", WINDOW]) == 0
    with closing(connect(target_of(file))) as connection:
        run(
            connection,
            "EXECUTE dbo.GenerateFeatures @ModelName = N'mine', @Pooling = N'max';"
            "EXECUTE dbo.TrainLungCancerModel @ModelName = N'line', @NetworkName = N'mine', @Pooling = N'max', "
            "@Algorithm = N'logistic';"
            f"EXECUTE dbo.PredictLungCancer @ScanId = {SCAN}, @ModelName = N'line';"
            f"EXECUTE dbo.ExplainScans @ScanId = {SCAN}, @ModelName = N'line';",
        )
    return file


@pytest.fixture
def scored(scored_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a copy of it."""
    with closing(connect(target_of(copy_to(tmp_path, scored_file)))) as connection:
        yield connection


def margin_of(connection: Connection, network: Path, volume: NDArray[np.float32]) -> float:
    """Score a prepared volume: the user's file in ONNX Runtime, the maximum over tiles, the coefficients as stored."""
    vector = computed(network, "vector", tiles(volume, SIDES)[:, None]).max(axis=0).astype(np.float64)
    terms = np.array(
        rows(connection, "SELECT mean, scale, coefficient FROM dbo.model_coefficients ORDER BY feature_index;")
    )
    ((intercept,),) = rows(connection, "SELECT intercept FROM dbo.model_scoring;")
    return float(intercept + ((vector - terms[:, 0]) / terms[:, 1]) @ terms[:, 2])


def test_every_map_is_what_hiding_boxes_takes_from_the_margin(scored: Connection, scored_file: Path) -> None:
    """Each box is emptied in the volume turned by hand, and all is computed anew with ONNX Runtime itself."""
    network = scored_file.parent / "network.onnx"
    turned = voxels(SCAN - 1)[::-1, ::-1, ::-1]  # indices rise to the feet, the front and the right
    volume = ((np.clip(turned, -1000, 1000) + 1000) / 2000).astype(np.float32)
    whole = margin_of(scored, network, volume)
    ((margin,),) = rows(scored, "SELECT margin FROM dbo.score_explanations;")
    assert whole == pytest.approx(float(margin), abs=1e-4)
    cuts = [[index * side // GRID for index in range(GRID + 1)] for side in SHAPE]
    taken = np.zeros(SHAPE)
    for place in np.ndindex(GRID, GRID, GRID):
        box = tuple(slice(cut[at], cut[at + 1]) for cut, at in zip(cuts, place, strict=True))
        hidden = volume.copy()
        hidden[box] = 0
        taken[box] = whole - margin_of(scored, network, hidden)
    assert len(np.unique(taken.round(4))) > 10
    expected = taken[::-1, ::-1, ::-1]  # back to the slices, rows and columns of the scan

    heard = said(scored, f"EXECUTE dbo.ExplainRegions @PredictionId = 1, @Grid = {GRID};")

    assert "tiles were run" in heard
    found = rows(scored, MAPS)
    assert [row[:8] for row in found] == [
        (index, "occlusion", 0, SHAPE[1], 0, SHAPE[2], GRID, GRID) for index in range(SHAPE[0])
    ]
    middles = [[int(side * (cell + 0.5) / GRID) for cell in range(GRID)] for side in SHAPE[1:]]
    for index, *_, lowest, highest, content, _ in found:
        shown = np.frombuffer(content, "<f4").reshape(GRID, GRID)
        np.testing.assert_allclose(shown, expected[index][np.ix_(*middles)], atol=1e-4)
        assert (lowest, highest) == pytest.approx((shown.min(), shown.max()))


def test_maps_of_some_slices_are_read_drawn_and_made_again(scored: Connection) -> None:
    """A finer grid takes the place of the coarse one, of that slice alone; what is read is what is stored."""
    run(scored, f"EXECUTE dbo.ExplainRegions @PredictionId = 1, @Grid = {GRID}, @Slices = N'10, 9';")
    run(scored, "EXECUTE dbo.ExplainRegions @PredictionId = 1, @Grid = 4, @Slices = N'9';")
    found = rows(scored, MAPS)
    assert [(row[0], *row[6:8]) for row in found] == [(9, 4, 4), (10, GRID, GRID)]
    names = "method, first_row, end_row, first_col, end_col, map_rows, map_cols, lowest, highest, largest, map"
    (read,) = rows(scored, "EXECUTE dbo.ReadMap @PredictionId = 1, @SliceIndex = 9;")
    stored = dict(zip(names.split(", "), read, strict=False))
    assert (stored["method"], stored["map"]) == ("occlusion", found[0][10])
    assert stored["largest"] == max(max(row[9], -row[8]) for row in found)
    (drawn,) = rows(scored, "EXECUTE dbo.RenderMap @PredictionId = 1, @SliceIndex = 9;")
    assert any(isinstance(value, bytes) and value.startswith(b"\x89PNG") for value in drawn)


@pytest.mark.parametrize(
    ("arguments", "number", "words"),
    [
        ("@Method = 'gradcam'", 50383, "volumes"),
        ("@Grid = 17", 50101, "Give 2 to 16 boxes along each axis"),
        ("@Slices = N'12'", 50210, "no slice 12"),
    ],
)
def test_what_no_map_is_made_of_is_refused(scored: Connection, arguments: str, number: int, words: str) -> None:
    """Before anything is stored."""
    assert words in refused(scored, f"EXECUTE dbo.ExplainRegions @PredictionId = 1, {arguments};", number)
    assert rows(scored, MAPS) == []


def test_a_scan_whose_slices_stand_in_another_order_has_no_map(scored: Connection) -> None:
    """Its slices together are not what was loaded, and scored."""
    run(scored, f"UPDATE dbo.scan_images SET slice_index = 99 WHERE scan_id = {SCAN} AND slice_index = 0;"
        f"UPDATE dbo.scan_images SET slice_index = 0 WHERE scan_id = {SCAN} AND slice_index = 11;"
        f"UPDATE dbo.scan_images SET slice_index = 11 WHERE scan_id = {SCAN} AND slice_index = 99;")  # fmt: skip
    assert "another order" in refused(scored, "EXECUTE dbo.ExplainRegions @PredictionId = 1;", 50116)
    assert rows(scored, MAPS) == []
