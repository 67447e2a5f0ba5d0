"""Models in use: their scores over time, drift, subgroups and looks, and what the installation is at work on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from lungdb_web.queries.calling import Call
from lungdb_web.queries.installed import NO_WATCHING, granted_or

PERIODS = ("day", "week")
SPANS = (30, 90, 366)
"""Days back that are offered."""
FIGURES = (("auc", "AUC"), ("brier", "Brier score"), ("log_loss", "Log loss"))
"""Figures of subgroups that are shown."""


@dataclass(frozen=True)
class Served:
    """What a model's name stands for, and why."""

    classifier_id: int
    name: str
    version: int
    newest_version: int
    reason: str
    champion_since: datetime | None
    promoted_by: str | None
    test_looks: int
    test_looks_of_name: int


@dataclass(frozen=True)
class ScorePeriod:
    """The scores of a version in a day or week, from 0 to 1."""

    period_start: date
    scores: int
    scans: int
    outside: int
    mean: float
    least: float
    lower_quartile: float
    median: float
    upper_quartile: float
    largest: float


@dataclass(frozen=True)
class Look:
    """A look at figures of a version's test patients; time in UTC."""

    looked_at: datetime
    looked_with: str
    looked_by: str


@dataclass(frozen=True)
class DriftCheck:
    """A stored comparison of later patients with those tested; times in UTC."""

    drift_check_id: int
    classifier_id: int
    later_since: datetime | None
    dataset: str | None
    tested_patients: int
    later_patients: int
    alpha: float
    statistic: float
    p_value: float
    is_alarm: bool
    most_different: str | None
    checked_at: datetime
    checked_by: str


@dataclass(frozen=True)
class GroupFigure:
    """A figure of a subgroup with its 95 % interval; column_name is None of all scans, metric where it is not shown."""

    column_name: str | None
    value: str | None
    patients: int | None
    positives: int | None
    values_hidden: int | None
    metric: str | None
    figure: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Evaluation:
    """The newest evaluation of a version, and its subgroups."""

    dataset: str
    dataset_version: int
    patients: int
    note: str | None
    evaluated_at: datetime
    evaluated_by: str
    figures: list[GroupFigure]


@dataclass(frozen=True)
class Runs:
    """Runs of a procedure that ended, or go on, in one way."""

    procedure_name: str
    state: str
    runs: int
    done: int
    failed: int
    seconds: float | None
    newest_at: datetime


@dataclass(frozen=True)
class Queue:
    """Work that sessions share."""

    work_id: int
    procedure_name: str
    is_queued: int
    created_at: datetime
    waiting: int
    taken: int
    done: int
    failed: int


@dataclass(frozen=True)
class Search:
    """A search and its trials by state."""

    search_id: int
    name: str
    state: str
    metric: str
    planned: int
    queued: int
    running: int
    done: int
    failed: int
    best: float | None
    classifier_id: int | None
    created_at: datetime
    created_by: str

    @property
    def is_open(self) -> bool:
        """Whether workers may take it."""
        return self.state in ("running", "training")


@dataclass(frozen=True)
class Work:
    """What the installation is at work on, and what failed."""

    runs: list[Runs]
    failures: dict[date | None, int]
    queues: list[Queue]
    searches: list[Search]
    scores: dict[tuple[str, int], int]


def list_served(call: Call) -> list[Served]:
    """Give what each model's name stands for, of models that give probabilities."""
    (found,) = call(
        "SELECT classifier_id, name, version, newest_version, reason, champion_since, promoted_by, test_looks, "
        "test_looks_of_name FROM dbo.model_status WHERE task = 'classification' ORDER BY name;"
    )
    return [Served(**row) for row in found.records()]


def read_scores(call: Call, name: str, version: int, period: str, days: int) -> tuple[list[ScorePeriod], list[Look]]:
    """Give a version's scores by `PERIODS` of so many days, and the newest looks at figures of its test patients."""
    with granted_or(NO_WATCHING):
        scores, looks = call(
            "EXECUTE dbo.WatchModel @ModelName = ?, @Version = ?, @Period = ?, @Days = ?;", name, version, period, days
        )
    return [ScorePeriod(**row) for row in scores.records()], [Look(**row) for row in looks.records()]


def read_work(call: Call, days: int = 30) -> Work:
    """Say what goes on and what failed in so many days."""
    with granted_or(NO_WATCHING):
        runs, failures, queues, searches, scores = call("EXECUTE dbo.WatchWork @Days = ?;", days)
    return Work(
        [Runs(**row) for row in runs.records()],
        dict(failures.rows),
        [Queue(**row) for row in queues.records()],
        [Search(**row) for row in searches.records()],
        {(name, version): count for name, version, count in scores.rows},
    )


def list_drift(call: Call, classifier_id: int) -> list[DriftCheck]:
    """Give the newest ten drift checks of a version, the newest first."""
    (found,) = call(
        "SELECT TOP (10) drift_check_id, classifier_id, later_since, dataset, tested_patients, later_patients, alpha, "
        "statistic, p_value, is_alarm, most_different, checked_at, checked_by FROM dbo.drift_alarms "
        "WHERE classifier_id = ? ORDER BY drift_check_id DESC;",
        classifier_id,
    )
    return [DriftCheck(**row | {"is_alarm": bool(row["is_alarm"])}) for row in found.records()]


def read_evaluation(call: Call, classifier_id: int) -> Evaluation | None:
    """Give the newest evaluation of a version with figures of its subgroups; None where there is none."""
    (found,) = call(
        "SELECT TOP (1) evaluation_id, dataset, dataset_version, patients, note, evaluated_at, evaluated_by "
        "FROM dbo.model_evaluations WHERE classifier_id = ? ORDER BY evaluation_id DESC;",
        classifier_id,
    )
    if not found.rows:
        return None
    (row,) = found.records()
    (figures,) = call(
        "SELECT column_name, value, patients, positives, values_hidden, metric, figure, low, high "
        "FROM dbo.evaluation_figures WHERE evaluation_id = ? AND (metric IS NULL OR "
        "source = 'model' AND metric IN (N'auc', N'brier', N'log_loss')) ORDER BY group_id, metric;",
        row.pop("evaluation_id"),
    )
    return Evaluation(**row, figures=[GroupFigure(**figure) for figure in figures.records()])
