"""Application locks: held until given back, closed, or killed, as Microsoft documents sp_getapplock for a session."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from lungdb.embedded.running.connection import Connection, connect
from tests.embedded.running import error, value

TAKE = (
    "DECLARE @r INT; EXECUTE @r = sp_getapplock @Resource = N'run', @LockMode = 'Exclusive', @LockOwner = 'Session', "
    "@LockTimeout = 0; SELECT @r;"
)
GIVE_BACK = "DECLARE @r INT; EXECUTE @r = sp_releaseapplock @Resource = N'run', @LockOwner = 'Session'; SELECT @r;"
IS_FREE = "SELECT APPLOCK_TEST('public', N'run', 'Exclusive', 'Session');"
MODE = "SELECT APPLOCK_MODE('public', N'run', 'Session');"
HOLDING = f"""
import sys, time
from pathlib import Path
from lungdb.embedded.running.connection import connect
connection = connect(Path(sys.argv[1]))
connection.execute({TAKE!r})
print("held", flush=True)
time.sleep(60)
"""


@contextmanager
def holder(file: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLDING, str(file)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_lock_is_one_sessions_until_it_is_given_back(connection: Connection, tmp_path: Path) -> None:
    """The other gets -1 and sees it is taken, although both are of one process; given back, it is the other's."""
    with closing(connect(tmp_path / "clinic.db")) as other:
        assert [value(connection, each) for each in (MODE, TAKE, MODE, IS_FREE)] == ["NoLock", 0, "Exclusive", 1]
        assert [value(other, each) for each in (IS_FREE, TAKE, MODE)] == [0, -1, "NoLock"]
        assert value(connection, GIVE_BACK) == 0
        assert [value(other, each) for each in (IS_FREE, TAKE)] == [1, 0]


def test_a_lock_taken_twice_is_given_back_twice(connection: Connection, tmp_path: Path) -> None:
    """Each release undoes one request."""
    with closing(connect(tmp_path / "clinic.db")) as other:
        assert [value(connection, each) for each in (TAKE, TAKE, GIVE_BACK)] == [0, 0, 0]
        assert value(other, IS_FREE) == 0
        assert value(connection, GIVE_BACK) == 0
        assert value(other, IS_FREE) == 1


def test_a_lock_that_is_not_held_cannot_be_given_back(connection: Connection) -> None:
    """Error 1223."""
    assert error(connection, GIVE_BACK).number == 1223


def test_a_closed_connection_holds_no_lock_and_leaves_no_file(connection: Connection, tmp_path: Path) -> None:
    """As the end of a session of SQL Server frees its locks."""
    other = connect(tmp_path / "clinic.db")
    value(other, TAKE)
    assert value(connection, IS_FREE) == 0
    other.close()
    assert value(connection, IS_FREE) == 1
    assert [path.name for path in tmp_path.glob("*lock*")] == []


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is of POSIX")
def test_a_killed_process_holds_no_lock(connection: Connection, tmp_path: Path) -> None:
    """Another process has it; after SIGKILL it is free, and looking removes what it left."""
    with holder(tmp_path / "clinic.db") as process:
        assert [value(connection, each) for each in (IS_FREE, TAKE)] == [0, -1]
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert value(connection, IS_FREE) == 1
        assert [path.name for path in tmp_path.glob("*lock*")] == []
        assert value(connection, TAKE) == 0


def test_a_rollback_keeps_a_sessions_lock(connection: Connection, tmp_path: Path) -> None:
    """The lock is the session's, not the transaction's."""
    with closing(connect(tmp_path / "clinic.db")) as other:
        value(connection, f"BEGIN TRANSACTION; {TAKE} ROLLBACK TRANSACTION;")
        assert value(other, IS_FREE) == 0


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("EXECUTE sp_getapplock N'a', 'Shared', 'Session';", "mode Shared"),
        ("EXECUTE sp_getapplock N'a', 'Exclusive';", "of a transaction"),
        ("SELECT APPLOCK_TEST('public', N'a', 'Shared', 'Session');", "mode Shared"),
    ],
)
def test_other_locks_are_refused_by_name(connection: Connection, sql: str, named: str) -> None:
    """Shared ones and those of a transaction."""
    assert named in error(connection, sql).message


def test_a_folder_that_takes_no_file_gives_minus_999(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for an error of a parameter or a call: a code to look at, no error."""

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lungdb.embedded.store.applocks.os.open", full)
    assert value(connection, TAKE) == -999
