"""A database whose Python was asked what it has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.database import Connection, connect, run
from tests.support.databases import copy_to, target_of


@pytest.fixture(scope="session")
def asked_file(installed_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database whose Python was asked what it has."""
    file = copy_to(tmp_path_factory.mktemp("asked"), installed_file)
    with closing(connect(target_of(file))) as connection:
        run(connection, "EXECUTE dbo.CheckRuntime;")
    return file


@pytest.fixture
def asked(asked_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a copy of it."""
    with closing(connect(target_of(copy_to(tmp_path, asked_file)))) as connection:
        yield connection
