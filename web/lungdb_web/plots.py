"""Plots as data, with every coordinate worked out, for templates/models_plot.svg to draw.

Lines differ in dash and marks too, so that no plot needs its colours; the style sheet may change the colours alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import pairwise

LEFT, TOP, SIDE = 56, 10, 368
"""Upper left corner of the axes and length of both, in units of the drawing."""
WIDTH = LEFT + SIDE + 16
_LEGEND_ROW = 20
_BELOW_AXES = 56
_LARGEST_MARK, _SMALLEST_MARK = 9.0, 3.0

Place = tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """An axis from low to high in the data's units."""

    label: str
    low: float = 0.0
    high: float = 1.0

    @cached_property
    def ticks(self) -> list[float]:
        """Give round values from low to high: 4 to 11 of them, 1, 2 or 5 times a power of ten apart."""
        span = self.high - self.low
        power = 10.0 ** math.floor(math.log10(span / 4))
        step = max(power * times for times in (1, 2, 5) if power * times <= span / 4 * (1 + 1e-9))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]

    @cached_property
    def labelled(self) -> list[tuple[float, str]]:
        """Give the ticks and their texts, with as many decimals as their distance needs."""
        ticks = self.ticks
        decimals = max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9))
        return [(tick, f"{tick:.{decimals}f}") for tick in ticks]

    def part(self, value: float) -> float:
        """Say where a value lies, 0 at low, 1 at high."""
        return (value - self.low) / (self.high - self.low)

    def text(self, value: float) -> str:
        """Write a value for the table beside the picture."""
        return f"{value:.4g}"


class DayAxis(Axis):
    """An axis of days, each given by its number as date.toordinal gives it."""

    @cached_property
    def ticks(self) -> list[float]:
        """Give at most five days, equally far apart, the first and last not beyond the axis."""
        step = max(1, math.ceil((self.high - self.low) / 4))
        return [float(day) for day in range(math.ceil(self.low), math.floor(self.high) + 1, step)]

    @cached_property
    def labelled(self) -> list[tuple[float, str]]:
        """Give the days with month and day; the table has the year."""
        return [(tick, f"{date.fromordinal(int(tick)):%m-%d}") for tick in self.ticks]

    def text(self, value: float) -> str:
        """Write a day in full."""
        return date.fromordinal(int(value)).isoformat()


@dataclass(frozen=True)
class Series:
    """Points of one kind.

    Attributes
    ----------
    kind : str
        `a`, `b`, `point` or `reference`, for colour and dash.
    line : str or None
        `straight` or, for a value that holds from the point before on, `stepped`; None does not join the points.
    mark : str or None
        Shape at each point: `circle`, `square`, `triangle` or `diamond`.
    size : float
        Half the width of a mark in units of the drawing.
    patients : list of int, optional
        Patients behind each point; the more, the larger the mark.
    ranges : list of (float, float), optional
        Interval of y at each point, drawn as an upright line.
    """

    label: str
    kind: str
    points: Sequence[Place]
    line: str | None = "straight"
    mark: str | None = None
    size: float = 5
    patients: Sequence[int] = ()
    ranges: Sequence[Place] = ()


@dataclass(frozen=True)
class Plot:
    """A plot: the stem of its address, its title, and what it shows in words."""

    name: str
    title: str
    text: str
    x: Axis
    y: Axis
    series: Sequence[Series]

    left, top, right, bottom = LEFT, TOP, LEFT + SIDE, TOP + SIDE
    width = WIDTH

    @property
    def height(self) -> int:
        """Give the height of the drawing: axes, their labels, and a row of the legend for each series."""
        return TOP + SIDE + _BELOW_AXES + _LEGEND_ROW * len(self.series) + 6

    def legend_y(self, row: int) -> int:
        """Give the middle of a row of the legend."""
        return TOP + SIDE + _BELOW_AXES + _LEGEND_ROW * row + _LEGEND_ROW // 2

    def place_x(self, value: float) -> float:
        """Give where a value of the x axis is drawn."""
        return round(LEFT + SIDE * self.x.part(value), 2)

    def place_y(self, value: float) -> float:
        """Give where a value of the y axis is drawn."""
        return round(TOP + SIDE * (1 - self.y.part(value)), 2)

    def path(self, series: Series) -> str:
        """Give the line through a series as an SVG path."""
        points = stepped(series.points) if series.line == "stepped" else series.points
        return "M" + "L".join(f"{self.place_x(x):g},{self.place_y(y):g}" for x, y in corners(points))

    def marks(self, series: Series) -> list[str]:
        """Give an SVG path for each point of a series that has marks."""
        if series.mark is None:
            return []
        sizes = [series.size] * len(series.points)
        if series.patients:
            most = max(series.patients)
            sizes = [max(_SMALLEST_MARK, _LARGEST_MARK * math.sqrt(count / most)) for count in series.patients]
        return [
            mark_path(series.mark, self.place_x(x), self.place_y(y), size)
            for (x, y), size in zip(series.points, sizes, strict=True)
        ]

    def bars(self, series: Series) -> str:
        """Give the intervals of a series as an SVG path."""
        return "".join(
            f"M{self.place_x(x):g},{self.place_y(low):g}V{self.place_y(high):g}"
            for (x, _), (low, high) in zip(series.points, series.ranges, strict=True)
        )

    def legend_mark(self, series: Series, row: int) -> str:
        """Give the mark of a series as an SVG path in its row of the legend."""
        return mark_path(series.mark or "circle", LEFT + 17, self.legend_y(row), min(series.size, 6))

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Give the points that make the picture as text: series, x, y, and patients where they are known."""
        found = []
        for series in self.series:
            if series.kind != "reference":
                points = corners(series.points) if series.line and not series.patients else series.points
                counts = list(map(str, series.patients)) or [""] * len(points)
                around = [f" ({self.y.text(low)} to {self.y.text(high)})" for low, high in series.ranges]
                found += [
                    (series.label, self.x.text(x), self.y.text(y) + interval, count)
                    for (x, y), interval, count in zip(points, around or [""] * len(points), counts, strict=True)
                ]
        return found


def mark_path(mark: str, x: float, y: float, size: float) -> str:
    """Give a shape as an SVG path around a point; size is half its width."""
    if mark == "circle":
        return f"M{x - size:g},{y:g}a{size:g},{size:g} 0 1 0 {2 * size:g},0a{size:g},{size:g} 0 1 0 {-2 * size:g},0Z"
    around = {
        "square": ((-1, -1), (1, -1), (1, 1), (-1, 1)),
        "triangle": ((0, -1.15), (1.1, 0.85), (-1.1, 0.85)),
        "diamond": ((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)),
    }[mark]
    return "M" + "L".join(f"{x + size * across:g},{y + size * down:g}" for across, down in around) + "Z"


def stepped(points: Sequence[Place]) -> list[Place]:
    """Turn points into a stair: between two of them the later one's y holds."""
    return [place for before, point in pairwise(points) for place in ((before[0], point[1]), point)]


def corners(points: Sequence[Place]) -> list[Place]:
    """Leave out points that lie on a level or upright line between their neighbours: the picture is the same."""

    def is_between(before: float, value: float, after: float) -> bool:
        return before <= value <= after or before >= value >= after

    kept = list(points[:1])
    for point, after in pairwise(points[1:]):
        (x, y), before = point, kept[-1]
        level = before[1] == y == after[1] and is_between(before[0], x, after[0])
        upright = before[0] == x == after[0] and is_between(before[1], y, after[1])
        if not level and not upright:
            kept.append(point)
    return [*kept, *points[1:][-1:]]


def range_of(values: Sequence[float]) -> tuple[float, float]:
    """Give an axis that holds all values with a little room; at least a tenth of a unit long."""
    low, high = min(values), max(values)
    room = max(0.05 * (high - low), 0.05)
    return max(0.0, low - room) if low >= 0 else low - room, high + room
