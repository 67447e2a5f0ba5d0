"""Features that were exported, in a database that has never seen the pixels; then the pixels."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import lungdb
from lungdb.cli.main import main
from lungdb.phantoms.dataset import make_dataset
from tests.support.databases import copy_to, target_of

NETWORK = Path(lungdb.__file__).parent / "networks" / "data" / "demo_resnet.onnx"
STORED = """
SELECT s.series_uid, s.content_sha256, f.array_rows, f.array_cols, f.array, f.sha256, l.layer, p.pooling, p.vector,
    p.vector_sha256
FROM dbo.features AS f
INNER JOIN dbo.scans AS s ON s.scan_id = f.scan_id
INNER JOIN dbo.feature_sets AS l ON l.feature_set_id = f.feature_set_id
INNER JOIN dbo.pooled_features AS p ON p.scan_id = f.scan_id AND p.feature_set_id = f.feature_set_id
ORDER BY s.series_uid, l.layer, p.pooling;
"""
PLACES = "SELECT COUNT(*) AS scans, COUNT(source_uri) AS elsewhere FROM dbo.scans;"


@pytest.fixture
def two(installed_file: Path, tmp_path: Path) -> tuple[str, str]:
    """A database with features of four scans, and one with the network alone."""
    targets = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        targets.append(target_of(copy_to(tmp_path / name, installed_file)))
        assert main(["load-network", "-d", targets[-1], str(NETWORK), "--name", "demo_resnet"]) == 0
    make_dataset(tmp_path / "scans", patients=4, seed=1, slices=6, size=64)
    assert main(["load-scans", "-d", targets[0], "--keep-ids", str(tmp_path / "scans")]) == 0
    with lungdb.open(targets[0]) as db:
        db.procedures.GenerateFeatures(ModelName="demo_resnet", Layer="layer3,penultimate", Pooling="mean,max")
    return targets[0], targets[1]


def test_features_come_back_bit_for_bit_and_the_pixels_later(two: tuple[str, str], tmp_path: Path) -> None:
    """Arrays, vectors and hashes of two layers and two poolings; once more changes nothing; volumes bring the rest."""
    first, second = two
    assert main(["export", str(tmp_path / "out"), "-d", first, "--what", "features"]) == 0
    for _ in range(2):
        assert main(["import", str(tmp_path / "out"), "-d", second]) == 0
        with lungdb.open(first) as one, lungdb.open(second) as other:
            expected, found = one.execute(STORED)[0], other.execute(STORED)[0]
            assert len(expected) == 4 * 2 * 2
            assert found.equals(expected)
            assert list(other.execute(PLACES)[0].iloc[0]) == [4, 4]
    assert main(["export", str(tmp_path / "volumes"), "-d", first, "--volumes", "nifti"]) == 0
    assert main(["import", str(tmp_path / "volumes"), "-d", second]) == 0
    with lungdb.open(second) as other:
        assert list(other.execute(PLACES)[0].iloc[0]) == [4, 0]
        assert other.execute(STORED)[0].equals(expected)
    assert main(["check", "-d", second]) == 0


def test_features_of_a_network_that_is_not_here_are_refused(
    two: tuple[str, str], installed_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a sentence that says what to load; no scan is half there."""
    assert main(["export", str(tmp_path / "out"), "-d", two[0], "--what", "features"]) == 0
    bare = target_of(Path(shutil.copy(installed_file, tmp_path / "lung_cancer_database.db")))
    assert main(["import", str(tmp_path / "out"), "-d", bare]) == 1
    assert "lungdb load-network" in capsys.readouterr().err
    with lungdb.open(bare) as db:
        assert list(db.execute(PLACES)[0].iloc[0]) == [0, 0]
