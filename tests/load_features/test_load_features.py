"""Features that are loaded are those that GenerateFeatures stored, and models learn from them as from those."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from lungdb.cli.main import main
from lungdb.database import connect, run
from tests.load_features.conftest import featured, scans
from tests.support.databases import contents, copy_to, rows, target_of
from tests.support.feature_folders import SOURCE
from tests.support.fixtures import ARCHIVED, Archive

Load = Callable[..., tuple[int, str]]


def test_loaded_rows_are_those_of_generate_features(made_file: Path, folder: Path, fresh: Path, load: Load) -> None:
    """Arrays, hashes, vectors and every column of the scans; no pixels, and the source beside each scan."""
    status, said = load(folder, fresh)
    assert status == 0, said
    assert featured(fresh) == featured(made_file)
    assert scans(fresh) == scans(made_file)
    with closing(connect(target_of(fresh))) as connection:
        assert rows(connection, "SELECT COUNT(*) FROM dbo.scan_images;") == [(0,)]
        assert rows(connection, "SELECT COUNT(*) FROM dbo.staged_features;") == [(0,)]
        assert rows(connection, "SELECT DISTINCT source_uri FROM dbo.scans;") == [(SOURCE,)]
        assert rows(connection, "SELECT COUNT(*) FROM dbo.worklist WHERE state = 1;") == [(ARCHIVED,)]
        assert rows(connection, "SELECT COUNT(*) FROM dbo.series_choices WHERE is_study_choice = 1;") == [(ARCHIVED,)]
        (log,) = rows(
            connection, "SELECT state, scans, failed, result FROM dbo.run_log WHERE procedure_name LIKE 'load-f%';"
        )
    told = f"Features of scans and layers: {2 * ARCHIVED} stored, 0 replaced, 0 unchanged, 0 refused."
    assert log == ("done", ARCHIVED, 0, told)
    assert f"Scans, without their pixels: {ARCHIVED} loaded" in said


def test_a_second_load_changes_nothing_and_says_so(folder: Path, fresh: Path, load: Load) -> None:
    """Not even rows of other tables than the log."""
    assert load(folder, fresh)[0] == 0
    with closing(connect(target_of(fresh))) as connection:
        before = contents(connection)
    status, said = load(folder, fresh)
    assert status == 0
    assert f"{ARCHIVED} unchanged" in said
    assert f"0 stored, 0 replaced, {2 * ARCHIVED} unchanged, 0 refused" in said
    with closing(connect(target_of(fresh))) as connection:
        assert contents(connection) == before


def test_models_trained_on_loaded_features_score_as_those_of_generated_ones(
    made_file: Path, folder: Path, fresh: Path, load: Load, archive: Archive, tmp_path: Path
) -> None:
    """The same labels, the same vectors: the same probability of each patient."""
    assert load(folder, fresh)[0] == 0
    assert main(["load-labels", str(archive.labels), "-d", target_of(fresh)]) == 0
    (tmp_path / "made").mkdir()
    found = []
    for file in (fresh, copy_to(tmp_path / "made", made_file)):
        with closing(connect(target_of(file))) as connection:
            run(connection, "EXECUTE dbo.TrainLungCancerModel @Layer = N'penultimate', @Pooling = N'mean';")
            run(connection, "EXECUTE dbo.ScoreNewScans;")
            found.append(
                rows(
                    connection,
                    "SELECT s.series_uid, p.probability FROM dbo.predictions AS p "
                    "INNER JOIN dbo.scans AS s ON s.scan_id = p.scan_id ORDER BY s.series_uid;",
                )
            )
    assert len(found[0]) == ARCHIVED
    assert found[0] == found[1]
