"""People and programs at the web page."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from lungdb_web.administration import store_token
from werkzeug.test import TestResponse

from lungdb.config import Settings
from lungdb.database import connect
from tests.support.databases import target_of
from tests.support.fixtures import PASSWORD

MakeApp = Callable[[Settings], Flask]
Program = Callable[..., TestResponse]


def csrf_of(html: str) -> str:
    """Read the token of a page's forms."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', html)
    assert found is not None
    return found.group(1)


def sign_in(client: FlaskClient, name: str) -> FlaskClient:
    """Sign somebody in through the page."""
    token = csrf_of(client.get("/sign-in").text)
    answer = client.post("/sign-in", data={"name": name, "password": PASSWORD, "csrf_token": token})
    assert answer.status_code == 303
    return client


def give_token(database: Path, account: str) -> str:
    """Give an account a token for programs."""
    token = f"lungdb_{secrets.token_urlsafe()}"
    with closing(connect(target_of(database))) as connection:
        store_token(connection, account, "tests", sha256(token.encode()).digest(), 1)
    return token
