"""GenerateFeatures over volumes, killed, goes on where it stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.database import connect, run
from tests.support.databases import copy_to, rows, target_of

ARRAYS = "SELECT scan_id, feature_set_id, sha256 FROM dbo.features ORDER BY scan_id, feature_set_id;"
SETS = "SELECT layer, preprocessing, width FROM dbo.feature_sets ORDER BY layer, preprocessing, width;"


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.0, 1.0])
def test_a_killed_call_leaves_whole_scans_and_the_next_makes_the_rest(
    volumes_file: Path, tmp_path: Path, seconds: float
) -> None:
    """By SIGKILL, some time after it has said what is to do; in the end all is as a call that ran through has it."""
    nodules = "SELECT scan_id, x, y, z, diameter, volume, score FROM dbo.nodules ORDER BY scan_id, x, y, z;"
    with closing(connect(target_of(volumes_file))) as connection:
        expected = [rows(connection, sql) for sql in (SETS, nodules)]
        hashes = [row[2] for row in rows(connection, ARRAYS)]
    file = copy_to(tmp_path, volumes_file)
    with closing(connect(target_of(file))) as connection:
        for name in ("map", "fixed"):
            run(connection, f"EXECUTE dbo.DeleteFeatures @NetworkName = N'{name}';")
        kept = {row[2] for row in rows(connection, ARRAYS)}
    calls = "EXECUTE dbo.GenerateFeatures @ModelName = N'map'; EXECUTE dbo.GenerateFeatures @ModelName = N'fixed';"
    command = [sys.executable, "-m", "lungdb.cli.main", "sql", "-d", target_of(file), "-q", calls]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert "3 scans to do" in said
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
    with closing(connect(target_of(file))) as connection:
        assert {row[2] for row in rows(connection, ARRAYS)} - kept <= set(hashes) - kept
        run(connection, calls)
        assert [rows(connection, sql) for sql in (SETS, nodules)] == expected
        assert sorted(row[2] for row in rows(connection, ARRAYS)) == sorted(hashes)
