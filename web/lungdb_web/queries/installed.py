"""What a database can do for the page: install_sql_only.sql brings less, for servers without external scripts."""

from __future__ import annotations

from dataclasses import dataclass

from lungdb.errors import LungdbError
from lungdb_web.queries.calling import Call

NO_SCORES = (
    "Scans cannot be scored on this server, because its database has no procedure for it that this page may call. "
    "An administrator installs dbo.PredictLungCancerSql, which needs no Python, or grants it to the page."
)
SCORED_IN_SQL = (
    "Nothing is scored in Python on this server: its scores are computed in T-SQL alone, which can be done with every "
    "model that was checked for it."
)
NO_SIMILAR = (
    "Similar scans are not shown on this server, because they are found in Python, which its database does not call. "
    "Look for them where the features were made, or have the administrator install all of lungdb where Python runs."
)
NO_COMPARISON = (
    "Models are not compared on this server, because the interval of their difference is computed in Python, which its "
    "database does not call. Compare them where they were trained; here two can be seen side by side."
)
NO_IMAGES = (
    "No images of this scan are stored in this database, only what is known of it. Look at them where they were loaded."
)
"""What a page says where something is absent."""

_QUERY = """
SELECT OBJECT_ID(N'dbo.PredictLungCancer', N'P') AS scores_in_python,
    OBJECT_ID(N'dbo.PredictLungCancerSql', N'P') AS scores_in_sql,
    OBJECT_ID(N'dbo.SimilarPatients', N'P') AS finds_similar,
    OBJECT_ID(N'dbo.CompareFigures', N'P') AS compares;
"""


class NotInstalled(LungdbError):  # noqa: N818 - it says what is, as DatabaseUnavailable does
    """The database has no procedure for what is asked, so that asking again brings nothing."""


@dataclass(frozen=True)
class Installed:
    """Whether each thing is there for the page's login: SQL Server shows nobody what they have no right to.

    Attributes
    ----------
    scores_in_python, scores_in_sql : bool
        dbo.PredictLungCancer and dbo.PredictLungCancerSql.
    finds_similar : bool
        dbo.SimilarPatients.
    compares : bool
        dbo.CompareFigures.
    """

    scores_in_python: bool
    scores_in_sql: bool
    finds_similar: bool
    compares: bool

    @property
    def scores(self) -> bool:
        """Whether scans can be scored at all."""
        return self.scores_in_python or self.scores_in_sql


def read_installed(call: Call) -> Installed:
    """Ask the database what it has."""
    (found,) = call(_QUERY)
    (row,) = found.records()
    return Installed(**{name: number is not None for name, number in row.items()})
