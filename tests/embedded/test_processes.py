"""Two processes on one file, kills, and Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lungdb.embedded.running.connection import Connection, connect
from lungdb.errors import SqlError
from tests.embedded.running import rows, say, value

_ROOT = Path(__file__).resolve().parents[2]
_CHILD = """
import sys, time
from lungdb.embedded.running.connection import connect
cursor = connect(sys.argv[1]).cursor()
for text in sys.argv[2:]:
    if text.startswith("sleep "):
        time.sleep(float(text[6:]))
    else:
        cursor.execute(text)
        while cursor.nextset():
            pass
    print("done", flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with an empty table t."""
    with connect(tmp_path / "shared.db") as connection:
        say(connection, "CREATE TABLE t (k INT PRIMARY KEY)")
    return tmp_path / "shared.db"


@pytest.fixture
def other(path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start another process that runs batches on the file; it writes a line after each."""
    running: list[subprocess.Popen[str]] = []

    def start(*batches: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", _CHILD, str(path), *batches]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _line(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "done\n"


def test_a_writer_waits_for_the_other_and_then_sees_its_rows(
    path: Path, other: Callable[..., subprocess.Popen[str]]
) -> None:
    """SELECT … WITH (UPDLOCK, HOLDLOCK) takes the lock, so MAX + 1 is never given twice; plain reads do not wait."""
    _line(other("BEGIN TRANSACTION; INSERT INTO t VALUES (1)", "sleep 1", "COMMIT"))
    with connect(path) as connection:
        assert value(connection, "SELECT COUNT(*) FROM t") == 0
        taken = "SELECT COALESCE(MAX(k), 0) + 1 FROM t WITH (UPDLOCK, HOLDLOCK)"
        begun = time.monotonic()
        assert value(connection, f"BEGIN TRANSACTION; {taken}") == 2
        assert time.monotonic() - begun > 0.5
        say(connection, "INSERT INTO t VALUES (2); COMMIT")
        assert rows(connection, "SELECT k FROM t") == [(1,), (2,)]


def test_a_read_before_the_write_does_not_spoil_the_transaction(
    path: Path, other: Callable[..., subprocess.Popen[str]]
) -> None:
    """Between them the other process commits; SQLite's own transaction would fail here."""
    with connect(path) as connection:
        assert value(connection, "BEGIN TRANSACTION; SELECT COUNT(*) FROM t") == 0
        _line(other("INSERT INTO t VALUES (1)"))
        assert say(connection, "INSERT INTO t VALUES (2); COMMIT").errors == []
        assert value(connection, "SELECT COUNT(*) FROM t") == 2


def test_definitions_of_the_other_process_are_noticed(path: Path, other: Callable[..., subprocess.Popen[str]]) -> None:
    """A new table, a changed view, a column that a cached plan has to learn of."""
    with connect(path) as connection:
        say(connection, "CREATE VIEW v AS SELECT k FROM t; ")
        assert say(connection, "SELECT * FROM v").errors == []
        _line(other("ALTER TABLE t ADD n INT NOT NULL DEFAULT 5; INSERT INTO t (k) VALUES (1); CREATE TABLE u (i INT)"))
        _line(other("ALTER VIEW v AS SELECT k, n FROM t"))
        assert rows(connection, "SELECT * FROM v") == [(1, 5)]
        assert say(connection, "SELECT i FROM u").errors == []


def test_a_process_killed_inside_a_transaction_loses_it_and_nothing_else(
    path: Path, other: Callable[..., subprocess.Popen[str]]
) -> None:
    """What it had committed stays; the lock is free at once."""
    process = other(
        "INSERT INTO t VALUES (1)", "BEGIN TRANSACTION; INSERT INTO t VALUES (2); CREATE TABLE u (i INT)", "sleep 60"
    )
    for _ in range(2):
        _line(process)
    process.kill()
    process.wait()
    with connect(path) as connection:
        assert rows(connection, "SELECT k, OBJECT_ID(N'u') FROM t") == [(1, None)]
        assert say(connection, "INSERT INTO t VALUES (3)").errors == []
        assert rows(connection, "SELECT k FROM t") == [(1,), (3,)]
        assert connection.session.storage.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_lock_that_is_not_given_is_error_1222(path: Path, other: Callable[..., subprocess.Popen[str]]) -> None:
    """SET LOCK_TIMEOUT shortens the wait of thirty seconds."""
    _line(other("BEGIN TRANSACTION; INSERT INTO t VALUES (1)", "sleep 60"))
    with connect(path) as connection:
        said = say(connection, "SET LOCK_TIMEOUT 200; INSERT INTO t VALUES (2); PRINT N'on'")
        assert ([each.number for each in said.errors], said.messages) == ([1222], ["on"])
        assert say(connection, "CREATE TABLE #t (i INT); INSERT INTO #t VALUES (1); DROP TABLE #t").errors == []


def test_insert_execute_of_a_waiting_procedure_keeps_nobody_from_writing(
    path: Path, other: Callable[..., subprocess.Popen[str]]
) -> None:
    """As GenerateFeatures does with its script: the table is locked only while the rows go in."""
    process = other(
        "CREATE PROCEDURE slow AS BEGIN WAITFOR DELAY '00:00:04'; SELECT 1; END",
        "PRINT N'begins'",
        "CREATE TABLE #r (i INT); INSERT INTO #r EXEC slow; INSERT INTO t SELECT i + 100 FROM #r",
    )
    for _ in range(2):
        _line(process)
    with connect(path) as connection:
        assert say(connection, "INSERT INTO t VALUES (1)").errors == []
        assert rows(connection, "SELECT k FROM t") == [(1,)]  # the procedure still waits
        _line(process)
        assert rows(connection, "SELECT k FROM t") == [(1,), (101,)]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
@pytest.mark.parametrize(
    "batch",
    [
        "WAITFOR DELAY '00:00:30'",
        "DECLARE @i INT = 0; WHILE 1 = 1 SET @i = (@i + 1) % 1000",
        "WITH n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n OPTION (MAXRECURSION 0)",
        "SELECT COUNT(*) FROM sys.types AS a CROSS JOIN sys.types AS b CROSS JOIN sys.types AS c CROSS JOIN "
        "sys.types AS d "
        "CROSS JOIN sys.types AS e CROSS JOIN sys.types AS f",
    ],
)
def test_ctrl_c_stops_a_batch_and_rolls_back(path: Path, batch: str) -> None:
    """While it waits, loops, or is deep inside one statement; the connection goes on."""
    with connect(path) as connection:
        cursor = connection.cursor()
        timer = threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT))
        timer.start()
        begun = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            cursor.execute(f"SET NOCOUNT ON; BEGIN TRANSACTION; INSERT INTO t VALUES (1); {batch}")
        assert time.monotonic() - begun < 10
        assert _state(connection) == [(0, 0)]


def _state(connection: Connection) -> list[tuple[object, ...]]:
    return rows(connection, "SELECT COUNT(*), @@TRANCOUNT FROM t")


def test_a_process_that_never_stops_writing_lets_others_in(
    path: Path, other: Callable[..., subprocess.Popen[str]]
) -> None:
    """Another gets several turns before a hundred and fifty transactions, one right after the other, are through."""
    hog = """
        DECLARE @i INT = 1;
        WHILE @i <= 150
        BEGIN
            BEGIN TRANSACTION; INSERT INTO t VALUES (@i); WAITFOR DELAY '00:00:00.020'; COMMIT;
            SET @i += 1;
        END;"""
    process = other("SELECT 1", hog)
    _line(process)
    with connect(path) as connection:
        for turn in range(4):
            say(connection, f"BEGIN TRANSACTION; INSERT INTO t VALUES ({-turn}); COMMIT")
        assert value(connection, "SELECT MAX(k) FROM t") < 150
    _line(process)
    with connect(path) as connection:
        assert value(connection, "SELECT COUNT(*) FROM t") == 154


def test_many_open_a_new_file_at_once(tmp_path: Path) -> None:
    """Each finds the catalog that one of them has made."""
    command = [sys.executable, "-c", _CHILD, str(tmp_path / "new.db")]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE, cwd=_ROOT) for _ in range(6)]
    assert [(each.communicate(timeout=60)[1], each.returncode) for each in started] == [(b"", 0)] * 6


MEGABYTES = "INSERT INTO big SELECT REPLICATE(CAST(N'x' AS NVARCHAR(MAX)), 1000000) FROM (VALUES {}) AS v (n)"


def test_the_journal_shrinks_while_others_have_the_file_open(tmp_path: Path) -> None:
    """After a large transaction, at the latest when its connection closes or the next transaction comes."""
    file = tmp_path / "clinic.db"
    journal = tmp_path / "clinic.db-wal"
    many = MEGABYTES.format(", ".join(f"({number})" for number in range(40)))
    with connect(file) as server:
        say(server, "CREATE TABLE big (t NVARCHAR(MAX))")
        with connect(file) as loader:
            say(loader, f"BEGIN TRANSACTION; {many}; COMMIT")
            assert journal.stat().st_size < 20_000_000
            say(loader, many)
        assert journal.stat().st_size < 20_000_000
        reader = server.execute("SELECT t FROM big")
        reader.fetchone()
        with connect(file) as loader:
            say(loader, f"BEGIN TRANSACTION; {many}; COMMIT")
        assert journal.stat().st_size > 40_000_000, "a reader needs what stood there"
        reader.close()
        say(server, "BEGIN TRANSACTION; INSERT INTO big VALUES (N'small'); COMMIT")
        assert journal.stat().st_size < 20_000_000
        assert value(server, "SELECT COUNT(*) FROM big") == 121


@pytest.mark.parametrize(("setting", "milliseconds"), [(200, 200), (0, 0), (-1, 30000)])
def test_the_lock_timeout_is_what_was_set(path: Path, setting: int, milliseconds: int) -> None:
    """-1 is the default again."""
    with connect(path) as connection:
        say(connection, f"SET LOCK_TIMEOUT 5; SET LOCK_TIMEOUT {setting}")
        assert value(connection, "SELECT @@LOCK_TIMEOUT") == milliseconds


def test_a_table_that_is_dropped_while_a_batch_runs_is_said_to_be(path: Path) -> None:
    """Error 4117 for the statement that misses it, and 208 for the next batch."""
    with connect(path) as connection, connect(path) as other:
        cursor = connection.execute("SELECT 1; SELECT k FROM t; PRINT N'on';")
        say(other, "DROP TABLE t")
        with pytest.raises(SqlError) as caught:
            cursor.nextset()
        assert caught.value.number == 4117
        assert [each.number for each in say(connection, "SELECT k FROM t").errors] == [208]
