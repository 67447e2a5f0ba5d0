"""A map of a score as a picture that lies over its slice: each cell a colour, and the slice shows through."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lungdb.errors import LungdbError
from lungdb.imaging.codecs import decode_array
from lungdb.imaging.map_pictures import OPACITY, colours
from lungdb.imaging.occluding import Grid
from lungdb_web.queries.reasons import MapNumbers
from lungdb_web.scans.upright import STANDARD, upright

_MOST_SIDE = 16_384
"""Rows or columns of a slice: more would be a picture that no browser holds."""


def overlay(found: MapNumbers) -> NDArray[np.uint8]:
    """Colour the pixels of a slice by the cell of the map that they lie in, as dbo.RenderMap does.

    Returns
    -------
    uint8[rows, cols, 4]
        Red, green, blue and opacity, turned as `lungdb_web.scans.upright` turns slices; clear beside the map and at 0.

    Raises
    ------
    LungdbError
        The map is not what was stored, or does not lie in the slice.
    """
    rows, cols = found.image_rows, found.image_cols
    box = found.first_row, found.end_row, found.first_col, found.end_col
    top, bottom, left, right = box
    if not (0 <= top < bottom <= rows <= _MOST_SIDE and 0 <= left < right <= cols <= _MOST_SIDE):
        raise LungdbError("The map does not lie in its slice. Have the map made again.")
    values = decode_array(found.map, found.map_rows, found.map_cols, bytes.fromhex(found.map_sha256))
    shares = values / found.largest if found.largest > 0 else np.zeros(values.shape)
    opacity = np.rint(255 * OPACITY * np.minimum(np.abs(shares), 1))[..., np.newaxis]
    painted = np.concatenate([colours(shares), opacity.astype(np.uint8)], axis=-1)
    grid = Grid(box, *values.shape)
    picture = np.zeros((rows, cols, 4), dtype=np.uint8)
    for row in range(grid.rows):
        for col in range(grid.cols):
            above, below, before, behind = grid.cell(row, col)
            picture[above:below, before:behind] = painted[row, col]
    return upright(picture, found.patient_orientation or STANDARD)


def overlay_png(found: MapNumbers) -> bytes:
    """Write `overlay` as a PNG file, a pixel for each of the slice."""
    file = BytesIO()
    Image.fromarray(overlay(found)).save(file, "PNG", compress_level=3)
    return file.getvalue()
