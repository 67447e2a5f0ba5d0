"""Three sessions that share one work, in processes of their own, of which the first is killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from lungdb.database import Connection, run
from tests.support.databases import rows, target_of
from tests.support.searching import wait_until

HELD = "SELECT item FROM dbo.work_items WHERE state = 'leased';"


def record_stores(connection: Connection) -> None:
    """Let each item that is settled as done be written down in dbo.stores, with the session that did it."""
    run(connection, "CREATE TABLE dbo.stores (item NVARCHAR(128) NOT NULL, worker NVARCHAR(128) NOT NULL);")
    [(text,)] = rows(connection, "SELECT OBJECT_DEFINITION(OBJECT_ID(N'internal.SettleItems'));")
    count = (
        "    INSERT INTO dbo.stores (item, worker) SELECT i.item, CAST(SESSION_CONTEXT(N'lungdb_worker') AS "
        "NVARCHAR(128)) FROM #queue AS i WHERE i.state = 'held';\n    UPDATE i\n"
    )
    assert str(text).count("    UPDATE i\n") == 1
    run(connection, str(text).replace("    UPDATE i\n", count))


def start(file: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a command of lungdb on a database, in a process group of its own."""
    command, *rest = arguments
    return subprocess.Popen(
        [sys.executable, "-m", "lungdb.cli.main", command, "-d", target_of(file), *rest],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def end(process: subprocess.Popen[str]) -> None:
    """Kill the group of a process, if it is there."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _stop_while_it_holds(connection: Connection, process: subprocess.Popen[str]) -> set[str]:
    """Stop a session that has stored something and holds something; gives what it holds."""
    while True:
        wait_until(lambda: bool(rows(connection, "SELECT item FROM dbo.stores;") and rows(connection, HELD)))
        os.killpg(process.pid, signal.SIGSTOP)
        if held := {str(item) for (item,) in rows(connection, HELD)}:
            return held
        os.killpg(process.pid, signal.SIGCONT)


def share_with_one_killed(connection: Connection, file: Path, call: str, items: set[str]) -> None:
    """Let three sessions make the same call, kill the first while it holds items, and check that each was made once."""
    processes = [start(file, "sql", "-q", call)]
    try:
        held = _stop_while_it_holds(connection, processes[0])
        [(victim,)] = rows(connection, "SELECT DISTINCT worker FROM dbo.work_sessions;")
        processes += [start(file, "sql", "-q", call) for _ in range(2)]
        wait_until(lambda: len(rows(connection, "SELECT worker FROM dbo.work_sessions;")) == 3)
        os.killpg(processes[0].pid, signal.SIGKILL)
        said = [other.communicate(timeout=180) for other in processes[1:]]
        assert [other.returncode for other in processes[1:]] == [0, 0], said
    finally:
        for process in processes:
            end(process)
    stores = [(str(item), worker) for item, worker in rows(connection, "SELECT item, worker FROM dbo.stores;")]
    assert sorted(item for item, _ in stores) == sorted(items)
    by_victim = {item for item, worker in stores if worker == victim}
    assert by_victim
    assert not by_victim & held
    for table in ("work", "work_items", "work_sessions"):
        assert rows(connection, f"SELECT COUNT(*) FROM dbo.{table};") == [(0,)]
    _check_log(connection, {str(worker) for _, worker in stores}, len(items), len(by_victim))


def _check_log(connection: Connection, workers: set[str], items: int, by_victim: int) -> None:
    """The killed run has ended without a word; what the others say that they did themselves is the rest."""
    name = "(SELECT TOP (1) procedure_name FROM dbo.runs ORDER BY run_id DESC)"
    runs = rows(
        connection,
        "SELECT l.run_id, l.state, r.done, r.total, r.failed FROM dbo.run_log AS l INNER JOIN dbo.runs AS r "
        f"ON r.run_id = l.run_id WHERE l.procedure_name = {name} AND r.status <> 'failed' ORDER BY l.run_id;",
    )
    states = [state for _, state, *_ in runs][-3:]
    assert states == ["ended without a word", "done", "done"]
    own = 0
    for run_id, _, done, total, failed in runs[-2:]:
        assert (done, failed) == (total, 0)
        told = rows(connection, "SELECT message FROM dbo.run_steps WHERE run_id = ?;", (run_id,))
        others = sum(int(found) for (text,) in told for found in re.findall(r"done, (\d+) of them by other", text))
        own += total - others
    assert own + by_victim == items
    assert len(workers) >= 2
