"""A small database in which the whole job has been done, with accounts; the application over it; people at it."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from lungdb_web import create_app
from lungdb_web.administration import add_account, store_token
from lungdb_web.passwords import hash_password
from werkzeug.test import TestResponse

from lungdb.cli import load_labels, load_network, load_patients, load_scans
from lungdb.config import Settings
from lungdb.database import connect, install, run
from lungdb.phantoms.dataset import make_dataset

NETWORK = Path(__file__).parents[2] / "lungdb" / "networks" / "data" / "demo_resnet.onnx"
PATIENTS = 40
UNSCORED = 36
"""Patients from this index on are loaded last and have no features."""
PASSWORD = "correct horse battery staple"
NAMES = (
    "Anthony Okafor", "Ana Lindqvist", "Mei Tanaka", "Joost van der Berg", "Fatima Haddad", "Pedro Álvarez",
    "Anthony Rossi", "O'Neil Brennan", "100% Müller", "Anja Nowak", "Li Wei", "Ünal Demir",
)  # fmt: skip
"""Display names of the first patients; the others have none."""


def target_of(file: Path) -> str:
    """Name the embedded engine's database in a file."""
    return f"sqlite:///{file.as_posix()}"


@pytest.fixture(scope="session")
def web_database_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty patients, twelve of them named, thirty-six with features, a model, the accounts ana, rob and tess."""
    folder = tmp_path_factory.mktemp("web")
    file = folder / "lung_cancer_database.db"
    database = ["-d", target_of(file)]
    labels = make_dataset(folder / "scans", patients=PATIENTS, seed=2_000_000, slices=9, size=64)
    (folder / "later").mkdir()
    for scan in sorted((folder / "scans").iterdir())[UNSCORED:]:
        scan.rename(folder / "later" / scan.name)
    with closing(connect(target_of(file))) as connection:
        install(connection)
        assert load_scans.main([*database, "--keep-ids", str(folder / "scans")]) == 0
        assert load_labels.main([*database, str(labels)]) == 0
        assert load_network.main([*database, str(NETWORK), "--name", "demo_resnet"]) == 0
        ids = [row[0] for row in run(connection, "SELECT patient_id FROM dbo.patients ORDER BY idx;")[0].rows]
        people = folder / "people.csv"
        lines = [
            f'{patient},"{name}",,19{50 + index}' for index, (patient, name) in enumerate(zip(ids, NAMES, strict=False))
        ]
        people.write_text("patient_id,display_name,sex,birth_year\n" + "\n".join(lines) + "\n", encoding="utf-8")
        assert load_patients.main([*database, str(people)]) == 0
        run(connection, "UPDATE dbo.settings SET value = N'35' WHERE name = N'test_percent';")
        run(connection, "EXECUTE dbo.GenerateFeatures @ModelName = N'demo_resnet';")
        run(connection, "EXECUTE dbo.TrainLungCancerModel @MinDataInLeaf = 3;")
        assert load_scans.main([*database, "--keep-ids", str(folder / "later")]) == 0
        assert load_labels.main([*database, str(labels)]) == 0
        for name, role, sees_truth in (("ana", "scorer", True), ("rob", "reader", False), ("tess", "reader", True)):
            add_account(connection, name, hash_password(PASSWORD), role, sees_truth)
    return file


@pytest.fixture
def web_database(web_database_file: Path, tmp_path: Path) -> Path:
    """A copy of it to change."""
    return Path(shutil.copy(web_database_file, tmp_path / "lung_cancer_database.db"))


@pytest.fixture
def settings(web_database: Path) -> Settings:
    """Settings of a site that uses the copy."""
    return Settings(database=target_of(web_database), web_secret="a secret of the tests only")


MakeApp = Callable[[Settings], Flask]


@pytest.fixture
def make_app() -> Iterator[MakeApp]:
    """Give a function that makes an application; at the end its connections are closed."""
    made = []

    def make(settings: Settings) -> Flask:
        made.append(create_app(settings))
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


Program = Callable[..., TestResponse]


def give_token(database: Path, account: str) -> str:
    """Give an account a token for programs."""
    token = f"lungdb_{secrets.token_urlsafe()}"
    with closing(connect(target_of(database))) as connection:
        store_token(connection, account, "tests", sha256(token.encode()).digest(), 1)
    return token


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
