"""Which series of a patient is the primary one, which is trained on and scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Extent:
    """What the choice looks at.

    Attributes
    ----------
    series_uid : str
    spacing_z : float or None
        Millimetres.
    number_images : int
    monoenergetic_kev : float or None
        None of a conventional series.
    """

    series_uid: str
    spacing_z: float | None
    number_images: int
    monoenergetic_kev: float | None = None


def choose_primary(series: Sequence[Extent]) -> Extent:
    """Choose the primary series.

    A conventional one if there is any: virtual monoenergetic images have other contrasts than what networks are trained
    on. Of the axial series that cover at least half as much of the body as the longest one, the one with the thinnest
    slices; of equally thin ones (to 0.01 mm) the one with the most slices; then the one whose UID sorts first. Covering
    matters because a few thin slices through one place are no scan of the lungs.
    """
    conventional = [extent for extent in series if extent.monoenergetic_kev is None] or series
    longest = max(_covered(extent) for extent in conventional)
    candidates = [extent for extent in conventional if 2 * _covered(extent) >= longest]
    return min(candidates, key=lambda extent: (_thinness(extent), -extent.number_images, extent.series_uid))


def _covered(extent: Extent) -> float:
    return extent.number_images * (extent.spacing_z or 0.0)


def _thinness(extent: Extent) -> float:
    return float("inf") if extent.spacing_z is None else round(extent.spacing_z, 2)
