"""ExplainScans that is killed leaves whole explanations alone, and goes on to what one that was let be stores."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from lungdb.database import Connection, connect, run
from tests.support.databases import copy_to, rows, target_of

CALL = "EXECUTE dbo.ExplainScans @Dataset = N'all', @Permutations = 16, @Seed = 3;"
STORED = (
    "SELECT * FROM dbo.score_contributions ORDER BY prediction_id, member, feature;",
    "SELECT * FROM dbo.score_slices ORDER BY prediction_id, method, triple;",
    "SELECT prediction_id, margin, reference_margin FROM dbo.score_explanations ORDER BY prediction_id;",
)


def stored(connection: Connection) -> list[list[tuple[object, ...]]]:
    """Give all that explanations consist of."""
    return [rows(connection, query) for query in STORED]


def test_a_killed_call_leaves_whole_chunks_and_is_gone_on_with(explained_file: Path, tmp_path: Path) -> None:
    """SIGKILL once the first fifty of 120 are told; the rest is made by a second call, equal to the last bit."""
    for name in ("killed", "whole"):
        (tmp_path / name).mkdir()
    killed = copy_to(tmp_path / "killed", explained_file)
    with closing(connect(target_of(killed))) as connection:
        run(
            connection,
            "EXECUTE dbo.CreateDataset @Name = N'all', @Query = N'SELECT scan_id FROM dbo.scans'; "
            "EXECUTE dbo.PredictPatients @Dataset = N'all';",
        )
    whole = copy_to(tmp_path / "whole", killed)
    command = [sys.executable, "-m", "lungdb.cli.main", "sql", "-d", target_of(killed), "-q", CALL]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "50 of 120 scores done" in line:
                os.killpg(process.pid, signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    with closing(connect(target_of(killed))) as connection:
        [(explained,)] = rows(connection, "SELECT COUNT(*) FROM dbo.score_explanations;")
        slices = "SELECT COUNT(DISTINCT prediction_id) FROM dbo.score_slices;"
        assert (explained, rows(connection, slices)) in [(50, [(50,)]), (100, [(100,)])]
        run(connection, CALL)
        found = stored(connection)
    with closing(connect(target_of(whole))) as connection:
        run(connection, CALL)
        assert found == stored(connection)
    assert len(found[2]) == 120
