"""A database of schema version 1 with scans in it is upgraded, and loaded further."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from lungdb.cli.load_scans import main
from lungdb.database import connect, install, run, run_script
from lungdb.database.generator import build_install_sql
from tests.cli.test_load_scans import write_patient
from tests.old_schema import old_sources


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
