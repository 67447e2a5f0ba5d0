"""What the views say of trained models: versions, figures, curves, promotions; and the comparison of two."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lungdb.errors import ErrorNumber, SqlError
from lungdb_web.queries.calling import Call
from lungdb_web.queries.installed import NO_COMPARISON, NO_PERMISSION, granted_or

COMPARED = ("auc", "average_precision", "log_loss", "brier")
"""Figures that CompareModels compares by."""


_VERSION = """
SELECT classifier_id, name, version, library, network, network_version, layer, preprocessing, width, pooling,
    created_at, run_by, is_champion, predictions
FROM dbo.model_versions
WHERE task = 'classification'
"""
_HEADLINES = """
SELECT classifier_id, metric, value
FROM dbo.model_figures
WHERE part = 'test' AND metric IN (N'patients', N'positives', N'auc', N'auc_low', N'auc_high', N'log_loss', N'brier')
"""


@dataclass(frozen=True)
class Version:
    """A version of a model, with the figures of its test patients by which one tells versions apart.

    Attributes
    ----------
    test : dict
        `patients`, `positives`, `auc`, `auc_low`, `auc_high`, `log_loss`, `brier`; None where a figure is not defined,
        absent where it was not recorded.
    """

    classifier_id: int
    name: str
    version: int
    library: str
    network: str
    network_version: int
    layer: str
    preprocessing: str
    width: int
    pooling: str
    created_at: datetime
    run_by: str | None
    is_champion: bool
    predictions: int
    test: dict[str, float | None]


@dataclass(frozen=True)
class Origin:
    """Where a version comes from: its training run, its own hash and that of the network.

    Attributes
    ----------
    details, parameters : dict
        As training stored them; empty where nothing was.
    """

    sha256: str
    network_sha256: str
    feature_set_id: int
    details: dict[str, Any]
    experiment_id: int | None
    seed: int | None
    parameters: dict[str, Any]
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True)
class Point:
    """A point of a curve; None where a value is not defined. patients is of calibration's points alone."""

    position: int
    x: float | None
    y: float | None
    patients: int | None


@dataclass(frozen=True)
class Promotion:
    """A version made the champion of its name, and perhaps rolled back."""

    version: int
    previous_version: int | None
    metric: str
    value: float | None
    previous_value: float | None
    forced: bool
    promoted_at: datetime
    promoted_by: str
    rolled_back_at: datetime | None
    rolled_back_by: str | None


@dataclass(frozen=True)
class Disagreement:
    """A common test patient to whom two models give different probabilities, in percent."""

    patient_index: int
    label: int
    percent_a: float
    percent_b: float
    difference: float


@dataclass(frozen=True)
class Comparison:
    """A figure of two versions on the test patients that both have scored; None where it is not defined."""

    metric: str
    patients: int
    value_a: float | None
    value_b: float | None
    difference: float | None
    low: float | None
    high: float | None
    disagreements: list[Disagreement]


def list_versions(call: Call) -> list[Version]:
    """Give every version of every model, by name, the newest first."""
    (found,) = call(_VERSION + "ORDER BY name, version DESC;")
    (figures,) = call(_HEADLINES + ";")
    return _versions(found.records(), figures.rows)


def find_version(call: Call, name: str, version: int) -> Version | None:
    """Give a version of a model, None when there is none."""
    return _find(call, "AND name = ? AND version = ?;", name, version)


def find_classifier(call: Call, classifier_id: int) -> Version | None:
    """Give the version with this classifier_id, None when there is none."""
    return _find(call, "AND classifier_id = ?;", classifier_id)


def read_origin(call: Call, classifier_id: int) -> Origin:
    """Say where a version that exists comes from."""
    (found,) = call(
        "SELECT sha256, network_sha256, feature_set_id, details, experiment_id, seed, parameters, started_at, ended_at "
        "FROM dbo.model_versions WHERE classifier_id = ?;",
        classifier_id,
    )
    (row,) = found.records()
    return Origin(**row | {"details": _object(row["details"]), "parameters": _object(row["parameters"])})


def read_figures(call: Call, classifier_id: int) -> dict[tuple[str, str], float | None]:
    """Give (part, metric) to value, None where it is not defined; a pair that is absent was not recorded."""
    (found,) = call("SELECT part, metric, value FROM dbo.model_figures WHERE classifier_id = ?;", classifier_id)
    return {(part, metric): value for part, metric, value in found.rows}


def read_curves(call: Call, classifier_id: int) -> dict[tuple[str, str], list[Point]]:
    """Give (part, curve) to its points, in order."""
    (found,) = call(
        "SELECT part, curve, position, x, y, patients FROM dbo.model_curves "
        "WHERE classifier_id = ? ORDER BY part, curve, position;",
        classifier_id,
    )
    curves: dict[tuple[str, str], list[Point]] = {}
    for part, curve, *point in found.rows:
        curves.setdefault((part, curve), []).append(Point(*point))
    return curves


def read_promotions(call: Call, name: str) -> list[Promotion]:
    """Give the promotions of a model's versions, the newest first."""
    (found,) = call(
        "SELECT version, previous_version, metric, value, previous_value, forced, promoted_at, promoted_by, "
        "rolled_back_at, rolled_back_by FROM dbo.promotion_history WHERE name = ? ORDER BY promotion_id DESC;",
        name,
    )
    return [Promotion(**row | {"forced": bool(row["forced"])}) for row in found.records()]


def compare(call: Call, a: Version, b: Version, metric: str, top: int, *, sees_truth: bool) -> Comparison | None:
    """Compare two versions by one of `COMPARED`; None where they have no test patients in common.

    Who may see the truth is also told the `top` patients on whom the two disagree most, with their labels, unless this
    site withholds CompareModels from the page.
    """
    if sees_truth:
        try:
            return _compare_models(call, a, b, metric, top)
        except SqlError as error:
            if error.number == ErrorNumber.NOT_COMPARABLE:
                return None
            if error.number != NO_PERMISSION:
                raise
    with granted_or(NO_COMPARISON):
        (figures,) = call(
            "EXECUTE dbo.CompareFigures @A = ?, @VersionA = ?, @B = ?, @VersionB = ?, @Metric = ?;",
            a.name, a.version, b.name, b.version, metric,
            lane="comparisons",
        )  # fmt: skip
    (row,) = figures.records()
    return _comparison(row, []) if row["patients"] else None


def _compare_models(call: Call, a: Version, b: Version, metric: str, top: int) -> Comparison:
    figures, patients = call(
        "EXECUTE dbo.CompareModels @A = ?, @VersionA = ?, @B = ?, @VersionB = ?, @Metric = ?, @Top = ?;",
        a.name, a.version, b.name, b.version, metric, top,
        lane="comparisons",
    )  # fmt: skip
    (row,) = figures.records()
    names = ("patient_index", "label", "percent_a", "percent_b", "difference")
    return _comparison(row, [Disagreement(**{name: patient[name] for name in names}) for patient in patients.records()])


def _comparison(row: dict[str, Any], disagreements: list[Disagreement]) -> Comparison:
    names = ("metric", "patients", "value_a", "value_b", "difference", "low", "high")
    return Comparison(**{name: row[name] for name in names}, disagreements=disagreements)


def _find(call: Call, where: str, *parameters: str | int) -> Version | None:
    (found,) = call(_VERSION + where, *parameters)
    if not found.rows:
        return None
    (row,) = found.records()
    (figures,) = call(_HEADLINES + "AND classifier_id = ?;", row["classifier_id"])
    return _versions([row], figures.rows)[0]


def _versions(rows: Sequence[dict[str, Any]], figures: Sequence[tuple[int, str, float | None]]) -> list[Version]:
    test: dict[int, dict[str, float | None]] = {row["classifier_id"]: {} for row in rows}
    for classifier_id, metric, value in figures:
        # A version trained between the two questions has no row yet.
        test.get(classifier_id, {})[metric] = value
    return [
        Version(**row | {"is_champion": bool(row["is_champion"]), "test": test[row["classifier_id"]]}) for row in rows
    ]


def _object(text: str | None) -> dict[str, Any]:
    """Read an object of a table; anything else that a column of JSON may hold says nothing here."""
    value = json.loads(text) if text else {}
    return value if isinstance(value, dict) else {}
