"""ExplainScans in three sessions at once, of which one is killed, stores what a single one does."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from lungdb.database import connect, run
from tests.explaining.test_killed import CALL, stored
from tests.support.databases import copy_to, rows, target_of
from tests.support.sharing import record_stores, share_with_one_killed


def test_three_sessions_of_which_one_is_killed_explain_each_score_once(explained_file: Path, tmp_path: Path) -> None:
    """SIGKILL while it holds scores and after it has stored some: equal to the last bit, nothing doubled or lost."""
    for name in ("shared", "alone"):
        (tmp_path / name).mkdir()
    shared = copy_to(tmp_path / "shared", explained_file)
    with closing(connect(target_of(shared))) as connection:
        run(
            connection,
            "EXECUTE dbo.CreateDataset @Name = N'all', @Query = N'SELECT scan_id FROM dbo.scans'; "
            "EXECUTE dbo.PredictPatients @Dataset = N'all';",
        )
        record_stores(connection)
    with closing(connect(target_of(copy_to(tmp_path / "alone", shared)))) as connection:
        run(connection, CALL)
        expected = stored(connection)
    assert len(expected[2]) == 120
    with closing(connect(target_of(shared))) as connection:
        items = {str(number) for (number, *_) in expected[2]}
        share_with_one_killed(connection, shared, CALL, items)
        assert stored(connection) == expected
        assert rows(connection, "SELECT COUNT(DISTINCT prediction_id) FROM dbo.score_slices;") == [(120,)]
