"""Slices of one series become a volume: checked, and sorted along their normal."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import median

import numpy as np

from lungdb.dicom.header import SliceHeader
from lungdb.dicom.limits import Limits
from lungdb.dicom.rejection import RejectedError
from lungdb.dicom.source import Rejection

SAME_POSITION = 0.01
"""Slices nearer than this, in mm, lie at one position."""

UNEVEN = 0.25
"""Part of the median distance of slices by which a distance may differ; where it does, a slice is missing."""

_SAME_GEOMETRY = 1e-3  # of direction cosines and of millimetres: what rounding in the header may differ by
_FRAMES_AT_ONCE = 8  # of a multi-frame file: its header is read once for them


@dataclass(frozen=True)
class Extent:
    """What the choice of a patient's primary series looks at."""

    series_uid: str
    spacing_z: float | None
    number_images: int


@dataclass(frozen=True)
class Series:
    """An axial CT series; its pixels are read by `lungdb.dicom.tasks.encode`.

    Attributes
    ----------
    headers : tuple of SliceHeader
        Sorted along the normal, feet to head.
    positions : tuple of float
        Where each slice lies on the normal, in mm.
    spacing_z : float or None
        Median distance of neighbouring slices in mm; of a single slice its thickness, None when that is not given.
    gantry_tilt : float or None
        Degrees between the normal and the line on which the slices are stacked; None of a single slice.
    """

    headers: tuple[SliceHeader, ...]
    positions: tuple[float, ...]
    spacing_z: float | None
    gantry_tilt: float | None

    @property
    def first(self) -> SliceHeader:
        """The lowest slice; what all slices share is read off it."""
        return self.headers[0]

    @property
    def extent(self) -> Extent:
        """What `choose_primary` looks at."""
        return Extent(self.first.series_uid, self.spacing_z, len(self.headers))

    @property
    def is_one_file(self) -> bool:
        """Whether the slices are the frames of one file, or one slice alone."""
        return len({header.source for header in self.headers}) == 1

    def chunks(self) -> list[tuple[SliceHeader, ...]]:
        """Divide the slices, in order, into what is decoded at once: one slice, or 8 neighbouring frames of a file."""
        chunks = []
        for _, group in groupby(self.headers, key=lambda header: header.source):
            headers = tuple(group)
            chunks += [headers[at : at + _FRAMES_AT_ONCE] for at in range(0, len(headers), _FRAMES_AT_ONCE)]
        return chunks

    def keep(self, indices: Sequence[int]) -> Series:
        """Return the series with some of its slices only."""
        return _ordered([self.headers[index] for index in indices])


def build_series(
    headers: Sequence[SliceHeader], limits: Limits, *, allow_gaps: bool = False
) -> tuple[Series, list[Rejection]]:
    """Make a series of the slices that share a SeriesInstanceUID.

    Parameters
    ----------
    headers : sequence of SliceHeader
        At least one, in any order.
    limits : Limits
        `volume_megabytes` holds for the series.
    allow_gaps : bool
        Take it though its slices are not evenly spaced.

    Returns
    -------
    Series
        The volume.
    list of Rejection
        Files that are byte for byte copies of a slice already taken.

    Raises
    ------
    RejectedError
        The slices do not make one volume.
    """
    unique, copies = _without_copies(sorted(headers, key=lambda header: (header.source, header.frame)), limits)
    _check_consistent(unique)
    if 2 * unique[0].rows * unique[0].columns * len(unique) > limits.volume_bytes:
        raise RejectedError("size_limit", f"the series takes more than {limits.volume_megabytes} MB")
    series = _ordered(unique)
    steps = [after - before for before, after in pairwise(series.positions)]
    if steps and min(steps) < SAME_POSITION:
        raise RejectedError("duplicate_position")
    usual = median(steps) if steps else 0.0
    uneven = sum(abs(step - usual) > UNEVEN * usual for step in steps)
    if uneven and not allow_gaps:
        raise RejectedError("missing_slices", f"{uneven} of {len(steps)} distances differ")
    return series, copies


def _ordered(headers: Sequence[SliceHeader]) -> Series:
    # One normal for all: where cosines differ by rounding, positions along each slice's own would not compare.
    normal = headers[0].normal
    along = sorted((float(np.dot(header.position, normal)), index) for index, header in enumerate(headers))
    ordered = tuple(headers[index] for _, index in along)
    positions = tuple(position for position, _ in along)
    steps = [after - before for before, after in pairwise(positions)]
    spacing = round(median(steps), 6) if steps else ordered[0].thickness
    return Series(ordered, positions, spacing, _tilt(ordered))


def _tilt(headers: Sequence[SliceHeader]) -> float | None:
    stacking = np.subtract(headers[-1].position, headers[0].position)
    length = float(np.linalg.norm(stacking))
    if length < SAME_POSITION:
        return None
    cosine = float(stacking @ headers[0].normal) / length
    return round(math.degrees(math.acos(min(1.0, abs(cosine)))), 1)


def rank(series: Sequence[Series]) -> list[Series]:
    """Order a patient's series: the primary one, then what would be it without that one, and so on."""
    rest = list(series)
    ranked = []
    while rest:
        primary = choose_primary([one.extent for one in rest])
        chosen = next(one for one in rest if one.extent == primary)
        ranked.append(chosen)
        rest.remove(chosen)
    return ranked


def choose_primary(series: Sequence[Extent]) -> Extent:
    """Choose the series of a patient that is trained on and scored.

    Of the axial series that cover at least half as much of the body as the longest one, the one with the thinnest
    slices; of equally thin ones (to 0.01 mm) the one with the most slices; then the one whose UID sorts first. Covering
    matters because a few thin slices through one place are no scan of the lungs.
    """
    longest = max(_covered(extent) for extent in series)
    candidates = [extent for extent in series if 2 * _covered(extent) >= longest]
    return min(candidates, key=lambda extent: (_thinness(extent), -extent.number_images, extent.series_uid))


def _covered(extent: Extent) -> float:
    return extent.number_images * (extent.spacing_z or 0.0)


def _thinness(extent: Extent) -> float:
    return float("inf") if extent.spacing_z is None else round(extent.spacing_z, 2)


def _without_copies(headers: Sequence[SliceHeader], limits: Limits) -> tuple[list[SliceHeader], list[Rejection]]:
    taken: dict[tuple[str, int], SliceHeader] = {}
    copies = []
    for header in headers:
        first = taken.setdefault((header.instance_uid, header.frame), header)
        if first is header:
            continue
        if header.frame == 0:
            if _digest(first, limits) != _digest(header, limits):
                raise RejectedError("conflicting_copies")
            copies.append(header.source.rejection(RejectedError("duplicate_file")))
    return list(taken.values()), copies


def _digest(header: SliceHeader, limits: Limits) -> bytes:
    try:
        with header.source.open(limits) as file:
            digest = hashlib.sha256()
            while block := file.read(1 << 20):
                digest.update(block)
            return digest.digest()
    except OSError as error:
        raise RejectedError("unreadable") from error


def _check_consistent(headers: Sequence[SliceHeader]) -> None:
    first = headers[0]
    for header in headers:
        if (header.patient_id, header.study_uid) != (first.patient_id, first.study_uid):
            raise RejectedError("inconsistent_series", "PatientID, StudyInstanceUID")
        if (header.rows, header.columns) != (first.rows, first.columns):
            raise RejectedError("inconsistent_series", "Rows, Columns")
        if not np.allclose(header.orientation, first.orientation, rtol=0, atol=_SAME_GEOMETRY):
            raise RejectedError("inconsistent_series", "ImageOrientationPatient")
        if not np.allclose(header.pixel_spacing, first.pixel_spacing, rtol=0, atol=_SAME_GEOMETRY):
            raise RejectedError("inconsistent_series", "PixelSpacing")
