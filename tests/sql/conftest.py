"""Databases of the embedded engine for the tests of sql/."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.database import Connection, connect
from tests.sql.gates.check import SQL
from tests.support.databases import copy_to


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """An empty database."""
    with closing(connect(f"sqlite:///{tmp_path / 'lung_cancer_database.db'}")) as opened:
        yield opened


@pytest.fixture
def installed(installed_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A database in which everything is installed, and nothing else was done."""
    with closing(connect(f"sqlite:///{copy_to(tmp_path, installed_file)}")) as opened:
        yield opened


@pytest.fixture(scope="module")
def small_sql(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of sql/ with two procedures, whose migrations fill two rows at a time."""
    folder = tmp_path_factory.mktemp("small") / "sql"
    shutil.copytree(SQL, folder)
    for path in (folder / "procedures").rglob("*.sql"):
        if path.stem not in ("ReadSettings", "FindClassifier"):
            path.unlink()
    for path in (folder / "migrations").glob("*.sql"):
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r"TOP \(\d+\)", "TOP (2)", text), encoding="utf-8")
    return folder
