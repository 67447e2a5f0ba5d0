"""A site that takes files, with a database without patients, and somebody who may hand them in."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from lungdb.config import Settings
from tests.cli.test_load_scans import KEY
from tests.support.databases import target_of
from tests.support.uploads import Person
from tests.support.web import MakeApp, sign_in


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files of its own, to look into."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def site(empty_database: Path) -> Settings:
    """Settings of a site that takes 2 MB."""
    return Settings(database=target_of(empty_database), id_key=KEY, web_uploads="2", web_secret="a secret of the tests")


@pytest.fixture
def taking(make_app: MakeApp, site: Settings) -> Iterator[Flask]:
    """The application of that site."""
    app = make_app(site)
    yield app
    app.extensions["lungdb.uploads"].close()


@pytest.fixture
def ana(taking: Flask) -> Person:
    """Somebody who may load scans."""
    return Person(sign_in(taking.test_client(), "ana"))
