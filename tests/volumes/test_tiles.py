"""Tiles and what is put together of them, against MONAI's sliding window (tests/data/volumes)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lungdb.errors import LungdbError, ProcedureError
from lungdb.imaging.volumes.declared import VolumeInput, read_input
from lungdb.imaging.volumes.geometry import Geometry, Volume
from lungdb.imaging.volumes.recipes import volume_recipe
from lungdb.imaging.volumes.tiles import MOST_TILES, Prepared

CUBE = Geometry((5.0, 6.0, 7.0), ((0, 0, 1.0), (0, 1.0, 0), (1.0, 0, 0)))
RECORDED = Path(__file__).parents[1] / "data" / "volumes" / "sliding_window.npz"
CASES = {
    "a": ((20, 33, 40), (8, 16, 16), 0.25),
    "b": ((9, 24, 25), (8, 12, 16), 0.5),
    "c": ((16, 16, 50), (16, 16, 16), 0),
}
DECLARED = {"name": "x", "dimensions": 3, "channels": 1, "size": [16, 16, 16]}


def laid(values: NDArray[Any], tile: dict[str, Any], wanted: VolumeInput) -> Prepared:
    """Lay tiles over values, without another step."""
    steps = [{"step": "tile", **tile}]
    return volume_recipe(json.dumps({"dimensions": 3, "steps": steps})).prepare(Volume(values, CUBE), wanted)


@pytest.mark.parametrize("case", CASES)
def test_tiles_lie_and_are_blended_as_monai_has_it(case: str) -> None:
    """What a network gives depends on the tile here, so that the weights show."""
    shape, size, overlap = CASES[case]
    values = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    made = laid(values, {"overlap": overlap}, VolumeInput(1, size))
    with np.load(RECORDED) as recorded:
        assert [tile.start for tile in made.tiles()] == [tuple(start) for start in recorded[f"{case}_starts"].tolist()]
        blended = made.combine((tile, tile.values - tile.values.mean()) for tile in made.tiles())
        assert np.abs(blended[0] - recorded[f"{case}_blended"]).max() < 1e-5


@pytest.mark.parametrize("weights", ["gaussian", "uniform"])
def test_tiles_of_what_works_voxel_by_voxel_give_the_whole(weights: str) -> None:
    """For two channels of output, of a volume that is smaller than a tile along one axis, and larger along others."""
    values = np.random.default_rng(2).integers(-1000, 1000, (7, 30, 40)).astype(np.int16)
    made = laid(values, {"weights": weights}, VolumeInput(3, (16, 16, 16)))
    tiles = list(made.tiles())
    assert made.count == len(tiles)
    assert {tile.values.shape for tile in tiles} == {(3, 16, 16, 16)}
    assert tiles[0].start == (-4, 0, 0)
    assert (tiles[0].values[:, :4] == -1024).all(), "what lies outside is air"
    assert (tiles[0].values[0] == tiles[0].values[2]).all()
    assert tiles[0].geometry.origin == (5.0, 6.0, 3.0)
    whole = made.combine((tile, np.stack([tile.values[0], 2 * tile.values[0]])) for tile in tiles)
    assert np.abs(whole[0] - values).max() < 1e-3
    assert np.abs(whole[1] - 2 * values.astype(np.float32)).max() < 1e-3


def test_an_axis_left_free_is_one_tile_of_the_next_multiple() -> None:
    """And a step's own size has to fit it."""
    values = np.zeros((20, 33, 40), dtype=np.int16)
    wanted = VolumeInput(1, (None, None, None), multiple=(16, 16, 16))
    assert [tile.values.shape for tile in laid(values, {}, wanted).tiles()] == [(1, 32, 48, 48)]
    with pytest.raises(
        LungdbError, match=r"Tiles of 20 × 16 × 16 voxels do not fit the network, which reads multiples of 16"
    ):
        laid(values, {"size": [20, 16, 16]}, wanted)
    with pytest.raises(LungdbError, match=r"which reads 8 along axis 1 of 3\. Use a preprocessing"):
        laid(values, {"size": [16, 16, 16]}, VolumeInput(1, (8, 16, 16)))


def test_what_is_no_value_a_voxel_cannot_be_put_together() -> None:
    """Half the size, or a tile that is missing."""
    made = laid(np.zeros((16, 16, 40), dtype=np.int16), {}, VolumeInput(1, (16, 16, 16)))
    with pytest.raises(LungdbError, match="1 × 8 × 8 × 8 values for a tile of 16 × 16 × 16 voxels"):
        made.combine((tile, tile.values[:, ::2, ::2, ::2]) for tile in made.tiles())
    with pytest.raises(LungdbError, match="do not cover the volume"):
        made.combine([(tile, tile.values) for tile in made.tiles()][:1])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"dimensions": 2}, "2 dimensions where volumes have 3"),
        ({"channels": 0}, "0 channels"),
        ({"size": [16, 16]}, "size [16, 16]"),
        ({"size": [16, 0, 16]}, "sides are 1 to 4096, or null"),
        ({"multiple": [1, 1.5, 1]}, "multiple [1, 1.5, 1]"),
        ({"spacing": [1, 0, 1]}, "spacing [1, 0, 1]"),
        ({"spacing": [1, 1, 60]}, "0.05 to 50"),
        ({"orientation": "SPX"}, "orientation 'SPX'"),
        ({"window": [300, -600]}, "window [300, -600] of the network's input does not rise"),
    ],
)
def test_an_input_that_is_none_is_refused(changed: dict[str, Any], said: str) -> None:
    """By number 50116, with what to do."""
    with pytest.raises(ProcedureError) as refusal:
        read_input({**DECLARED, **changed})
    assert refusal.value.number == 50116
    assert said in str(refusal.value)
    assert "Load the network again" in str(refusal.value)


def test_an_input_that_is_declared_whole_is_read_whole() -> None:
    """And what is left out has its default."""
    assert read_input(DECLARED) == VolumeInput(1, (16, 16, 16))
    whole = {
        "size": [None, 96, 96],
        "multiple": [32, 1, 1],
        "spacing": [1.25, 0.7, 0.7],
        "orientation": "SAR",
        "window": [-1024, 300],
    }
    assert read_input({**DECLARED, **whole}) == VolumeInput(
        1, (None, 96, 96), (32, 1, 1), (1.25, 0.7, 0.7), "SAR", (-1024, 300)
    )


def test_more_tiles_than_are_run_are_refused_before_they_are_laid() -> None:
    """Tiles of a voxel would be a row each of the features, and a run of the network."""
    values = np.zeros((40, 40, 40), np.int16)
    with pytest.raises(LungdbError, match=f"has 64,000 tiles of 1 × 1 × 1 voxels, more than {MOST_TILES:,}"):
        laid(values, {"size": 1}, VolumeInput(1, (None, None, None)))
