"""A small database in which the whole job has been done, with accounts; the application over it; people at it."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from lungdb_web import create_app
from lungdb_web.administration import add_account
from lungdb_web.passwords import hash_password
from werkzeug.test import TestResponse

from lungdb.config import Settings
from lungdb.database import Connection
from tests.support.databases import target_of
from tests.support.fixtures import PASSWORD, MakeDatabase
from tests.support.web import MakeApp, Program, csrf_of, give_token, sign_in


@pytest.fixture(autouse=True)
def _level_of_the_log() -> Iterator[None]:
    """What a server that a test starts in this process sets for its log ends with the test."""
    loggers = [logging.getLogger(name) for name in ("lungdb_web", "waitress.queue")]
    levels = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture(scope="session")
def empty_file(make_database: MakeDatabase) -> Path:
    """A database without patients, with the accounts ana, who may load scans, and rob."""

    def complete(connection: Connection) -> None:
        password_hash = hash_password(PASSWORD)
        for name, role in (("ana", "scorer"), ("rob", "administrator")):
            add_account(connection, name, password_hash, role, False, name == "ana")

    return make_database("empty", complete)


@pytest.fixture
def empty_database(empty_file: Path, tmp_path: Path) -> Path:
    """A copy of it to change."""
    return Path(shutil.copy(empty_file, tmp_path / "empty.db"))


@pytest.fixture
def web_database(web_database_file: Path, tmp_path: Path) -> Path:
    """A copy of it to change."""
    return Path(shutil.copy(web_database_file, tmp_path / "lung_cancer_database.db"))


@pytest.fixture
def settings(web_database: Path) -> Settings:
    """Settings of a site that uses the copy."""
    return Settings(database=target_of(web_database), web_secret="a secret of the tests only")


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """What Jinja makes of the templates: every test has an application of its own, which would make it again."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def make_app(compiled_templates: FileSystemBytecodeCache) -> Iterator[MakeApp]:
    """Give a function that makes an application; at the end its connections are closed."""
    made = []

    def make(settings: Settings) -> Flask:
        made.append(create_app(settings))
        made[-1].jinja_env.bytecode_cache = compiled_templates
        return made[-1]

    yield make
    for app in made:
        app.extensions["lungdb"].database.close()


@pytest.fixture
def app(make_app: MakeApp, settings: Settings) -> Flask:
    """The application over the copy."""
    made = make_app(settings)
    made.testing = True
    made.config["PROPAGATE_EXCEPTIONS"] = False
    return made


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser in which nobody is signed in."""
    return app.test_client()


@pytest.fixture
def signed_in(client: FlaskClient) -> FlaskClient:
    """A browser in which ana, a scorer who may see the truth, is signed in."""
    return sign_in(client, "ana")


@pytest.fixture
def reader(app: Flask) -> FlaskClient:
    """A browser in which rob, a reader who may not see the truth, is signed in."""
    return sign_in(app.test_client(), "rob")


@pytest.fixture
def post(app: Flask) -> Callable[..., object]:
    """Give a function that posts a form as the page in the browser would: with the session's token."""

    def send(client: FlaskClient, path: str, **fields: str) -> object:
        token = csrf_of(client.get("/").text)
        return client.post(path, data={**fields, "csrf_token": token})

    return send


@pytest.fixture
def program(app: Flask, web_database: Path) -> Program:
    """Give a function that asks as a program does, with a token of ana's or of somebody else's."""
    tokens: dict[str, str] = {}

    def send(method: str, path: str, name: str = "ana", **options: Any) -> TestResponse:
        if name not in tokens:
            tokens[name] = give_token(web_database, name)
        headers = {"Authorization": f"Bearer {tokens[name]}", **options.pop("headers", {})}
        return app.test_client(use_cookies=False).open(path, method=method, headers=headers, **options)

    return send
