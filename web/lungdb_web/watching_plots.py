"""Plots of a model in use: how many scores, what they are, and how its probabilities are calibrated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta

from lungdb_web.plots import Axis, DayAxis, Plot, Series
from lungdb_web.queries.watching import ScorePeriod
from lungdb_web.withheld import Curves

NORMAL_975 = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""
_PERIOD_DAYS = {"day": 1, "week": 7}


def wilson(successes: float, count: int) -> tuple[float, float]:
    """Give the 95 % interval of a share by Wilson's score (E. B. Wilson, JASA 22, 1927, 209-212), within 0 and 1."""
    share, square = successes / count, NORMAL_975**2
    centre = (share + square / (2 * count)) / (1 + square / count)
    half = NORMAL_975 / (1 + square / count) * math.sqrt(share * (1 - share) / count + square / (4 * count**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def watching_plots(scores: Sequence[ScorePeriod], period: str) -> list[Plot]:
    """Make the plots of scores over time; none where there are no scores."""
    if not scores:
        return []
    first, last = scores[0].period_start.toordinal(), scores[-1].period_start.toordinal()
    step = _PERIOD_DAYS[period]
    days = DayAxis(f"{period}, UTC", first - step / 2, max(last, first + 4 * step) + step / 2)
    counted = {one.period_start: one for one in scores}
    every = [date.fromordinal(first) + timedelta(days=place) for place in range(0, last - first + 1, step)]
    given = [(float(day.toordinal()), float(counted[day].scores) if day in counted else 0.0) for day in every]
    outside = [(float(one.period_start.toordinal()), float(one.outside)) for one in scores]
    most = max(y for _, y in given)
    counts = [Series("scores", "a", given, mark="circle", size=3)]
    if any(y for _, y in outside):
        counts.append(Series("of scans unlike those trained on", "b", outside, None, "square", 4))
    places = [float(one.period_start.toordinal()) for one in scores]
    quantiles = [
        Series(label, kind, list(zip(places, values, strict=True)), line, mark, 3)
        for label, kind, line, mark, values in (
            ("median", "a", "straight", "circle", [one.median for one in scores]),
            ("upper quartile", "b", "straight", "triangle", [one.upper_quartile for one in scores]),
            ("lower quartile", "b", "straight", "square", [one.lower_quartile for one in scores]),
            ("largest", "point", None, "diamond", [one.largest for one in scores]),
        )
    ]
    return [
        Plot("scores", "Scores given", f"How many scores the version gave in each {period}.", days,
             Axis("scores", 0.0, max(4.0, 1.05 * most)), counts),
        Plot("distribution", "What the scores were",
             f"Median, quartiles and largest probability of each {period} with scores.", days, Axis("probability"),
             quantiles),
    ]  # fmt: skip


def calibration_plot(curves: Curves) -> Plot | None:
    """Draw the share of cancer in bins of test patients; None where it was not recorded.

    Each has a 95 % interval, unless the curves are those of `coarse_calibration`.
    """
    points = [
        (point.x, point.y, point.patients)
        for point in curves.get(("test", "calibration"), ())
        if point.x is not None and point.y is not None and point.patients != 0
    ]
    if not points:
        return None
    counted = [(y, patients) for _, y, patients in points if patients is not None]
    series = Series(
        "share with cancer, and 95 % interval" if counted else "share with cancer",
        "a",
        [(x, y) for x, y, _ in points],
        None,
        "circle",
        patients=[patients for _, patients in counted],
        ranges=[wilson(round(y * patients), patients) for y, patients in counted],
    )
    text = "Mean probability and observed share of cancer in bins of test patients, "
    text += (
        "with Wilson's 95 % interval: where the interval holds the dotted line, the bin says nothing against the "
        "probabilities."
        if counted
        else "to the nearest tenth: shares and counts in full would tell the truth of single patients, which this "
        "account may not see."
    )
    perfect = Series("perfect calibration", "reference", [(0.0, 0.0), (1.0, 1.0)])
    return Plot(
        "calibration", "Calibration", text, Axis("predicted probability"), Axis("share with cancer"), [series, perfect]
    )
