"""Where the voxels of a scan lie, from what dbo.scans has of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from lungdb.errors import LungdbError
from lungdb.imaging.volumes.geometry import Geometry
from lungdb.imaging.volumes.moving import geometry

PLACE_COLUMNS = (
    *("spacing_z", "spacing_y", "spacing_x"),
    *("origin_x", "origin_y", "origin_z"),
    *("row_x", "row_y", "row_z"),
    *("column_x", "column_y", "column_z"),
    *("step_x", "step_y", "step_z"),
)
"""Columns of dbo.scans that say where the voxels of a scan lie."""


def scan_geometry(facts: Mapping[str, Any]) -> Geometry:
    """Give the geometry of a scan of `PLACE_COLUMNS`; LungdbError where one of them is NULL (None or NaN)."""
    found = {name: _number(facts[name]) for name in PLACE_COLUMNS}
    missing = [name for name, value in found.items() if not math.isfinite(value)]
    if missing:
        what = "spacing" if any(name.startswith("spacing") for name in missing) else "place in the patient"
        raise LungdbError(
            f"The {what} of the scan is not known ({missing[0]} of dbo.scans is NULL). Load it again from files that "
            "tell it, or use a network of two dimensions."
        )

    def vector(what: str) -> list[float]:
        return [found[f"{what}_{axis}"] for axis in "xyz"]

    # Rows rise along a column of pixels, columns along a row.
    steps = [vector("step"), np.multiply(vector("column"), found["spacing_y"])]
    steps.append(np.multiply(vector("row"), found["spacing_x"]))
    return geometry(np.asarray(vector("origin")), np.asarray(steps, dtype=np.float64))


def geometry_of(facts: Mapping[str, Any], *, is_needed: bool) -> Geometry:
    """Give the geometry of a scan.

    Of a scan that was loaded before its place was recorded the spacing is enough where no place is needed: slices are
    stored from the feet to the head, rows from front to back, columns from right to left.
    """
    known = {name for name in PLACE_COLUMNS if facts[name] is not None and math.isfinite(facts[name])}
    spacing = {"spacing_z", "spacing_y", "spacing_x"}
    if is_needed or known - spacing or not spacing <= known:
        return scan_geometry(facts)
    z, y, x = (float(facts[name]) for name in ("spacing_z", "spacing_y", "spacing_x"))
    return Geometry((0.0, 0.0, 0.0), ((0.0, 0.0, z), (0.0, y, 0.0), (x, 0.0, 0.0)))


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
