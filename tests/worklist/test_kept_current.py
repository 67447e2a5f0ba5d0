"""dbo.worklist after everything that changes what it shows: the same as made anew."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lungdb.cli import load_patients, load_scans
from lungdb.database import Connection, connect, install, run, run_script
from lungdb.database.generator import build_install_sql
from lungdb.errors import SqlError
from lungdb.phantoms.dataset import make_dataset
from tests.old_schema import old_sources
from tests.sql import small_database
from tests.support.databases import fill, rows, target_of, vectors_and_labels

STATES = "SELECT w.idx, w.state, w.probability FROM dbo.worklist AS w ORDER BY w.idx;"


def current(connection: Connection) -> list[tuple[Any, ...]]:
    """Give the rows of dbo.worklist, after making sure that making them anew changes none."""
    everything = "SELECT * FROM dbo.worklist ORDER BY idx;"
    kept = rows(connection, everything)
    run(connection, "DELETE FROM dbo.worklist; EXECUTE dbo.RefreshWorklist;")
    assert rows(connection, everything) == kept
    return rows(connection, STATES)


@pytest.mark.parametrize("call", ["PredictLungCancer @PatientIndex = 7", "PredictLungCancerSql @PatientIndex = 7"])
def test_a_score_shows_at_once(scored: Connection, call: str) -> None:
    """Of one patient, and the second score takes the place of the first."""
    run(scored, f"EXECUTE dbo.{call};")
    run(scored, f"EXECUTE dbo.{call}, @Prevalence = 0.1;")
    probability = rows(scored, "SELECT probability FROM dbo.predictions WHERE prediction_id = 2;")[0][0]
    found = current(scored)
    assert found[7] == (7, 2, probability)
    assert {state for index, state, _ in found if index != 7} == {1}


@pytest.mark.parametrize("call", ["PredictPatients", "PredictPatientsSql"])
def test_scores_of_many_show_at_once(scored: Connection, call: str) -> None:
    """Of all, each with its own."""
    run(scored, f"EXECUTE dbo.{call} @Patients = N'3,1,2';")
    stored = dict(rows(scored, "SELECT scan_id - 1, probability FROM dbo.predictions;"))
    assert {index: probability for index, state, probability in current(scored) if state == 2} == stored


def test_loading_naming_and_replacing_show_at_once(installed: Connection, tmp_path: Path) -> None:
    """Scans as they come, names, and other pixels of a series that has been scored."""
    database = ["-d", target_of(tmp_path / "lung_cancer_database.db"), "--keep-ids"]
    make_dataset(tmp_path / "scans", patients=2, slices=9, size=64)
    assert load_scans.main([*database, str(tmp_path / "scans")]) == 0
    assert current(installed) == [(0, 0, None), (1, 0, None)]
    ((patient,),) = rows(installed, "SELECT patient_id FROM dbo.patients WHERE idx = 1;")
    names = tmp_path / "names.csv"
    names.write_text(f"patient_id,display_name,sex,birth_year\n{patient},Ana,F,1960\n", encoding="utf-8")
    assert load_patients.main([*database[:2], str(names)]) == 0
    current(installed)
    assert rows(installed, "SELECT display_name FROM dbo.worklist ORDER BY idx;") == [(None,), ("Ana",)]

    run(
        installed,
        "INSERT INTO dbo.scan_failures (scan_id, message) VALUES (2, N'no'); EXECUTE dbo.RefreshWorklist;",
    )
    run(installed, "UPDATE dbo.scans SET content_sha256 = 0x00 WHERE scan_id = 2;")
    assert load_scans.main([*database, "--replace", str(tmp_path / "scans")]) == 0
    assert rows(installed, "SELECT idx, scan_id, state FROM dbo.worklist ORDER BY idx;") == [(0, 1, 0), (1, 3, 0)]
    current(installed)
    assert rows(installed, "SELECT * FROM dbo.scan_failures;") == []


def test_another_primary_scan_takes_the_place_of_the_one_before(listed: Connection) -> None:
    """Also when only the new one is named, by whoever changed it by hand."""
    run(
        listed,
        "INSERT INTO dbo.scans (patient_id, is_primary, series_uid, study_uid, image_rows, image_cols, number_images, "
        "content_sha256) SELECT patient_id, 0, N'9.9', N'9', 1, 1, 7, 0x00 FROM dbo.patients WHERE idx = 3;"
        "UPDATE dbo.scans SET is_primary = 0 WHERE scan_id = 4;"
        "UPDATE dbo.scans SET is_primary = 1 WHERE series_uid = N'9.9';",
    )
    ((new,),) = rows(listed, "SELECT scan_id FROM dbo.scans WHERE series_uid = N'9.9';")
    run(listed, "EXECUTE dbo.RefreshWorklist @Scans = ?;", (str(new),))
    assert rows(listed, "SELECT scan_id, slices, state FROM dbo.worklist WHERE idx = 3;") == [(new, 7, 0)]
    current(listed)


def test_a_damaged_slice_makes_a_scan_failed_until_its_features_are_stored(installed: Connection) -> None:
    """The message is kept, a score of before does not hide it, and the next good run takes it away."""
    generate = "EXECUTE dbo.GenerateFeatures @ModelName = N'demo_resnet', @Recompute = 1;"
    small_database.fill(installed, patients=3, pictures=0)
    run(installed, "EXECUTE dbo.RefreshWorklist;")
    run(installed, generate)
    assert [state for _, state, _ in current(installed)] == [1, 1, 1]
    where = "WHERE scan_id = 2 AND slice_index = 3;"
    ((good,),) = rows(installed, f"SELECT pixels FROM dbo.scan_images {where}")
    damaged = bytes(good[:30]) + bytes([good[30] ^ 0xFF]) + bytes(good[31:])
    run(installed, f"UPDATE dbo.scan_images SET pixels = ? {where}", (damaged,))
    for _ in range(2):
        with pytest.raises(SqlError) as caught:
            run(installed, generate)
        assert caught.value.number == 50120
    assert [state for _, state, _ in current(installed)] == [1, 3, 1]
    (shown,) = run(installed, "EXECUTE dbo.ShowPatient @PatientIndex = 1;")[-1].records()
    assert shown["state"] == "failed"
    assert "Slice 3" in shown["failure"]
    run(installed, f"UPDATE dbo.scan_images SET pixels = ? {where}", (good,))
    run(installed, generate)
    assert [state for _, state, _ in current(installed)] == [1, 1, 1]
    assert rows(installed, "SELECT * FROM dbo.scan_failures;") == []


@pytest.mark.parametrize("version", [1, 2])
def test_an_older_database_has_its_patients_in_the_worklist(tmp_path: Path, version: int) -> None:
    """With scores and states, from the migration alone."""
    with closing(connect(target_of(tmp_path / "lung_cancer_database.db"))) as connection:
        run_script(connection, build_install_sql(old_sources(tmp_path / "old", version)))
        fill(connection, *vectors_and_labels(4, 3, signal=1.0, seed=2), 3)
        run(
            connection,
            "INSERT INTO dbo.classifiers (name, version, library, feature_set_id, pooling, model, sha256, details) "
            "VALUES (N'm', 1, N'logistic', 1, N'mean', 0x00, 0x00, N'{}');"
            "INSERT INTO dbo.predictions (scan_id, classifier_id, probability) VALUES (2, 1, 0.25), (2, 1, 0.75);"
            "DELETE FROM dbo.pooled_features WHERE scan_id = 4; DELETE FROM dbo.features WHERE scan_id = 4;",
        )
        install(connection)
        assert rows(connection, STATES) == [(0, 1, None), (1, 2, 0.75), (2, 1, None), (3, 0, None)]
        current(connection)
