"""What detectors of nodules found in this database, and how they were measured."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lungdb.database import Connection, run

MOST = 8
"""Evaluations that a report shows, the newest."""
_FOUND = """
SELECT network_name, network_version, preprocessing, COUNT(DISTINCT scan_id) AS scans, COUNT(*) AS candidates
FROM dbo.nodule_list WHERE source = 'network'
GROUP BY network_name, network_version, preprocessing
ORDER BY network_name, network_version, preprocessing;"""
_MARKED = """
SELECT COUNT(DISTINCT scan_id) AS scans, COUNT(CASE WHEN is_relevant = 1 THEN 1 END) AS nodules,
    COUNT(CASE WHEN is_relevant = 0 THEN 1 END) AS irrelevant
FROM dbo.nodule_list WHERE source = 'truth';"""
_FIGURES = f"""
SELECT nodule_evaluation_id, detector, detector_version, preprocessing, stages, dataset, dataset_version, [rule], scans,
    test_scans, nodules, irrelevant, hits, false_alarms, evaluated_at, position, false_alarms_per_scan, sensitivity,
    low, high
FROM dbo.detector_figures
WHERE nodule_evaluation_id IN (
    SELECT TOP ({MOST}) nodule_evaluation_id FROM dbo.detector_figures
    WHERE position = 0 ORDER BY nodule_evaluation_id DESC)
ORDER BY nodule_evaluation_id DESC, position;"""


@dataclass(frozen=True)
class Found:
    """How many candidates a detector has in how many scans; scans without any are not counted."""

    network_name: str
    network_version: int
    preprocessing: str
    scans: int
    candidates: int


@dataclass(frozen=True)
class Marked:
    """How many nodules readers marked in how many scans, and how many findings that are not to be found."""

    scans: int
    nodules: int
    irrelevant: int


@dataclass(frozen=True)
class Rate:
    """The share of nodules found at a number of false alarms a scan, with its 95 % interval, None where not defined."""

    false_alarms: float | None
    sensitivity: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Measured:
    """A detector measured on a data set by free-response ROC.

    Attributes
    ----------
    stages : str or None
        Later stages whose scores its own is multiplied with.
    rule : str
        Which nodules are to be found, and which candidates count.
    mean : Rate
        The mean sensitivity over `rates`, with its interval; its false_alarms are None.
    """

    evaluation_id: int
    detector: str
    detector_version: int
    preprocessing: str
    stages: str | None
    dataset: str
    dataset_version: int
    rule: str
    scans: int
    test_scans: int
    nodules: int
    irrelevant: int
    hits: int
    false_alarms: int
    evaluated_at: datetime
    mean: Rate
    rates: tuple[Rate, ...]

    @property
    def title(self) -> str:
        """The detector, with the later stages, and the data set."""
        stages = f" with {self.stages}" if self.stages else ""
        return f"{self.detector}, version {self.detector_version}{stages}, on {self.dataset}"


@dataclass(frozen=True)
class Detectors:
    """All that the tables say of nodules."""

    found: list[Found]
    marked: Marked
    measured: list[Measured]


def read_detectors(connection: Connection) -> Detectors:
    """Read what was found, marked and measured; evaluations the newest first."""
    (found,) = run(connection, _FOUND)
    (marked,) = run(connection, _MARKED)
    (figures,) = run(connection, _FIGURES)
    rates: dict[int, list[Rate]] = {}
    kept: dict[int, dict[str, Any]] = {}
    for row in figures.records():
        number = row.pop("nodule_evaluation_id")
        rate = Rate(*(row.pop(name) for name in ("false_alarms_per_scan", "sensitivity", "low", "high")))
        rates.setdefault(number, []).append(rate)
        row.pop("position")
        kept[number] = row
    return Detectors(
        [Found(**row) for row in found.records()],
        Marked(**marked.records()[0]),
        [
            Measured(evaluation_id=number, mean=rates[number][0], rates=tuple(rates[number][1:]), **row)
            for number, row in kept.items()
        ],
    )
