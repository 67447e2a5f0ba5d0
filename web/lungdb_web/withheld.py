"""What an account that may not see the truth is told of a model: nothing from which single labels can be read.

A curve of the test patients turns at every one of them, and their scores are on their pages: whoever sorts these and
walks along the curve reads each label off the direction of the next step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lungdb_web.queries.models import Point

WITHHELD = ("roc", "precision_recall")
"""Curves that are told coarsely."""
SENTENCE = (
    "Drawn through eleven points, to the nearest tenth: the steps of the whole curve would tell the truth of single "
    "patients, which this account may not see."
)
_COUNTS = ("true_positives_at_", "false_negatives_at_", "false_positives_at_", "true_negatives_at_")

Curves = Mapping[tuple[str, str], Sequence[Point]]
Figures = Mapping[tuple[str, str], float | None]


def coarse_curves(curves: Curves) -> dict[tuple[str, str], Sequence[Point]]:
    """Give ROC and precision-recall curves by eleven points at 0, 0.1, … 1, with y to the nearest tenth."""
    return {key: _coarse(points) if key[1] in WITHHELD else points for key, points in curves.items()}


def coarse_calibration(curves: Curves) -> dict[tuple[str, str], Sequence[Point]]:
    """Give calibration by shares to the nearest tenth, without how many patients each bin has."""
    return {
        key: [
            replace(point, y=round(10 * point.y) / 10, patients=None)
            for point in points
            if point.y is not None and point.patients
        ]
        for key, points in curves.items()
        if key[1] == "calibration"
    }


def without_counts(figures: Figures) -> dict[tuple[str, str], float | None]:
    """Leave out how many patients were found and missed; the rates stay."""
    return {key: value for key, value in figures.items() if not key[1].startswith(_COUNTS)}


def _coarse(points: Sequence[Point]) -> list[Point]:
    places = [(point.x, point.y) for point in points if point.x is not None and point.y is not None]
    if not places:
        return []
    return [Point(tenth, tenth / 10, round(10 * _height(places, tenth / 10)) / 10, None) for tenth in range(11)]


def _height(places: Sequence[tuple[float, float]], x: float) -> float:
    """Give y at x of the line through places, which go to the right; the last of those straight above each other."""
    before = [place for place in places if place[0] <= x]
    after = [place for place in places if place[0] > x]
    if not before or not after:
        return before[-1][1] if before else after[0][1]
    (left, low), (right, high) = before[-1], after[0]
    return low + (high - low) * (x - left) / (right - left)
