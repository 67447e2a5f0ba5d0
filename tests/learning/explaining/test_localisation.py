"""Hits, chance, ties and intervals of an explanation are what can be worked out by hand."""

from __future__ import annotations

import math
import runpy
from pathlib import Path

import numpy as np
import pytest

from lungdb.learning.explaining.localisation import (
    cells_touched,
    chance,
    hit,
    localised,
    mean_height,
    rank_among,
    slices_touched,
)


@pytest.mark.parametrize(
    ("values", "marked", "wanted"),
    [
        ([1, 3, 2], [0, 1, 0], 1.0),
        ([1, 3, 2], [1, 0, 1], 0.0),
        ([3, 3, 2, 3], [1, 0, 1, 0], 1 / 3),
        ([0, 0, 0, 0], [1, 1, 0, 0], 0.5),
        ([-2, -1], [0, 1], 1.0),
    ],
)
def test_a_hit_is_the_share_of_the_largest_places_that_are_marked(
    values: list[float], marked: list[int], wanted: float
) -> None:
    """One place, or several that are as large, of which each counts alike."""
    assert hit(values, marked) == pytest.approx(wanted)


def test_blind_values_hit_as_often_as_chance() -> None:
    """Over 4000 draws, ties among them, the mean of hits is the share of marked places within four standard errors."""
    rng = np.random.default_rng(3)
    marked = np.array([1, 0, 0, 1, 0, 0, 0, 0], dtype=bool)
    hits = [hit(rng.integers(0, 4, 8), marked) for _ in range(4000)]
    assert chance(marked) == 0.25
    assert abs(np.mean(hits) - 0.25) < 4 * np.std(hits) / math.sqrt(4000)


def test_the_interval_is_that_of_a_mean_over_patients() -> None:
    """Of many patients it is close to the normal one, the excess plus and minus 1.96 standard errors."""
    rng = np.random.default_rng(8)
    hits = rng.random(400) < 0.6
    found = localised(hits, np.full(400, 0.2), seed=1)
    excess = hits.mean() - 0.2
    error = hits.std() / 20
    assert (found.patients, found.hits, found.chance) == (400, pytest.approx(hits.mean()), pytest.approx(0.2))
    assert found.excess == pytest.approx(excess)
    assert found.low == pytest.approx(excess - 1.96 * error, abs=0.3 * error)
    assert found.high == pytest.approx(excess + 1.96 * error, abs=0.3 * error)
    alike = localised(np.ones(7), np.full(7, 0.5), seed=1)
    assert (alike.low, alike.high) == (0.5, 0.5)


def test_a_rank_counts_itself_and_ties() -> None:
    """Above all twenty it is 1 in 21; a tie counts against it."""
    assert rank_among(2.0, [1.0] * 20) == pytest.approx(1 / 21)
    assert rank_among(1.0, [1.0, 0.0, 3.0]) == pytest.approx(3 / 4)


def test_the_height_of_a_curve_is_its_area_over_its_length() -> None:
    """Of a line it is the middle; an early rise is higher."""
    assert mean_height([0, 1, 2, 3]) == pytest.approx(1.5)
    assert mean_height([5, 3, 1]) == pytest.approx(3)
    assert mean_height([0, 4, 4]) == pytest.approx(3)


def test_a_ball_touches_the_slices_that_it_reaches_into() -> None:
    """Slices of 2 mm, 5 mm apart, around a ball of 8 mm at 11: it reaches from 7 to 15."""
    touched = slices_touched(11.0, 8.0, np.array([0.0, 5.0, 10.0, 15.0, 20.0]), 2.0)
    assert touched.tolist() == [False, False, True, True, False]


def test_a_circle_touches_the_cells_that_it_reaches_into() -> None:
    """Cells of 4 pixels from -0.5: one of radius 1 at (5, 7.2) reaches into two, one at a corner into four."""
    edges = np.arange(-0.5, 16, 4.0), np.arange(-0.5, 16, 4.0)
    touched = cells_touched(5.0, 7.2, (1.0, 1.0), edges)
    assert sorted(map(tuple, np.argwhere(touched).tolist())) == [(1, 1), (1, 2)]
    assert cells_touched(7.5, 7.5, (0.5, 0.5), edges).sum() == 4
    # Its box reaches into the cell across the corner, and the circle does not.
    assert sorted(map(tuple, np.argwhere(cells_touched(8.4, 8.4, (1.0, 1.0), edges)).tolist())) == [
        (1, 2),
        (2, 1),
        (2, 2),
    ]


def test_figures_of_no_patient_are_told_and_not_computed(capsys: pytest.CaptureFixture[str]) -> None:
    """A coarse grid has no cell that is lung, and a small data set no benign nodule: the others are still printed."""
    show = runpy.run_path(str(Path(__file__).parents[3] / "scripts" / "bench" / "localisation.py"))["_print"]
    show("top cell", [], [], [[]], 1)
    show("top cell", [np.array([1.0, 2.0])], [np.array([False, True])], [], 1)
    none, one = capsys.readouterr().out.splitlines()
    assert none.split() == ["top", "cell", "0", "patients:", "there", "is", "nothing", "to", "count"]
    assert "1 patients: hits 100.0 %, chance  50.0 %" in one
