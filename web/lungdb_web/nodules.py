"""Nodules in words, and as marks for the viewer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lungdb_web.formatting import count
from lungdb_web.queries.nodules import Detector, Marked, Spot
from lungdb_web.queries.patients import Patient
from lungdb_web.scans.geometry import pixel_size

MOST_ROWS = 10
"""Of a detector's table before the reader asks for all."""


def slice_of(spot: Spot, slices: int) -> int | None:
    """Give the slice, from 1, that is nearest to a nodule's centre; None where that is not known or beside the scan."""
    if spot.slice is None or not -0.5 <= spot.slice <= slices - 0.5:
        return None
    return min(max(round(spot.slice), 0), slices - 1) + 1


def diameter(spot: Spot) -> str:
    """Write a diameter in mm to a tenth."""
    return "not known" if spot.diameter is None else f"{spot.diameter:.1f} mm"


def volume(spot: Spot) -> str:
    """Write a volume in mm³ with as many digits as a measured one has: three."""
    if spot.volume is None:
        return "not known"
    rounded = float(f"{spot.volume:.3g}")
    return f"{count(rounded) if rounded >= 9.95 else f'{rounded:.1f}'} mm³"


def score(value: float | None) -> str:
    """Write a score to a hundredth; only what is 0 or 1 is written so."""
    if value is None:
        return "none"
    if 0 < value < 0.01:
        return "< 0.01"
    if 0.99 < value < 1:
        return "> 0.99"
    return f"{value:.2f}"


def stage_names(detector: Detector) -> list[tuple[str, int, str]]:
    """Give the later stages that scored any of a detector's nodules: name, version and preprocessing."""
    return sorted(
        {
            (stage.network_name, stage.network_version, stage.preprocessing)
            for one in detector.found
            for stage in one.stages
        }
    )


def found_by(marked: Sequence[Marked], detector: Detector) -> tuple[int, int]:
    """Count the nodules to be found, and those of them that a detector found."""
    relevant = [one for one in marked if one.is_relevant]
    hits = sum(any(_is_by(hit.network_id, hit.preprocessing, detector) for hit in one.hits) for one in relevant)
    return len(relevant), hits


def hit_of(marked: Marked, detector: Detector) -> str:
    """Say which of a detector's candidates lies in a nodule."""
    for hit in marked.hits:
        if _is_by(hit.network_id, hit.preprocessing, detector):
            return f"number {hit.found_rank}, {hit.distance:.1f} mm from its centre"
    return "not found"


def lean(patient: Patient) -> tuple[float, float]:
    """Give the columns and rows by which a line through the slices at right angles moves from one to the one before.

    A tilted gantry stacks slices askew, so that a sphere's sections do not lie above each other; 0 and 0 of others.
    """
    placement = patient.placement
    if placement is None or placement.step is None:
        return 0.0, 0.0
    height, width = pixel_size(patient.spacing_y, patient.spacing_x)
    return (
        float(np.dot(placement.step, placement.row)) / width,
        float(np.dot(placement.step, placement.column)) / height,
    )


def _is_by(network_id: int, preprocessing: str, detector: Detector) -> bool:
    return (network_id, preprocessing) == (detector.network_id, detector.preprocessing)
