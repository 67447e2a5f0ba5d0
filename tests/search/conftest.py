"""Databases of made-up features of two kinds, copies of them, and real worker processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lungdb.database import Connection, connect, install, run
from tests.models.conftest import fill, target_of, vectors_and_labels

PATIENTS = 80
WIDTH = 8


def copy_pooled(connection: Connection, pooling: str, vectors: list[str]) -> None:
    """Give every scan a vector of another pooling."""
    run(connection, "BEGIN TRANSACTION;")
    for scan, vector in enumerate(vectors, start=1):
        run(
            connection,
            "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector) VALUES (?, 1, ?, ?);",
            (scan, pooling, vector),
        )
    run(connection, "COMMIT TRANSACTION;")


@pytest.fixture(scope="session")
def searched_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 patients; the pooling max tells their labels better than mean."""
    file = tmp_path_factory.mktemp("searched") / "lung_cancer_database.db"
    vectors, labels = vectors_and_labels(PATIENTS, WIDTH, signal=0.7, seed=5)
    better, same = vectors_and_labels(PATIENTS, WIDTH, signal=2.5, seed=5)
    assert same == labels
    with closing(connect(target_of(file))) as connection:
        install(connection)
        fill(connection, vectors, labels, WIDTH)
        copy_pooled(connection, "max", better)
    return file


@dataclass(frozen=True)
class Site:
    """A database and a connection to it."""

    file: Path
    connection: Connection

    def rows(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Give the rows of the last result."""
        return run(self.connection, sql, parameters)[-1].rows

    def search(self, arguments: str) -> int:
        """Make a search; give its number."""
        [(number,)] = self.rows(
            f"DECLARE @Id INT; EXECUTE dbo.SearchModels {arguments}, @SearchId = @Id OUTPUT; SELECT @Id;"
        )
        return int(number)

    def states(self) -> dict[str, int]:
        """Count the trials by state."""
        return dict(self.rows("SELECT state, COUNT(*) FROM dbo.search_trials GROUP BY state;"))


@pytest.fixture
def site(searched_file: Path, tmp_path: Path) -> Iterator[Site]:
    """A copy of the database."""
    file = Path(shutil.copy(searched_file, tmp_path))
    with closing(connect(target_of(file))) as connection:
        yield Site(file, connection)


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(site: Site) -> Iterator[Start]:
    """Start the `lungdb` command on the database, in a process group of its own that ends with the test."""
    started: list[subprocess.Popen[str]] = []

    def start_command(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "lungdb.cli.main", *arguments, "-d", target_of(site.file)]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        started.append(process)
        return process

    yield start_command
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait for a condition; fails when it does not come."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "It did not happen in time."
        time.sleep(0.05)
