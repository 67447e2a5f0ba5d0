"""The geometry of plots: round ticks, and lines that lose nothing that can be seen."""

from __future__ import annotations

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st
from lungdb_web.plots import LEFT, SIDE, TOP, Axis, Plot, Series, corners, mark_path, range_of, stepped

LEVELS = st.sampled_from([0.0, 0.25, 0.5, 1.0])
PLACES = st.tuples(LEVELS, LEVELS)


@given(st.floats(-10, 10), st.floats(0.01, 1e4))
def test_ticks_are_round_and_within_the_axis(low: float, span: float) -> None:
    """4 to 11 ticks, each a whole multiple of 1, 2 or 5 times a power of ten, none outside."""
    axis = Axis("x", low, low + span)
    ticks = axis.ticks
    assert 4 <= len(ticks) <= 11
    step = ticks[1] - ticks[0]
    mantissa = step / 10 ** math.floor(math.log10(step) + 1e-6)
    assert min(abs(mantissa - whole) for whole in (1, 2, 5)) < 1e-3
    assert all(math.isclose(tick, round(tick / step) * step, rel_tol=1e-9, abs_tol=1e-3 * step) for tick in ticks)
    assert low - 1e-6 * span <= ticks[0]
    assert ticks[-1] <= low + span * (1 + 1e-6)


def test_tick_texts_tell_the_ticks_apart() -> None:
    """No more decimals than needed, and no two ticks with one text."""
    assert [text for _, text in Axis("x").labelled] == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
    assert [text for _, text in Axis("x", 0, 100).labelled] == ["0", "20", "40", "60", "80", "100"]
    texts = [text for _, text in Axis("x", 0.3, 0.34).labelled]
    assert texts == ["0.30", "0.31", "0.32", "0.33", "0.34"]


def _covered(points: list[tuple[float, float]]) -> set[tuple[tuple[float, float], tuple[float, float]]]:
    """Cut a line of level and upright stretches at the levels that points may have, so that lines can be compared."""
    steps = set()
    for before, after in itertools.pairwise(points):
        along = 0 if before[1] == after[1] else 1
        low, high = sorted((before[along], after[along]))
        cuts = [level for level in (0.0, 0.25, 0.5, 1.0) if low <= level <= high]
        for start, end in itertools.pairwise(cuts):
            other = before[1 - along]
            steps.add(((start, other), (end, other)) if along == 0 else ((other, start), (other, end)))
    return steps


@given(st.lists(PLACES, min_size=1, max_size=12))
def test_leaving_points_out_changes_nothing_that_is_drawn(points: list[tuple[float, float]]) -> None:
    """A stair of any points covers the same stretches before and after, also where it goes back and forth."""
    stair = [points[0], *stepped(points)]
    kept = corners(stair)
    assert _covered(kept) == _covered(stair)
    assert (kept[0], kept[-1]) == (stair[0], stair[-1])


def test_a_long_straight_line_needs_two_points() -> None:
    """So a curve of ten thousand patients stays small where it is level."""
    assert corners([(x / 100, 1.0) for x in range(101)]) == [(0.0, 1.0), (1.0, 1.0)]


def test_a_stair_holds_the_later_value_between_points() -> None:
    """As matplotlib's step plot with where='pre' does."""
    assert stepped([(0, 1), (1, 3), (2, 2)]) == [(0, 3), (1, 3), (1, 2), (2, 2)]


def test_values_are_drawn_between_the_edges_of_the_axes() -> None:
    """Low is left and below, high right and above."""
    plot = Plot("p", "P", "text", Axis("x", 10, 20), Axis("y", -1, 1), [Series("s", "a", [(10, -1), (20, 1)])])
    assert plot.path(plot.series[0]) == f"M{LEFT},{TOP + SIDE}L{LEFT + SIDE},{TOP}"


def test_more_patients_make_a_larger_mark() -> None:
    """The area, not the width, follows the number; a single patient can still be seen."""
    points = [(0.5, 0.5)] * 3
    series = Series("s", "a", points, mark="circle", patients=[1, 25, 100])
    plot = Plot("p", "P", "text", Axis("x"), Axis("y"), [series])
    expected = [mark_path("circle", plot.place_x(0.5), plot.place_y(0.5), size) for size in (3.0, 4.5, 9.0)]
    assert plot.marks(series) == expected


@given(st.lists(st.floats(0, 10), min_size=1))
def test_an_axis_holds_all_its_values(values: list[float]) -> None:
    """Also where all are equal; losses have no axis below zero."""
    low, high = range_of(values)
    assert 0 <= low <= min(values)
    assert max(values) < high
    assert high - low >= 0.05
