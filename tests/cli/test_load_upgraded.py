"""A database of schema version 1 with scans in it is upgraded, and loaded further."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from lungdb.cli.load_scans import main
from lungdb.database import connect, install, run, run_script
from lungdb.database.generator import build_install_sql
from tests.cli.test_load_scans import write_patient
from tests.old_schema import old_sources, unpack_version_0_2
from tests.support.databases import rows, target_of


def test_scans_of_version_1_are_kept_and_new_ones_are_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old scan has no codes; the upgraded table takes the new one."""
    monkeypatch.delenv("LUNGDB_ID_KEY", raising=False)
    target = f"sqlite:///{tmp_path / 'lung_cancer_database.db'}"
    with closing(connect(target)) as connection:
        run_script(connection, build_install_sql(old_sources(tmp_path / "sql", version=1)))
        run(
            connection,
            "INSERT INTO dbo.patients (patient_id, idx) VALUES (N'old', 0);"
            "INSERT INTO dbo.settings (name, value) VALUES (N'id_mode', N'kept'), (N'id_key_check', NULL);"
            "INSERT INTO dbo.scans (patient_id, is_primary, series_uid, study_uid, image_rows, image_cols, "
            "number_images, content_sha256) VALUES (N'old', 1, N'1.2', N'1.2', 4, 5, 1, 0x00);",
        )
        assert run(connection, "SELECT MAX(version) FROM dbo.schema_version;")[0].rows == [(1,)]
        install(connection)
        assert run(connection, "SELECT MAX(version) FROM dbo.schema_version;")[0].scalar() >= 2
    write_patient(tmp_path / "archive", "new")
    assert main([str(tmp_path / "archive"), "-d", target, "--keep-ids"]) == 0
    with closing(connect(target)) as connection:
        (found,) = run(connection, "SELECT patient_id, deidentification, gantry_tilt FROM dbo.scans ORDER BY scan_id;")
    assert found.rows == [("old", None, None), ("new", None, 0.0)]


def _insert_old(patient: str, study: str, series: str, primary: int, slices: int, spacing: float, day: str) -> str:
    """Write the statement that inserts a scan as schema version 2 has it."""
    return (
        "INSERT INTO dbo.scans (patient_id, is_primary, series_uid, study_uid, study_date, image_rows, image_cols, "
        "number_images, spacing_z, content_sha256, deidentification) "
        f"VALUES (N'{patient}', {primary}, N'{series}', N'{study}', '{day}', 4, 5, {slices}, {spacing}, 0x00, "
        f"{'NULL' if patient == 'kept' else repr('113100,113107')});"
    )


def test_an_upgrade_moves_no_primary_scan_and_chooses_one_a_study(tmp_path: Path) -> None:
    """The primary one in its study; elsewhere the thinnest that covers half the longest. Keyed dates are years."""
    with closing(connect(target_of(tmp_path / "lung_cancer_database.db"))) as connection:
        run_script(connection, build_install_sql(old_sources(tmp_path / "sql", version=2)))
        run(connection, "INSERT INTO dbo.patients (patient_id, idx) VALUES (N'kept', 0), (N'keyed', 1);")
        for scan in (
            ("kept", "1", "1.1", 0, 300, 1.0, "2019-03-17"),
            ("kept", "1", "1.2", 1, 60, 5.0, "2019-03-17"),
            ("kept", "2", "2.1", 0, 60, 5.0, "2020-03-17"),
            ("kept", "2", "2.2", 0, 40, 0.5, "2020-03-17"),
            ("kept", "2", "2.3", 0, 280, 1.0, "2020-03-17"),
            ("keyed", "3", "3.1", 1, 9, 5.0, "2020-01-01"),
        ):
            run(connection, _insert_old(*scan))
        install(connection)
        install(connection)
        found = "SELECT series_uid FROM dbo.scans WHERE {} = 1 ORDER BY series_uid;"
        assert rows(connection, found.format("is_primary")) == [("1.2",), ("3.1",)]
        assert rows(connection, found.format("is_study_choice")) == [("1.2",), ("2.3",), ("3.1",)]
        assert rows(connection, "SELECT patient_id, date_rule FROM dbo.scans GROUP BY patient_id, date_rule;") == [
            ("kept", "kept"),
            ("keyed", "year"),
        ]
        assert rows(connection, "SELECT DISTINCT follows_newest FROM dbo.patients;") == [(False,)]
        newest = "SELECT study_uid, is_newest, study_day FROM dbo.patient_studies ORDER BY study_uid;"
        assert [row[:2] for row in rows(connection, newest)] == [("1", False), ("2", True), ("3", True)]
        assert rows(connection, newest)[2][2] is None, "a year is no day"


@pytest.mark.parametrize(("mode", "rule"), [("keyed", "year"), ("kept", "kept")])
def test_dates_of_version_1_are_years_where_ids_were_hashed(tmp_path: Path, mode: str, rule: str) -> None:
    """That version noted with the database alone, and not with the scan, what became of ids."""
    with closing(connect(target_of(tmp_path / "lung_cancer_database.db"))) as connection:
        run_script(connection, build_install_sql(old_sources(tmp_path / "sql", version=1)))
        run(
            connection,
            "INSERT INTO dbo.patients (patient_id, idx) VALUES (N'old', 0);"
            f"INSERT INTO dbo.settings (name, value) VALUES (N'id_mode', N'{mode}'), (N'id_key_check', NULL);"
            "INSERT INTO dbo.scans (patient_id, is_primary, series_uid, study_uid, study_date, image_rows, image_cols, "
            "number_images, content_sha256) VALUES (N'old', 1, N'1.2', N'1.2', '2020-01-01', 4, 5, 1, 0x00);",
        )
        install(connection)
        assert rows(connection, "SELECT date_rule FROM dbo.scans;") == [(rule,)]


def test_scans_of_version_0_2_are_chosen_and_stay_primary(tmp_path: Path) -> None:
    """A database that version 0.2 made: every patient's scan is the choice of its study, and no score changes."""
    with closing(connect(target_of(unpack_version_0_2(tmp_path)))) as connection:
        before = rows(connection, "SELECT scan_id, is_primary FROM dbo.scans;")
        scores = rows(connection, "SELECT scan_id, probability FROM dbo.predictions;")
        install(connection)
        assert rows(connection, "SELECT scan_id, is_study_choice FROM dbo.scans;") == before
        assert rows(connection, "SELECT scan_id, is_primary FROM dbo.scans;") == before
        assert rows(connection, "SELECT scan_id, probability FROM dbo.predictions;") == scores
        assert rows(connection, "EXECUTE dbo.ChooseSeries @FollowNewest = 1;") == []
