"""Tiles of scans of the database, as a network of volumes reads them, to make another precision of it with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungdb.database import Connection, run
from lungdb.errors import LungdbError
from lungdb.imaging.codecs import decode_slice
from lungdb.imaging.volumes.declared import read_input
from lungdb.imaging.volumes.geometry import Volume
from lungdb.imaging.volumes.recipes import VolumeRecipe, volume_recipe
from lungdb.imaging.volumes.registry import check_voxels
from lungdb.imaging.volumes.scans import PLACE_COLUMNS, geometry_of
from lungdb.imaging.volumes.tiles import Prepared
from lungdb.loading.spreading import evenly, shares
from lungdb.networks.running.volumes import Normalisation, tiles_as_read

Tiles = list[NDArray[np.float32]]

MOST_BYTES = 1 << 31
"""Of all tiles together, which are held in memory."""

_STEPS = "SELECT steps FROM dbo.preprocessings WHERE name = N'volume';"
_SLICES = "SELECT pixels, pixels_sha256, encoding FROM dbo.scan_images WHERE scan_id = ? ORDER BY slice_index;"
# Those whose pixels are here.
_SCANS = f"""
SELECT s.scan_id, s.number_images, s.image_rows, s.image_cols, {", ".join(f"s.{name}" for name in PLACE_COLUMNS)}
FROM dbo.scans AS s WHERE EXISTS (SELECT 1 FROM dbo.scan_images AS i WHERE i.scan_id = s.scan_id) ORDER BY s.scan_id;
"""


def calibration_tiles(connection: Connection, details: Mapping[str, Any], number: int) -> tuple[list[Tiles], str]:
    """Prepare tiles of the database's scans for a network, as the preprocessing `volume` does.

    Parameters
    ----------
    details : mapping
        `input` and `normalisation` are used.
    number : int
        How many at most; spread evenly over scans, and over the tiles of each.

    Returns
    -------
    list of list of float32[1, channels, depth, rows, cols]
        The tiles of each scan that has any.
    str
        What was wrong with the first scan that could not be prepared; empty where none failed.

    Raises
    ------
    LungdbError
        The tiles would take more than MOST_BYTES.
    """
    scans = run(connection, _SCANS)[0].rows
    used = [scans[index] for index in evenly(len(scans), number)]
    recipe = volume_recipe(str(run(connection, _STEPS)[0].rows[0][0]))
    normalisation = Normalisation(details["normalisation"]["mean"], details["normalisation"]["std"])
    found: list[Tiles] = []
    failed, room = "", MOST_BYTES
    for scan, share in zip(used, shares(number, len(used)), strict=True):
        try:
            prepared = _prepared(connection, scan, recipe, details)
        except LungdbError as error:
            failed = failed or f"The scan {scan[0]} cannot be prepared: {error}"
            continue
        chosen = [prepared.starts[index] for index in evenly(prepared.count, share)]
        room -= len(chosen) * 4 * prepared.channels * int(np.prod(prepared.size))
        if room < 0:
            raise LungdbError(
                f"{number} tiles of {' × '.join(map(str, prepared.size))} voxels take more than 2 GB of memory. Give a "
                "smaller --calibration."
            )
        found.append([tiles_as_read(prepared, [start], normalisation) for start in chosen])
    return found, failed


def _prepared(
    connection: Connection, scan: tuple[Any, ...], recipe: VolumeRecipe, details: Mapping[str, Any]
) -> Prepared:
    scan_id, slices, rows, cols, *place = scan
    check_voxels((slices, rows, cols), "The scan")
    stored = run(connection, _SLICES, (scan_id,))[0].rows
    if len(stored) != slices:
        raise LungdbError(f"Of {slices} slices {len(stored)} are stored. Load the scan again.")
    hu = np.stack([decode_slice(bytes(pixels), rows, cols, bytes(sha256), kind) for pixels, sha256, kind in stored])
    facts = dict(zip(PLACE_COLUMNS, place, strict=True))
    return recipe.prepare(Volume(hu, geometry_of(facts, is_needed=False)), read_input(details["input"]))
