"""What the page's login may see but not call is absent, and all else is still shown."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from lungdb_web.database import Database
from lungdb_web.queries import installed as absences

from lungdb.errors import SqlError
from tests.support.web import Program

API = "/api/v1/patients/3/predictions/1/explanation"
Post = Callable[..., Any]


@pytest.mark.parametrize(
    ("procedure", "method", "path", "absence"),
    [
        ("ReadExplanation", "GET", API, absences.NO_REASONS),
        ("ExplainScans", "POST", "/api/v1/patients/3/predictions/1/explanation", absences.NOT_EXPLAINED_HERE),
        ("RenderMap", "GET", f"{API}/maps/4", absences.NO_MAPS),
        ("SimilarPatients", "GET", "/api/v1/patients/3/similar", absences.NO_SIMILAR),
        ("PredictLungCancer", "POST", "/api/v1/patients/3/predictions", absences.NO_SCORES),
    ],
)
def test_what_is_seen_but_not_granted_is_absent_and_the_patient_is_still_shown(
    program: Program,
    signed_in: FlaskClient,
    post: Post,
    monkeypatch: pytest.MonkeyPatch,
    procedure: str,
    method: str,
    path: str,
    absence: str,
) -> None:
    """SQL Server's error 229 of a login that may see a procedure's definition; another error is one."""
    post(signed_in, "/patients/3/score")
    number, asked = 229, Database.call

    def refusing(database: Database, sql: str, *arguments: Any) -> Any:
        if f"EXECUTE dbo.{procedure} " in sql:
            raise SqlError(number, f"The EXECUTE permission was denied on the object '{procedure}'.")
        return asked(database, sql, *arguments)

    monkeypatch.setattr(Database, "call", refusing)
    told = program(method, path).get_json()
    assert (told["status"], told["type"], told["detail"]) == (501, "/api/v1/docs#not-installed", absence)
    page = signed_in.get("/patients/3")
    assert page.status_code == 200
    assert (absence in unescape(page.text)) == (procedure == "ReadExplanation")
    number = 208
    assert program(method, path).status_code == 500


def test_two_models_stand_side_by_side_where_no_comparison_is_granted(
    signed_in: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says so in place of the figures of both, and shows the rest."""
    asked = Database.call

    def refusing(database: Database, sql: str, *arguments: Any) -> Any:
        if "EXECUTE dbo.Compare" in sql:
            raise SqlError(229, "The EXECUTE permission was denied on the object.")
        return asked(database, sql, *arguments)

    monkeypatch.setattr(Database, "call", refusing)
    page = signed_in.get("/models/compare?a=1&b=1&metric=brier").text
    assert absences.NO_COMPARISON in unescape(page)
    assert "<h1>Two models side by side</h1>" in page
