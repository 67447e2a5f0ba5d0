"""Whoever looked at a patient is written down, or did not look."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.databases import target_of
from tests.support.fixtures import PASSWORD, PEOPLE, UNSCORED
from tests.support.web import Program, csrf_of, sign_in
from tests.web.looking import attempt, audit, query
from tests.web.routes import Route, routes

DEFINITION = "SELECT definition FROM sys.sql_modules WHERE object_id = OBJECT_ID(N'dbo.RecordAudit');"


def _of_a_patient(app: Flask) -> list[Route]:
    """Every route that shows something of a patient; /gif only names the address of a picture."""
    found = [route for route in routes(app) if "index" in route.rule.arguments and not route.path.startswith("/gif/")]
    assert len(found) > 8
    return found


def _with_a_broken_audit(database: Path, condition: str) -> None:
    [(definition,)] = query(database, DEFINITION)
    broken = definition.replace(
        "    INSERT INTO dbo.audit", f"    IF {condition} THROW 50199, N'broken', 1;\n    INSERT INTO dbo.audit"
    )
    assert broken != definition
    query(database, broken)


def _open(client: FlaskClient, route: Route) -> Any:
    headers = {"X-CSRF-Token": csrf_of(client.get("/models").text)} if route.changes else {}
    form = {"suspicion": "3"} if route.changes and route.path.endswith("/review") else None
    return client.open(route.path, method=route.method, headers=headers, data=form, buffered=True)


def test_every_view_of_a_patient_is_recorded(app: Flask, web_database: Path) -> None:
    """Each route about a patient leaves who, what and whom, and nothing is read for somebody else."""
    for route in _of_a_patient(app):
        client = sign_in(app.test_client(), "ana")
        rows = len(audit(web_database))
        answer = _open(client, route)
        new = audit(web_database)[rows:]
        if answer.status_code < 400:
            assert ("ana", 0, "ok") in [(account, index, outcome) for account, _, index, outcome in new], str(route)
        assert {account for account, *_ in new} <= {"ana"}, str(route)


def test_what_cannot_be_recorded_is_not_shown(app: Flask, web_database: Path) -> None:
    """Without the audit every route about a patient is 503, also where the patient is unknown to be kept quiet."""
    clients = [(route, sign_in(app.test_client(), "ana")) for route in _of_a_patient(app)]
    query(web_database, "DROP PROCEDURE dbo.RecordAudit;")
    for route, client in clients:
        answer = _open(client, route)
        assert answer.status_code in (503, 404, 409), f"{route}: {answer.status}"
        assert not any(name in answer.text for name in PEOPLE), str(route)
        assert not answer.data.startswith((b"\x89PNG", b"GIF8", b"RIFF", b"\x1f\x8b")), str(route)


def test_nothing_is_scored_that_cannot_be_recorded(program: Program, web_database: Path) -> None:
    """Asking is recorded before; where what came of it cannot be recorded, the audit still has who asked."""
    _with_a_broken_audit(web_database, "@Action = 'score'")
    assert program("GET", "/predict/0").status_code == 503
    assert audit(web_database) == [("ana", "ask_score", 0, "ok")]
    stored = query(web_database, "SELECT COUNT(*) FROM dbo.predictions;")
    query(web_database, "DROP PROCEDURE dbo.RecordAudit;")
    assert program("GET", "/predict/0").status_code == 503
    assert query(web_database, "SELECT COUNT(*) FROM dbo.predictions;") == stored


def test_the_log_says_why_the_audit_cannot_be_written(
    program: Program, web_database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The error's number, for the administrator, and nothing of the patient."""
    _with_a_broken_audit(web_database, "@Action = 'view_patient'")
    assert program("GET", "/api/v1/patients/0").status_code == 503
    [line] = [record.getMessage() for record in caplog.records if "audit" in record.getMessage()]
    assert "error 50199 in" in line
    assert PEOPLE[0] not in caplog.text


def test_every_page_of_the_list_is_recorded(program: Program, signed_in: FlaskClient, web_database: Path) -> None:
    """On the page and over the API: whom it shows, not what was searched for. Who asks about one finds it."""
    first = len(audit(web_database))
    for page in ("/", "/?page=1&state=scored"):
        assert signed_in.get(page).status_code == 200
    assert program("GET", "/api/v1/patients?page=3&page_size=15").status_code == 200
    assert program("POST", "/api/v1/patients/search", json={"text": "anthony"}).status_code == 200
    rows = audit(web_database, "account, action, patient_index, detail")[first:]
    shown: list[list[object]] = [list(range(40)), [], list(range(30, 40)), [0, 6]]
    actions = ("view_list", "view_list", "view_list", "search")
    assert rows == [
        ("ana", action, None, f"patients: {', '.join(map(str, indices)) or 'none'}")
        for action, indices in zip(actions, shown, strict=True)
    ]
    for patient, times in ((3, 1), (6, 2), (33, 2), (40, 0)):
        assert len(query(web_database, "EXECUTE dbo.ReadAudit @PatientIndex = ?;", patient)) == times, patient


def test_who_guesses_at_patients_leaves_a_trace(
    program: Program, signed_in: FlaskClient, web_database: Path, post: Callable[..., Any]
) -> None:
    """Patients who are not there, by index, and searches that find nobody, without what was searched for."""
    first = len(audit(web_database))
    assert signed_in.get("/patients/4711").status_code == 404
    assert program("GET", "/api/v1/patients/4712/similar").status_code == 404
    assert post(signed_in, "/patient_info", patient_index="Zacharias").status_code == 404
    assert post(signed_in, "/patient_info", patient_index="joost").status_code == 200
    rows = audit(web_database, "account, action, patient_index, outcome, detail")[first:]
    assert [row for row in rows if row[1] != "view_list"] == [  # the form is taken from the list
        ("ana", "view_patient", 4711, "failed", "no such patient"),
        ("ana", "view_patient", 4712, "failed", "no such patient"),
        ("ana", "search", None, "ok", "patients: none"),
        ("ana", "search", None, "ok", "patients: 3"),
        ("ana", "view_patient", 3, "ok", None),
    ]


def test_a_list_that_cannot_be_recorded_is_not_shown(
    program: Program, signed_in: FlaskClient, web_database: Path
) -> None:
    """503 without a name, on the page and over the API."""
    query(web_database, "DROP PROCEDURE dbo.RecordAudit;")
    search = program("POST", "/api/v1/patients/search", json={"text": "anthony"})
    for answer in (signed_in.get("/"), program("GET", "/api/v1/patients"), search):
        assert answer.status_code == 503
        assert not any(name in answer.text for name in PEOPLE)


def test_the_audit_has_the_patients_shown_as_similar(
    program: Program, signed_in: FlaskClient, web_database: Path
) -> None:
    """All that were shown, on the page and over the API; who asks about one of them finds it."""
    page = signed_in.get("/patients/0/similar").text
    shown = [int(index) for index in re.findall(r'href="/patients/(\d+)">', page) if index != "0"]
    assert len(shown) == 8
    assert _similar_of(web_database) == shown
    items = program("GET", "/api/v1/patients/0/similar?limit=100").get_json()["items"]
    assert len(items) == UNSCORED - 1
    assert _similar_of(web_database) == shown + [item["index"] for item in items]
    found = query(web_database, "EXECUTE dbo.ReadAudit @PatientIndex = ?;", shown[0])
    assert [row[4] for row in found] == [0, 0]


def _similar_of(database: Path) -> list[int]:
    details = [detail for (detail,) in audit(database, "detail") if detail and detail.startswith("similar patients: ")]
    return [int(index) for detail in details for index in detail.partition(": ")[2].split(", ")]


def test_signing_in_and_out_is_recorded(client: FlaskClient, web_database: Path, post: Callable[..., Any]) -> None:
    """With the address; a failure under the account that it was about."""
    attempt(client, "ANA", "wrong")
    attempt(client, "ana", PASSWORD)
    post(client, "/sign-out")
    rows = audit(web_database, "account, action, outcome, detail, address")
    assert [row for row in rows if row[1] != "view_list"] == [
        ("ana", "sign_in", "refused", "wrong password", "127.0.0.1"),
        ("ana", "sign_in", "ok", None, "127.0.0.1"),
        ("ana", "sign_out", "ok", None, "127.0.0.1"),
    ]


def test_a_name_that_is_unknown_is_not_written_down(client: FlaskClient, web_database: Path) -> None:
    """It may be a password in the wrong field."""
    attempt(client, "my-secret-password", "ana")
    assert audit(web_database, "account, action, outcome, detail") == [(None, "sign_in", "refused", "unknown name")]
    attempt(client, "ana", "wrong")
    query(web_database, "EXECUTE dbo.StoreAccount @Name = N'ana', @IsEnabled = 0;")
    attempt(client, "ana", PASSWORD)
    assert [row for (row,) in audit(web_database, "detail")] == ["unknown name", "wrong password", "disabled account"]


def test_a_score_says_who_asked_for_it(signed_in: FlaskClient, web_database: Path, post: Callable[..., Any]) -> None:
    """In the audit and in the table of predictions."""
    assert post(signed_in, "/patients/0/score").status_code == 303
    rows = audit(web_database)
    assert rows.index(("ana", "ask_score", 0, "ok")) < rows.index(("ana", "score", 0, "ok"))
    assert query(web_database, "SELECT predicted_by FROM dbo.predictions;") == [("ana",)]


def test_the_truth_is_recorded_and_kept_from_those_who_may_not_see_it(
    app: Flask, web_database: Path, signed_in: FlaskClient, reader: FlaskClient, post: Callable[..., Any]
) -> None:
    """Who sees the label leaves a row of its own; who may not never makes one."""
    post(signed_in, "/patients/0/score")
    assert post(signed_in, "/patients/0/truth").status_code == 200
    assert ("ana", "view_truth", 0, "ok") in audit(web_database)
    assert post(reader, "/patients/0/truth").status_code == 403
    reader.get("/api/v1/patients/0/truth")
    assert not [row for row in audit(web_database) if row[0] == "rob" and row[1] == "view_truth" and row[3] == "ok"]


def test_the_slices_of_a_scan_are_one_view(app: Flask, signed_in: FlaskClient, web_database: Path) -> None:
    """Scrolling does not fill the audit; another session is another view."""
    for number in range(9):
        assert signed_in.get(f"/patients/0/slices/{number}.png").status_code == 200
    other = sign_in(app.test_client(), "ana")
    assert other.get("/patients/0/slices/0.png").status_code == 200
    views = [row for row in audit(web_database) if row[1] == "view_scan"]
    assert views == [("ana", "view_scan", 0, "ok")] * 2


def test_a_view_that_failed_to_be_recorded_is_recorded_next_time(signed_in: FlaskClient, web_database: Path) -> None:
    """A failure does not count as the one row of a session."""
    [(definition,)] = query(web_database, DEFINITION)
    query(web_database, "DROP PROCEDURE dbo.RecordAudit;")
    assert signed_in.get("/patients/0/slices/0.png").status_code == 503
    query(web_database, definition)
    assert signed_in.get("/patients/0/slices/0.png").status_code == 200
    assert audit(web_database)[-1] == ("ana", "view_scan", 0, "ok")


def test_strangers_cannot_fill_the_audit(client: FlaskClient, web_database: Path) -> None:
    """The first refusals of an address are recorded, the thousandth is not."""
    for number in range(40):
        client.get(f"/patients/{number}")
    rows = audit(web_database)
    assert 1 <= len(rows) <= 10
    assert rows[0] == (None, "refused", 0, "refused")


def test_the_audit_holds_no_name_and_no_search(
    app: Flask, signed_in: FlaskClient, web_database: Path, post: Callable[..., Any]
) -> None:
    """After searches, mistyped addresses and every route, no column of any row has a word of a name."""
    post(signed_in, "/search", q="Okafor")
    post(signed_in, "/patient_info", patient_index="Okafor")
    for route in routes(app):
        if route.rule.rule != "/sign-out":
            form = {"q": "Okafor", "patient_index": "Okafor"}
            signed_in.open(route.path, method=route.method, data=form, buffered=True)
    signed_in.post("/patients/Okafor")
    kept = repr(audit(web_database, "account, action, outcome, detail, address"))
    assert "view_patient" in kept
    words = set(re.findall(r"\w+", kept))
    assert not [part for name in PEOPLE for part in name.split() if part in words]


def test_the_command_shows_the_newest_first(signed_in: FlaskClient, web_database: Path) -> None:
    """Only what was asked for, as a table."""
    for index in (3, 4, 3):
        assert signed_in.get(f"/patients/{index}").status_code == 200
    lines = _audit_of(web_database, "--patient", "3")
    assert len([line for line in lines if "view_patient" in line]) == 2
    lines = _audit_of(web_database, "--account", "ana", "--limit", "2")
    assert len(lines) == 4
    assert not any("sign_in" in line for line in lines)


def _audit_of(database: Path, *options: str) -> list[str]:
    command = [sys.executable, "-m", "lungdb.cli.main", "accounts", "audit", "-d", target_of(database), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize("limit", ["0", "-1", "100001"])
def test_a_limit_out_of_range_is_refused(web_database: Path, limit: str) -> None:
    """With the values that are supported."""
    with pytest.raises(subprocess.CalledProcessError) as refusal:
        _audit_of(web_database, f"--limit={limit}")
    assert refusal.value.returncode == 1
    assert "Supported values are 1 to 100000." in refusal.value.stderr
