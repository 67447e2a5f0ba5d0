"""The slices of one SeriesInstanceUID become stacks, of which one is taken: a scanner may put several into a series."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from lungdb.dicom.header import SliceHeader
from lungdb.dicom.rejection import RejectedError
from lungdb.dicom.source import Rejection

SAME_POSITION = 0.01
"""Slices nearer than this, in mm, lie at one position."""

KINDS = ("TemporalPositionIndex", "AcquisitionNumber", "ImageType", "ConvolutionKernel")
"""What may part slices that lie at one position, each the name of a value of `SliceHeader.kinds`.

Where none does they part nothing: step-and-shoot scanners count AcquisitionNumber up slice by slice.
"""

HashPixels = Callable[[Sequence[SliceHeader]], Sequence["bytes | None"]]
"""Gives the hash of each slice's Hounsfield units; None of one that cannot be decoded."""

_SAME_GEOMETRY = 1e-3  # of direction cosines and of millimetres: what rounding in the header may differ by


@dataclass
class _Stack:
    """Slices that may make one volume.

    Attributes
    ----------
    headers : list of SliceHeader
    copies : list of SliceHeader
        Slices that are there twice.
    kind : str
        Which of `KINDS` tells it from other stacks of its geometry; empty where it is the only one.
    repeats : int
        How many of the slices lie where another one does.
    """

    headers: list[SliceHeader]
    copies: list[SliceHeader] = field(default_factory=list)
    kind: str = ""
    repeats: int = 0

    @property
    def positions(self) -> int:
        return len(self.headers) - self.repeats


def choose_stack(headers: Sequence[SliceHeader], hash_pixels: HashPixels) -> tuple[list[SliceHeader], list[Rejection]]:
    """Choose the largest stack of a series' slices.

    Slices are parted by size, pixel spacing, orientation and energy. Of slices at one position that have the same
    pixels the first is kept. Where slices still lie at one position they are parted by that one of `KINDS` which leaves
    none repeated and has the largest stack.

    Parameters
    ----------
    headers : sequence of SliceHeader
        At least one; what comes first is kept of copies.

    Returns
    -------
    list of SliceHeader
        The stack.
    list of Rejection
        A file each: copies, and the other stacks' slices.

    Raises
    ------
    RejectedError
        The largest stack has several slices at one position, or two stacks are equally large.
    """
    stacks = [stack for same in _by_geometry(headers) for stack in _resolve(same, hash_pixels)]
    most = max(stack.positions for stack in stacks)
    chosen, *equals = (stack for stack in stacks if stack.positions == most)
    for other in equals:
        difference = _difference(chosen, other)
        reason = "duplicate_position" if difference in KINDS else "inconsistent_series"
        raise RejectedError(reason, f"{most} slices each, {difference}")
    if chosen.repeats:
        raise RejectedError("duplicate_position", f"{chosen.repeats} of {len(chosen.headers)}")
    rejections = _rejections(chosen.copies, RejectedError("duplicate_file"))
    for other in stacks:
        if other is not chosen:
            error = RejectedError("other_stack", _difference(chosen, other))
            rejections += _rejections(chain(other.headers, other.copies), error)
    return chosen.headers, rejections


def is_same_slice(first: SliceHeader, other: SliceHeader, hash_pixels: HashPixels) -> bool:
    """Tell whether two slices lie at one place and have the same pixels."""
    if _differing_geometry(first, other) or not _lie_together(first, other):
        return False
    one, two = hash_pixels([first, other])
    return one is not None and one == two


def _by_geometry(headers: Sequence[SliceHeader]) -> list[list[SliceHeader]]:
    groups: list[list[SliceHeader]] = []
    for header in headers:
        for group in groups:
            if not _differing_geometry(group[0], header):
                group.append(header)
                break
        else:
            groups.append([header])
    return groups


def _differing_geometry(one: SliceHeader, other: SliceHeader) -> str:
    if (one.rows, one.columns) != (other.rows, other.columns):
        return "Rows, Columns"
    if not np.allclose(one.orientation, other.orientation, rtol=0, atol=_SAME_GEOMETRY):
        return "ImageOrientationPatient"
    if not np.allclose(one.pixel_spacing, other.pixel_spacing, rtol=0, atol=_SAME_GEOMETRY):
        return "PixelSpacing"
    return "" if one.monoenergetic_kev == other.monoenergetic_kev else "MonoenergeticEnergyEquivalent"


def _difference(one: _Stack, other: _Stack) -> str:
    return _differing_geometry(one.headers[0], other.headers[0]) or one.kind


def _resolve(headers: list[SliceHeader], hash_pixels: HashPixels) -> list[_Stack]:
    """Make stacks of slices of one geometry, so that none has two slices at one position if that can be."""
    repeated = [header for place in _places(headers) if len(place) > 1 for header in place]
    if not repeated:
        return [_Stack(headers)]
    hashes = dict(zip(map(_key, repeated), hash_pixels(repeated), strict=True))
    whole = _without_copies(headers, hashes)
    if not whole.repeats:
        return [whole]
    partings = []
    for index, kind in enumerate(KINDS):
        parts: dict[str, list[SliceHeader]] = {}
        for header in headers:
            parts.setdefault(header.kinds[index], []).append(header)
        stacks = [_without_copies(part, hashes, kind) for part in parts.values()]
        if len(stacks) > 1 and not any(stack.repeats for stack in stacks):
            partings.append(stacks)
    # The first of the partings whose largest stacks are equally large.
    return max(partings, key=lambda stacks: max(stack.positions for stack in stacks), default=[whole])


def _without_copies(
    headers: list[SliceHeader], hashes: dict[tuple[object, int], bytes | None], kind: str = ""
) -> _Stack:
    copies: list[SliceHeader] = []
    repeats = 0
    for place in _places(headers):
        kept: list[SliceHeader] = []
        for header in place:
            digest = hashes.get(_key(header))
            is_copy = digest is not None and any(
                hashes.get(_key(other)) == digest and _lie_together(other, header) for other in kept
            )
            (copies if is_copy else kept).append(header)
        repeats += len(kept) - 1
    gone = set(map(_key, copies))
    return _Stack([header for header in headers if _key(header) not in gone], copies, kind, repeats)


def _places(headers: Sequence[SliceHeader]) -> list[list[SliceHeader]]:
    """Gather slices by position along the normal; within one they keep their order."""
    normal = headers[0].normal
    along = sorted((float(np.dot(header.position, normal)), index) for index, header in enumerate(headers))
    places: list[list[int]] = []
    end = -np.inf
    for position, index in along:
        if position - end >= SAME_POSITION:
            places.append([])
        places[-1].append(index)
        end = position
    return [[headers[index] for index in sorted(place)] for place in places]


def _lie_together(one: SliceHeader, other: SliceHeader) -> bool:
    return bool(np.allclose(one.position, other.position, rtol=0, atol=SAME_POSITION))


def _key(header: SliceHeader) -> tuple[object, int]:
    return header.source, header.frame


def _rejections(headers: Iterable[SliceHeader], error: RejectedError) -> list[Rejection]:
    return [source.rejection(error) for source in dict.fromkeys(header.source for header in headers)]
