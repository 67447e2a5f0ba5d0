"""Slices of one series become a volume: checked, and sorted along their normal."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import median, median_low

import numpy as np

from lungdb.dicom.acquisition import Acquisition, common_acquisition
from lungdb.dicom.header import SliceHeader
from lungdb.dicom.limits import Limits
from lungdb.dicom.rejection import RejectedError
from lungdb.dicom.series_rule import Extent
from lungdb.dicom.source import Rejection, Source
from lungdb.dicom.stacks import SAME_POSITION, HashPixels, choose_stack, is_same_slice

UNEVEN = 0.25
"""Part of the usual distance of slices by which a distance may differ; where it does, a slice is missing."""

_FRAMES_AT_ONCE = 8  # of a multi-frame file: its header is read once for them


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
        Usual distance of neighbouring slices in mm: the median, or with gaps the one that occurs most often, of several
        the smallest; of a single slice its thickness, None when that is not given.
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
    def acquisition(self) -> Acquisition:
        """What the slices tell of how, when and of whom they were made, where they agree."""
        return common_acquisition(header.acquisition for header in self.headers)

    @property
    def step(self) -> tuple[float, float, float] | None:
        """Lead from a slice to the next one at the usual distance, in mm of the patient: along the line of the stack.

        With a tilted gantry that is not the normal. None of a single slice.
        """
        first, last = self.headers[0].position, self.headers[-1].position
        length = self.positions[-1] - self.positions[0]
        if self.spacing_z is None or length < SAME_POSITION:
            return None
        x, y, z = (self.spacing_z * (there - here) / length for here, there in zip(first, last, strict=True))
        return x, y, z

    @property
    def extent(self) -> Extent:
        """What the series rule looks at."""
        acquisition = self.acquisition
        return Extent(
            self.first.series_uid,
            self.spacing_z,
            len(self.headers),
            self.first.monoenergetic_kev,
            acquisition.slice_thickness,
            acquisition.kernel,
        )

    @property
    def is_one_file(self) -> bool:
        """Whether the slices are the frames of one file, or one slice alone."""
        return len({header.source for header in self.headers}) == 1

    def chunks(self) -> list[tuple[SliceHeader, ...]]:
        """Divide the slices, in order, into what is decoded at once: one slice, or 8 neighbouring frames of a file."""
        return chunks_of(self.headers)

    def keep(self, indices: Sequence[int]) -> Series:
        """Return the series with some of its slices only."""
        return order_slices([self.headers[index] for index in indices])


def chunks_of(headers: Iterable[SliceHeader]) -> list[tuple[SliceHeader, ...]]:
    """Divide slices, in order, into what is decoded at once: one slice, or 8 neighbouring frames of a file."""
    chunks = []
    for _, group in groupby(headers, key=lambda header: header.source):
        frames = tuple(group)
        chunks += [frames[at : at + _FRAMES_AT_ONCE] for at in range(0, len(frames), _FRAMES_AT_ONCE)]
    return chunks


def build_series(
    headers: Sequence[SliceHeader], limits: Limits, hash_pixels: HashPixels, *, allow_gaps: bool = False
) -> tuple[Series, list[Rejection]]:
    """Make a series of the slices that share a SeriesInstanceUID.

    Parameters
    ----------
    headers : sequence of SliceHeader
        At least one, in any order.
    limits : Limits
        `volume_megabytes` holds for the series.
    hash_pixels : callable
        Asked about slices that may be there twice.
    allow_gaps : bool
        Take it though its slices are not evenly spaced.

    Returns
    -------
    Series
        The volume.
    list of Rejection
        Copies of slices, and slices of other stacks.

    Raises
    ------
    RejectedError
        The slices do not make one volume.
    """
    unique, copies = _without_copies(
        sorted(headers, key=lambda header: (header.source, header.frame)), limits, hash_pixels
    )
    first = unique[0]
    if any((one.patient_id, one.study_uid) != (first.patient_id, first.study_uid) for one in unique):
        raise RejectedError("inconsistent_series", "PatientID, StudyInstanceUID")
    stack, others = choose_stack(unique, hash_pixels)
    if 2 * stack[0].rows * stack[0].columns * len(stack) > limits.volume_bytes:
        raise RejectedError("size_limit", f"the series takes more than {limits.volume_megabytes} MB")
    series = order_slices(stack)
    steps = [after - before for before, after in pairwise(series.positions)]
    uneven = len(steps) - len(_usual(steps))
    if uneven and not allow_gaps:
        raise RejectedError("missing_slices", f"{uneven} of {len(steps)} distances differ")
    return series, copies + others


def order_slices(headers: Sequence[SliceHeader]) -> Series:
    """Make a series of slices that are known to be one volume; of slices at one place the first stays first."""
    # One normal for all: where cosines differ by rounding, positions along each slice's own would not compare.
    normal = headers[0].normal
    along = sorted((float(np.dot(header.position, normal)), index) for index, header in enumerate(headers))
    ordered = tuple(headers[index] for _, index in along)
    positions = tuple(position for position, _ in along)
    return Series(ordered, positions, _spacing(positions, ordered[0].thickness), _tilt(ordered))


def _spacing(positions: Sequence[float], thickness: float | None) -> float | None:
    steps = [after - before for before, after in pairwise(positions)]
    if not steps:
        return thickness
    usual = _usual(steps)
    # With gaps a mean of two distances may be none that occurs.
    return round(median(steps) if len(usual) == len(steps) else median_low(usual), 6)


def _usual(steps: Sequence[float]) -> list[float]:
    """Return the distances that differ by no more than `UNEVEN` from the median, or, where some do, from the usual one.

    That is the one which the most are near to, the smallest of those: a missing slice makes a distance larger.
    """
    ordered = np.sort(steps)
    usual = float(np.median(ordered)) if len(ordered) else 0.0
    if np.any(np.abs(ordered - usual) > UNEVEN * usual):
        above = np.searchsorted(ordered, ordered * (1 + UNEVEN), side="right")
        below = np.searchsorted(ordered, ordered * (1 - UNEVEN), side="left")
        usual = float(ordered[np.argmax(above - below)])
    return [step for step in steps if abs(step - usual) <= UNEVEN * usual]


def _tilt(headers: Sequence[SliceHeader]) -> float | None:
    stacking = np.subtract(headers[-1].position, headers[0].position)
    length = float(np.linalg.norm(stacking))
    if length < SAME_POSITION:
        return None
    cosine = float(stacking @ headers[0].normal) / length
    return round(math.degrees(math.acos(min(1.0, abs(cosine)))), 1)


def _without_copies(
    headers: Sequence[SliceHeader], limits: Limits, hash_pixels: HashPixels
) -> tuple[list[SliceHeader], list[Rejection]]:
    """Leave out files of an SOPInstanceUID that is there before, unless they are another slice."""
    taken: dict[tuple[str, int], SliceHeader] = {}
    copies = []
    same_files: dict[tuple[Source, Source], bool] = {}
    for header in headers:
        first = taken.setdefault((header.instance_uid, header.frame), header)
        if first is header:
            continue
        pair = first.source, header.source
        if pair not in same_files:
            same_files[pair] = _digest(pair[0], limits) == _digest(pair[1], limits)
        if not same_files[pair] and not is_same_slice(first, header, hash_pixels):
            raise RejectedError("conflicting_copies")
        if header.frame == 0:
            copies.append(header.source.rejection(RejectedError("duplicate_file")))
    return list(taken.values()), copies


def _digest(source: Source, limits: Limits) -> bytes:
    try:
        with source.open(limits) as file:
            digest = hashlib.sha256()
            while block := file.read(1 << 20):
                digest.update(block)
            return digest.digest()
    except OSError as error:
        raise RejectedError("unreadable") from error
