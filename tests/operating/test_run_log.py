"""The log of what ran: what a run leaves there, how one that was killed shows, and that it never stops the work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from lungdb.database import Connection, connect, install, run
from lungdb.errors import SqlError
from tests.old_schema import unpack_schema_9
from tests.support.databases import rows, target_of

BEGIN = "DECLARE @RunId INT; EXECUTE internal.StartRun N'GenerateFeatures', @RunId OUTPUT, N'{\"layer\": \"z\"}';"
QUOTE = "'"
STEP = "EXECUTE internal.ReportStep @RunId, N'said', 1, 2, 3, 40, N'CPU', 1.5, 100;"
STATES = "SELECT run_id, state FROM dbo.run_log ORDER BY run_id;"
END = "EXECUTE internal.EndRun @RunId;"
LISTED = "EXECUTE dbo.ListRuns;"
WORKING = f"""
import sys, time
from lungdb.database import connect, run
connection = connect(sys.argv[1])
run(connection, {BEGIN + STEP!r})
print("works", flush=True)
time.sleep(60)
"""


@contextmanager
def working(target: str) -> Iterator[subprocess.Popen[str]]:
    """Another process in the middle of a run."""
    process = subprocess.Popen([sys.executable, "-c", WORKING, target], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "works\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _target(connection: Connection, tmp_path: Path) -> str:
    (file,) = tmp_path.glob("*.db")
    return target_of(file)


def _messages(connection: Connection, sql: str) -> list[str]:
    texts: list[str] = []
    run(connection, sql, on_message=lambda message: texts.append(message.text))
    return texts


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is of POSIX")
def test_a_run_whose_process_was_killed_ended_without_a_word(installed: Connection, tmp_path: Path) -> None:
    """While the process is there it runs; after SIGKILL the row is as it was, and the view and ListRuns say so."""
    with working(_target(installed, tmp_path)) as process:
        assert rows(installed, STATES) == [(1, "running")]
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert rows(installed, "SELECT status, ended_at FROM dbo.runs;") == [("running", None)]
        assert rows(installed, STATES) == [(1, "ended without a word")]
        assert rows(installed, LISTED)[0][2] == "ended without a word"


def test_a_pooled_session_gives_the_lock_back_at_the_end(installed: Connection, tmp_path: Path) -> None:
    """The connection stays open, and another may take the lock of the run that is done."""
    run(installed, f"{BEGIN} {STEP} {END}")
    with closing(connect(_target(installed, tmp_path))) as other:
        free = "SELECT APPLOCK_TEST('public', N'lungdb run 1', 'Exclusive', 'Session'), state FROM dbo.run_log;"
        assert rows(other, free) == [(1, "done")]


def test_a_run_that_an_error_ended_is_over_when_its_session_begins_another(
    installed: Connection, tmp_path: Path
) -> None:
    """As in a pool: nobody called EndRun. Others know when that session begins the next run, it knows at once."""
    failing = f"CREATE PROCEDURE dbo.failing AS {BEGIN} THROW 50101, N'x', 1;".replace(QUOTE, 2 * QUOTE)
    run(installed, f"EXECUTE (N'{failing}');")
    with closing(connect(_target(installed, tmp_path))) as other:
        with pytest.raises(SqlError):
            run(installed, "EXECUTE dbo.failing;")
        assert rows(other, STATES) == [(1, "running")]
        assert rows(installed, LISTED)[0][2] == "ended without a word"
        assert rows(installed, STATES) == [(1, "ended without a word")]
        run(installed, BEGIN)
        assert rows(other, STATES) == [(1, "ended without a word"), (2, "running")]


def test_a_run_inside_a_run_leaves_the_outer_one_running(installed: Connection, tmp_path: Path) -> None:
    """A procedure that has a run calls another that has one, as RunSearch trains its best trial."""
    run(
        installed,
        "EXECUTE (N'CREATE PROCEDURE dbo.inner_one AS DECLARE @i INT; EXECUTE internal.StartRun N''inner'', @i OUTPUT; "
        "EXECUTE internal.EndRun @i;');"
        "EXECUTE (N'CREATE PROCEDURE dbo.outer_one AS DECLARE @i INT; EXECUTE internal.StartRun N''outer'', @i OUTPUT; "
        "EXECUTE dbo.inner_one; EXECUTE dbo.inner_one;');"
        "EXECUTE dbo.outer_one;",
    )
    with closing(connect(_target(installed, tmp_path))) as other:
        assert rows(other, STATES) == [(1, "running"), (2, "done"), (3, "done")]


def test_the_end_of_a_run_adds_its_steps_up(installed: Connection) -> None:
    """Scans, slices and processor time are sums, memory is the largest, the rate is slices by seconds."""
    run(
        installed,
        f"{BEGIN} {STEP} {STEP} EXECUTE internal.ReportStep @RunId, N'the end'; EXECUTE internal.EndRun @RunId;",
    )
    [found] = rows(
        installed,
        "SELECT state, scans, slices, provider, cpu_seconds, peak_megabytes, result, error, "
        "JSON_VALUE(arguments, '$.layer'), steps FROM dbo.run_log;",
    )
    assert found == ("done", 6, 80, "CPU", 3.0, 100.0, "the end", None, "z", 3)
    [(logged, connected, seconds)] = rows(installed, "SELECT run_by, login, seconds FROM dbo.runs;")
    assert logged == connected == rows(installed, "SELECT ORIGINAL_LOGIN();")[0][0]
    assert seconds >= 0


def test_run_by_is_whom_the_page_names_and_login_who_connected(installed: Connection) -> None:
    """Any session can name somebody; who connected stays."""
    run(installed, f"EXECUTE sp_set_session_context N'user', N'somebody'; {BEGIN}")
    login = rows(installed, "SELECT ORIGINAL_LOGIN();")[0][0]
    assert rows(installed, "SELECT run_by, login FROM dbo.runs;") == [("somebody", login)]


def test_rates_are_by_procedure_day_and_provider(installed: Connection) -> None:
    """Of two days and two providers; steps that count no slices are left out, and a rate is slices by seconds."""
    run(
        installed,
        "INSERT INTO dbo.runs (procedure_name) VALUES (N'GenerateFeatures'), (N'load-scans');"
        "INSERT INTO dbo.run_steps (run_id, step, at, message, scans, slices, seconds, provider) VALUES "
        "(1, 1, '2026-01-05T08:00:00', N'', NULL, NULL, 9, NULL), "
        "(1, 2, '2026-01-05T09:00:00', N'', 1, 100, 4, N'CPU'), "
        "(1, 3, '2026-01-05T10:00:00', N'', 2, 200, 8, N'CPU'), "
        "(1, 4, '2026-01-05T11:00:00', N'', 1, 100, 1, N'CUDA'), "
        "(1, 5, '2026-01-06T00:00:00', N'', 1, 60, 2, N'CPU'), (2, 1, '2026-01-06T00:00:00', N'', 1, 60, 0, NULL);",
    )
    found = rows(
        installed,
        "SELECT procedure_name, CONVERT(VARCHAR(10), day, 23), provider, scans, slices, slices_per_second "
        "FROM dbo.run_rates ORDER BY procedure_name, day, provider;",
    )
    assert found == [
        ("GenerateFeatures", "2026-01-05", "CPU", 3, 300, 25.0),
        ("GenerateFeatures", "2026-01-05", "CUDA", 1, 100, 100.0),
        ("GenerateFeatures", "2026-01-06", "CPU", 1, 60, 30.0),
        ("load-scans", "2026-01-06", None, 1, 60, None),
    ]


@pytest.mark.parametrize("table", ["runs", "run_steps"])
def test_a_log_that_cannot_be_written_lets_the_work_go_on(installed: Connection, table: str) -> None:
    """Every insert into the log fails: the calls say so, end without an error, and what came after them is done."""
    run(installed, f"ALTER TABLE dbo.{table} ADD CONSTRAINT CK_full CHECK (run_id < 0);")
    texts = _messages(
        installed,
        f"{BEGIN} {STEP} {END} INSERT INTO dbo.settings (name, value) VALUES (N'work', N'1');",
    )
    assert sum("The run log cannot be written" in text for text in texts) == 1
    assert "said" in texts
    assert rows(installed, "SELECT COUNT(*) FROM dbo.settings WHERE name = N'work';") == [(1,)]
    assert rows(installed, "SELECT @@TRANCOUNT, (SELECT COUNT(*) FROM dbo.run_steps);") == [(0, 0)]


def test_a_log_that_cannot_be_written_keeps_the_callers_transaction(installed: Connection) -> None:
    """Inside a transaction of the caller the failed insert dooms nothing: what was done before it is committed."""
    run(installed, "ALTER TABLE dbo.run_steps ADD CONSTRAINT CK_full CHECK (run_id < 0);")
    run(
        installed,
        "SET XACT_ABORT ON; BEGIN TRANSACTION; INSERT INTO dbo.settings (name, value) VALUES (N'work', N'1');"
        f"{BEGIN} {STEP} {END} COMMIT TRANSACTION;",
    )
    assert rows(installed, "SELECT COUNT(*) FROM dbo.settings WHERE name = N'work';") == [(1,)]
    assert rows(installed, STATES) == [(1, "done")]


def test_an_upgrade_keeps_the_runs_of_before(tmp_path: Path) -> None:
    """A failed run of schema version 9: its row is the same, nothing is made up, and it is listed."""
    with closing(connect(target_of(unpack_schema_9(tmp_path)))) as connection:
        columns = "run_id, procedure_name, started_at, ended_at, status, run_by, done, total, failed, message"
        before = rows(connection, f"SELECT {columns} FROM dbo.runs ORDER BY run_id;")
        steps = rows(connection, "SELECT run_id, step, at, message FROM dbo.run_steps ORDER BY run_id, step;")
        assert "failed" in [row[4] for row in before]
        install(connection)
        assert rows(connection, f"SELECT {columns} FROM dbo.runs ORDER BY run_id;") == before
        assert rows(connection, "SELECT run_id, step, at, message FROM dbo.run_steps ORDER BY run_id, step;") == steps
        new = "SELECT DISTINCT login, arguments, scans, slices, seconds, provider, result FROM dbo.runs;"
        assert rows(connection, new) == [(None,) * 7]
        assert len(rows(connection, LISTED)) == min(50, len(before))
