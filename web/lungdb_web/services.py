"""What every request needs: the settings, the database and the bounds of what runs external scripts."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

from flask import current_app, g

from lungdb.config import Settings
from lungdb.database import ResultSet
from lungdb.errors import LungdbError
from lungdb_web.background import Background
from lungdb_web.bulk import BulkScoring
from lungdb_web.database import COMPARISONS, SCORES, Database, Lane
from lungdb_web.queries.installed import Installed, read_installed
from lungdb_web.queries.scores import HELP_IN_PYTHON, HELP_IN_SQL
from lungdb_web.turns import Turns

_KEY = "lungdb"
_SCORES_WAITING = 8
_COMPARISONS_WAITING = 4
# The first script of a connection starts Python, which takes long on a busy server.
_WAIT_SECONDS = 45.0


def scoring_turns() -> Turns:
    """Bound how many scores are computed."""
    return Turns(SCORES, _SCORES_WAITING, _WAIT_SECONDS)


def comparing_turns() -> Turns:
    """Bound what is compared, explained or drawn, so that those who look keep nobody from scoring."""
    return Turns(COMPARISONS, _COMPARISONS_WAITING, _WAIT_SECONDS)


@dataclass(frozen=True)
class Services:
    """The long-lived parts of an application."""

    settings: Settings
    database: Database
    scoring: Turns
    comparing: Turns
    bulk: BulkScoring
    background: Background = field(default_factory=Background)

    def install(self) -> None:
        """Make them those of the current application."""
        current_app.extensions[_KEY] = self

    def warm_scorer(self) -> None:
        """Have the database read what scores, and start the process of its scripts, before anybody asks for a score.

        Nothing is scored or stored. A database that is not there, or has no such procedure, is for the first request.
        """

        def call(sql: str, *parameters: Any, lane: Lane = "scores") -> list[ResultSet]:
            return self.database.call(sql, parameters, None, lane)

        with suppress(LungdbError):
            found = read_installed(call)
            if found.scores:
                call(HELP_IN_PYTHON if found.scores_in_python else HELP_IN_SQL)


def services() -> Services:
    """Return those of the current application."""
    return cast(Services, current_app.extensions[_KEY])


def bulk() -> BulkScoring:
    """Give the scoring of all that is not scored."""
    return services().bulk


def call(sql: str, *parameters: Any, lane: Lane = "pages") -> list[ResultSet]:
    """Run a batch in the name of the account of this request (`g.account`, by its name); of nobody before sign-in.

    Parameters
    ----------
    lane : str
        "scores" or "comparisons" for a batch that runs an external script; then it waits for its turn among its like.
        "audit" and "health" for what must not wait behind others. Other batches take the lane of the request, `g.lane`.

    Raises
    ------
    DatabaseUnavailable, TooBusy
        The request is answered with 503 or 429.
    SqlError
        A procedure refuses.
    """
    account = g.get("account")
    user = None if account is None else account.name
    here = services()
    if lane == "pages":
        reading: Lane = g.get("lane", lane)
        return here.database.call(sql, parameters, user, reading)
    if lane in ("audit", "health", "background"):
        return here.database.call(sql, parameters, user, lane)
    turns = here.scoring if lane == "scores" else here.comparing
    with turns.take():
        return here.database.call(sql, parameters, user, lane)


def installed() -> Installed:
    """Say what the database can do; asked once a request, so that what is installed meanwhile shows at once."""
    if "installed" not in g:
        g.installed = read_installed(call)
    found: Installed = g.installed
    return found
