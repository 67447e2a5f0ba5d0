"""Progress read from a second connection, over the embedded engine: what ODBC needs, on what can be run here."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.database import Connection, connect, following, install, run
from lungdb.database.following import Follower
from lungdb.errors import Message

START = "INSERT INTO dbo.runs (procedure_name, started_at) VALUES (N'x', COALESCE(?, SYSUTCDATETIME()));"
SAY = "INSERT INTO dbo.run_steps (run_id, step, message) SELECT MAX(run_id), ?, ? FROM dbo.runs;"


class Heard:
    """What was handed on; `until` waits for so many."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.condition = threading.Condition()

    def __call__(self, text: str) -> None:
        """Take a text."""
        with self.condition:
            self.texts.append(text)
            self.condition.notify_all()

    def until(self, count: int) -> list[str]:
        """Return the texts when there are so many."""
        with self.condition:
            assert self.condition.wait_for(lambda: len(self.texts) >= count, timeout=60), self.texts
            return list(self.texts)


@pytest.fixture
def target(tmp_path: Path) -> str:
    """An installed database."""
    target = f"sqlite:///{(tmp_path / 'lung_cancer_database.db').as_posix()}"
    with closing(connect(target)) as connection:
        install(connection)
    return target


@pytest.fixture
def connection(target: str) -> Iterator[Connection]:
    """The session that is followed."""
    with closing(connect(target)) as opened:
        yield opened


def message(text: str) -> Message:
    """Return a message as it comes at last."""
    return Message(0, 0, 1, None, 1, text)


def test_steps_are_handed_on_as_they_are_written_and_once(target: str, connection: Connection) -> None:
    """In their order, over several calls; a text said twice counts for two messages; older calls are not theirs."""
    run(connection, START, ("2020-01-01",))
    run(connection, SAY, (1, "long ago"))
    ((session_id, since),) = run(connection, "SELECT @@SPID, CONVERT(NVARCHAR(30), SYSUTCDATETIME(), 126);")[0].rows
    heard = Heard()
    with Follower(target, session_id, since, heard, seconds=0.02) as follower:
        run(connection, START, (None,))
        run(connection, SAY, (1, "1 of 2"))
        assert heard.until(1) == ["1 of 2"]
        run(connection, SAY, (2, "2 of 2"))
        run(connection, START, (None,))
        run(connection, SAY, (1, "1 of 2"))
        assert heard.until(3) == ["1 of 2", "2 of 2", "1 of 2"]
        assert [follower.has_said(message("1 of 2")) for _ in range(3)] == [True, True, False]
        assert not follower.has_said(message("long ago"))
    assert heard.texts == ["1 of 2", "2 of 2", "1 of 2"]


@pytest.mark.parametrize("sql", ["DROP PROCEDURE dbo.ReadRunSteps;", "DROP TABLE dbo.run_steps;"])
def test_a_database_without_steps_is_followed_in_silence(target: str, connection: Connection, sql: str) -> None:
    """One that was not upgraded: the call itself matters more than its progress."""
    run(connection, sql)
    heard = Heard()
    with Follower(target, 1, "2020-01-01T00:00:00", heard, seconds=0.01) as follower:
        follower._thread.join(timeout=60)
        assert not follower._thread.is_alive()
    assert heard.texts == []


def test_where_messages_come_at_once_nobody_is_followed(target: str, connection: Connection) -> None:
    """No thread, and no message is held back."""
    before = threading.active_count()
    heard = Heard()
    with following(target, connection, heard) as has_said:
        assert threading.active_count() == before
        assert not has_said(message("x"))
