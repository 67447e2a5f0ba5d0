"""The test figures of several versions side by side: what the tables know of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lungdb.database import Connection, run
from lungdb.errors import LungdbError
from lungdb.reporting.facts import find_classifier
from lungdb.reporting.points import Point

MOST = 8
"""Curves in one picture that are told apart by dash and marker alone."""

_VERSION = "SELECT name, version FROM dbo.classifiers WHERE classifier_id = ?;"
_CURVE = """
SELECT position, x, y, NULL AS threshold FROM dbo.model_curves
WHERE classifier_id = ? AND part = 'test' AND curve = N'roc' ORDER BY position;"""
_FIGURES = "SELECT metric, value FROM dbo.model_figures WHERE classifier_id = ? AND part = 'test';"
_TESTED = """
SELECT p.patient_id FROM dbo.experiment_patients AS p
WHERE p.part = 'test' AND p.experiment_id = (
    SELECT MAX(e.experiment_id) FROM dbo.experiments AS e WHERE e.classifier_id = ?);"""


@dataclass(frozen=True)
class MeasuredVersion:
    """A version on its test patients: its ROC curve and figures, and a word for who the patients are."""

    name: str
    version: int
    curve: list[Point]
    figures: dict[str, float | None]
    patients: frozenset[str]

    @property
    def title(self) -> str:
        """Name and version."""
        return f"{self.name}, version {self.version}"

    def figure(self, name: str) -> str:
        """Give a figure to three decimals, or as not defined."""
        value = self.figures.get(name)
        return "not defined" if value is None else f"{value:.3f}"


def read_names(text: str) -> list[tuple[str, int | None]]:
    """Read ``name:version,name`` as names with versions; LungdbError for what is none, is named twice or too many."""
    found = []
    for part in (each.strip() for each in text.split(",")):
        match = re.fullmatch(r"(.+?)(?::([0-9]{1,9}))?", part)
        if match is None:
            raise LungdbError(f"{text!r} holds an empty name. Give models such as lightgbm_sql:1,lightgbm_sql:2.")
        found.append((match[1], int(match[2]) if match[2] else None))
    if len(found) > MOST:
        raise LungdbError(f"{len(found)} models are too many for one picture. Give {MOST} at most.")
    return found


def read_tested(connection: Connection, names: Sequence[tuple[str, int | None]]) -> list[MeasuredVersion]:
    """Read what is known of each version; LungdbError where one is not there, is named twice or has no ROC curve."""
    found: dict[int, MeasuredVersion] = {}
    for name, version in names:
        classifier = find_classifier(connection, name, version)
        ((name, number),) = run(connection, _VERSION, (classifier,))[0].rows
        if classifier in found:
            raise LungdbError(f"{name} version {number} is named twice. Name each version once.")
        curve = [Point(**row) for row in run(connection, _CURVE, (classifier,))[0].records()]
        if not curve:
            raise LungdbError(
                f"{name} version {number} has no ROC curve: it predicts a number, or no training run with test "
                "patients of both classes is recorded. Leave it out."
            )
        figures = dict(run(connection, _FIGURES, (classifier,))[0].rows)
        patients = frozenset(patient for (patient,) in run(connection, _TESTED, (classifier,))[0].rows)
        found[classifier] = MeasuredVersion(str(name), int(number), curve, figures, patients)
    return list(found.values())
