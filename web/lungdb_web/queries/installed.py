"""What a database can do for the page: install_sql_only.sql brings less, for servers without external scripts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lungdb.errors import LungdbError, SqlError
from lungdb_web.queries.calling import Call

NO_PERMISSION = 229
"""SQL Server's number for a right that was not granted."""
NO_SCORES = (
    "Scans cannot be scored on this server, because its database has no procedure for it that this page may call. "
    "An administrator installs dbo.PredictLungCancerSql, which needs no Python, or grants it to the page."
)
SCORED_IN_SQL = (
    "Nothing is scored in Python on this server: its scores are computed in T-SQL alone, which can be done with every "
    "model that was checked for it."
)
NO_SIMILAR = (
    "Similar scans are not shown on this server, because its database has no procedure for it that this page may call: "
    "they are found in Python. Look for them where the features were made, or have the administrator install all of "
    "lungdb where Python runs, or grant dbo.SimilarPatients to the page."
)
NO_COMPARISON = (
    "Models are not compared on this server, because its database has no procedure for it that this page may call: the "
    "interval of their difference is computed in Python. Compare them where they were trained, or have an "
    "administrator grant dbo.CompareFigures to the page where Python runs; here two can be seen side by side."
)
NO_REASONS = (
    "Why scores are what they are is not shown on this server, because its database has no procedure for it that this "
    "page may call. An administrator installs dbo.ReadExplanation, or grants it to the page."
)
NOT_EXPLAINED_HERE = (
    "Scores are not explained on this server, because its database has no procedure for it that this page may call: it "
    "is done in Python. Explain them where the features were made, or have an administrator grant dbo.ExplainScans to "
    "the page where Python runs."
)
NO_MAPS = (
    "Maps are not drawn on this server, because its database has no procedure for it that this page may call: it is "
    "done in Python. Look at them where they were made, or have an administrator grant dbo.RenderMap to the page where "
    "Python runs."
)
NO_SEARCHES = (
    "The list cannot be searched on this server, because its database has no procedure for it that this page may call. "
    "An administrator installs dbo.KeepSearch and dbo.FindSearch, or grants them to the page."
)
NO_REVIEWS = (
    "Scans cannot be reviewed on this server, because its database has no procedure for it that this page may call. An "
    "administrator installs dbo.StoreReview and dbo.ListReviews, or grants them to the page."
)
NO_BULK = (
    "Scans cannot be scored all at once on this server, because its database has no procedure for it that this page "
    "may call. An administrator grants dbo.PredictPatients, or dbo.PredictPatientsSql, to the page."
)
NO_OVERLAYS = (
    "Maps are not laid over the slices of the viewer on this server, because its database has no procedure for it that "
    "this page may call. An administrator installs dbo.ReadMap, or grants it to the page."
)
NO_NODULES = (
    "Nodules are not shown on this server, because its database has no procedure for it that this page may call. An "
    "administrator installs dbo.ReadNodules, or grants it to the page."
)
NO_SERIES = (
    "DICOMweb is not served here, because the database has no procedure for it that this page may call. An "
    "administrator installs dbo.FindSeries and dbo.ListInstances, or grants them to the page."
)
NO_REPORT = (
    "Reports are not written on this server, because this page may not read the tables that they are made of. Write "
    "one with lungdb report, or have an administrator grant lungdb_trainer's rights to the page."
)
NO_IMAGES = (
    "No images of this scan are stored in this database, only what is known of it. Look at them where they were loaded."
)
NO_WATCHING = (
    "Scores over time, runs and queues are not shown on this server, because its database has no procedure for it that "
    "this page may call. An administrator installs dbo.WatchModel and dbo.WatchWork, or grants them to the page."
)
NO_ADMINISTRATION = (
    "This cannot be done from the page of this server, because its database has no procedure for it that the page may "
    "call. Whoever administers it grants what docs/web.md lists for administrators who work on the page."
)
"""What a page says where something is absent."""

_QUERY = """
SELECT OBJECT_ID(N'dbo.PredictLungCancer', N'P') AS scores_in_python,
    OBJECT_ID(N'dbo.PredictLungCancerSql', N'P') AS scores_in_sql,
    OBJECT_ID(N'dbo.SimilarPatients', N'P') AS finds_similar,
    OBJECT_ID(N'dbo.CompareFigures', N'P') AS compares,
    OBJECT_ID(N'dbo.ReadExplanation', N'P') AS reads_reasons,
    OBJECT_ID(N'dbo.ExplainScans', N'P') AS explains,
    OBJECT_ID(N'dbo.RenderMap', N'P') AS draws_maps,
    OBJECT_ID(N'dbo.KeepSearch', N'P') AS keeps_searches,
    OBJECT_ID(N'dbo.StoreReview', N'P') AS reviews,
    OBJECT_ID(N'dbo.PredictPatients', N'P') AS scores_many_in_python,
    OBJECT_ID(N'dbo.PredictPatientsSql', N'P') AS scores_many_in_sql,
    OBJECT_ID(N'dbo.WatchModel', N'P') AS watches_models,
    OBJECT_ID(N'dbo.WatchWork', N'P') AS watches_work,
    OBJECT_ID(N'dbo.PromoteModel', N'P') AS promotes,
    OBJECT_ID(N'dbo.RollbackModel', N'P') AS rolls_back,
    OBJECT_ID(N'dbo.TrainLungCancerModel', N'P') AS trains,
    OBJECT_ID(N'dbo.RunSearch', N'P') AS searches,
    OBJECT_ID(N'dbo.EndSearch', N'P') AS ends_searches,
    OBJECT_ID(N'dbo.CheckDrift', N'P') AS checks_drift,
    OBJECT_ID(N'dbo.ReadAudit', N'P') AS reads_audit,
    OBJECT_ID(N'dbo.ReadMap', N'P') AS reads_maps,
    OBJECT_ID(N'dbo.ReadNodules', N'P') AS reads_nodules,
    OBJECT_ID(N'dbo.UseSignInLink', N'P') AS signs_in_by_link;
"""


class NotInstalled(LungdbError):  # noqa: N818 - it says what is, as DatabaseUnavailable does
    """The database has no procedure for what is asked, so that asking again brings nothing."""


@contextmanager
def granted_or(absence: str) -> Iterator[None]:
    """Say that a procedure is absent where it can be seen, but not called.

    Raises
    ------
    NotInstalled
        The page's login has no right to call it.
    """
    try:
        yield
    except SqlError as error:
        if error.number != NO_PERMISSION:
            raise
        raise NotInstalled(absence) from error


@dataclass(frozen=True)
class Installed:
    """Whether each thing is there for the page's login: SQL Server shows nobody what they have no right at all to.

    Attributes
    ----------
    scores_in_python, scores_in_sql : bool
        dbo.PredictLungCancer and dbo.PredictLungCancerSql.
    finds_similar : bool
        dbo.SimilarPatients.
    compares : bool
        dbo.CompareFigures.
    reads_reasons, explains, draws_maps, reads_maps : bool
        dbo.ReadExplanation, dbo.ExplainScans, dbo.RenderMap and dbo.ReadMap.
    keeps_searches, reviews : bool
        dbo.KeepSearch and dbo.StoreReview.
    scores_many_in_python, scores_many_in_sql : bool
        dbo.PredictPatients and dbo.PredictPatientsSql.
    watches_models, watches_work : bool
        dbo.WatchModel and dbo.WatchWork.
    promotes, rolls_back, trains, searches, ends_searches, checks_drift, reads_audit : bool
        dbo.PromoteModel, dbo.RollbackModel, dbo.TrainLungCancerModel, dbo.RunSearch, dbo.EndSearch, dbo.CheckDrift and
        dbo.ReadAudit: for administrators, where the page's login was granted them.
    signs_in_by_link : bool
        dbo.UseSignInLink.
    reads_nodules : bool
        dbo.ReadNodules.
    """

    scores_in_python: bool
    scores_in_sql: bool
    finds_similar: bool
    compares: bool
    reads_reasons: bool
    explains: bool
    draws_maps: bool
    reads_maps: bool
    keeps_searches: bool
    reviews: bool
    scores_many_in_python: bool
    scores_many_in_sql: bool
    watches_models: bool
    watches_work: bool
    promotes: bool
    rolls_back: bool
    trains: bool
    searches: bool
    ends_searches: bool
    checks_drift: bool
    reads_audit: bool
    signs_in_by_link: bool
    reads_nodules: bool

    @property
    def scores(self) -> bool:
        """Whether scans can be scored at all."""
        return self.scores_in_python or self.scores_in_sql

    @property
    def scores_many(self) -> bool:
        """Whether many scans can be scored in one call."""
        return self.scores_many_in_python or self.scores_many_in_sql


def read_installed(call: Call) -> Installed:
    """Ask the database what it has."""
    (found,) = call(_QUERY)
    (row,) = found.records()
    return Installed(**{name: number is not None for name, number in row.items()})
