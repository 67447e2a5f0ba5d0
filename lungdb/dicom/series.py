"""Slices of one series become a volume: checked, sorted along their normal, decoded one at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from lungdb.dicom.header import SliceHeader
from lungdb.dicom.pixels import read_hounsfield
from lungdb.dicom.rejection import RejectedError, Rejection

SAME_POSITION = 0.01
"""Slices nearer than this, in mm, lie at one position."""

_SAME_GEOMETRY = 1e-3  # of direction cosines and of millimetres: what rounding in the header may differ by


@dataclass(frozen=True)
class Slice:
    """One axial slice.

    Attributes
    ----------
    position_z : float
        Where it lies along the normal, in mm, growing towards the head.
    slope, intercept : float
        What its stored values were rescaled with.
    hu : int16[rows, columns]
        Hounsfield units.
    clipped : int
        Pixels whose HU did not fit int16.
    """

    position_z: float
    instance_uid: str
    slope: float
    intercept: float
    hu: NDArray[np.int16]
    clipped: int


@dataclass(frozen=True)
class Extent:
    """What the choice of a patient's primary series looks at."""

    series_uid: str
    spacing_z: float | None
    number_images: int


@dataclass(frozen=True)
class Series:
    """An axial CT series; its pixels are read by `slices`, one slice at a time.

    Attributes
    ----------
    headers : tuple of SliceHeader
        Sorted along the normal, feet to head.
    positions : tuple of float
        Where each slice lies on the normal, in mm.
    spacing_z : float or None
        Median distance of neighbouring slices in mm; of a single slice its thickness, None when that is not given.
    """

    headers: tuple[SliceHeader, ...]
    positions: tuple[float, ...]
    spacing_z: float | None

    @property
    def first(self) -> SliceHeader:
        """The lowest slice; what all slices share is read off it."""
        return self.headers[0]

    @property
    def extent(self) -> Extent:
        """What `choose_primary` looks at."""
        return Extent(self.first.series_uid, self.spacing_z, len(self.headers))

    def slices(self) -> Iterator[Slice]:
        """Decode the slices, feet to head.

        Raises
        ------
        RejectedError
            A slice cannot be decoded; the series is not to be loaded then.
        """
        for header, position in zip(self.headers, self.positions, strict=True):
            hu, clipped = read_hounsfield(header)
            yield Slice(position, header.instance_uid, header.slope, header.intercept, hu, clipped)


def build_series(headers: Sequence[SliceHeader]) -> tuple[Series, list[Rejection]]:
    """Make a series of the slices that share a SeriesInstanceUID.

    Parameters
    ----------
    headers : sequence of SliceHeader
        At least one, in any order.

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
    unique, copies = _without_copies(sorted(headers, key=lambda header: header.path))
    _check_consistent(unique)
    # One normal for all: where cosines differ by rounding, positions along each slice's own would not compare.
    normal = unique[0].normal
    positions = {header.instance_uid: float(np.dot(header.position, normal)) for header in unique}
    ordered = tuple(sorted(unique, key=lambda header: positions[header.instance_uid]))
    along = tuple(positions[header.instance_uid] for header in ordered)
    steps = [after - before for before, after in pairwise(along)]
    if steps and min(steps) < SAME_POSITION:
        raise RejectedError("duplicate_position")
    spacing = round(median(steps), 6) if steps else ordered[0].thickness
    return Series(ordered, along, spacing), copies


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


def _without_copies(headers: Sequence[SliceHeader]) -> tuple[list[SliceHeader], list[Rejection]]:
    taken: dict[str, SliceHeader] = {}
    copies = []
    for header in headers:
        first = taken.setdefault(header.instance_uid, header)
        if first is header:
            continue
        if _digest(first) != _digest(header):
            raise RejectedError("conflicting_copies")
        copies.append(RejectedError("duplicate_file").at(header.path))
    return list(taken.values()), copies


def _digest(header: SliceHeader) -> bytes:
    try:
        with header.path.open("rb") as file:
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
