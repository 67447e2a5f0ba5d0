"""An upgrade killed at any commit is made whole by installing again."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from lungdb.database import connect, run, run_script
from lungdb.database.generator import build_install_sql
from tests.old_schema import old_sources
from tests.support.databases import NAME, SLICES, fill, target_of, vectors_and_labels
from tests.support.killing import check_kills

PATIENTS = 7


@pytest.fixture(scope="module")
def old_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of schema version 1 with patients, a model's run, pictures and a score."""
    folder = tmp_path_factory.mktemp("old")
    file = folder / NAME
    with closing(connect(target_of(file))) as connection:
        run_script(connection, build_install_sql(old_sources(folder / "sql", 1)))
        fill(connection, *vectors_and_labels(PATIENTS, 4, signal=1.0, seed=2), 4)
        run(
            connection,
            "INSERT INTO dbo.classifiers (name, version, library, feature_set_id, pooling, model, sha256, details) "
            "VALUES (N'old', 1, N'lightgbm', 1, N'mean', 0x00, 0x00, N'{}');"
            "INSERT INTO dbo.experiments (classifier_id, seed, parameters, started_at) "
            "VALUES (1, 7, N'{}', '2026-01-02');"
            "INSERT INTO dbo.experiment_patients (experiment_id, patient_id, part, probability) "
            "SELECT 1, patient_id, CASE WHEN idx < 3 THEN 'test' ELSE 'train' END, 0.25 FROM dbo.patients;"
            "INSERT INTO dbo.predictions (scan_id, classifier_id, probability) VALUES (2, 1, 0.5);"
            "INSERT INTO dbo.images (name, image, label) VALUES (N'a', 0x01, 1), (N'b', 0x02, NULL), (N'c', 0x03, 2);",
        )
    return file


def test_an_upgrade_from_version_1_that_was_killed_is_made_whole(
    tmp_path: Path, small_sql: Path, old_file: Path
) -> None:
    """After every ninth commit, inside a migration's chunks too: each row is filled as one that was not killed does."""
    check_kills(old_file, build_install_sql(small_sql), tmp_path, least=50, step=9)
    with closing(connect(target_of(tmp_path / NAME))) as connection:
        (raw,) = run(connection, "SELECT raw, label, CAST(out_of_fold AS INT) FROM dbo.experiment_patients;")
        assert len(raw.rows) == PATIENTS
        assert {(value, fold) for value, _, fold in raw.rows} == {(0.25, 0), (0.25, 1)}
        assert None not in [label for _, label, _ in raw.rows]
        (images,) = run(connection, "SELECT COUNT(*) FROM dbo.images WHERE sha256 = HASHBYTES('SHA2_256', image);")
        assert images.scalar() == 3
        (listed,) = run(connection, "SELECT slices, state, COUNT(*) FROM dbo.worklist GROUP BY slices, state;")
        assert sorted(listed.rows) == [(SLICES, 1, PATIENTS - 1), (SLICES, 2, 1)]


@pytest.mark.slow
def test_an_upgrade_killed_at_any_commit_is_made_whole(tmp_path: Path, small_sql: Path, old_file: Path) -> None:
    """After every commit of one from version 1; what replaces procedures is what makes them first."""
    check_kills(old_file, build_install_sql(small_sql), tmp_path, least=50)
