"""A database with trained models of every kind that a report must show, and a reader of pages."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.database import Connection, connect
from tests.support.databases import target_of
from tests.support.pages import Page, Report, make_page


@pytest.fixture(scope="session")
def unchanged(reported_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Give a function that reports on the database as it is, each model once."""
    folder = tmp_path_factory.mktemp("pages")

    @functools.cache
    def call(*arguments: str) -> Page:
        return make_page(reported_file, folder / "report.html", *arguments)

    return call


@pytest.fixture
def file(reported_file: Path, tmp_path: Path) -> Path:
    """A copy of it to change."""
    return Path(shutil.copy(reported_file, tmp_path))


@pytest.fixture
def connection(file: Path) -> Iterator[Connection]:
    """A connection to the copy."""
    with closing(connect(target_of(file))) as connection:
        yield connection


@pytest.fixture
def make(file: Path, tmp_path: Path) -> Report:
    """Give a function that runs the command on the copy, with more arguments, and reads the page."""

    def call(*arguments: str) -> Page:
        (tmp_path / "out").mkdir(exist_ok=True)
        return make_page(file, tmp_path / "out" / "report.html", *arguments)

    return call
