"""A scan whose pixels lie elsewhere: readers of slices say so, nothing calls it damaged, load-scans brings them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lungdb.cli.main import main
from lungdb.database import connect, run
from lungdb.errors import SqlError
from tests.load_features.conftest import CALL, Writer, featured, scans
from tests.support.databases import contents, rows, said, target_of
from tests.support.feature_folders import SOURCE
from tests.support.fixtures import ARCHIVED, Archive

Load = Callable[..., tuple[int, str]]


@pytest.fixture
def loaded(folder: Path, fresh: Path, load: Load) -> Path:
    """A database with the features of the folder and no pixels."""
    assert load(folder, fresh)[0] == 0
    return fresh


def test_load_scans_brings_the_pixels_and_features_stay(
    loaded: Path, made_file: Path, archive: Archive, capsys: pytest.CaptureFixture[str]
) -> None:
    """Afterwards the database is as if the scans had been loaded first; a second load finds nothing to do."""
    before = featured(loaded)
    assert main(["load-scans", "--keep-ids", str(archive.scans), "-d", target_of(loaded)]) == 0
    assert f"{ARCHIVED} loaded, 0 replaced, 0 unchanged" in capsys.readouterr().out
    assert featured(loaded) == before
    assert scans(loaded) == scans(made_file)
    query = (
        "SELECT s.series_uid, i.slice_index, i.instance_uid, i.pixels, i.pixels_sha256 FROM dbo.scan_images AS i "
        "INNER JOIN dbo.scans AS s ON s.scan_id = i.scan_id ORDER BY s.series_uid, i.slice_index;"
    )
    with closing(connect(target_of(loaded))) as connection, closing(connect(target_of(made_file))) as other:
        assert rows(connection, query) == rows(other, query)
        assert rows(connection, "SELECT COUNT(*) FROM dbo.scans WHERE source_uri IS NOT NULL;") == [(0,)]
        assert "0 scans to do." in said(connection, CALL)
    assert main(["load-scans", "--keep-ids", str(archive.scans), "-d", target_of(loaded)]) == 0
    assert f"0 loaded, 0 replaced, {ARCHIVED} unchanged" in capsys.readouterr().out


def test_a_scan_with_another_content_is_replaced_only_where_that_is_asked_for(
    loaded: Path, archive: Archive, capsys: pytest.CaptureFixture[str]
) -> None:
    """By load-scans: its features go, as of any scan that is replaced."""
    with closing(connect(target_of(loaded))) as connection:
        run(connection, "UPDATE dbo.scans SET content_sha256 = HASHBYTES('SHA2_256', N'x') WHERE scan_id = 1;")
    call = ["load-scans", "--keep-ids", str(archive.scans), "-d", target_of(loaded)]
    assert main(call) == 0
    assert f"{ARCHIVED - 1} loaded, 0 replaced" in capsys.readouterr().out
    with closing(connect(target_of(loaded))) as connection:
        assert rows(connection, "SELECT scan_id, source_uri FROM dbo.scans WHERE source_uri IS NOT NULL;") == [
            (1, SOURCE)
        ]
    assert main([*call, "--replace"]) == 0
    assert "0 loaded, 1 replaced" in capsys.readouterr().out
    with closing(connect(target_of(loaded))) as connection:
        (features,) = rows(connection, "SELECT COUNT(DISTINCT scan_id) FROM dbo.features;")
    assert features == (ARCHIVED - 1,)


READERS = {
    "slices": "EXECUTE dbo.ReadSlices @PatientIndex = 0;",
    "slices of a scan": "EXECUTE dbo.ReadSlices @ScanId = 1, @First = 0, @Last = 2;",
    "preview": "EXECUTE dbo.PreviewPreprocessing @ScanId = 1, @Preprocessing = N'lung';",
    "transform": "EXECUTE dbo.TransformImages @Dataset = N'all', @Name = N'x', @Preprocessing = N'lung', @Rows = 8, "
    "@Cols = 8;",
}


@pytest.mark.parametrize("reader", READERS)
def test_what_reads_slices_says_where_they_lie(reader: str, loaded: Path) -> None:
    """And changes nothing."""
    with closing(connect(target_of(loaded))) as connection:
        run(connection, "EXECUTE dbo.CreateDataset @Name = N'all', @Query = N'SELECT scan_id FROM dbo.scans';")
        before = contents(connection)
        with pytest.raises(SqlError) as caught:
            run(connection, READERS[reader])
        assert caught.value.number == 50210
        assert f"not in this database: they lie in '{SOURCE}'" in caught.value.message
        assert contents(connection) == before


def test_features_are_made_of_no_scan_whose_pixels_lie_elsewhere(loaded: Path) -> None:
    """Neither by a call nor for a worker, of a data set or not; each says how many it left out."""
    with closing(connect(target_of(loaded))) as connection:
        run(
            connection,
            "EXECUTE dbo.CreateDataset @Name = N'two', @Query = N'SELECT scan_id FROM dbo.scans WHERE scan_id < 3';",
        )
        other = CALL.replace("thirds", "pca1")
        assert f"0 scans to do. {ARCHIVED} scans are left out" in said(connection, other)
        assert "0 scans to do. 2 scans are left out" in said(connection, other.replace(";", ", @Dataset = N'two';"))
        text = said(connection, other.replace("GenerateFeatures", "QueueFeatures"))
        assert f"{ARCHIVED} scans are left out" in text
        assert rows(connection, "SELECT COUNT(*) FROM dbo.scan_failures;") == [(0,)]
        assert rows(connection, "SELECT COUNT(*) FROM dbo.work_items;") == [(0,)]
        kept = CALL.replace("penultimate,", "").replace(";", ", @KeepMaps = 1;")
        run(connection, kept)
        assert rows(connection, "SELECT COUNT(*) FROM dbo.slice_maps;") == [(0,)]


def test_checks_call_no_such_scan_damaged(loaded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """lungdb check, CheckHashes and the doctor; but a scan without source and slices they do."""
    capsys.readouterr()
    assert main(["check", "-d", target_of(loaded)]) == 0, capsys.readouterr().out
    with closing(connect(target_of(loaded))) as connection:
        run(connection, "EXECUTE dbo.CheckHashes;")
        run(connection, "UPDATE dbo.scans SET source_uri = NULL WHERE scan_id = 2;")
        with pytest.raises(SqlError) as caught:
            run(connection, "EXECUTE dbo.CheckHashes;")
    assert caught.value.number == 50472
    assert main(["check", "-d", target_of(loaded)]) == 1
    assert "scan_id 2" in capsys.readouterr().out


def test_lineage_says_where_the_pixels_lie(loaded: Path, archive: Archive) -> None:
    """In the row of the scan; no slices follow."""
    assert main(["load-labels", str(archive.labels), "-d", target_of(loaded)]) == 0
    with closing(connect(target_of(loaded))) as connection:
        train = (
            "EXECUTE dbo.TrainLungCancerModel @Layer = N'penultimate', @Pooling = N'mean', @Algorithm = N'logistic';"
        )
        run(connection, train)
        run(connection, "EXECUTE dbo.ScoreNewScans;")
        chain = rows(connection, "EXECUTE dbo.LineageOf @PredictionId = 1;")
        (scan,) = [detail for _, kind, _, detail, _ in chain if kind == "scan"]
        assert scan.endswith(f", whose pixels lie in {SOURCE}")
        assert not [kind for _, kind, *_ in chain if kind == "slice"]
        # These read vectors and arrays alone.
        run(connection, "EXECUTE dbo.ExplainScans @PredictionId = 1;")
        assert rows(connection, "EXECUTE dbo.SimilarSlices @ScanId = 1, @Triple = 0, @FeatureSetId = 1;")
        for call in ("ExplainRegions", "RenderMap"):
            with pytest.raises(SqlError) as caught:
                run(connection, f"EXECUTE dbo.{call} @PredictionId = 1;")
            assert caught.value.number == 50210
            assert SOURCE in caught.value.message


def test_other_features_are_refused_and_replaced_where_that_is_asked_for(
    loaded: Path, small: Writer, load: Load
) -> None:
    """A row names which; equal ones beside it are kept."""

    def change(found: list[dict[str, Any]]) -> None:
        array = found[2]["array"] + np.float32(1)
        found[2].update(array=array, sha256=hashlib.sha256(array.tobytes()).digest())

    folder = small(change)
    before = featured(loaded)
    status, text = load(folder, loaded)
    assert status == 1
    assert "0 stored, 0 replaced, 5 unchanged, 1 refused" in text
    assert "which stay: Row 3 of 'part-00000.parquet'. Add --replace" in text
    assert featured(loaded) == before
    status, text = load(folder, loaded, "--replace")
    assert status == 0
    assert "0 stored, 1 replaced, 5 unchanged, 0 refused" in text
    after = featured(loaded)
    differing = [new for old, new in zip(before[0], after[0], strict=True) if old != new]
    assert len(differing) == 1
    assert after[1] == before[1]


def test_features_of_a_scan_whose_pixels_are_here_are_added_to_it(
    archive: Archive, fresh: Path, folder: Path, made_file: Path, load: Load, small: Writer
) -> None:
    """It stays where it is; one whose content is another one here is refused, --replace or not."""
    assert main(["load-scans", "--keep-ids", str(archive.scans), "-d", target_of(fresh)]) == 0

    def change(found: list[dict[str, Any]]) -> None:
        for row in found[:2]:
            row["content_sha256"] = b"x" * 32

    for options in ((), ("--replace",)):
        status, text = load(small(change), fresh, *options)
        assert status == 1
        assert "changed_series" in text
    status, text = load(folder, fresh)
    assert status == 0
    assert f"0 loaded, 0 replaced, {ARCHIVED} unchanged" in text
    assert featured(fresh) == featured(made_file)
    with closing(connect(target_of(fresh))) as connection:
        assert rows(connection, "SELECT COUNT(*) FROM dbo.scans WHERE source_uri IS NOT NULL;") == [(0,)]
