"""Hiding a part of slices behind air, on a grid, and which cells of the grid are worth it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lungdb.imaging.preprocessing import CtSlice

AIR = -1024
"""What a hidden pixel is taken for, in Hounsfield units, as padding is."""

_BODY = -500  # Hounsfield units: above are skin, muscle and bone, below are lungs and the air around

Box = tuple[int, int, int, int]
"""First row, row behind the last, first column, column behind the last."""


@dataclass(frozen=True)
class Grid:
    """Cells laid evenly over a part of a slice.

    Attributes
    ----------
    box : Box
        The part.
    rows, cols : int
        How many cells there are in each direction, each at least a pixel wide.
    """

    box: Box
    rows: int
    cols: int

    def cell(self, row: int, col: int) -> Box:
        """Give the pixels of a cell; those of all cells together are the part, and no pixel is in two."""
        top, bottom, left, right = self.box
        across, down = right - left, bottom - top
        return (
            top + row * down // self.rows,
            top + (row + 1) * down // self.rows,
            left + col * across // self.cols,
            left + (col + 1) * across // self.cols,
        )


def inside_body(slices: Sequence[NDArray[np.int16]]) -> NDArray[np.bool_]:
    """Tell which pixels lie in the body's outline in any of some slices of one size.

    A pixel does when tissue lies to both sides of it in its row, and above and below it in its column, or it is tissue
    itself. So lungs and airways are inside, and so are arms and table.

    Returns
    -------
    bool[rows, cols]
    """
    inside = np.zeros(slices[0].shape, dtype=bool)
    for hu in slices:
        tissue = hu > _BODY
        inside |= _between(tissue, 0) & _between(tissue, 1)
    return inside


def _between(tissue: NDArray[np.bool_], axis: int) -> NDArray[np.bool_]:
    before = np.logical_or.accumulate(tissue, axis=axis)
    behind = np.flip(np.logical_or.accumulate(np.flip(tissue, axis), axis=axis), axis)
    return np.asarray(before & behind)


def cells_inside(grid: Grid, inside: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """List the cells (row, column) of a grid of which at least a pixel is marked, in reading order."""
    found = []
    for row in range(grid.rows):
        for col in range(grid.cols):
            top, bottom, left, right = grid.cell(row, col)
            if inside[top:bottom, left:right].any():
                found.append((row, col))
    return found


def hide(ct_slice: CtSlice, box: Box) -> CtSlice:
    """Give a slice with air in a part of it; the slice itself stays as it is."""
    top, bottom, left, right = box
    hu = ct_slice.hu.copy()
    hu[top:bottom, left:right] = AIR
    return replace(ct_slice, hu=hu)
