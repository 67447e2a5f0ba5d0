"""A look into the database of the tests, and the tokens of forms."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from lungdb.database import connect, run
from tests.support.databases import target_of
from tests.support.web import csrf_of


def query(database: Path, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Run one batch on a connection of its own and give the last result's rows."""
    with closing(connect(target_of(database))) as connection:
        results = run(connection, sql, parameters)
    return results[-1].rows if results else []


def audit(database: Path, columns: str = "account, action, patient_index, outcome") -> list[tuple[Any, ...]]:
    """Read columns of the audit, oldest row first."""
    return query(database, f"SELECT {columns} FROM dbo.audit ORDER BY audit_id;")


def attempt(client: FlaskClient, name: str, password: str, **fields: str) -> Any:
    """Try to sign in through the page."""
    token = csrf_of(client.get("/sign-in").text)
    return client.post("/sign-in", data={"name": name, "password": password, "csrf_token": token, **fields})
