"""How a model was measured on data sets: every evaluation that the tables have, with its subgroups and curves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lungdb.database import Connection, run
from lungdb.reporting.points import Point

_EVALUATIONS = """
SELECT evaluation_id, dataset, dataset_version, horizon_days, prevalence, seed, patients, scans, positives, unlabelled,
    left_out, is_forced, overlap, note, evaluated_at, evaluated_by
FROM dbo.model_evaluations WHERE classifier_id = ? ORDER BY evaluation_id DESC;"""
_FIGURES = """
SELECT group_id, column_name, value, patients, scans, positives, values_hidden, source, metric, figure, low, high
FROM dbo.evaluation_figures WHERE evaluation_id = ? ORDER BY group_id, source, metric;"""
_POINTS = """
SELECT source, curve, position, x, y, CAST(scans AS FLOAT) AS threshold
FROM dbo.evaluation_points WHERE evaluation_id = ? ORDER BY source, curve, position;"""
_PAIRS = """
SELECT kernel_a, kernel_b, pairs, patients, mean_difference, sd_difference, mean_distance, largest
FROM dbo.evaluation_pairs WHERE evaluation_id = ? ORDER BY position;"""
_LOOKS = """
SELECT looked_with, COUNT(*) AS looks, MAX(looked_at) AS last
FROM dbo.test_looks WHERE classifier_id = ? GROUP BY looked_with ORDER BY looked_with;"""


@dataclass(frozen=True)
class Figure:
    """A figure and the ends of its 95 % interval; None where one is not defined."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Group:
    """Scans of an evaluation: all of them, or those with a value of a column.

    Attributes
    ----------
    column, value : str or None
        None of all scans; the value is None too where a column is not filled.
    patients, scans, positives : int or None
        None where values are not shown.
    hidden : int or None
        How many values of the column are not shown, because too few patients have them.
    figures : dict
        (source, metric) to figure; the source is model, or columns for age, sex, spacing and scanner alone.
    """

    column: str | None
    value: str | None
    patients: int | None
    scans: int | None
    positives: int | None
    hidden: int | None
    figures: dict[tuple[str, str], Figure]


@dataclass(frozen=True)
class Pairs:
    """How far scores of two reconstructions of one study are apart; kernels are None for all pairs."""

    kernel_a: str | None
    kernel_b: str | None
    pairs: int
    patients: int
    mean_difference: float
    sd_difference: float | None
    mean_distance: float
    largest: float


@dataclass(frozen=True)
class Evaluation:
    """A row of dbo.model_evaluations with what belongs to it; the first of its groups is all scans.

    Attributes
    ----------
    curves : dict
        (source, curve) to its points, in order.
    """

    evaluation_id: int
    dataset: str
    dataset_version: int
    horizon_days: int | None
    prevalence: float | None
    seed: int
    patients: int
    scans: int
    positives: int
    unlabelled: int
    left_out: int
    is_forced: bool
    overlap: str | None
    note: str | None
    evaluated_at: datetime
    evaluated_by: str
    groups: list[Group]
    curves: dict[tuple[str, str], list[Point]]
    pairs: list[Pairs]


@dataclass(frozen=True)
class Look:
    """How often figures of the test patients were computed with something, and when last."""

    looked_with: str
    looks: int
    last: datetime


def read_evaluations(connection: Connection, classifier: int) -> list[Evaluation]:
    """Read every evaluation of a version, the newest first."""
    found = []
    for row in run(connection, _EVALUATIONS, (classifier,))[0].records():
        number = row["evaluation_id"]
        curves: dict[tuple[str, str], list[Point]] = {}
        for point in run(connection, _POINTS, (number,))[0].records():
            curves.setdefault((point.pop("source"), point.pop("curve")), []).append(Point(**point))
        pairs = [Pairs(**pair) for pair in run(connection, _PAIRS, (number,))[0].records()]
        row["is_forced"] = bool(row["is_forced"])
        found.append(Evaluation(**row, groups=_groups(connection, number), curves=curves, pairs=pairs))
    return found


def read_looks(connection: Connection, classifier: int) -> list[Look]:
    """Count the looks at figures of a version's test patients after its training, by what they were taken with."""
    return [Look(**row) for row in run(connection, _LOOKS, (classifier,))[0].records()]


def _groups(connection: Connection, evaluation: int) -> list[Group]:
    groups: dict[int, Group] = {}
    for number, column, value, patients, scans, positives, hidden, source, metric, *figure in run(
        connection, _FIGURES, (evaluation,)
    )[0].rows:
        group = groups.setdefault(number, Group(column, value, patients, scans, positives, hidden, {}))
        if metric is not None:
            group.figures[source, metric] = Figure(*figure)
    return list(groups.values())
