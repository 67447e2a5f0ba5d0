"""An administrator promotes, rolls back, trains and searches from the page, and reads the audit."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from lungdb_web.database import Database
from lungdb_web.queries import installed as absences
from lungdb_web.unnamed import unnamed

from lungdb.errors import SqlError
from tests.support.web import csrf_of, sign_in
from tests.web.looking import audit, query

Post = Callable[..., Any]
CHAMPION = "SELECT version FROM dbo.model_versions WHERE is_champion = 1;"
TRAINING = {
    "name": "lightgbm_sql",
    "algorithm": "logistic",
    "pooling": "",
    "calibration": "none",
    "folds": "3",
    "seed": "4",
    "skip_missing": "on",
}
DETAILS = "account, action, outcome, detail"


@pytest.fixture
def administrator(app: Flask) -> FlaskClient:
    """A browser in which ada, an administrator, is signed in."""
    return sign_in(app.test_client(), "ada")


@pytest.fixture
def two_versions(web_database: Path) -> None:
    """A second version without folds, which cannot be compared on out-of-fold scores; its number is 2."""
    query(web_database, "EXECUTE dbo.TrainLungCancerModel @MinDataInLeaf = 3, @Folds = 0, @SkipMissing = 1;")


def _wait(app: Flask) -> Any:
    background = app.extensions["lungdb"].background
    background.wait(120)
    return background.job


def test_readers_and_scorers_are_refused_and_it_is_recorded(app: Flask, web_database: Path, post: Post) -> None:
    """403 at every address that needs an administrator, whoever else asks, and none of it is offered to them."""
    gets = ("/watching/train", "/watching/1/promote", "/watching/1/roll_back", "/audit")
    compares = ("/watching/1/promote/compare", "/watching/1/roll_back/compare")
    posts = (*gets, *compares, "/watching/search", "/watching/end_search", "/watching/1/check_drift")
    for name in ("rob", "ana"):
        client = sign_in(app.test_client(), name)
        rows = len(audit(web_database))
        for path in gets:
            assert client.get(path).status_code == 403, path
        assert audit(web_database)[rows:] == [(name, "refused", None, "refused")] * len(gets)
        for path in posts:
            assert post(client, path).status_code == 403, path
        offered = client.get("/watching").text + client.get("/watching/1").text
        assert not any(word in offered for word in ("/train", "/audit", "/promote", "/roll_back", "check_drift"))
    assert query(web_database, CHAMPION) == [(1,)]


@pytest.mark.usefixtures("two_versions")
def test_a_refused_promotion_says_why_and_by_force_it_is_done_with_a_reason(
    administrator: FlaskClient, web_database: Path, post: Post
) -> None:
    """The procedure's own sentence stands on the page; force without a reason is refused; the audit has all of it."""
    looks = _looks(web_database)
    page = unescape(administrator.get("/watching/2/promote").text)
    assert _looks(web_database) == looks  # to show the stored figures is no look
    assert "takes the place of the champion, version 1" in page
    assert "test patients that both have scored" in page
    figures = dict(
        query(
            web_database, "SELECT classifier_id, value FROM dbo.model_figures WHERE part = 'test' AND metric = N'auc';"
        )
    )
    for value in figures.values():
        assert f'<data value="{value}"' in page
    rows = len(audit(web_database))
    refused = post(administrator, "/watching/2/promote", metric="auc")
    assert refused.status_code == 409
    assert "out-of-fold scores of training patients in common" in unescape(refused.text)
    assert post(administrator, "/watching/2/promote", metric="auc", force="on").status_code == 400
    assert query(web_database, CHAMPION) == [(1,)]
    assert (
        post(administrator, "/watching/2/promote", metric="auc", force="on", reason="a new\tscanner").status_code == 303
    )
    assert query(web_database, CHAMPION) == [(2,)]
    told = "lightgbm_sql version 2 by auc"
    assert [row for row in audit(web_database, DETAILS)[rows:] if row[1] != "view_list"] == [
        ("ada", "ask_promote", "ok", told),
        ("ada", "promote", "failed", f"{told}: error 50144"),
        ("ada", "ask_promote", "ok", f"{told}, by force: a new scanner"),
        ("ada", "promote", "ok", f"{told}, by force: a new scanner"),
    ]
    promoted = query(
        web_database, "SELECT TOP (1) promoted_by, forced FROM dbo.promotion_history ORDER BY promotion_id DESC;"
    )
    assert promoted == [("ada", 1)]


@pytest.mark.usefixtures("two_versions")
def test_two_are_compared_on_the_test_patients_by_a_button_and_that_is_recorded(
    administrator: FlaskClient, web_database: Path, post: Post
) -> None:
    """A look is counted of each; the page has the figures of the comparison and the form to go on with."""
    (expected,) = query(
        web_database,
        "EXECUTE dbo.CompareFigures @A = N'lightgbm_sql', @VersionA = 2, @B = N'lightgbm_sql', @VersionB = 1, "
        "@Metric = N'brier';",
    )
    looks, rows = _looks(web_database), len(audit(web_database))
    assert "Compare on the test patients" in administrator.get("/watching/2/promote").text
    page = unescape(post(administrator, "/watching/2/promote/compare", metric="brier").text)
    assert f"Brier score on the {expected[1]} test patients that both have scored" in page
    assert f'difference <data value="{expected[8]}"' in page
    assert "Make version 2 the champion" in page
    assert [one - before for one, before in zip(_looks(web_database), looks, strict=True)] == [1, 1]
    told = "lightgbm_sql version 2 with version 1 by brier"
    assert [row for row in audit(web_database, DETAILS)[rows:] if row[1] != "view_list"] == [
        ("ada", "ask_compare", "ok", told),
        ("ada", "compare", "ok", told),
    ]
    assert post(administrator, "/watching/2/promote/compare", metric="x").status_code == 400


def _looks(database: Path) -> list[int]:
    rows = query(database, "SELECT test_looks FROM dbo.model_versions ORDER BY version;")
    return [looks for (looks,) in rows]


@pytest.mark.usefixtures("two_versions")
def test_a_promotion_is_rolled_back_once(administrator: FlaskClient, web_database: Path, post: Post) -> None:
    """To the champion before it; from a page that is out of date, or where none is before it, nothing is done."""
    post(administrator, "/watching/2/promote", metric="auc", force="on", reason="a try")
    looks = _looks(web_database)
    assert "Version 1 becomes the champion again" in administrator.get("/watching/2/roll_back").text
    assert _looks(web_database) == looks
    compared = post(administrator, "/watching/2/roll_back/compare", metric="auc").text
    assert "was counted" in compared
    assert "Make version 1 the champion again" in compared
    assert post(administrator, "/watching/2/roll_back").status_code == 303
    assert query(web_database, CHAMPION) == [(1,)]
    assert post(administrator, "/watching/2/roll_back").status_code == 409
    answer = post(administrator, "/watching/1/roll_back")
    assert answer.status_code == 409
    assert "there is nothing to roll back to" in answer.text
    assert query(web_database, CHAMPION) == [(1,)]
    done = [row[1:3] for row in audit(web_database, DETAILS) if "roll_back" in row[1]]
    assert done == [("ask_roll_back", "ok"), ("roll_back", "ok"), ("ask_roll_back", "ok"), ("roll_back", "failed")]


def test_a_model_is_trained_in_the_background_and_searched_for(
    app: Flask, administrator: FlaskClient, web_database: Path, post: Post
) -> None:
    """A new version that is not served; what the procedure refuses is said; a second one must wait."""
    assert post(administrator, "/watching/train", **TRAINING).location == "/watching#job"
    busy = post(
        administrator, "/watching/search", name="s", trials="2", metric="auc", folds="2", seed="1", skip_missing="on"
    )
    job = _wait(app)
    assert (job.state, job.account) == ("done", "ada"), job.said
    assert busy.status_code == 429
    page = unescape(administrator.get("/watching").text)
    assert "<strong>Training of lightgbm_sql</strong>, by ada: done. Begun" in page
    trained = "SELECT version, library, run_by, seed FROM dbo.model_versions ORDER BY version;"
    assert query(web_database, trained)[1:] == [(2, "logistic", "ada", 4)]
    assert query(web_database, CHAMPION) == [(1,)]
    post(administrator, "/watching/train", **{**TRAINING, "folds": "99"})
    job = _wait(app)
    assert (job.state, "@Folds" in job.said) == ("failed", True)
    assert job.said in unescape(administrator.get("/watching").text)
    post(administrator, "/watching/search", name="s", trials="2", metric="auc", folds="2", seed="1", skip_missing="on")
    job = _wait(app)
    assert job.state == "done", job.said
    assert query(web_database, "SELECT name, state, created_by FROM dbo.searches;") == [("s", "done", "ada")]
    assert "2 of 2" in administrator.get("/watching").text
    done = [row[:3] for row in audit(web_database, DETAILS) if "train" in row[1] or "search_" in row[1]]
    assert [row[1:] for row in done] == [
        ("ask_train", "ok"), ("ask_search_models", "ok"), ("search_models", "failed"), ("train", "ok"),
        ("ask_train", "ok"), ("train", "failed"), ("ask_search_models", "ok"), ("search_models", "ok"),
    ]  # fmt: skip
    assert {row[0] for row in done} == {"ada"}


def test_what_a_training_refuses_is_said_without_the_patients(
    app: Flask, administrator: FlaskClient, web_database: Path, post: Post
) -> None:
    """No row of the audit says who saw their indices, so the page has only how many there are."""
    with pytest.raises(SqlError, match=r"their indices: \d") as refused:
        query(web_database, "EXECUTE dbo.TrainLungCancerModel @Folds = 3;")
    indices = re.findall(r"\d+", refused.value.message.partition("indices: ")[2].partition(". ")[0])
    assert indices
    post(administrator, "/watching/train", **{key: value for key, value in TRAINING.items() if key != "skip_missing"})
    job = _wait(app)
    assert job.state == "failed"
    said = unescape(administrator.get("/watching").text).partition('id="job"')[2].partition("</section>")[0]
    assert f"{len(indices)} labelled patients have no features" in said
    assert "@SkipMissing = 1" in said
    assert not any(re.search(rf"\b{index}, ", said) for index in indices)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("40 scans; their indices: 1, 2, …. Go on.", "40 scans; their indices: (not shown here). Go on."),
        ("Scan 37 (patient index 36): no.", "Scan (not shown here) (patient index (not shown here)): no."),
        ("2 scans were removed before: 3, 4.", "2 scans were removed before: (not shown here)."),
        ("Trial 3 of 50, 12 patients a fold; auc: 0.81.", "Trial 3 of 50, 12 patients a fold; auc: 0.81."),
        ("The value 99 of @Folds is not one. Give 2.", "The value 99 of @Folds is not one. Give 2."),
    ],
)
def test_patients_and_scans_are_left_out_and_counts_stay(said: str, shown: str) -> None:
    """As the procedures' messages name them."""
    assert unnamed(said) == shown


def test_a_check_for_drift_is_run_and_its_refusal_said(
    app: Flask, administrator: FlaskClient, web_database: Path, post: Post
) -> None:
    """Too few later patients is how every site begins; with thirty of them a check is stored."""
    post(administrator, "/watching/1/check_drift")
    job = _wait(app)
    assert (job.state, "patients" in job.said) == ("failed", True)
    query(web_database, "EXECUTE dbo.PredictPatients @ModelName = N'lightgbm_sql', @SkipMissing = 1;")
    post(administrator, "/watching/1/check_drift")
    _wait(app)
    stored = query(web_database, "SELECT COUNT(*) FROM dbo.drift_alarms WHERE checked_by = N'ada';")[0][0]
    recorded = [row[2] for row in audit(web_database, DETAILS) if row[1] == "check_drift"]
    assert recorded == ["failed", "ok" if stored else "failed"]


def test_a_search_that_goes_on_is_ended(administrator: FlaskClient, web_database: Path, post: Post) -> None:
    """By its number; one that is not there is refused in the procedure's words."""
    query(web_database, "EXECUTE dbo.SearchModels @ModelName = N's', @Trials = 3, @SkipMissing = 1;")
    assert "End search 1" in administrator.get("/watching").text
    assert post(administrator, "/watching/end_search", search_id="1").status_code == 303
    assert query(web_database, "SELECT state FROM dbo.searches;") == [("failed",)]
    answer = post(administrator, "/watching/end_search", search_id="1")
    assert answer.status_code == 409
    assert "There is no search with the number 1 that is not finished" in answer.text


def test_what_cannot_be_recorded_is_not_done(
    administrator: FlaskClient, web_database: Path, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a training begins nor a version is promoted, and of the audit nothing is shown."""
    asked = Database.call

    def refusing(database: Database, sql: str, *arguments: Any) -> Any:
        if "dbo.RecordAudit" in sql:
            raise SqlError(229, "The INSERT permission was denied.")
        return asked(database, sql, *arguments)

    token = csrf_of(administrator.get("/").text)
    monkeypatch.setattr(Database, "call", refusing)
    for path, fields in (("/watching/train", TRAINING), ("/watching/1/roll_back", {}), ("/audit", {})):
        assert administrator.post(path, data={**fields, "csrf_token": token}).status_code == 503, path
    assert query(web_database, "SELECT COUNT(*) FROM dbo.model_versions;") == [(1,)]


def test_where_nothing_of_it_is_granted_the_page_says_so(
    administrator: FlaskClient, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a login that may see the procedures, but not call them."""
    asked = Database.call

    def refusing(database: Database, sql: str, *arguments: Any) -> Any:
        if re.search(r"dbo\.(RollbackModel|ReadAudit|EndSearch) ", sql):
            raise SqlError(229, "The EXECUTE permission was denied on the object.")
        return asked(database, sql, *arguments)

    monkeypatch.setattr(Database, "call", refusing)
    for path, fields in (("/audit", {}), ("/watching/end_search", {"search_id": "1"})):
        answer = post(administrator, path, **fields)
        assert answer.status_code == 501, path
        assert absences.NO_ADMINISTRATION in unescape(answer.text)


def _shown(page: str) -> list[list[str]]:
    rows = re.findall(r"<tr>(<th scope=\"row\".*?)</tr>", page, re.DOTALL)
    return [[unescape(re.sub(r"<[^>]+>", "", cell)) for cell in re.findall(r"<t[hd].*?</t[hd]>", row)] for row in rows]


def test_the_audit_is_searched_and_that_is_recorded(
    app: Flask, administrator: FlaskClient, web_database: Path, post: Post
) -> None:
    """By account, patient, action and days; lists name their patients; older rows follow by a button."""
    tess = sign_in(app.test_client(), "tess")
    for index in (3, 5):
        tess.get(f"/patients/{index}")
    query(web_database, "UPDATE dbo.audit SET at = '2026-02-03T23:30:00' WHERE patient_index = 5;")
    assert "<table" not in administrator.get("/audit").text
    found = _shown(post(administrator, "/audit", account="tess", action="view_patient").text)
    assert [row[1:5] for row in found] == [["tess", "view_patient", "5", "ok"], ["tess", "view_patient", "3", "ok"]]
    (one,) = _shown(
        post(administrator, "/audit", action="view_patient", **{"from": "2026-02-03", "to": "2026-02-03"}).text
    )
    assert one[:4] == ["2026-02-03 23:30:00", "tess", "view_patient", "5"]
    assert _shown(post(administrator, "/audit", account="tess", to="2026-02-02").text) == []
    of_patient = _shown(post(administrator, "/audit", patient="3").text)
    expected = query(web_database, "EXECUTE dbo.ReadAudit @PatientIndex = 3, @Limit = 1000;")
    assert [row[2] for row in of_patient] == [row[3] for row in expected[-len(of_patient) :]]
    assert {"view_patient", "read_audit"} <= {row[2] for row in of_patient}
    searched = [row[3] for row in audit(web_database, DETAILS) if row[1] == "read_audit"]
    assert searched[:2] == ["account tess; action view_patient", "action view_patient; from 2026-02-03; to 2026-02-03"]
    for fields in ({"patient": "x"}, {"from": "yesterday"}, {"before": "-1"}):
        assert post(administrator, "/audit", **fields).status_code == 400


def test_a_page_of_the_audit_leads_to_the_older_one(administrator: FlaskClient, web_database: Path, post: Post) -> None:
    """A hundred rows each, none twice and none left out."""
    for number in range(120):
        query(web_database, "EXECUTE dbo.RecordAudit @Action = 'probe', @Detail = ?;", str(number))
    first = post(administrator, "/audit", action="probe").text
    before = re.search(r'name="before" value="(\d+)"', first)
    assert before is not None
    second = post(administrator, "/audit", action="probe", before=before.group(1)).text
    assert [row[5] for row in _shown(first) + _shown(second)] == [str(number) for number in reversed(range(120))]
    assert 'name="before"' not in second
