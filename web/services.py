"""What every request needs: the settings, the database and the bounds of scoring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from flask import current_app, g

from lungdb.config import Settings
from lungdb.database import ResultSet
from web.database import Database
from web.scoring import ScoringPool

_KEY = "lungdb"


@dataclass(frozen=True)
class Services:
    """The long-lived parts of an application."""

    settings: Settings
    database: Database
    scoring: ScoringPool

    def install(self) -> None:
        """Make them those of the current application."""
        current_app.extensions[_KEY] = self


def services() -> Services:
    """Return those of the current application."""
    return cast(Services, current_app.extensions[_KEY])


def call(sql: str, *parameters: Any, computes: bool = False) -> list[ResultSet]:
    """Run a batch in the name of the account of this request (`g.account`, by its name); of nobody before sign-in.

    Parameters
    ----------
    computes : bool
        Whether the batch runs an external script; then it waits for its turn.

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
    if not computes:
        return here.database.call(sql, parameters, user, computes=False)
    with here.scoring.place():
        return here.database.call(sql, parameters, user, computes=True)
