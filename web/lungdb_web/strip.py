"""The strip below the slices: what each triple of slices added to the margin, and which slices have a map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lungdb.imaging.map_pictures import OPACITY, colours
from lungdb_web.queries.reasons import Reasons, Triple
from lungdb_web.why import added_by, error_of, signed

HEIGHT, LINE, MOST = 44, 20, 18
"""Of the drawing, in its units: how high it is, where its line lies, and how far a bar goes from it at most."""
_STOPS = 9


@dataclass(frozen=True)
class Mark:
    """A triple in the drawing, which is as wide as the scan has slices.

    Attributes
    ----------
    first, last : int
        Its slices, from 1.
    words : str
        The slices, the value and its standard error.
    direction : str
        raises, lowers or leaves the score.
    x, width, y, height : float
        Its bar: above the line it raises.
    middle, error_from, error_to : float
        The line from one standard error below to one above; the two are the same where there is none.
    """

    first: int
    last: int
    words: str
    direction: str
    x: int
    width: int
    y: float
    height: float
    middle: float
    error_from: float
    error_to: float


@dataclass(frozen=True)
class Strip:
    """The marks from the first slice on, and the maps that can be laid over slices.

    Attributes
    ----------
    maps : dict
        Slice, from 0, to the method of its map.
    largest : float
        The size of the value that has the full colour.
    """

    marks: list[Mark]
    maps: dict[int, str]
    largest: float

    @property
    def has_errors(self) -> bool:
        """Whether any mark has a line of its standard error."""
        return any(mark.error_from != mark.error_to for mark in self.marks)

    def words_at(self, number: int) -> str:
        """Say what the triple of a slice, from 1, added; empty where it has no value."""
        return next((mark.words for mark in self.marks if mark.first <= number <= mark.last), "")


def strip_of(reasons: Reasons | None, slices: int) -> Strip | None:
    """Draw the triples of a score of the scan that is shown; None where there is nothing to draw."""
    if reasons is None or not reasons.is_primary or not reasons.slices:
        return None
    triples = sorted((one for one in reasons.slices if one.last_slice < slices), key=lambda one: one.first_slice)
    largest = max((abs(added_by(one)) + (one.standard_error or 0.0) for one in triples), default=0.0)
    # One scale for all colours: maps by two methods have different ones, and the exact one is the better.
    method = "gradcam" if any(one.method == "gradcam" for one in reasons.maps) else "occlusion"
    maps = [one for one in reasons.maps if one.method == method and one.slice_index < slices]
    return Strip(
        [_mark(one, largest) for one in triples],
        {one.slice_index: one.method for one in maps},
        max((max(one.highest, -one.lowest) for one in maps), default=0.0),
    )


def legend_stops() -> list[tuple[int, str, float]]:
    """Give the colours of maps from the lowest value to the largest: percent of the way, colour and opacity."""
    shares = np.linspace(-1, 1, _STOPS)
    return [
        (round(50 * (share + 1)), "#" + bytes(colour).hex(), round(OPACITY * abs(float(share)), 3))
        for share, colour in zip(shares.tolist(), colours(shares), strict=True)
    ]


def _mark(triple: Triple, largest: float) -> Mark:
    value, error = added_by(triple), triple.standard_error or 0.0
    unit = MOST / largest if largest else 0.0
    first, last = triple.first_slice + 1, triple.last_slice + 1
    direction = "raises" if value > 0 else "lowers" if value < 0 else "leaves"
    slices = f"Slice {first}" if first == last else f"Slices {first} to {last}"
    said = error_of(triple.standard_error)
    return Mark(
        first,
        last,
        f"{slices}: {signed(value)}{f' {said}' if said else ''}, {direction} the score",
        direction,
        triple.first_slice,
        last - first + 1,
        LINE - max(value, 0.0) * unit,
        abs(value) * unit,
        triple.first_slice + (last - first + 1) / 2,
        LINE - (value - error) * unit,
        LINE - (value + error) * unit,
    )
