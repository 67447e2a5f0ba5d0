"""Maps of scores over the features of volumes, by hiding boxes, for dbo.ExplainRegions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.imaging.volumes.boxes import Boxes, map_of_slice, tiles_touched
from lungdb.imaging.volumes.scans import geometry_of
from lungdb.imaging.volumes.tiles import Prepared
from lungdb.learning.explaining.regions import Model, check_row
from lungdb.learning.explaining.vectors import TripleScan, pooled
from lungdb.networks.running.volumes import Normalisation, run_tiles
from lungdb.procedures.checks import whole_numbers
from lungdb.procedures.networks import OpenNetwork
from lungdb.procedures.reading_slices import lazy_scans
from lungdb.procedures.volume_features import VolumeFeatures
from lungdb.procedures.whole_scans import facts_of

MOST = 16
"""Boxes along each axis: 4096 of them, each of which takes runs of the network."""

_BATCH = 32

Box = tuple[int, int, int, int]
Mapped = tuple[int, Box, NDArray[np.float64]]
"""A slice, the part of it that the map lies over, and the map."""


def occluded_volume(
    slices: pd.DataFrame,
    opened: OpenNetwork,
    preprocessing: str,
    steps: str | None,
    scored: TripleScan,
    model: Model,
    grid: int,
    threads: int | None,
) -> tuple[list[Mapped], int]:
    """Make the maps of the wanted slices, and say how many tiles the network has run on.

    Parameters as of `lungdb.procedures.regions.explain_regions`, with the pixels of all slices, and the columns that
    say where they lie; `opened` is of a network of volumes.

    Raises
    ------
    ProcedureError
        50101 for more than MOST boxes along an axis, 50381 when the network's features of a tile are not those stored,
        50384 for a detector.
    LungdbError
        The scan cannot be prepared, or the network not be run on it.
    """
    if opened.detects:
        raise ProcedureError(
            ErrorNumber.NO_SLICE_FEATURES,
            "The model reads what a detector found, and no map is made of that. See dbo.nodules for where it lies.",
        )
    if grid > MOST:
        raise ProcedureError(
            ErrorNumber.ARGUMENT,
            f"The value {grid} for the parameter @Grid is too large for volumes. Give 2 to {MOST} boxes along each "
            "axis.",
        )
    numbered = slices.assign(scan_id=0, number_images=len(slices))
    making = VolumeFeatures(opened, preprocessing, steps, _BATCH, threads)
    facts = facts_of(numbered)[0]
    prepared = making.prepare(lazy_scans(numbered, None)[0], facts)
    boxes = Boxes.of(prepared.shape, grid)
    values, runs = values_of_boxes(prepared, boxes, opened, making.normalisation, scored, model)
    place, size = geometry_of(facts, is_needed=False), (int(slices["image_rows"][0]), int(slices["image_cols"][0]))
    maps = []
    for index in np.flatnonzero(whole_numbers(slices, "is_wanted")).tolist():
        part, shown = map_of_slice(values, boxes, prepared.geometry, place, index, size)
        maps.append((index, part, shown))
    return maps, runs


def values_of_boxes(
    prepared: Prepared,
    boxes: Boxes,
    opened: OpenNetwork,
    normalisation: Normalisation | None,
    scored: TripleScan,
    model: Model,
) -> tuple[NDArray[np.float64], int]:
    """Say what hiding each box takes from the margin: float64[z, y, x], and the number of tiles that were run.

    A box is filled with what air has become; one that holds nothing else is not run. Only the tiles that a box reaches
    into are run again.
    """
    own = replace(prepared, values=np.array(prepared.values, np.float32))  # what is hidden is put back
    whole = run_tiles(own, opened.session, normalisation, _BATCH)[0]
    if len(whole) != scored.triples:
        raise ProcedureError(
            ErrorNumber.EXPLAINED_OTHERWISE,
            f"The scan has {len(whole)} tiles, and its features have {scored.triples} rows. Call GenerateFeatures with "
            "@Recompute = 1, score the scan and explain the new score.",
        )
    for tile, row in enumerate(whole):
        check_row(scored.arrays[0][tile], row, f"tile {tile + 1}")
    runs = len(whole)
    hidden: list[tuple[tuple[int, int, int], NDArray[np.float32]]] = []
    for place, box, touched in _worth_hiding(own, boxes):
        kept = own.values[box].copy()
        own.values[box] = own.fill
        rows = run_tiles(
            replace(own, starts=tuple(own.starts[tile] for tile in touched)), opened.session, normalisation, _BATCH
        )
        own.values[box] = kept
        runs += len(touched)
        changed = whole.copy()
        changed[touched] = rows[0]
        hidden.append((place, _vector(scored, changed)))
    values = np.zeros(boxes.counts)
    margins = model.margins(np.stack([_vector(scored, whole), *(vector for _, vector in hidden)]))
    for (place, _), margin in zip(hidden, margins[1:], strict=True):
        values[place] = margins[0] - margin
    return values, runs


def _worth_hiding(
    prepared: Prepared, boxes: Boxes
) -> Iterator[tuple[tuple[int, int, int], tuple[slice, slice, slice], list[int]]]:
    for place in boxes.places():
        box = boxes.box(place)
        touched = tiles_touched(prepared, box)
        if touched and (prepared.values[box] != np.float32(prepared.fill)).any():
            yield place, box, touched


def _vector(scored: TripleScan, array: NDArray[np.float32]) -> NDArray[np.float32]:
    return pooled(scored.vector, scored.parts, [array] * len(scored.parts))
