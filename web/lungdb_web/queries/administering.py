"""What an administrator does from the page: training, searches, promotion, drift checks, and reading the audit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from lungdb.database import ResultSet
from lungdb.errors import Message
from lungdb_web.queries.calling import Call
from lungdb_web.queries.installed import NO_ADMINISTRATION, granted_or

ALGORITHMS = ("lightgbm", "logistic", "random_forest", "extra_trees", "network")
CALIBRATIONS = ("platt", "isotonic", "none")
METRICS = ("auc", "log_loss")


class LongCall(Protocol):
    """Runs a batch that takes long, outside of any request, and hands its messages on as they come."""

    def __call__(self, sql: str, *parameters: Any, on_message: Callable[[Message], None]) -> list[ResultSet]:
        """Run a batch; DatabaseUnavailable or, where a procedure refuses, SqlError."""
        ...


@dataclass(frozen=True)
class AuditRow:
    """Something done or refused; the time is in UTC."""

    audit_id: int
    at: datetime
    account: str | None
    action: str
    patient_index: int | None
    outcome: str
    detail: str | None
    address: str | None
    login_name: str | None


@dataclass(frozen=True)
class Training:
    """What a training is asked with; an empty pooling is the one served."""

    name: str
    algorithm: str
    pooling: str | None
    calibration: str
    folds: int
    seed: int
    skip_missing: bool


@dataclass(frozen=True)
class Searching:
    """What a search is asked with."""

    name: str
    trials: int
    metric: str
    folds: int
    seed: int
    skip_missing: bool


def promote(call: Call, name: str, version: int, metric: str, *, force: bool) -> None:
    """Make a version the champion; SqlError 50141 or 50144 where it is worse or cannot be compared, without force."""
    with granted_or(NO_ADMINISTRATION):
        sql = "EXECUTE dbo.PromoteModel @ModelName = ?, @Version = ?, @Metric = ?, @Force = ?;"
        call(sql, name, version, metric, int(force))


def roll_back(call: Call, name: str) -> None:
    """Undo the newest promotion of a name; SqlError 50142 where there is none before it."""
    with granted_or(NO_ADMINISTRATION):
        call("EXECUTE dbo.RollbackModel @ModelName = ?;", name)


def train(call: LongCall, asked: Training, on_message: Callable[[Message], None]) -> None:
    """Train a new version of a model."""
    with granted_or(NO_ADMINISTRATION):
        call(
            "EXECUTE dbo.TrainLungCancerModel @ModelName = ?, @Algorithm = ?, @Pooling = ?, @Calibration = ?, "
            "@Folds = ?, @Seed = ?, @SkipMissing = ?;",
            asked.name, asked.algorithm, asked.pooling, asked.calibration, asked.folds, asked.seed,
            int(asked.skip_missing),
            on_message=on_message,
        )  # fmt: skip


def search(call: LongCall, asked: Searching, on_message: Callable[[Message], None]) -> None:
    """Make a search and work on it until its best is trained, or it was ended."""
    with granted_or(NO_ADMINISTRATION):
        results = call(
            "DECLARE @SearchId INT; EXECUTE dbo.SearchModels @ModelName = ?, @Trials = ?, @Metric = ?, @Folds = ?, "
            "@Seed = ?, @SkipMissing = ?, @SearchId = @SearchId OUTPUT; SELECT @SearchId AS search_id;",
            asked.name, asked.trials, asked.metric, asked.folds, asked.seed, int(asked.skip_missing),
            on_message=on_message,
        )  # fmt: skip
        call("EXECUTE dbo.RunSearch @SearchId = ?;", results[-1].scalar(), on_message=on_message)


def end_search(call: Call, search_id: int) -> None:
    """End a search that is not finished; SqlError 50162 where there is none."""
    with granted_or(NO_ADMINISTRATION):
        call("EXECUTE dbo.EndSearch @SearchId = ?;", search_id)


def check_drift(
    call: LongCall, name: str, version: int, since: datetime, on_message: Callable[[Message], None]
) -> None:
    """Compare the patients first scored since then with those whom the version was tested on."""
    with granted_or(NO_ADMINISTRATION):
        sql = "EXECUTE dbo.CheckDrift @ModelName = ?, @Version = ?, @Since = ?;"
        call(sql, name, version, since, on_message=on_message)


def read_audit(
    call: Call,
    account: str | None,
    patient_index: int | None,
    action: str | None,
    since: datetime | None,
    until: datetime | None,
    before: int | None,
    limit: int,
) -> list[AuditRow]:
    """Read rows of the audit, newest first; before is an audit_id that they are older than."""
    with granted_or(NO_ADMINISTRATION):
        (found,) = call(
            "EXECUTE dbo.ReadAudit @Account = ?, @PatientIndex = ?, @Limit = ?, @Action = ?, @From = ?, @To = ?, "
            "@Before = ?;",
            account, patient_index, limit, action, since, until, before,
        )  # fmt: skip
    return [AuditRow(*row) for row in found.rows]
