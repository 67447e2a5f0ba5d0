"""A load that is killed is begun again: the tables are those of a load that nothing disturbed."""

from __future__ import annotations

import random
import re
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lungdb.database import connect, run
from lungdb.loading import feature_folder
from tests.support.databases import contents, copy_to, rows, target_of
from tests.support.fixtures import ARCHIVED

KILLS = 6
_PROGRAM = """
import sys
from lungdb.loading import feature_folder
feature_folder._CHUNK_ROWS = 4
from lungdb.cli.main import main
print("begins", flush=True)
sys.exit(main(["load-features", sys.argv[1], "-d", sys.argv[2]]))
"""


def _start(folder: Path, file: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(folder), target_of(file)], stdout=subprocess.PIPE, text=True
    )


def _timeless(file: Path) -> dict[str, list[Any]]:
    with closing(connect(target_of(file))) as connection:
        found = contents(connection)
    return {
        table: [re.sub(r"datetime\.datetime\([^)]*\)", "", repr(row)) for row in its_rows]
        for table, its_rows in found.items()
    }


@pytest.mark.slow
def test_a_load_that_is_killed_again_and_again_ends_as_one_that_was_not(
    folder: Path, network_file: Path, tmp_path: Path
) -> None:
    """SIGKILL at random moments of the load; what a kill left in the staging table the next one deletes."""
    whole = copy_to(tmp_path, network_file)
    begun = time.monotonic()
    process = _start(folder, whole)
    assert process.communicate()[0].startswith("begins")
    assert process.returncode == 0
    seconds = time.monotonic() - begun
    (tmp_path / "killed").mkdir()
    killed = copy_to(tmp_path / "killed", network_file)
    rng, struck = random.Random(5), 0
    for _ in range(KILLS):
        process = _start(folder, killed)
        assert process.stdout is not None
        assert process.stdout.readline() == "begins\n"
        time.sleep(rng.uniform(0, 0.6 * seconds))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        struck += process.returncode == -signal.SIGKILL
    assert struck
    process = _start(folder, killed)
    process.communicate()
    assert process.returncode == 0
    assert _timeless(killed) == _timeless(whole)


def test_rows_of_a_dead_load_are_deleted_by_the_next_and_those_of_a_living_one_stay(
    folder: Path, fresh: Path, load: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The living one is another session that holds its lock."""
    monkeypatch.setattr(feature_folder, "_CHUNK_ROWS", 50)
    insert = (
        "INSERT INTO dbo.staged_features (load_id, place, series_uid, content_sha256, layer, array_rows, array_cols, "
        "array, sha256, pooled) VALUES (?, 0, N'1.2', 0x00, N'x', 1, 1, 0x00, 0x00, N'{}');"
    )
    dead, living = "d" * 32, "e" * 32
    with closing(connect(target_of(fresh))) as other:
        run(
            other,
            "EXECUTE sp_getapplock @Resource = ?, @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 0;",
            (f"lungdb staged {living}",),
        )
        for load_id in (dead, living):
            run(other, insert, (load_id,))
        assert load(folder, fresh)[0] == 0
        assert rows(other, "SELECT load_id FROM dbo.staged_features;") == [(living,)]
        assert rows(other, "SELECT COUNT(DISTINCT scan_id) FROM dbo.features;") == [(ARCHIVED,)]
