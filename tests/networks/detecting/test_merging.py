"""What tiles that overlap see twice is counted once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lungdb.imaging.volumes.geometry import Geometry, Tile
from lungdb.networks.detecting.candidates import Candidates
from lungdb.networks.detecting.decoding import decode
from lungdb.networks.detecting.merging import merge
from lungdb.networks.detecting.reading import read_output

STEPS = ((0.0, 0.0, 1.25), (0.0, 0.7, 0.0), (0.7, 0.0, 0.0))
DECLARED = {"form": "boxes", "columns": "z1 y1 x1 z2 y2 x2", "unit": "voxel", "score": "probability"}


def seen(start: tuple[int, int, int], boxes: NDArray[np.float64], scores: NDArray[np.float64]) -> Candidates:
    """Decode what a tile of 32 voxels a side sees of boxes in voxels of the whole, cut at its border."""
    size = np.array([32, 32, 32])
    cut = np.clip(boxes - np.tile(start, 2), -0.5, np.tile(size, 2) - 0.5)
    inside = (cut[:, 3:] - cut[:, :3] > 0.5).all(axis=1)
    whole = Geometry((-10.0, 5.0, -80.0), STEPS)
    origin = whole.to_patient(np.array([start], float))[0]
    tile = Tile(np.zeros((1, *size), np.float32), start, Geometry((origin[0], origin[1], origin[2]), STEPS))
    return decode(read_output(DECLARED), [cut[inside], scores[inside]], tile)


def test_nodules_of_a_volume_in_tiles_are_found_once_each_and_whole() -> None:
    """Random boxes that do not touch, smaller than the overlap of the tiles, whatever the cut ones score."""
    random = np.random.default_rng(11)
    grid = np.stack(np.meshgrid([8, 24, 40, 56], [8, 24, 40], [8, 24, 40], indexing="ij"), axis=-1).reshape(-1, 3)
    middles = grid + random.uniform(-2, 2, grid.shape)
    sides = random.uniform(4, 10, grid.shape)
    boxes = np.concatenate([middles - sides / 2, middles + sides / 2], axis=1)
    tiles = [(z, y, x) for z in (0, 16, 32) for y in (0, 16) for x in (0, 16)]

    found = [seen(start, boxes, random.uniform(0.1, 0.9, len(boxes))) for start in tiles]
    merged = merge(found)

    assert sum(map(len, found)) > 2 * len(boxes)
    assert len(merged) == len(boxes)
    whole = Geometry((-10.0, 5.0, -80.0), STEPS)
    expected, mm = whole.to_patient(middles), sides[:, ::-1] * [0.7, 0.7, 1.25]
    nearest = np.linalg.norm(expected[:, None] - merged.centres[None], axis=2)
    order = nearest.argmin(axis=1)
    assert sorted(order) == list(range(len(boxes)))
    np.testing.assert_allclose(merged.centres[order], expected, atol=1e-9)
    np.testing.assert_allclose(merged.sides[order], mm, atol=1e-9)
    assert (np.diff(merged.scores) <= 0).all()


def test_a_nodule_cut_by_a_tile_keeps_the_place_of_the_whole_and_the_highest_score() -> None:
    """The tile that sees a slice of it only is surer of it."""
    box = np.array([[20.0, 10, 10, 30, 18, 18]])
    cut, whole = seen((-8, 0, 0), box, np.array([0.9])), seen((8, 0, 0), box, np.array([0.6]))

    merged = merge([cut, whole])

    assert len(cut) == len(whole) == 1
    assert cut.sides[0, 2] < 5
    np.testing.assert_allclose(merged.centres, whole.centres)
    np.testing.assert_allclose(merged.sides, whole.sides)
    np.testing.assert_allclose(merged.scores, [0.9])


def test_what_only_one_tile_sees_at_the_border_of_the_scan_stays() -> None:
    """A nodule at the wall has no other tile that sees more of it."""
    found = seen((0, 0, 0), np.array([[-3.0, 10, 10, 4, 18, 18]]), np.array([0.7]))

    assert found.whole is not None
    assert not found.whole.any()
    np.testing.assert_allclose(merge([found]).scores, [0.7])


def test_neighbours_that_do_not_overlap_stay_two() -> None:
    """Boxes side by side in two tiles, each centre outside the other."""
    boxes = np.array([[5.0, 5, 5, 11, 13, 13], [11.2, 5, 5, 17, 13, 13]])
    tiles = [seen((-3, 0, 0), boxes[:1], np.array([0.7])), seen((0, 0, 0), boxes[1:], np.array([0.8]))]

    assert len(merge(tiles)) == 2


def test_what_one_tile_tells_apart_stays_apart() -> None:
    """Two boxes that share a third of their union: of one tile, whose suppression left them, two; of two tiles one."""
    boxes = np.array([[5.0, 5, 5, 13, 13, 13], [9, 5, 5, 17, 13, 13]])
    declared = read_output({**DECLARED, "suppression": 0.5})
    tile = Tile(np.zeros((1, 32, 32, 32), np.float32), (0, 0, 0), Geometry((0.0, 0.0, 0.0), STEPS))
    found = decode(declared, [boxes, np.array([0.7, 0.8])], tile)

    assert len(merge([found])) == 2
    assert len(merge([found.taken(np.array([0])), found.taken(np.array([1]))])) == 1


def test_as_many_stay_as_are_asked_for_and_none_of_none() -> None:
    """The most probable ones."""
    boxes = np.array([[5.0, 5, 5, 9, 9, 9], [15, 5, 5, 19, 9, 9], [15, 15, 5, 19, 19, 9]])

    merged = merge([seen((0, 0, 0), boxes, np.array([0.2, 0.8, 0.5]))], most=2)

    np.testing.assert_allclose(merged.scores, [0.8, 0.5])
    assert len(merge([])) == 0


def test_of_very_many_candidates_the_most_probable_are_compared() -> None:
    """A network that marks everything gives as many a tile as it may; all by all they would take minutes."""
    count = 30_000
    places = np.random.default_rng(3).uniform(0, 4000, (count, 3))
    scores = np.random.default_rng(4).uniform(0, 0.5, count)
    found = Candidates(places, np.full((count, 3), 0.01), np.full(count, 0.01), np.full(count, 1e-6), scores)
    best = Candidates(places[:1], found.sides[:1], found.diameters[:1], found.volumes[:1], np.array([0.9]))

    merged = merge([best, found], most=50)

    assert merged.scores.tolist() == [0.9, *np.sort(scores[1:])[::-1][:49].tolist()]
