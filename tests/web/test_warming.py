"""What the page does before anybody asks for a score."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from lungdb_web.bulk import BulkScoring
from lungdb_web.database import Database
from lungdb_web.services import Services, comparing_turns, scoring_turns

from lungdb.config import Settings
from lungdb.database import connect
from lungdb.embedded.satellite.pool import POOL
from tests.support.databases import contents, rows, target_of


def warm(target: str) -> None:
    """Warm the scorer of a page over this database, and close its connections."""
    database = Database(target)
    made = Services(Settings(database=target), database, scoring_turns(), comparing_turns(), BulkScoring(database))
    try:
        made.warm_scorer()
    finally:
        made.database.close()


def idle() -> int:
    """Count the processes that wait for a script."""
    with POOL._lock:
        return len(POOL._idle)


@pytest.fixture
def _no_processes() -> None:
    POOL.close()


@pytest.mark.usefixtures("_no_processes")
def test_a_process_waits_for_the_first_score_and_nothing_is_stored(trained_file: Path) -> None:
    """Asking what scores for its help starts it."""
    with closing(connect(target_of(trained_file))) as connection:
        before = contents(connection)
        warm(target_of(trained_file))
        assert idle() == 1
        assert contents(connection) == before


@pytest.mark.usefixtures("_no_processes")
def test_a_database_without_a_model_is_no_error(installed_file: Path) -> None:
    """Its first model may come at any time, and finds the process ready."""
    warm(target_of(installed_file))
    assert idle() == 1
    with closing(connect(target_of(installed_file))) as connection:
        assert rows(connection, "SELECT * FROM dbo.classifiers;") == []


@pytest.mark.usefixtures("_no_processes")
def test_a_database_that_is_missing_is_left_to_the_first_request(tmp_path: Path) -> None:
    """Nothing is raised, no process is started, no file is made."""
    file = tmp_path / "missing.db"
    warm(target_of(file))
    assert idle() == 0
    assert not file.exists()
