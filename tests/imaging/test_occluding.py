"""Cells of a grid cover a part of a slice once, and those inside of a body are found."""

from __future__ import annotations

import numpy as np
import pytest

from lungdb.imaging.occluding import AIR, Grid, cells_inside, hide, inside_body
from lungdb.imaging.preprocessing import CtSlice, part_read, pipeline


@pytest.mark.parametrize(("rows", "cols"), [(3, 3), (5, 4), (7, 16)])
def test_the_cells_of_a_grid_cover_its_part_once(rows: int, cols: int) -> None:
    """Every pixel of the part is in one cell, and none outside of it is."""
    grid = Grid((3, 20, 5, 27), rows, cols)
    times = np.zeros((32, 32), dtype=int)
    for row in range(rows):
        for col in range(cols):
            top, bottom, left, right = grid.cell(row, col)
            times[top:bottom, left:right] += 1
    assert (times[3:20, 5:27] == 1).all()
    assert times.sum() == 17 * 22


def test_lungs_are_inside_of_a_body_and_the_air_around_is_not() -> None:
    """A ring of tissue around air, with air around: the hole counts, in whichever slice it is."""
    y, x = np.mgrid[:40, :40] - 19.5
    radius = np.hypot(x, y)
    ring = np.where((radius < 14) & (radius > 10), 40, -1000).astype(np.int16)
    air = np.full((40, 40), -1000, dtype=np.int16)
    inside = inside_body([air, ring])
    assert inside[radius < 13].all()
    assert not inside[radius > 15].any()
    assert not inside_body([air]).any()
    # 10 pixels a cell: the corners of four by four touch the circle of 14 not at all.
    cells = cells_inside(Grid((0, 40, 0, 40), 4, 4), inside)
    assert set(cells) == {(r, c) for r in range(4) for c in range(4)} - {(0, 0), (0, 3), (3, 0), (3, 3)}


def test_a_hidden_part_is_air_and_the_slice_stays_as_it_is() -> None:
    """Nothing else changes, and rescaling comes along."""
    whole = CtSlice(np.arange(36, dtype=np.int16).reshape(6, 6), 2.0, -7.0)
    hidden = hide(whole, (1, 3, 2, 5))
    assert (hidden.hu[1:3, 2:5] == AIR).all()
    kept = np.ones((6, 6), dtype=bool)
    kept[1:3, 2:5] = False
    np.testing.assert_array_equal(hidden.hu[kept], np.arange(36).reshape(6, 6)[kept])
    assert (whole.hu >= 0).all()
    assert (hidden.slope, hidden.intercept) == (2.0, -7.0)


@pytest.mark.parametrize("name", ["lung", "seed"])
@pytest.mark.parametrize("size", [(512, 512), (96, 130)])
def test_the_part_that_a_pipeline_reads_is_all_that_changes_its_picture(name: str, size: tuple[int, int]) -> None:
    """What lies outside may be anything, and each of the outermost rows and columns inside of it matters."""
    part = part_read(name, *size)
    assert part is not None
    top, bottom, left, right = part
    rng = np.random.default_rng(4)
    hu = rng.integers(-900, 100, size).astype(np.int16)
    picture = pipeline(name).picture(CtSlice(hu), (64, 64))
    if name == "lung":  # the other equalises grey levels over the whole slice
        outside = np.full(size, 77, dtype=np.int16)
        outside[top:bottom, left:right] = hu[top:bottom, left:right]
        np.testing.assert_array_equal(pipeline(name).picture(CtSlice(outside), (64, 64)), picture)
    for place in ((top, slice(None)), (bottom - 1, slice(None)), (slice(None), left), (slice(None), right - 1)):
        changed = hu.copy()
        changed[place] = 140
        assert not np.array_equal(pipeline(name).picture(CtSlice(changed), (64, 64)), picture)


def test_the_part_of_an_unknown_pipeline_is_not_guessed() -> None:
    """It may rotate or resample, so that no rectangle would do."""
    assert part_read("mine", 512, 512) is None
