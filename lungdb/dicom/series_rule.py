"""The series rule: which of a study's series is the one that is trained on and scored.

`dbo.ChooseSeries` chooses among stored scans by the same text, so what is computed here is what T-SQL computes, too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from lungdb.errors import LungdbError

MAX_LENGTH = 400

DEFAULT_RULE = (
    "thickness=0-2.5;kernels=B3*,B4*,I3*,I4*,D3*,D4*,Br3*,Br4*,Bf3*,Bf4*,Qr3*,Qr4*,STANDARD*,FC0*,FC1*,B,C,B_SOFT*"
    ">B1*,B2*,B5*,I2*,I5*,Br2*,Br5*,SOFT*,DETAIL,CHEST,A;prefer=thinnest"
)
"""The setting series_rule of a new database, for work without one."""

_NUMBER = r"[0-9]{1,4}(?:\.[0-9]{1,3})?"
_THICKNESS = re.compile(rf"({_NUMBER})-({_NUMBER})")
_KERNEL = re.compile(r"[A-Za-z0-9_.+-]{1,64}\*?")
_PREFERENCES = ("thinnest", "slices")

REASONS = (
    "another series of the study is conventional and this one is virtual monoenergetic",
    "it covers less than half as much of the body as the longest series of the study",
    "the slice thickness of the chosen one is nearer to the range of the rule",
    "the rule prefers the kernel of the chosen one",
    "the slices of the chosen one lie closer together",
    "the chosen one has more slices",
    "the chosen one is alike and its UID sorts first",
)
"""Why a series is not its study's choice, in the order in which the rule looks at them; spacing and number of slices
change places where the rule prefers slices."""

_THINNEST, _MOST_SLICES = 4, 5


@dataclass(frozen=True)
class Extent:
    """What the rule looks at.

    Attributes
    ----------
    series_uid : str
        As the database knows it.
    spacing_z : float or None
        Millimetres.
    number_images : int
    monoenergetic_kev : float or None
        None of a conventional series.
    slice_thickness : float or None
        Millimetres; where it is not told the spacing stands for it.
    kernel : str or None
        Of several values the first one counts.
    """

    series_uid: str
    spacing_z: float | None
    number_images: int
    monoenergetic_kev: float | None = None
    slice_thickness: float | None = None
    kernel: str | None = None


@dataclass(frozen=True)
class SeriesRule:
    """A rule, as `parse_rule` reads it.

    Attributes
    ----------
    text : str
        What it was read from.
    thickness : (float, float) or None
        Millimetres, both included.
    kernels : tuple of tuple of str
        Names in lower case, one with a star at its end standing for all that begin so; better ones first.
    prefers_slices : bool
        The most slices count before the smallest spacing.
    """

    text: str
    thickness: tuple[float, float] | None
    kernels: tuple[tuple[str, ...], ...]
    prefers_slices: bool


def parse_rule(text: str) -> SeriesRule:
    """Read a rule such as ``thickness=0-2.5;kernels=B3*,STANDARD>LUNG;prefer=thinnest``.

    Any part may be left out; an empty text looks at neither thickness nor kernels and prefers the thinnest.

    Raises
    ------
    LungdbError
        It is no rule.
    """
    parts: dict[str, str] = {}
    for part in filter(None, (part.strip(" ") for part in text.split(";"))):
        name, _, value = (piece.strip(" ") for piece in part.partition("="))
        if name.lower() in parts:
            raise _refusal(text, f"it has {name.lower()} twice")
        parts[name.lower()] = value
    unknown = [name for name in parts if name not in ("thickness", "kernels", "prefer")]
    if len(text) > MAX_LENGTH or unknown:
        raise _refusal(
            text, f"it is longer than {MAX_LENGTH} characters" if not unknown else "one of its parts is unknown"
        )
    thickness = None
    if "thickness" in parts:
        found = _THICKNESS.fullmatch(parts["thickness"])
        thickness = (float(found[1]), float(found[2])) if found else None
        if thickness is None or thickness[0] > thickness[1]:
            raise _refusal(text, "its thickness is no range of millimetres")
    kernels = []
    if "kernels" in parts:
        for level in parts["kernels"].split(">"):
            names = tuple(name.strip(" ").lower() for name in level.split(","))
            if not all(map(_KERNEL.fullmatch, names)):
                raise _refusal(text, "its kernels are no names of kernels")
            kernels.append(names)
    preference = parts.get("prefer", "thinnest").lower()
    if preference not in _PREFERENCES:
        raise _refusal(text, "it prefers neither thinnest nor slices")
    return SeriesRule(text, thickness, tuple(kernels), preference == "slices")


def choose_series(series: Sequence[Extent], rule: SeriesRule) -> Extent:
    """Choose one of a study's series.

    A conventional one if there is any: virtual monoenergetic images have other contrasts than what networks are trained
    on. Of the series that cover at least half as much of the body as the longest of these, since a few slices through
    one place are no scan of the lungs: the one whose thickness is in the rule's range, or nearest to it; whose kernel
    the rule names first; with the smallest spacing (to 0.01 mm); with the most slices; whose UID sorts first.
    """
    return min(series, key=_ranking(series, rule))


def rank_series(series: Sequence[Extent], rule: SeriesRule) -> list[Extent]:
    """Order a study's series: the chosen one, then what would be it without that one, and so on."""
    rest = list(series)
    ranked = []
    while rest:
        ranked.append(choose_series(rest, rule))
        rest.remove(ranked[-1])
    return ranked


def why_chosen(series: int) -> str:
    """Say in a sentence that a series is the chosen one of so many."""
    if series == 1:
        return "Chosen: it is the only series of its study."
    return f"Chosen by the series rule among {series} series of its study."


def why_not_chosen(extent: Extent, chosen: Extent, series: Sequence[Extent], rule: SeriesRule) -> str:
    """Say in a sentence why a series is not the chosen one, by the first thing in which it comes after that one.

    Parameters
    ----------
    series : sequence of Extent
        Those that were to choose from.
    """
    key = _ranking([*series, extent, chosen], rule)
    at = next((at for at, (mine, its) in enumerate(zip(key(extent), key(chosen), strict=True)) if mine != its), -1)
    if rule.prefers_slices and at in (_THINNEST, _MOST_SLICES):
        at = _THINNEST + _MOST_SLICES - at
    return f"Not chosen: {REASONS[at]}."


def _ranking(series: Sequence[Extent], rule: SeriesRule) -> Callable[[Extent], tuple[Any, ...]]:
    """Return the key by which the rule sorts these series, the best one first."""
    conventional = [extent for extent in series if extent.monoenergetic_kev is None] or series
    longest = max(_covered(extent) for extent in conventional)

    def key(extent: Extent) -> tuple[Any, ...]:
        last = (_spacing(extent), float(-extent.number_images))
        return (
            extent.monoenergetic_kev is not None and len(conventional) < len(series),
            2 * _covered(extent) < longest,
            _away(extent, rule),
            _level(extent, rule),
            *(last[::-1] if rule.prefers_slices else last),
            # As T-SQL compares the bytes of NVARCHAR.
            extent.series_uid.encode("utf-16-le", "surrogatepass"),
        )

    return key


def _covered(extent: Extent) -> float:
    return extent.number_images * (extent.spacing_z or 0.0)


def _hundredths(millimetres: float) -> float:
    return float(math.floor(100 * millimetres + 0.5))


def _spacing(extent: Extent) -> float:
    return math.inf if extent.spacing_z is None else _hundredths(extent.spacing_z)


def _away(extent: Extent, rule: SeriesRule) -> float:
    thickness = extent.spacing_z if extent.slice_thickness is None else extent.slice_thickness
    if rule.thickness is None:
        return 0.0
    if thickness is None:
        return math.inf
    low, high = rule.thickness
    return _hundredths(max(low - thickness, thickness - high, 0.0))


def _level(extent: Extent, rule: SeriesRule) -> int:
    kernel = (extent.kernel or "").split("\\")[0].lower()
    levels = range(len(rule.kernels))
    return next((at for at in levels if any(fnmatchcase(kernel, name) for name in rule.kernels[at])), len(levels))


def _refusal(text: str, fault: str) -> LungdbError:
    return LungdbError(
        f"The series rule '{text[:MAX_LENGTH]}' cannot be read: {fault}. Write it like "
        "thickness=0-2.5;kernels=B3*,STANDARD>SOFT;prefer=thinnest, whose parts may be left out; prefer is thinnest or "
        "slices."
    )
