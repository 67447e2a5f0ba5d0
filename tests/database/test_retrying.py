"""What passes is done again: a lock that another holds, a deadlock, and nothing else."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.database import connect, run, transaction
from lungdb.database.retrying import ATTEMPTS, counted_retries, retried
from lungdb.errors import SqlError
from tests.support.databases import rows, target_of


def test_a_transaction_is_done_again_when_the_lock_is_free(tmp_path: Path) -> None:
    """Error 1222 of a real lock: the writer pauses, says so, and its row is there once."""
    target = target_of(tmp_path / "clinic.db")
    with closing(connect(target)) as holder, closing(connect(target)) as writer:
        run(holder, "CREATE TABLE dbo.t (x INT NOT NULL);")
        run(holder, "BEGIN TRANSACTION; INSERT INTO dbo.t (x) VALUES (1);")
        run(writer, "SET LOCK_TIMEOUT 50;")
        said: list[str] = []

        def say(text: str) -> None:
            said.append(text)
            run(holder, "IF @@TRANCOUNT > 0 COMMIT TRANSACTION;")

        def write() -> None:
            with transaction(writer):
                run(writer, "INSERT INTO dbo.t (x) VALUES (2);")

        retried(write, writer, say, first_seconds=0.01)
        assert said == ["Error 1222 may pass; again in 0.01 seconds (1 of 5 times)."]
        assert rows(writer, "SELECT x FROM dbo.t ORDER BY x;") == [(1,), (2,)]


@pytest.mark.parametrize(
    ("error", "calls"),
    [
        (SqlError(1205, "deadlock"), ATTEMPTS),
        (SqlError(40613, "not available"), ATTEMPTS),
        (SqlError(0, "lost", severity=20), ATTEMPTS),
        (SqlError(2627, "a key twice"), 1),
    ],
    ids=["deadlock", "failover", "lost connection", "what does not pass"],
)
def test_only_what_passes_is_done_again_and_not_for_ever(error: SqlError, calls: int) -> None:
    """The last error is the one that is raised, with pauses that double."""
    made: list[int] = []
    said: list[str] = []

    def fail() -> None:
        made.append(threading.get_ident())
        raise error

    with pytest.raises(SqlError) as caught:
        retried(fail, say=said.append, first_seconds=0.001)
    assert caught.value is error
    assert len(made) == calls
    pauses = [float(text.split("again in ")[1].split()[0]) for text in said]
    assert pauses == [0.001 * 2**each for each in range(calls - 1)]


def test_what_comes_forward_begins_the_count_anew() -> None:
    """Twelve errors with progress between them end nothing, and each is counted; six without do."""
    done: list[int] = []
    made: list[int] = []

    def work() -> None:
        made.append(1)
        if len(made) <= 12:
            done.append(1)
        raise SqlError(1205, "deadlock")

    with counted_retries() as outer, counted_retries() as inner, pytest.raises(SqlError):
        retried(work, say=lambda _: None, first_seconds=0.0001, progress=lambda: len(done))
    assert len(made) == 12 + ATTEMPTS - 1
    assert inner == outer == {1205: len(made) - 1}
