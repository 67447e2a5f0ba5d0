"""PurgeLog deletes what ended before so many days, and nothing that runs."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from lungdb.database import Connection, connect, run
from tests.support.databases import refused, rows, target_of

FILL = """
INSERT INTO dbo.runs (procedure_name, started_at, ended_at, status) VALUES
    (N'long ago', DATEADD(DAY, -40, SYSUTCDATETIME()), DATEADD(DAY, -39, SYSUTCDATETIME()), 'done'),
    (N'ended lately', DATEADD(DAY, -40, SYSUTCDATETIME()), DATEADD(DAY, -2, SYSUTCDATETIME()), 'failed'),
    (N'killed long ago', DATEADD(DAY, -40, SYSUTCDATETIME()), NULL, 'running'),
    (N'killed lately', DATEADD(DAY, -40, SYSUTCDATETIME()), NULL, 'running'),
    (N'runs', DATEADD(DAY, -40, SYSUTCDATETIME()), NULL, 'running');
INSERT INTO dbo.run_steps (run_id, step, at, message) VALUES (1, 1, DATEADD(DAY, -39, SYSUTCDATETIME()), N'a'),
    (1, 2, DATEADD(DAY, -39, SYSUTCDATETIME()), N'b'), (4, 1, DATEADD(DAY, -3, SYSUTCDATETIME()), N'c'),
    (5, 1, DATEADD(DAY, -39, SYSUTCDATETIME()), N'd');
INSERT INTO dbo.audit (at, action, outcome) VALUES (DATEADD(DAY, -100, SYSUTCDATETIME()), 'read', 'ok'),
    (DATEADD(DAY, -40, SYSUTCDATETIME()), 'read', 'ok'), (DATEADD(DAY, -1, SYSUTCDATETIME()), 'read', 'ok');
"""
LOCK = "EXECUTE sp_getapplock N'lungdb run 5', 'Exclusive', 'Session', 0;"


def test_what_ended_before_is_deleted_and_what_runs_stays(installed: Connection, tmp_path: Path) -> None:
    """Of five runs the one that ended and the one that was killed long ago go; a session has the lock of the last."""
    run(installed, FILL)
    (file,) = tmp_path.glob("*.db")
    with closing(connect(target_of(file))) as session:
        run(session, LOCK)
        assert rows(installed, "EXECUTE dbo.PurgeLog @KeepDays = 30;") == [(2, 2, 2)]
    left = [name for (name,) in rows(installed, "SELECT procedure_name FROM dbo.runs ORDER BY run_id;")]
    assert left == ["ended lately", "killed lately", "runs", "PurgeLog"]
    assert rows(installed, "SELECT run_id, step FROM dbo.run_steps WHERE run_id < 6 ORDER BY run_id;") == [
        (4, 1),
        (5, 1),
    ]
    [(state, said)] = rows(installed, "SELECT state, result FROM dbo.run_log WHERE procedure_name = N'PurgeLog';")
    assert state == "done"
    assert said.startswith("Deleted 2 runs with 2 steps")


def test_the_audit_may_be_kept_longer(installed: Connection) -> None:
    """Of rows 100, 40 and 1 days old, 50 days keep two."""
    run(installed, FILL)
    assert rows(installed, "EXECUTE dbo.PurgeLog @KeepDays = 1, @KeepAuditDays = 50;")[0][2] == 1
    assert rows(installed, "SELECT COUNT(*) FROM dbo.audit;") == [(2,)]


def test_more_than_a_lot_is_deleted(installed: Connection) -> None:
    """2,500 rows of the audit, of lots of 1,000."""
    many = "CROSS JOIN dbo.byte_values AS b WHERE a.number < 10 AND b.number < 250"
    run(
        installed,
        "INSERT INTO dbo.audit (at, action, outcome) SELECT '2020-01-01', 'read', 'ok' FROM dbo.byte_values AS a "
        + many,
    )
    assert rows(installed, "EXECUTE dbo.PurgeLog @KeepDays = 30;") == [(0, 0, 2500)]


@pytest.mark.parametrize(
    ("arguments", "number", "named"),
    [
        ("", 50101, "NULL for the parameter @KeepDays"),
        ("@KeepDays = 0", 50101, "0 for the parameter @KeepDays"),
        ("@KeepDays = -1", 50101, "-1 for the parameter @KeepDays"),
        ("@KeepDays = 36501", 50101, "1 to 36500"),
        ("@KeepDays = 30, @KeepAuditDays = 0", 50101, "0 for the parameter @KeepAuditDays"),
    ],
)
def test_nonsense_is_refused(installed: Connection, arguments: str, number: int, named: str) -> None:
    """Nothing is deleted."""
    run(installed, FILL)
    assert named in refused(installed, f"EXECUTE dbo.PurgeLog {arguments};", number)


def test_inside_a_transaction_it_is_refused(installed: Connection) -> None:
    """It commits after each lot."""
    run(installed, "BEGIN TRANSACTION;")
    assert "inside a transaction" in refused(installed, "EXECUTE dbo.PurgeLog @KeepDays = 30;", 50100)
