"""The report about a model as a download."""

from __future__ import annotations

from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from lungdb_web.administration import add_account
from lungdb_web.passwords import hash_password

from lungdb.cli import report
from lungdb.database import Connection
from tests.support.databases import target_of
from tests.support.fixtures import PASSWORD
from tests.support.web import sign_in
from tests.web.looking import audit

REPORT = "/models/2/report.html"


def test_an_administrator_who_sees_the_truth_has_what_the_command_writes(
    app: Flask, connection: Connection, web_database: Path, tmp_path: Path
) -> None:
    """Byte for byte, as a file; the audit has it."""
    add_account(connection, "ada", hash_password(PASSWORD), "administrator", True)
    ada = sign_in(app.test_client(), "ada")
    assert REPORT in ada.get("/models/2").text
    answer = ada.get(REPORT)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="model-2.html"'
    assert audit(web_database)[-1] == ("ada", "report", None, "ok")
    assert ada.get("/models/99/report.html").status_code == 404
    file = tmp_path / "report.html"
    assert report.main(["-d", target_of(web_database), "--version", "2", "-o", str(file)]) == 0
    assert answer.data == file.read_bytes()


def test_nobody_else_has_it(app: Flask, connection: Connection, signed_in: FlaskClient, reader: FlaskClient) -> None:
    """Not a scorer, not a reader, nor an administrator who may not see the truth."""
    add_account(connection, "bob", hash_password(PASSWORD), "administrator", False)
    for client in (signed_in, reader, sign_in(app.test_client(), "bob")):
        assert client.get(REPORT).status_code == 403
        assert REPORT not in client.get("/models/2").text
