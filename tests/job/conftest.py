"""A small database in which the whole job has been done, and copies of it to change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.database import Connection, connect, run
from tests.support.databases import copy_to, target_of


@pytest.fixture
def loaded(loaded_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a copy of the loaded database."""
    with closing(connect(target_of(copy_to(tmp_path, loaded_file)))) as connection:
        yield connection


@pytest.fixture
def trained(done_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a copy of the trained database."""
    with closing(connect(target_of(copy_to(tmp_path, done_file)))) as connection:
        yield connection


@pytest.fixture
def row_counts() -> Callable[[Connection], dict[str, int]]:
    """Count the rows of every table but the log of runs."""

    def count(connection: Connection) -> dict[str, int]:
        log = "N'runs', N'run_steps'"  # where a refusal is recorded
        (tables,) = run(connection, f"SELECT name FROM sys.tables WHERE name NOT IN ({log}) ORDER BY name;")
        return {name: run(connection, f"SELECT COUNT(*) FROM dbo.[{name}];")[0].scalar() for (name,) in tables.rows}

    return count
